//! Repositories.

use crate::answers::{Answer, Done, Listed, Shown, Time};
use crate::call::{Call, Json, repository};
use crate::errors::ApiError;
use crate::list::{self, As, Asks, TIMES, page};
use axum::extract::Path;
use domain::repositories;
use model::list::Holds;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const SORTS: &[(&str, &str)] = &[("name", "name"), ("creation_time", "created"), ("update_time", "updated"), ("id", "id"),
    ("artifact_count", "artifacts"), ("pull_count", "pulls")];
const COLUMNS: &[(&str, &str, As)] = &[
    ("id", "id", As::Number), ("repository_id", "id", As::Number), ("artifact_count", "artifacts", As::Number), ("pull_count", "pulls", As::Number),
    TIMES[0], TIMES[1],
];

#[derive(Serialize, ToSchema)]
pub struct Repository {
    id: i64,
    project_id: i64,
    /// With its project's: `project/name`.
    name: String,
    description: String,
    /// The description is longer than a row of so long a list shows.
    description_left_out: bool,
    artifact_count: i64,
    pull_count: i64,
    creation_time: Time,
    update_time: Time,
}

impl From<model::repository::Repository> for Repository {
    fn from(repository: model::repository::Repository) -> Repository {
        Repository {
            id: repository.id.0, project_id: repository.project_id.0, name: repository.full_name(), description: repository.description,
            description_left_out: repository.description_left_out,
            artifact_count: repository.artifact_count, pull_count: repository.pull_count, creation_time: repository.created_at.into(),
            update_time: repository.updated_at.into(),
        }
    }
}

pub async fn list(call: Call, Path(project): Path<String>) -> Answer<Listed<Repository>> {
    let name = call.project(&project).await?;
    let (mut query, _) = list::query(&call, &Asks { sorts: SORTS, name: "name", keys: &[], columns: COLUMNS })?;
    // Harbor's names begin with the project's.
    let own = format!("{name}/");
    if !query.search.is_empty() {
        query.conditions.push(("full_name".to_owned(), Holds::Like(std::mem::take(&mut query.search))));
    }
    for name in query.names.iter_mut().flatten() {
        *name = name.strip_prefix(&own).unwrap_or(name).to_owned();
    }
    page(&call, repositories::list(&call.ctx, &call.who, &name, &query).await?, Repository::from)
}

/// Of all projects that the caller sees; here a name is a full one.
pub async fn everywhere(call: Call) -> Answer<Listed<Repository>> {
    let (query, q) = list::query(&call, &Asks { sorts: SORTS, name: "name", keys: &["blob_digest"], columns: COLUMNS })?;
    // A Harbor that pushes here asks so where it could mount a blob from.
    if let Some(digest) = q.text("blob_digest")? {
        let digest = digest.parse().map_err(|what| ApiError::bad(format!("q: blob_digest {what}")))?;
        let found = repositories::list_holding(&call.ctx, &call.who, &digest, &query).await?;
        return page(&call, found, |(repository, _)| repository.into());
    }
    page(&call, repositories::list_everywhere(&call.ctx, &call.who, &query).await?, |(repository, _)| repository.into())
}

pub async fn get(call: Call, Path((project, name)): Path<(String, String)>) -> Answer<Shown<Repository>> {
    let project = call.project(&project).await?;
    Ok(Shown(repositories::get(&call.ctx, &call.who, &project, &repository(&name)?).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = RepositoryChange)]
pub struct Change {
    #[serde(default)]
    description: String,
}

pub async fn update(call: Call, Path((project, name)): Path<(String, String)>, Json(change): Json<Change>) -> Answer<Done> {
    let project = call.project(&project).await?;
    repositories::describe(&call.ctx, &call.who, &project, &repository(&name)?, change.description).await?;
    Ok(Done)
}

pub async fn delete(call: Call, Path((project, name)): Path<(String, String)>) -> Answer<Done> {
    let project = call.project(&project).await?;
    repositories::delete(&call.ctx, &call.who, &project, &repository(&name)?).await?;
    Ok(Done)
}
