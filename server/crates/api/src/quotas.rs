//! Quotas: how much each project may hold, and holds. A quota has its project's number.

use crate::answers::{Answer, Done, Listed, Shown, Time};
use crate::call::{Call, Json, id};
use crate::errors::{ApiError, by};
use crate::list::{self, Asks, page};
use axum::extract::Path;
use domain::projects::Filter;
use domain::quotas;
use model::{ProjectId, project, quota};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Quota {
    id: i64,
    #[serde(rename = "ref")]
    of: Reference,
    hard: Storage,
    used: Storage,
    creation_time: Time,
    update_time: Time,
}

/// The project.
#[derive(Serialize, ToSchema)]
#[schema(as = QuotaRefObject)]
pub struct Reference {
    id: i64,
    name: String,
    owner_name: String,
}

/// In bytes; -1 for no limit.
#[derive(Serialize, ToSchema)]
#[schema(as = ResourceList)]
pub struct Storage {
    pub storage: i64,
}

impl Storage {
    /// The limit, and what is used.
    pub fn of(quota: &quota::Quota) -> (Storage, Storage) {
        (Storage { storage: quota::to_number(quota.limit) }, Storage { storage: quota.used })
    }
}

impl From<project::Project> for Quota {
    fn from(project: project::Project) -> Quota {
        let (hard, used) = Storage::of(&project.quota);
        Quota {
            id: project.id.0, of: Reference { id: project.id.0, name: project.name.to_string(), owner_name: project.owner_name }, hard, used,
            creation_time: project.created_at.into(), update_time: project.updated_at.into(),
        }
    }
}

pub async fn list(call: Call) -> Answer<Listed<Quota>> {
    if let Some(kind) = call.param("reference").filter(|kind| !kind.is_empty() && *kind != "project") {
        return Err(ApiError::bad(format!("reference: {kind} has no quota; only project has")));
    }
    let sorts = [
        ("id", "id"), ("creation_time", "created"), ("update_time", "updated"), ("used.storage", "used"), ("hard.storage", "limit"), ("used", "used"), ("hard", "limit"),
    ];
    let (query, _) = list::query(&call, &Asks { sorts: &sorts, name: "", keys: &[], columns: &[] })?;
    let only = call.param("reference_id").filter(|text| !text.is_empty()).map(|text| text.parse().map(ProjectId));
    let only = only.transpose().map_err(|_| ApiError::bad("reference_id must be a number"))?;
    let filter = Filter { id: only, ..Filter::default() };
    page(&call, quotas::list(&call.ctx, &call.who, &query, &filter).await?, Quota::from)
}

pub async fn get(call: Call, Path(quota): Path<String>) -> Answer<Shown<Quota>> {
    Ok(Shown(quotas::get(&call.ctx, &call.who, ProjectId(id(&quota)?)).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = QuotaUpdateReq)]
pub struct Change {
    hard: Limit,
}

/// In bytes; -1 for no limit.
#[derive(Deserialize, ToSchema)]
#[schema(as = ResourceLimit)]
pub struct Limit {
    storage: i64,
}

pub async fn update(call: Call, Path(quota): Path<String>, Json(change): Json<Change>) -> Answer<Done> {
    let limit = quota::from_number(change.hard.storage);
    quotas::set(&call.ctx, &call.who, ProjectId(id(&quota)?), limit).await.map_err(by(&[("limit", "hard.storage")]))?;
    Ok(Done)
}
