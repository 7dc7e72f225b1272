//! Garbage collection, as Harbor's `/system/gc`.

use crate::call::{Call, Json, created, done, id, ok, text};
use crate::errors::{Answer, ApiError};
use crate::list::{self, Asks, page};
use axum::extract::Path;
use domain::gc;
use model::CollectionId;
use model::collection::{Collection, SCHEDULES};
use model::run::Status;
use serde::Deserialize;
use serde_json::{Value, json};

/// Jobs other than replication have words of their own in Harbor.
fn word(status: Status) -> &'static str {
    match status {
        Status::Queued => "Pending",
        Status::Running => "Running",
        Status::Succeeded => "Success",
        Status::PartlyFailed | Status::Failed | Status::Empty => "Error",
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
    #[serde(default)]
    cron: String,
}

#[derive(Deserialize, Default)]
pub struct Parameters {
    #[serde(default)]
    delete_untagged: bool,
    #[serde(default)]
    delete_tag: bool,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    workers: Option<i64>,
}

impl Parameters {
    fn possible(&self) -> Result<(), ApiError> {
        if self.workers.is_some_and(|workers| workers != 1) {
            return Err(ApiError::bad("parameters.workers: here one collects; say 1 or leave it out"));
        }
        if self.delete_untagged || self.delete_tag {
            return Err(ApiError::bad("deleting untagged artifacts or tags is not something garbage collection does here"));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
pub struct Input {
    #[serde(default)]
    schedule: Schedule,
    #[serde(default)]
    parameters: Parameters,
}

pub async fn list(call: Call) -> Answer {
    let (query, _) = list::query(&call, &Asks { sorts: &[("id", "id"), ("creation_time", "id")], name: "", keys: &[] })?;
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

/// When it runs by itself.
pub async fn schedule(call: Call) -> Answer {
    let found = gc::schedule(&call.ctx, &call.who).await?;
    let cron = found.cron.clone().unwrap_or_default();
    ok(json!({
        "job_name": "GARBAGE_COLLECTION", "job_kind": "SCHEDULE", "deleted": false,
        "job_parameters": json!({ "workers": 1, "dry_run": false, "delete_untagged": false }).to_string(),
        "schedule": { "type": found.kind(), "cron": cron, "next_scheduled_time": found.next.map(|at| at.rfc3339()) },
    }))
}

/// The pattern that a schedule of the API means; `None` for one to run now.
fn pattern(schedule: &Schedule) -> Result<Option<String>, ApiError> {
    let kind = schedule.kind.as_str();
    if kind.eq_ignore_ascii_case("manual") {
        return Ok(None);
    }
    if kind.eq_ignore_ascii_case("custom") && !schedule.cron.is_empty() {
        return Ok(Some(schedule.cron.clone()));
    }
    let known = SCHEDULES.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind));
    if let Some((name, cron)) = known
        && !schedule.cron.is_empty()
        && schedule.cron != *cron
    {
        return Err(ApiError::bad(format!("schedule.cron: {name} is {cron:?}; say Custom for another")));
    }
    known.map(|(_, cron)| Some((*cron).to_owned())).ok_or_else(|| {
        ApiError::bad("schedule.type must be Manual, Hourly, Daily, Weekly, Custom (with cron) or None")
    })
}

/// Changes when it runs by itself.
pub async fn reschedule(call: Call, Json(input): Json<Input>) -> Answer {
    domain::access::administrator(&call.ctx, &call.who).await?;
    input.parameters.possible()?;
    match pattern(&input.schedule)? {
        None => Err(ApiError::bad("schedule.type Manual starts a collection now: POST it")),
        Some(cron) => {
            gc::set_schedule(&call.ctx, &call.who, Some(cron)).await?;
            done()
        }
    }
}

/// Starts one now, by a schedule of the type `Manual`; else sets when it runs by itself.
pub async fn start(call: Call, Json(input): Json<Input>) -> Answer {
    domain::access::administrator(&call.ctx, &call.who).await?;
    input.parameters.possible()?;
    if let Some(cron) = pattern(&input.schedule)? {
        gc::set_schedule(&call.ctx, &call.who, Some(cron)).await?;
        return created("/api/v2.0/system/gc/schedule".to_owned(), None);
    }
    let id = gc::start(&call.ctx, &call.who, input.parameters.dry_run).await?;
    created(format!("/api/v2.0/system/gc/{id}"), None)
}
