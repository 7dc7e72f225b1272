//! Projects.

use crate::call::{Call, Json, created, done, ok};
use crate::errors::{Answer, ApiError};
use crate::list::{self, Asks, page};
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use domain::projects::{self, Filter};
use model::ProjectName;
use model::project::{KEPT, Project};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

fn show(project: Project) -> Value {
    let role = project.role.map_or(0, model::Role::id);
    json!({
        "project_id": project.id, "owner_id": project.owner_id, "owner_name": project.owner_name, "name": project.name,
        "registry_id": 0, "repo_count": project.repository_count,
        "current_user_role_id": role, "current_user_role_ids": if role == 0 { json!([]) } else { json!([role]) },
        "metadata": metadata(&project),
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
    cve_allowlist: Option<Value>,
    #[serde(default)]
    registry_id: Option<i64>,
}

/// Settings as they are sent: what is in effect here, and what is kept.
#[derive(Default)]
struct Sent {
    public: Option<bool>,
    signature: Option<bool>,
    kept: BTreeMap<String, String>,
}

/// Reads settings. One that promises safety and is none here is refused, and so is one that nobody knows; what a server without a scanner
/// and proxy caches could not show anyway is kept as it is.
fn settings(metadata: Option<&Map<String, Value>>) -> Result<Sent, ApiError> {
    let mut sent = Sent::default();
    for (name, value) in metadata.into_iter().flatten() {
        let text = match value {
            Value::Null => continue,
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) if text.is_empty() => continue,
            Value::String(text) => text.clone(),
            _ => return Err(ApiError::bad(format!("metadata.{name} must be text"))),
        };
        let truth = || match text.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(ApiError::bad(format!("metadata.{name} must be \"true\" or \"false\""))),
        };
        match name.as_str() {
            "public" => sent.public = Some(truth()?),
            "enable_content_trust_cosign" => sent.signature = Some(truth()?),
            "enable_content_trust" | "prevent_vul" => {
                if truth()? {
                    return Err(ApiError::bad(format!("metadata.{name} is not something this server does")));
                }
                sent.kept.insert(name.clone(), text);
            }
            known if KEPT.contains(&known) => {
                if text.len() > 64 || text.contains(char::is_control) {
                    return Err(ApiError::bad(format!("metadata.{name} must be at most 64 plain characters")));
                }
                sent.kept.insert(name.clone(), text);
            }
            _ => return Err(ApiError::bad(format!("metadata.{name} is not known here"))),
        }
    }
    Ok(sent)
}

fn metadata(project: &Project) -> Map<String, Value> {
    let mut all: Map<String, Value> = project.kept.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    all.insert("public".to_owned(), project.public.to_string().into());
    all.insert("enable_content_trust_cosign".to_owned(), project.policy.require_signature.to_string().into());
    all
}

/// What promises something that this server does not do is refused.
fn possible(storage_limit: Option<i64>, allowlist: Option<&Value>) -> Result<(), ApiError> {
    if storage_limit.is_some_and(|limit| limit > 0) {
        return Err(ApiError::bad("storage_limit: this server has no quotas; leave it out or say -1"));
    }
    let items = allowlist.and_then(|list| list.get("items")).and_then(Value::as_array);
    if items.is_some_and(|items| !items.is_empty()) {
        return Err(ApiError::bad("cve_allowlist: this server has no scanner; leave the items out"));
    }
    Ok(())
}

pub async fn create(call: Call, Json(new): Json<New>) -> Answer {
    call.signed_in()?;
    let sent = settings(new.metadata.as_ref())?;
    possible(new.storage_limit, new.cve_allowlist.as_ref())?;
    if new.registry_id.is_some_and(|id| id != 0) {
        return Err(ApiError::bad("registry_id: this server has no proxy cache"));
    }
    let public = sent.public.or(new.public).unwrap_or(false);
    let signature = sent.signature.unwrap_or(false);
    let project = projects::create_keeping(&call.ctx, &call.who, &new.project_name, public, signature, sent.kept).await?;
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
    page(&call, projects::list(&call.ctx, &call.who, &query, &Filter { public, owner: call.param("owner").map(str::to_owned) }).await?, show)
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
    #[serde(default)]
    storage_limit: Option<i64>,
    #[serde(default)]
    cve_allowlist: Option<Value>,
}

pub async fn update(call: Call, Path(project): Path<String>, Json(change): Json<Change>) -> Answer {
    let name = call.project(&project).await?;
    possible(change.storage_limit, change.cve_allowlist.as_ref())?;
    let sent = settings(change.metadata.as_ref())?;
    projects::update_keeping(&call.ctx, &call.who, &name, sent.public, sent.signature, sent.kept).await?;
    done()
}

/// The settings by themselves: all, one, and setting some.
pub async fn metadatas(call: Call, Path(project): Path<String>) -> Answer {
    let name = call.project(&project).await?;
    ok(Value::Object(metadata(&projects::frame(&call.ctx, &call.who, &name).await?.project)))
}

pub async fn metadata_of(call: Call, Path((project, setting)): Path<(String, String)>) -> Answer {
    let name = call.project(&project).await?;
    let mut all = metadata(&projects::frame(&call.ctx, &call.who, &name).await?.project);
    let value = all.remove(&setting).ok_or_else(|| ApiError::not_found(format!("the project has no setting {setting}")))?;
    ok(json!({ setting: value }))
}

pub async fn set_metadata(call: Call, Path(project): Path<String>, Json(sent): Json<Map<String, Value>>) -> Answer {
    let (name, sent) = (call.project(&project).await?, settings(Some(&sent))?);
    projects::update_keeping(&call.ctx, &call.who, &name, sent.public, sent.signature, sent.kept).await?;
    done()
}

pub async fn set_metadata_of(
    call: Call,
    Path((project, setting)): Path<(String, String)>,
    Json(sent): Json<Map<String, Value>>,
) -> Answer {
    if !sent.contains_key(&setting) || sent.len() > 1 {
        return Err(ApiError::bad(format!("the body must be {{\"{setting}\": …}}")));
    }
    set_metadata(call, Path(project), Json(sent)).await
}

/// How much there is, as far as the caller sees it.
pub async fn statistics(call: Call) -> Answer {
    let found = projects::statistics(&call.ctx, &call.who).await?;
    let sum = |public: Option<bool>, of: fn(&(bool, i64, i64, i64)) -> i64| {
        found.iter().filter(|row| public.is_none_or(|public| row.0 == public)).map(of).sum::<i64>()
    };
    ok(json!({
        "public_project_count": sum(Some(true), |row| row.1), "private_project_count": sum(Some(false), |row| row.1),
        "total_project_count": sum(None, |row| row.1), "public_repo_count": sum(Some(true), |row| row.2),
        "private_repo_count": sum(Some(false), |row| row.2), "total_repo_count": sum(None, |row| row.2),
        "total_storage_consumption": sum(None, |row| row.3),
    }))
}

/// Projects and repositories whose name holds `q`: a hundred of each at most.
pub async fn search(call: Call) -> Answer {
    let text = call.param("q").unwrap_or_default().to_owned();
    let query = || model::list::Query { search: text.clone(), ..model::list::Query::all(100) };
    let found = projects::list(&call.ctx, &call.who, &query(), &Filter::default()).await?.items;
    let repositories = domain::repositories::list_everywhere(&call.ctx, &call.who, &query()).await?.items;
    let repositories = repositories.into_iter().map(|(repository, public)| json!({
        "project_id": repository.project_id, "project_name": repository.project, "project_public": public,
        "repository_name": repository.full_name(), "pull_count": repository.pull_count, "artifact_count": repository.artifact_count,
    }));
    ok(json!({ "project": found.into_iter().map(show).collect::<Vec<_>>(), "repository": repositories.collect::<Vec<_>>() }))
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
