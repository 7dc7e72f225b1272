//! Projects.

use crate::answers::{Answer, Created, Done, Listed, Shown, Time};
use crate::call::{self, Call, Json};
use crate::errors::{ApiError, by};
use crate::list::{self, As, Asks, TIMES, page};
use crate::quotas::Storage;
use axum::extract::Path;
use axum::http::StatusCode;
use domain::projects::{self, Filter};
use model::{ProjectName, Role, quota};
use model::project::{self, WITHOUT_EFFECT};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

const COLUMNS: &[(&str, &str, As)] = &[("project_id", "id", As::Number), ("owner_id", "owner", As::Number), TIMES[0], TIMES[1]];

/// Members as this API calls them.
const NAMES: &[(&str, &str)] = &[("name", "project_name"), ("limit", "storage_limit")];

#[derive(Serialize, ToSchema)]
pub struct Project {
    project_id: i64,
    owner_id: i64,
    owner_name: String,
    name: String,
    /// Of a proxy cache; 0 for none.
    registry_id: i64,
    repo_count: i64,
    /// The caller's; 0 for none.
    current_user_role_id: i64,
    current_user_role_ids: Vec<i64>,
    metadata: BTreeMap<String, String>,
    cve_allowlist: Allowlist,
    creation_time: Time,
    update_time: Time,
    deleted: bool,
    togglable: bool,
}

/// Empty: this server has no scanner.
#[derive(Serialize, ToSchema)]
#[schema(as = CVEAllowlist)]
pub struct Allowlist {
    id: i64,
    items: Vec<Value>,
    project_id: i64,
    creation_time: Time,
    update_time: Time,
}

impl From<project::Project> for Project {
    fn from(project: project::Project) -> Project {
        let role = project.role.map_or(0, model::Role::id);
        Project {
            metadata: metadata(&project), cve_allowlist: Allowlist {
                id: project.id.0, items: Vec::new(), project_id: project.id.0, creation_time: project.created_at.into(), update_time: project.updated_at.into(),
            },
            project_id: project.id.0, owner_id: project.owner_id.0, owner_name: project.owner_name.to_string(), name: project.name.to_string(),
            registry_id: 0, repo_count: project.repository_count, current_user_role_id: role,
            current_user_role_ids: (role != 0).then_some(role).into_iter().collect(), creation_time: project.created_at.into(),
            update_time: project.updated_at.into(), deleted: false, togglable: true,
        }
    }
}

/// Settings as they are sent: text, truth or number by name.
#[derive(Deserialize, ToSchema)]
pub struct Metadata(BTreeMap<String, Value>);

/// Settings by name.
#[derive(Serialize, ToSchema)]
pub struct Metadatas(BTreeMap<String, String>);

#[derive(Deserialize, ToSchema)]
#[schema(as = ProjectReq)]
pub struct New {
    #[serde(default)]
    project_name: String,
    #[serde(default)]
    public: Option<bool>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    storage_limit: Option<i64>,
    #[serde(default)]
    cve_allowlist: Option<Value>,
    #[serde(default)]
    registry_id: Option<i64>,
}

/// Harbor's words for how bad a weakness is.
const SEVERITIES: [&str; 7] = ["none", "unknown", "negligible", "low", "medium", "high", "critical"];

/// Settings as they are sent: what is in effect here, and what is kept.
#[derive(Default)]
struct Sent {
    public: Option<bool>,
    signature: Option<bool>,
    kept: BTreeMap<String, String>,
}

/// Reads settings. One that promises safety and is none here is refused, and so is one that nobody knows; what a server without a scanner
/// and proxy caches could not show anyway is kept as it is.
fn settings(metadata: Option<&Metadata>) -> Result<Sent, ApiError> {
    let mut sent = Sent::default();
    for (name, value) in metadata.into_iter().flat_map(|metadata| &metadata.0) {
        let text = match value {
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) if text.is_empty() => continue,
            Value::String(text) => text.clone(),
            _ => return Err(ApiError::bad(format!("metadata.{name} must be text"))),
        };
        let truth = || call::truth(&text).ok_or_else(|| ApiError::bad(format!("metadata.{name} must be \"true\" or \"false\"")));
        match name.as_str() {
            "public" => sent.public = Some(truth()?),
            "enable_content_trust_cosign" => sent.signature = Some(truth()?),
            // As it was read: a policy of retention is made, changed and taken away by itself.
            "retention_id" => {}
            "enable_content_trust" | "prevent_vul" => {
                if truth()? {
                    return Err(ApiError::bad(format!("metadata.{name} is not something this server does")));
                }
                sent.kept.insert(name.clone(), text);
            }
            "auto_scan" | "auto_sbom_generation" | "reuse_sys_cve_allowlist" => {
                truth()?;
                sent.kept.insert(name.clone(), text);
            }
            "severity" if !SEVERITIES.contains(&text.to_ascii_lowercase().as_str()) => {
                return Err(ApiError::bad(format!("metadata.severity must be one of {}", SEVERITIES.join(", "))));
            }
            "proxy_speed_kb" if text.parse::<i64>().is_err() => return Err(ApiError::bad("metadata.proxy_speed_kb must be a number")),
            known if WITHOUT_EFFECT.contains(&known) => {
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

fn metadata(project: &project::Project) -> BTreeMap<String, String> {
    let mut all = project.kept.clone();
    all.insert("public".to_owned(), project.public.to_string());
    all.insert("enable_content_trust_cosign".to_owned(), project.policy.require_signature.to_string());
    if let Some(retention) = project.retention {
        all.insert("retention_id".to_owned(), retention.to_string());
    }
    all
}

/// What promises something that this server does not do is refused.
fn possible(allowlist: Option<&Value>, registry_id: Option<i64>) -> Result<(), ApiError> {
    if registry_id.is_some_and(|id| id != 0) {
        return Err(ApiError::bad("registry_id: this server has no proxy cache"));
    }
    // As Harbor's clients send it with every project: a list of nothing, without an end.
    let is_nothing = |name: &str, value: &Value| match name {
        "items" => value.is_null() || value.as_array().is_some_and(Vec::is_empty),
        "expires_at" => value.is_null() || value.as_i64() == Some(0),
        _ => true,
    };
    match allowlist {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(list)) if list.iter().all(|(name, value)| is_nothing(name, value)) => Ok(()),
        Some(_) => Err(ApiError::bad("cve_allowlist: this server has no scanner; leave it out, or its items and its end")),
    }
}

pub async fn create(call: Call, Json(new): Json<New>) -> Answer<Created> {
    call.signed_in()?;
    let sent = settings(new.metadata.as_ref())?;
    possible(new.cve_allowlist.as_ref(), new.registry_id)?;
    let new = projects::New {
        name: new.project_name,
        public: sent.public.or(new.public).unwrap_or(false),
        require_signature: sent.signature.unwrap_or(false),
        limit: new.storage_limit.map(quota::from_number),
        kept: sent.kept,
    };
    let project = projects::create_as(&call.ctx, &call.who, new).await.map_err(by(NAMES))?;
    let place = if call.name_in_location() { project.name.to_string() } else { project.id.to_string() };
    Ok(Created(format!("/api/v2.0/projects/{place}")))
}

pub async fn list(call: Call) -> Answer<Listed<Project>> {
    let sorts = [("name", "name"), ("creation_time", "created"), ("update_time", "updated"), ("repo_count", "repositories"), ("project_id", "id"), ("id", "id")];
    let (query, q) = list::query(&call, &Asks { sorts: &sorts, name: "name", keys: &["public"], columns: COLUMNS })?;
    let public = match list::one(&call, &q, "public")? {
        Some(text) => Some(call::truth(text).ok_or_else(|| ApiError::bad("public must be true or false"))?),
        None => None,
    };
    let filter = Filter { public, owner: call.param("owner").map(str::to_owned), id: None };
    page(&call, projects::list(&call.ctx, &call.who, &query, &filter).await?, Project::from)
}

/// HEAD: is there one of this name?
pub async fn head(call: Call) -> Answer<Done> {
    call.signed_in()?;
    let name = call.param("project_name").ok_or_else(|| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "project_name is required"))?;
    let found = match name.parse::<ProjectName>() {
        Ok(name) => projects::exists(&call.ctx, &call.who, &name).await?,
        Err(_) => false,
    };
    if found { Ok(Done) } else { Err(ApiError::not_found(format!("project {name} was not found"))) }
}

pub async fn get(call: Call, Path(project): Path<String>) -> Answer<Shown<Project>> {
    let name = call.project(&project).await?;
    Ok(Shown(projects::frame(&call.ctx, &call.who, &name).await?.project.into()))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ProjectChange)]
pub struct Change {
    /// Its name, which stays.
    #[serde(default)]
    project_name: Option<String>,
    #[serde(default)]
    public: Option<bool>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    storage_limit: Option<i64>,
    #[serde(default)]
    cve_allowlist: Option<Value>,
    #[serde(default)]
    registry_id: Option<i64>,
}

pub async fn update(call: Call, Path(project): Path<String>, Json(change): Json<Change>) -> Answer<Done> {
    let name = call.project(&project).await?;
    possible(change.cve_allowlist.as_ref(), change.registry_id)?;
    if change.project_name.is_some_and(|new| !new.is_empty() && new != name.as_str()) {
        return Err(ApiError::bad("project_name: a project keeps its name; leave it out"));
    }
    let sent = settings(change.metadata.as_ref())?;
    // Harbor sets it at the quota alone, and its clients send what they made the project with: only what changes something is taken for a wish.
    let limit = change.storage_limit.map(quota::from_number).filter(Option::is_some);
    let project = projects::frame(&call.ctx, &call.who, &name).await?.project;
    let limit = limit.filter(|limit| *limit != project.quota.limit);
    if let Some(limit) = limit {
        domain::quotas::set(&call.ctx, &call.who, project.id, limit).await.map_err(by(NAMES))?;
    }
    projects::update_keeping(&call.ctx, &call.who, &name, sent.public.or(change.public), sent.signature, sent.kept).await?;
    Ok(Done)
}

/// The settings by themselves: all, one, and setting some.
pub async fn metadatas(call: Call, Path(project): Path<String>) -> Answer<Shown<Metadatas>> {
    let name = call.project(&project).await?;
    Ok(Shown(Metadatas(metadata(&projects::frame(&call.ctx, &call.who, &name).await?.project))))
}

pub async fn metadata_of(call: Call, Path((project, setting)): Path<(String, String)>) -> Answer<Shown<Metadatas>> {
    let name = call.project(&project).await?;
    let mut all = metadata(&projects::frame(&call.ctx, &call.who, &name).await?.project);
    let value = all.remove(&setting).ok_or_else(|| ApiError::not_found(format!("the project has no setting {setting}")))?;
    Ok(Shown(Metadatas(BTreeMap::from([(setting, value)]))))
}

pub async fn set_metadata(call: Call, Path(project): Path<String>, Json(sent): Json<Metadata>) -> Answer<Done> {
    let (name, sent) = (call.project(&project).await?, settings(Some(&sent))?);
    projects::update_keeping(&call.ctx, &call.who, &name, sent.public, sent.signature, sent.kept).await?;
    Ok(Done)
}

pub async fn set_metadata_of(
    call: Call,
    Path((project, setting)): Path<(String, String)>,
    Json(sent): Json<Metadata>,
) -> Answer<Done> {
    if !sent.0.contains_key(&setting) || sent.0.len() > 1 {
        return Err(ApiError::bad(format!("the body must be {{\"{setting}\": …}}")));
    }
    set_metadata(call, Path(project), Json(sent)).await
}

/// As it was before it was set.
pub async fn unset_metadata_of(call: Call, Path((project, setting)): Path<(String, String)>) -> Answer<Done> {
    let name = call.project(&project).await?;
    let now = metadata(&projects::frame(&call.ctx, &call.who, &name).await?.project);
    if !now.contains_key(&setting) {
        return Err(ApiError::not_found(format!("the project has no setting {setting}")));
    }
    let off = |what: &str| (setting == what).then_some(false);
    let kept = if WITHOUT_EFFECT.contains(&setting.as_str()) { BTreeMap::from([(setting.clone(), String::new())]) } else { BTreeMap::new() };
    projects::update_keeping(&call.ctx, &call.who, &name, off("public"), off("enable_content_trust_cosign"), kept).await?;
    Ok(Done)
}

/// How much there is, as far as the caller sees it.
#[derive(Serialize, ToSchema)]
pub struct Statistic {
    public_project_count: i64,
    private_project_count: i64,
    total_project_count: i64,
    public_repo_count: i64,
    private_repo_count: i64,
    total_repo_count: i64,
    /// In bytes.
    total_storage_consumption: i64,
}

pub async fn statistics(call: Call) -> Answer<Shown<Statistic>> {
    let found = projects::statistics(&call.ctx, &call.who).await?;
    let sum = |public: Option<bool>, of: fn(&(bool, i64, i64, i64)) -> i64| {
        found.iter().filter(|row| public.is_none_or(|public| row.0 == public)).map(of).sum::<i64>()
    };
    Ok(Shown(Statistic {
        public_project_count: sum(Some(true), |row| row.1), private_project_count: sum(Some(false), |row| row.1),
        total_project_count: sum(None, |row| row.1), public_repo_count: sum(Some(true), |row| row.2),
        private_repo_count: sum(Some(false), |row| row.2), total_repo_count: sum(None, |row| row.2),
        total_storage_consumption: sum(None, |row| row.3),
    }))
}

/// Projects and repositories whose name holds `q`: a hundred of each at most.
#[derive(Serialize, ToSchema)]
pub struct Search {
    project: Vec<Project>,
    repository: Vec<RepositoryFound>,
}

#[derive(Serialize, ToSchema)]
pub struct RepositoryFound {
    project_id: i64,
    project_name: String,
    project_public: bool,
    repository_name: String,
    pull_count: i64,
    artifact_count: i64,
}

pub async fn search(call: Call) -> Answer<Shown<Search>> {
    let text = call.param("q").unwrap_or_default().to_owned();
    let query = || model::list::Query { search: text.clone(), ..model::list::Query::all(100) };
    let found = projects::list(&call.ctx, &call.who, &query(), &Filter::default()).await?.items;
    let repositories = domain::repositories::list_everywhere(&call.ctx, &call.who, &query()).await?.items;
    let repositories = repositories.into_iter().map(|(repository, public)| RepositoryFound {
        repository_name: repository.full_name(), project_id: repository.project_id.0, project_name: repository.project.to_string(),
        project_public: public, pull_count: repository.pull_count, artifact_count: repository.artifact_count,
    });
    Ok(Shown(Search { project: found.into_iter().map(Project::from).collect(), repository: repositories.collect() }))
}

pub async fn delete(call: Call, Path(project): Path<String>) -> Answer<Done> {
    let name = call.project(&project).await?;
    projects::delete(&call.ctx, &call.who, &name).await?;
    Ok(Done)
}

/// A project in numbers.
#[derive(Serialize, ToSchema)]
pub struct ProjectSummary {
    repo_count: i64,
    member_count: i64,
    project_admin_count: i64,
    maintainer_count: i64,
    developer_count: i64,
    guest_count: i64,
    limited_guest_count: i64,
    quota: Quota,
}

/// What may be stored, and what is.
#[derive(Serialize, ToSchema)]
#[schema(as = ProjectSummaryQuota)]
pub struct Quota {
    hard: Storage,
    used: Storage,
}

pub async fn summary(call: Call, Path(project): Path<String>) -> Answer<Shown<ProjectSummary>> {
    let name = call.project(&project).await?;
    let project = projects::frame(&call.ctx, &call.who, &name).await?.project;
    let (hard, used) = Storage::of(&project.quota);
    let quota = Quota { hard, used };
    // Who may not list them is told of none.
    let roles = match domain::members::roles(&call.ctx, &call.who, &name).await {
        Err(error) if error.is_refusal() => Vec::new(),
        roles => roles?,
    };
    let having = |role: Role| roles.iter().find(|(known, _)| *known == role).map_or(0, |(_, n)| *n);
    Ok(Shown(ProjectSummary {
        repo_count: project.repository_count, member_count: project.member_count, project_admin_count: having(Role::ProjectAdmin),
        maintainer_count: having(Role::Maintainer), developer_count: having(Role::Developer), guest_count: having(Role::Guest),
        limited_guest_count: having(Role::LimitedGuest), quota,
    }))
}

/// Whether a project can be deleted; if not, why.
#[derive(Serialize, ToSchema)]
pub struct ProjectDeletable {
    deletable: bool,
    message: String,
}

pub async fn deletable(call: Call, Path(project): Path<String>) -> Answer<Shown<ProjectDeletable>> {
    let name = call.project(&project).await?;
    let plan = projects::deletion(&call.ctx, &call.who, &name).await?;
    Ok(Shown(ProjectDeletable { deletable: plan.refused.is_none(), message: plan.refused.unwrap_or_default() }))
}
