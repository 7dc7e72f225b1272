//! Projects.

use crate::call::{Call, Json, created, done, ok};
use crate::errors::{Answer, ApiError};
use crate::list::{self, Asks, page};
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use domain::projects::{self, Filter};
use model::ProjectName;
use model::project::Project;
use serde::Deserialize;
use serde_json::{Map, Value, json};

fn show(project: Project) -> Value {
    let role = project.role.map_or(0, model::Role::id);
    json!({
        "project_id": project.id, "owner_id": project.owner_id, "owner_name": project.owner_name, "name": project.name,
        "registry_id": 0, "repo_count": project.repository_count,
        "current_user_role_id": role, "current_user_role_ids": if role == 0 { json!([]) } else { json!([role]) },
        "metadata": {
            "public": project.public.to_string(),
            "enable_content_trust_cosign": project.policy.require_signature.to_string(),
        },
        "cve_allowlist": { "items": [], "project_id": project.id },
        "creation_time": project.created_at.rfc3339(), "update_time": project.updated_at.rfc3339(),
        "deleted": false, "togglable": true,
    })
}

#[derive(Deserialize)]
pub struct New {
    #[serde(default)]
    project_name: String,
    #[serde(default)]
    public: Option<bool>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    storage_limit: Option<i64>,
    #[serde(default)]
    registry_id: Option<i64>,
}

/// What of the metadata we know: public, and the signature policy. A setting that we cannot keep is refused.
fn settings(metadata: Option<&Map<String, Value>>) -> Result<(Option<bool>, Option<bool>), ApiError> {
    let Some(metadata) = metadata else { return Ok((None, None)) };
    let truth = |name: &str| match metadata.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(Value::String(text)) if text == "true" || text == "false" => Ok(Some(text == "true")),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(_) => Err(ApiError::bad(format!("metadata.{name} must be \"true\" or \"false\""))),
    };
    for name in ["enable_content_trust", "prevent_vul", "auto_scan", "auto_sbom_generation"] {
        if truth(name)? == Some(true) {
            return Err(ApiError::bad(format!("metadata.{name} is not something this server does")));
        }
    }
    Ok((truth("public")?, truth("enable_content_trust_cosign")?))
}

pub async fn create(call: Call, Json(new): Json<New>) -> Answer {
    call.signed_in()?;
    let (public, signature) = settings(new.metadata.as_ref())?;
    if new.storage_limit.is_some_and(|limit| limit > 0) {
        return Err(ApiError::bad("storage_limit: this server has no quotas; leave it out or say -1"));
    }
    if new.registry_id.is_some_and(|id| id != 0) {
        return Err(ApiError::bad("registry_id: this server has no proxy cache"));
    }
    let public = public.or(new.public).unwrap_or(false);
    let project =
        projects::create(&call.ctx, &call.who, &new.project_name, public, signature.unwrap_or(false)).await?;
    let place = if call.name_in_location() { project.name.to_string() } else { project.id.to_string() };
    created(format!("/api/v2.0/projects/{place}"), None)
}

pub async fn list(call: Call) -> Answer {
    let sorts = [("name", "name"), ("creation_time", "created"), ("update_time", "updated"), ("repo_count", "repositories")];
    let (query, q) = list::query(&call, &Asks { sorts: &sorts, name: "name", keys: &["public"] })?;
    let public = match call.param("public").or(q.text("public")?) {
        Some("true" | "1") => Some(true),
        Some("false" | "0") => Some(false),
        Some(_) => return Err(ApiError::bad("public must be true or false")),
        None => None,
    };
    page(&call, projects::list(&call.ctx, &call.who, &query, &Filter { public }).await?, show)
}

/// HEAD: is there one of this name?
pub async fn head(call: Call) -> Answer {
    call.signed_in()?;
    let name = call.param("project_name").unwrap_or_default();
    let found = match name.parse::<ProjectName>() {
        Ok(name) => projects::exists(&call.ctx, &call.who, &name).await?,
        Err(_) => false,
    };
    let mut response = Response::new(Body::empty());
    if !found {
        *response.status_mut() = axum::http::StatusCode::NOT_FOUND;
    }
    Ok(response)
}

pub async fn get(call: Call, Path(project): Path<String>) -> Answer {
    let name = call.project(&project).await?;
    ok(show(projects::frame(&call.ctx, &call.who, &name).await?.project))
}

#[derive(Deserialize)]
pub struct Change {
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
}

pub async fn update(call: Call, Path(project): Path<String>, Json(change): Json<Change>) -> Answer {
    let name = call.project(&project).await?;
    let (public, signature) = settings(change.metadata.as_ref())?;
    projects::update(&call.ctx, &call.who, &name, public, signature).await?;
    done()
}

pub async fn delete(call: Call, Path(project): Path<String>) -> Answer {
    let name = call.project(&project).await?;
    projects::delete(&call.ctx, &call.who, &name).await?;
    done()
}

pub async fn summary(call: Call, Path(project): Path<String>) -> Answer {
    let name = call.project(&project).await?;
    let project = projects::frame(&call.ctx, &call.who, &name).await?.project;
    ok(json!({
        "repo_count": project.repository_count, "member_count": project.member_count,
        "quota": { "hard": { "storage": -1 }, "used": { "storage": project.storage.stored } },
    }))
}

pub async fn deletable(call: Call, Path(project): Path<String>) -> Answer {
    let name = call.project(&project).await?;
    let plan = projects::deletion(&call.ctx, &call.who, &name).await?;
    ok(json!({ "deletable": plan.refused.is_none(), "message": plan.refused.unwrap_or_default() }))
}
