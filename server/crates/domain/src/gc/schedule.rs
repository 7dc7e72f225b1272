//! When garbage is collected by itself: by a cron pattern that an administrator sets, else every `gc.every`.

use super::{begin, sql};
use crate::access;
use crate::ctx::Ctx;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::Principal;
use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use model::collection::Schedule;
use model::run::Trigger;
use model::{CollectionId, Stamp};

/// Reads a pattern: six fields, the first of them 0, as Harbor has them. At most once a minute, that is.
fn parse(text: &str) -> std::result::Result<Cron, String> {
    if text.split_whitespace().next() != Some("0") {
        return Err("must have six fields (second minute hour day month weekday), the first of them 0".to_owned());
    }
    CronParser::builder().seconds(Seconds::Required).build().parse(text).map_err(|error| format!("is no cron pattern: {error}"))
}

/// The next time after `from`, in UTC.
fn next(cron: &Cron, from: Stamp) -> Option<Stamp> {
    let from: DateTime<Utc> = DateTime::from_timestamp_millis(from.0)?;
    cron.find_next_occurrence(&from, false).ok().map(|at| Stamp(at.timestamp_millis()))
}

/// How it stands: the pattern, and when the next collection is due.
pub async fn schedule(ctx: &Ctx, who: &Principal) -> Result<Schedule> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    read(ctx, proof.conn()).await
}

async fn read(ctx: &Ctx, c: &mut sqlx::AnyConnection) -> Result<Schedule> {
    let (set, last, every) = (sql::schedule(c).await?, sql::last_start(c).await?, ctx.settings.gc_every);
    let cron = set.as_ref().map(|(cron, _)| cron.clone());
    let due = match &set {
        None if every <= 0 => None,
        // The first one of a server is due at once.
        None => Some(last.map_or(ctx.now(), |last| Stamp(last.0 + every))),
        Some((cron, set_at)) => parse(cron).ok().and_then(|cron| next(&cron, last.map_or(*set_at, |last| last.max(*set_at)))),
    };
    Ok(Schedule { cron, every, next: due })
}

/// Sets it: a pattern, `Some("")` for never, `None` for what the configuration says.
pub async fn set_schedule(ctx: &Ctx, who: &Principal, cron: Option<String>) -> Result<()> {
    let never = |at: Option<Stamp>| at.is_none().then(|| "never comes: no day is so".to_owned());
    let problem = cron.as_deref().filter(|cron| !cron.is_empty()).and_then(|cron| parse(cron).map_or_else(Some, |cron| never(next(&cron, ctx.now()))));
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::CollectionScheduled { cron: cron.clone() }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        if let Some(problem) = &problem {
            return Err(Error::invalid("cron", problem.clone()));
        }
        sql::set_schedule(proof.conn(), now, cron.as_deref()).await
    })
    .await
}

/// Starts the scheduled collection if it is due.
pub async fn start_if_due(ctx: &Ctx) -> Result<Option<CollectionId>> {
    let mut c = ctx.db.read().await?;
    let due = read(ctx, &mut c).await?.next;
    let busy = sql::unsettled(&mut c).await?.is_some();
    drop(c);
    if busy || ctx.configuration().read_only || due.is_none_or(|due| due > ctx.now()) {
        return Ok(None);
    }
    begin(ctx, &Principal::system(), Trigger::Schedule, false).await.map(Some)
}
