//! Purging the audit log, as Harbor's `/system/purgeaudit`; and every clock, as its `/schedules`.

use crate::answers::{Answer, Created, Done, Listed, Shown, Text, Time};
use crate::call::{Call, Json, id};
use crate::errors::{ApiError, by};
use crate::gc::{Schedule, Scheduled, Trigger, pattern};
use crate::list::{self, Asks, page};
use axum::extract::Path;
use domain::audit::{self, Asked, Purge};
use domain::schedules::{self, Kind};
use model::Page;
use model::audit::Entry;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

const NAME: &str = "PURGE_AUDIT_LOG";

/// Members as this API calls them.
const NAMES: &[(&str, &str)] = &[("hours", "parameters.audit_retention_hour"), ("types", "parameters.include_event_types"), ("cron", "schedule.cron")];

#[derive(Deserialize, Default, ToSchema)]
#[schema(as = PurgeParameters)]
pub struct Parameters {
    #[serde(default)]
    audit_retention_hour: i64,
    /// Names such as `create_artifact`, separated by commas.
    #[serde(default)]
    include_event_types: String,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PurgeSchedule)]
pub struct Input {
    #[serde(default)]
    schedule: Schedule,
    #[serde(default)]
    parameters: Parameters,
}

impl Parameters {
    fn read(&self) -> Purge {
        let types = self.include_event_types.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
        Purge { hours: self.audit_retention_hour, types, dry_run: self.dry_run }
    }
}

fn parameters(hours: i64, types: &str, dry_run: bool) -> String {
    json!({ "audit_retention_hour": hours, "include_event_types": types, "dry_run": dry_run }).to_string()
}

pub async fn schedule(call: Call) -> Answer<Shown<Scheduled>> {
    let (found, purge) = audit::purge_schedule(&call.ctx, &call.who).await?;
    let (cron, next) = found.map(|found| (found.cron, found.next)).unwrap_or_default();
    let trigger = Trigger::new(model::schedule::kind(&cron), cron.clone(), next);
    Ok(Shown(Scheduled::new(NAME, parameters(purge.hours, &purge.types.join(","), false), trigger)))
}

/// Purges now, by a schedule of the type `Manual`; else sets when it is done by itself.
pub async fn start(call: Call, Json(input): Json<Input>) -> Answer<Created> {
    domain::access::administrator(&call.ctx, &call.who).await?;
    match pattern(&input.schedule)? {
        None => audit::start_purge(&call.ctx, &call.who, input.parameters.read()).await.map_err(by(NAMES))?,
        Some(_) => {
            set(&call, &input).await?;
        }
    }
    Ok(Created("/api/v2.0/system/purgeaudit/schedule".to_owned()))
}

pub async fn reschedule(call: Call, Json(input): Json<Input>) -> Answer<Done> {
    domain::access::administrator(&call.ctx, &call.who).await?;
    set(&call, &input).await
}

async fn set(call: &Call, input: &Input) -> Answer<Done> {
    let Some(cron) = pattern(&input.schedule)? else { return Err(ApiError::bad("schedule.type Manual purges now: POST it")) };
    if input.parameters.dry_run {
        return Err(ApiError::bad("parameters.dry_run: what is done by itself purges; a dry run is started with the schedule's type Manual"));
    }
    audit::set_purge_schedule(&call.ctx, &call.who, cron, input.parameters.read()).await.map_err(by(NAMES))?;
    Ok(Done)
}

/// One purge, as Harbor shows a job.
#[derive(Serialize, ToSchema)]
#[schema(as = PurgeHistory)]
pub struct Run {
    id: i64,
    job_name: &'static str,
    job_kind: &'static str,
    job_parameters: String,
    job_status: &'static str,
    deleted: bool,
    creation_time: Time,
    update_time: Time,
}

impl From<Entry> for Run {
    fn from(entry: Entry) -> Run {
        let field = |name: &str| entry.fields.get(name).cloned().unwrap_or_default();
        let hours = field("hours").parse().unwrap_or(0);
        Run {
            id: entry.id, job_name: NAME, job_kind: "MANUAL", job_parameters: parameters(hours, &field("types").replace(' ', ","), field("dry_run") == "true"),
            job_status: "Success", deleted: false, creation_time: entry.at.into(), update_time: entry.last_at.into(),
        }
    }
}

/// Those that have ended: the log tells of each.
fn ended() -> Asked {
    Asked { kinds: vec!["audit.purge".to_owned()], ..Asked::default() }
}

pub async fn list(call: Call) -> Answer<Listed<Run>> {
    let sorts = &[("id", "at"), ("creation_time", "at"), ("update_time", "at")];
    let (query, _) = list::query(&call, &Asks { sorts, name: "", keys: &[], columns: &[] })?;
    let (number, size) = list::window(&call)?;
    let skip = (number - 1).saturating_mul(size);
    let (items, total) = audit::page(&call.ctx, &call.who, None, &ended(), skip, size, query.sort == "at").await?;
    page(&call, Page { items, total, next: None }, Run::from)
}

async fn one(call: &Call, text: &str) -> Answer<Entry> {
    let id = id(text)?;
    let found = audit::list(&call.ctx, &call.who, None, &ended(), Some(id.saturating_add(1)), 1).await?.items;
    found.into_iter().find(|entry| entry.id == id).ok_or_else(|| ApiError::not_found(format!("purge {id} was not found")))
}

pub async fn get(call: Call, Path(text): Path<String>) -> Answer<Shown<Run>> {
    Ok(Shown(one(&call, &text).await?.into()))
}

pub async fn log(call: Call, Path(text): Path<String>) -> Answer<Text> {
    let entry = one(&call, &text).await?;
    let field = |name: &str| entry.fields.get(name).cloned().unwrap_or_default();
    let what = if field("dry_run") == "true" { "would go" } else { "went" };
    Ok(Text(format!("{} {} rows {what} that were older than {} hours, of {}\n", entry.at.rfc3339(), field("rows"), field("hours"), field("types"))))
}

/// A clock.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduleTask)]
pub struct Clock {
    id: i64,
    vendor_type: &'static str,
    /// Of what it belongs to: a policy; 0 for the server.
    vendor_id: i64,
    cron: String,
    update_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_scheduled_time: Option<Time>,
}

pub async fn clocks(call: Call) -> Answer<Listed<Clock>> {
    list::query(&call, &Asks { sorts: &[], name: "", keys: &[], columns: &[] })?;
    let (number, size) = list::window(&call)?;
    let all: Vec<_> = schedules::list(&call.ctx, &call.who).await?.into_iter().filter(|(.., clock)| !clock.cron.is_empty()).enumerate().collect();
    let total = all.len() as i64;
    let skip = usize::try_from((number - 1).saturating_mul(size)).unwrap_or(usize::MAX);
    let items = all.into_iter().skip(skip).take(usize::try_from(size).unwrap_or_default()).collect();
    page(&call, Page { items, total, next: None }, |(n, (kind, key, clock))| Clock {
        id: n as i64 + 1, vendor_type: kind.harbor(), vendor_id: key.parse().unwrap_or(0), cron: clock.cron, update_time: clock.set_at.into(),
        next_scheduled_time: clock.next.map(Time::from),
    })
}

/// Whether clocks stand still: here none does.
#[derive(Serialize, ToSchema)]
#[schema(as = SchedulerStatus)]
pub struct Paused {
    paused: bool,
}

pub async fn paused(call: Call, Path(kind): Path<String>) -> Answer<Shown<Paused>> {
    domain::access::administrator(&call.ctx, &call.who).await?;
    match kind == "all" || Kind::ALL.iter().any(|known| known.harbor() == kind) {
        true => Ok(Shown(Paused { paused: false })),
        false => Err(ApiError::not_found(format!("clocks of the kind {kind} are not known here"))),
    }
}
