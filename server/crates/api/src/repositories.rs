//! Repositories.

use crate::call::{Call, Json, done, ok, repository};
use crate::errors::Answer;
use crate::list::{self, Asks, page};
use axum::extract::Path;
use domain::repositories;
use model::repository::Repository;
use serde::Deserialize;
use serde_json::{Value, json};

fn show(repository: Repository) -> Value {
    json!({
        "id": repository.id, "project_id": repository.project_id, "name": repository.full_name(),
        "description": repository.description, "artifact_count": repository.artifact_count,
        "pull_count": repository.pull_count, "creation_time": repository.created_at.rfc3339(),
        "update_time": repository.updated_at.rfc3339(),
    })
}

pub async fn list(call: Call, Path(project): Path<String>) -> Answer {
    let name = call.project(&project).await?;
    let sorts = [("name", "name"), ("creation_time", "created"), ("update_time", "updated")];
    let (mut query, _) = list::query(&call, &Asks { sorts: &sorts, name: "name", keys: &[] })?;
    // Harbor's names begin with the project's.
    let own = format!("{name}/");
    query.search = query.search.strip_prefix(&own).unwrap_or(&query.search).to_owned();
    for name in query.names.iter_mut().flatten() {
        *name = name.strip_prefix(&own).unwrap_or(name).to_owned();
    }
    page(&call, repositories::list(&call.ctx, &call.who, &name, &query).await?, show)
}

/// Of all projects that the caller sees; here a name is a full one.
pub async fn everywhere(call: Call) -> Answer {
    let sorts = [("name", "name"), ("creation_time", "created"), ("update_time", "updated")];
    let (query, _) = list::query(&call, &Asks { sorts: &sorts, name: "name", keys: &[] })?;
    page(&call, repositories::list_everywhere(&call.ctx, &call.who, &query).await?, |(repository, _)| show(repository))
}

pub async fn get(call: Call, Path((project, name)): Path<(String, String)>) -> Answer {
    let project = call.project(&project).await?;
    ok(show(repositories::get(&call.ctx, &call.who, &project, &repository(&name)?).await?))
}

#[derive(Deserialize)]
pub struct Change {
    #[serde(default)]
    description: String,
}

pub async fn update(call: Call, Path((project, name)): Path<(String, String)>, Json(change): Json<Change>) -> Answer {
    let project = call.project(&project).await?;
    repositories::describe(&call.ctx, &call.who, &project, &repository(&name)?, change.description).await?;
    done()
}

pub async fn delete(call: Call, Path((project, name)): Path<(String, String)>) -> Answer {
    let project = call.project(&project).await?;
    repositories::delete(&call.ctx, &call.who, &project, &repository(&name)?).await?;
    done()
}
