//! Deletions that can be undone: ours, Harbor has no such thing.

use crate::call::{Call, done, id, ok};
use crate::errors::Answer;
use crate::list::{self, Asks, page};
use axum::extract::Path;
use domain::deletions;
use model::DeletionId;
use model::deletion::Deletion;
use serde_json::{Value, json};

fn show(deletion: Deletion) -> Value {
    json!({
        "id": deletion.id, "what": deletion.what, "repository_name": deletion.repository, "digest": deletion.digest, "tags": deletion.tags,
        "artifacts": deletion.artifacts, "size": deletion.bytes, "deleted_by": deletion.deleted_by,
        "deletion_time": deletion.deleted_at.rfc3339(), "expiration_time": deletion.expires_at.rfc3339(),
    })
}

pub async fn list(call: Call, Path(project): Path<String>) -> Answer {
    let name = call.project(&project).await?;
    let (query, _) = list::query(&call, &Asks { sorts: &[], name: "", keys: &[] })?;
    page(&call, deletions::list(&call.ctx, &call.who, &name, &query).await?, show)
}

pub async fn restore(call: Call, Path((project, deletion)): Path<(String, String)>) -> Answer {
    let name = call.project(&project).await?;
    let back = deletions::restore(&call.ctx, &call.who, &name, DeletionId(id(&deletion)?)).await?;
    ok(json!({
        "what": back.what, "repository_name": back.repository, "digest": back.digest, "artifacts": back.artifacts, "tags_left": back.taken,
    }))
}

pub async fn purge(call: Call, Path((project, deletion)): Path<(String, String)>) -> Answer {
    let name = call.project(&project).await?;
    deletions::purge(&call.ctx, &call.who, &name, DeletionId(id(&deletion)?)).await?;
    done()
}
