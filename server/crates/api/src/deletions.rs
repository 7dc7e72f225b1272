//! Deletions that can be undone: ours, Harbor has no such thing.

use crate::answers::{Answer, Done, Listed, Shown, Time};
use crate::call::{Call, id};
use crate::list::{self, Asks, page};
use axum::extract::Path;
use domain::deletions;
use model::DeletionId;
use model::deletion;
use serde::Serialize;
use utoipa::ToSchema;

/// What was deleted, and until when it can be put back.
#[derive(Serialize, ToSchema)]
pub struct Deletion {
    id: i64,
    #[schema(value_type = String)]
    what: deletion::What,
    repository_name: String,
    digest: Option<String>,
    tags: Vec<String>,
    /// Manifests: itself, its accessories, its platform images.
    artifacts: i64,
    /// Bytes that nothing else in the repository needs.
    size: i64,
    deleted_by: String,
    deletion_time: Time,
    expiration_time: Time,
}

impl From<deletion::Deletion> for Deletion {
    fn from(deletion: deletion::Deletion) -> Deletion {
        Deletion {
            id: deletion.id.0, what: deletion.what, repository_name: deletion.repository.to_string(),
            digest: deletion.digest.map(|digest| digest.to_string()), tags: deletion.tags, artifacts: deletion.artifacts, size: deletion.bytes,
            deleted_by: deletion.deleted_by, deletion_time: deletion.deleted_at.into(), expiration_time: deletion.expires_at.into(),
        }
    }
}

/// What stands again.
#[derive(Serialize, ToSchema)]
pub struct Restored {
    #[schema(value_type = String)]
    what: deletion::What,
    repository_name: String,
    digest: Option<String>,
    artifacts: i64,
    /// Tags that name something else by now.
    tags_left: Vec<String>,
}

pub async fn list(call: Call, Path(project): Path<String>) -> Answer<Listed<Deletion>> {
    let name = call.project(&project).await?;
    let (query, _) = list::query(&call, &Asks { sorts: &[], name: "", keys: &[], columns: &[] })?;
    page(&call, deletions::list(&call.ctx, &call.who, &name, &query).await?, Deletion::from)
}

pub async fn restore(call: Call, Path((project, deletion)): Path<(String, String)>) -> Answer<Shown<Restored>> {
    let name = call.project(&project).await?;
    let back = deletions::restore(&call.ctx, &call.who, &name, DeletionId(id(&deletion)?)).await?;
    Ok(Shown(Restored {
        what: back.what, repository_name: back.repository.to_string(), digest: back.digest.map(|digest| digest.to_string()),
        artifacts: back.artifacts, tags_left: back.taken.iter().map(ToString::to_string).collect(),
    }))
}

pub async fn purge(call: Call, Path((project, deletion)): Path<(String, String)>) -> Answer<Done> {
    let name = call.project(&project).await?;
    deletions::purge(&call.ctx, &call.who, &name, DeletionId(id(&deletion)?)).await?;
    Ok(Done)
}
