//! Garbage collection, as Harbor's `/system/gc`.

use crate::call::{Call, Json, created, done, id, ok, text};
use crate::errors::{Answer, ApiError};
use crate::list::{self, page};
use axum::extract::Path;
use domain::gc;
use model::CollectionId;
use model::collection::Collection;
use model::execution::Status;
use serde::Deserialize;
use serde_json::{Value, json};

/// Jobs other than replication have words of their own in Harbor.
fn word(status: Status) -> &'static str {
    match status {
        Status::Queued => "Pending",
        Status::Running => "Running",
        Status::Succeeded => "Success",
        Status::PartlyFailed | Status::Failed => "Error",
        Status::Stopped => "Stopped",
    }
}

fn show(found: Collection) -> Value {
    let parameters = json!({
        "delete_untagged": false, "dry_run": found.dry_run, "workers": 1, "purged_blobs": found.blobs, "freed_space": found.bytes,
    });
    json!({
        "id": found.id, "job_name": "GARBAGE_COLLECTION", "job_kind": found.trigger.label().to_uppercase(),
        "job_parameters": parameters.to_string(), "job_status": word(found.status),
        "schedule": { "type": found.trigger.label(), "cron": "" }, "deleted": false,
        "creation_time": found.started_at.rfc3339(), "update_time": found.ended_at.unwrap_or(found.started_at).rfc3339(),
    })
}

#[derive(Deserialize, Default)]
pub struct Schedule {
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Deserialize, Default)]
pub struct Parameters {
    #[serde(default)]
    delete_untagged: bool,
    #[serde(default)]
    delete_tag: bool,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize)]
pub struct Input {
    #[serde(default)]
    schedule: Schedule,
    #[serde(default)]
    parameters: Parameters,
}

pub async fn list(call: Call) -> Answer {
    let (query, _) = list::query(&call, &[("id", "id"), ("creation_time", "id")], "", "")?;
    page(&call, gc::list(&call.ctx, &call.who, &query).await?, show)
}

pub async fn get(call: Call, Path(text): Path<String>) -> Answer {
    ok(show(gc::get(&call.ctx, &call.who, CollectionId(id(&text)?)).await?.0))
}

pub async fn log(call: Call, Path(number): Path<String>) -> Answer {
    text(gc::get(&call.ctx, &call.who, CollectionId(id(&number)?)).await?.1)
}

pub async fn stop(call: Call, Path(text): Path<String>) -> Answer {
    gc::stop(&call.ctx, &call.who, CollectionId(id(&text)?)).await?;
    done()
}

/// Starts one now: a schedule of the type `Manual`. The hours between collections are the configuration's.
pub async fn start(call: Call, Json(input): Json<Input>) -> Answer {
    if !input.schedule.kind.eq_ignore_ascii_case("manual") {
        return Err(ApiError::bad("schedule.type must be Manual: when garbage is collected by itself is set by gc.every in the configuration"));
    }
    if input.parameters.delete_untagged || input.parameters.delete_tag {
        return Err(ApiError::bad("deleting untagged artifacts or tags is not something garbage collection does here"));
    }
    let id = gc::start(&call.ctx, &call.who, input.parameters.dry_run).await?;
    created(format!("/api/v2.0/system/gc/{id}"), None)
}
