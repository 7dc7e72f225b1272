//! Garbage collection, as Harbor's `/system/gc`.

use crate::answers::{Answer, Created, Done, Listed, Shown, Text, Time};
use crate::call::{Call, Json, id};
use crate::errors::ApiError;
use crate::list::{self, As, Asks, page};
use crate::runs::word;
use axum::extract::Path;
use domain::gc;
use model::{CollectionId, Stamp};
use model::collection::Collection;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// The job, by Harbor's name.
const NAME: &str = "GARBAGE_COLLECTION";

/// One collection, as Harbor shows a job.
#[derive(Serialize, ToSchema)]
#[schema(as = GCHistory)]
pub struct Run {
    id: i64,
    job_name: &'static str,
    job_kind: String,
    /// A JSON object as text, as Harbor has it.
    job_parameters: String,
    job_status: &'static str,
    schedule: Trigger,
    deleted: bool,
    creation_time: Time,
    update_time: Time,
}

/// When something runs by itself.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduleObj)]
pub struct Trigger {
    #[serde(rename = "type")]
    kind: &'static str,
    cron: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_scheduled_time: Option<Time>,
}

impl Trigger {
    pub fn new(kind: &'static str, cron: String, next: Option<Stamp>) -> Trigger {
        Trigger { kind, cron, next_scheduled_time: next.map(Time::from) }
    }
}

impl From<Collection> for Run {
    fn from(found: Collection) -> Run {
        let parameters = json!({
            "delete_untagged": false, "dry_run": found.dry_run, "workers": 1, "purged_blobs": found.blobs, "freed_space": found.bytes,
        });
        Run {
            id: found.id.0, job_name: NAME, job_kind: found.trigger.label().to_uppercase(), job_parameters: parameters.to_string(),
            job_status: word(found.status), schedule: Trigger { kind: found.trigger.label(), cron: String::new(), next_scheduled_time: None },
            deleted: false, creation_time: found.started_at.into(), update_time: found.ended_at.unwrap_or(found.started_at).into(),
        }
    }
}

#[derive(Deserialize, Default, ToSchema)]
#[schema(as = ScheduleInput)]
pub struct Schedule {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    cron: String,
}

#[derive(Deserialize, Default, ToSchema)]
#[schema(as = GCParameters)]
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

impl Parameters {
    /// As [`Parameters::possible`], of what runs by itself.
    fn scheduled(&self) -> Result<(), ApiError> {
        match self.dry_run {
            true => Err(ApiError::bad("parameters.dry_run: what runs by itself collects; a dry run is started with the schedule's type Manual")),
            false => Ok(()),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = GCSchedule)]
pub struct Input {
    #[serde(default)]
    schedule: Schedule,
    #[serde(default)]
    parameters: Parameters,
}

pub async fn list(call: Call) -> Answer<Listed<Run>> {
    let (query, _) = list::query(&call, &Asks { sorts: &[("id", "id"), ("creation_time", "id"), ("update_time", "id")], name: "", keys: &[], columns: &[("id", "id",
        As::Number), ("creation_time", "started", As::Moment)] })?;
    page(&call, gc::list(&call.ctx, &call.who, &query).await?, Run::from)
}

pub async fn get(call: Call, Path(text): Path<String>) -> Answer<Shown<Run>> {
    Ok(Shown(gc::get(&call.ctx, &call.who, CollectionId(id(&text)?)).await?.0.into()))
}

pub async fn log(call: Call, Path(number): Path<String>) -> Answer<Text> {
    Ok(Text(gc::get(&call.ctx, &call.who, CollectionId(id(&number)?)).await?.1))
}

pub async fn stop(call: Call, Path(text): Path<String>) -> Answer<Done> {
    gc::stop(&call.ctx, &call.who, CollectionId(id(&text)?)).await?;
    Ok(Done)
}

/// When it runs by itself, as Harbor shows that.
#[derive(Serialize, ToSchema)]
#[schema(as = GCScheduled)]
pub struct Scheduled {
    id: i64,
    job_name: &'static str,
    job_kind: &'static str,
    deleted: bool,
    job_parameters: String,
    job_status: &'static str,
    schedule: Trigger,
    creation_time: Time,
    update_time: Time,
}

impl Scheduled {
    pub fn new(job_name: &'static str, job_parameters: String, schedule: Trigger) -> Scheduled {
        Scheduled {
            id: 0, job_name, job_kind: "SCHEDULE", deleted: false, job_parameters, job_status: "Scheduled", schedule, creation_time: None.into(),
            update_time: None.into(),
        }
    }
}

pub async fn schedule(call: Call) -> Answer<Shown<Scheduled>> {
    let found = gc::schedule(&call.ctx, &call.who).await?;
    let cron = found.cron.clone().unwrap_or_default();
    let parameters = json!({ "workers": 1, "dry_run": false, "delete_untagged": false }).to_string();
    Ok(Shown(Scheduled::new(NAME, parameters, Trigger::new(found.kind(), cron, found.next))))
}

/// The pattern that a schedule of the API means; `None` for one to run now.
pub fn pattern(schedule: &Schedule) -> Result<Option<String>, ApiError> {
    let kind = schedule.kind.as_str();
    if kind.eq_ignore_ascii_case("manual") {
        return Ok(None);
    }
    if kind.eq_ignore_ascii_case("custom") && !schedule.cron.is_empty() {
        return Ok(Some(schedule.cron.clone()));
    }
    match model::schedule::pattern(kind) {
        Some(cron) if !schedule.cron.is_empty() && schedule.cron != cron => {
            Err(ApiError::bad(format!("schedule.cron: {kind} is {cron:?}; say Custom for another")))
        }
        Some(cron) => Ok(Some(cron.to_owned())),
        None => Err(ApiError::bad("schedule.type must be Manual, Hourly, Daily, Weekly, Custom (with cron) or None")),
    }
}

/// Changes when it runs by itself.
pub async fn reschedule(call: Call, Json(input): Json<Input>) -> Answer<Done> {
    domain::access::administrator(&call.ctx, &call.who).await?;
    input.parameters.possible()?;
    input.parameters.scheduled()?;
    // The configuration's span has no pattern: as it reads, it stays.
    let now = gc::schedule(&call.ctx, &call.who).await?;
    if now.cron.is_none() && input.schedule.kind == now.kind() && input.schedule.cron.is_empty() && now.kind() == "Custom" {
        return Ok(Done);
    }
    match pattern(&input.schedule)? {
        None => Err(ApiError::bad("schedule.type Manual starts a collection now: POST it")),
        Some(cron) => {
            gc::set_schedule(&call.ctx, &call.who, Some(cron)).await?;
            Ok(Done)
        }
    }
}

/// Starts one now, by a schedule of the type `Manual`; else sets when it runs by itself.
pub async fn start(call: Call, Json(input): Json<Input>) -> Answer<Created> {
    domain::access::administrator(&call.ctx, &call.who).await?;
    input.parameters.possible()?;
    if let Some(cron) = pattern(&input.schedule)? {
        input.parameters.scheduled()?;
        gc::set_schedule(&call.ctx, &call.who, Some(cron)).await?;
        return Ok(Created("/api/v2.0/system/gc/schedule".to_owned()));
    }
    let id = gc::start(&call.ctx, &call.who, input.parameters.dry_run).await?;
    Ok(Created(format!("/api/v2.0/system/gc/{id}")))
}
