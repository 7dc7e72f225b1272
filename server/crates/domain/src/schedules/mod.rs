//! Every clock of the server: what is done by itself, and when. A clock is a row (kind, key, cron pattern); when it is due, whoever it belongs
//! to makes a job, and moves the clock on in the same transaction: so of two processes one does it.
//!
//! A new kind of clock is a variant of [`Kind`] and a line in [`start_due`]. Patterns are in UTC. What was missed while no server ran is
//! made up for once.

mod sql;
#[cfg(test)]
mod tests;

use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::{audit, gc, retention};
use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use model::Stamp;
use model::schedule::Schedule;
use sqlx::AnyConnection;

/// What a clock sets off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A collection of garbage; its key is empty.
    Collection,
    /// A run of a project's tag retention; its key is the policy's number.
    Retention,
    /// A purge of the audit log; its key is empty.
    AuditPurge,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Collection, Kind::Retention, Kind::AuditPurge];

    /// The stored form.
    pub fn key(self) -> &'static str {
        match self {
            Kind::Collection => "gc",
            Kind::Retention => "retention",
            Kind::AuditPurge => "purge-audit",
        }
    }

    /// Harbor's word.
    pub fn harbor(self) -> &'static str {
        match self {
            Kind::Collection => "GARBAGE_COLLECTION",
            Kind::Retention => "RETENTION",
            Kind::AuditPurge => "PURGE_AUDIT_LOG",
        }
    }
}

/// A clock that is due.
#[derive(Clone, Debug)]
pub struct Due {
    pub kind: Kind,
    pub key: String,
    cron: String,
    next: Stamp,
}

/// Reads a pattern: six fields, the first of them 0, as Harbor has them. At most once a minute, that is.
pub(crate) fn parse(text: &str) -> std::result::Result<Cron, String> {
    let mut fields = text.split_whitespace();
    if fields.next().and_then(|first| first.parse::<u8>().ok()) != Some(0) || fields.count() != 5 || text.len() > 100 {
        return Err("must have six fields (second minute hour day month weekday), the first of them 0: every night is 0 0 0 * * *".to_owned());
    }
    CronParser::builder().seconds(Seconds::Required).build().parse(text).map_err(|error| format!("is no cron pattern: {error}"))
}

/// The next time after `from`, in UTC.
pub(crate) fn next(cron: &Cron, from: Stamp) -> Option<Stamp> {
    let from: DateTime<Utc> = DateTime::from_timestamp_millis(from.0)?;
    cron.find_next_occurrence(&from, false).ok().map(|at| Stamp(at.timestamp_millis()))
}

fn next_of(cron: &str, from: Stamp) -> Option<Stamp> {
    parse(cron).ok().and_then(|cron| next(&cron, from))
}

/// Refuses what is no pattern, and one that never comes; empty is never, which is no mistake.
pub fn check(cron: &str, now: Stamp) -> std::result::Result<(), String> {
    if cron.is_empty() {
        return Ok(());
    }
    match next(&parse(cron)?, now) {
        Some(_) => Ok(()),
        None => Err("never comes: no day is so".to_owned()),
    }
}

/// Sets a clock that was checked; `None` takes it away.
pub(crate) async fn set(c: &mut AnyConnection, now: Stamp, kind: Kind, key: &str, cron: Option<&str>) -> Result<()> {
    match cron {
        // The same again is no new clock: what is due stays due.
        Some(cron) if sql::get(c, kind, key).await?.is_some_and(|set| set.cron == cron) => Ok(()),
        Some(cron) => sql::set(c, now, kind, key, cron, next_of(cron, now)).await,
        None => sql::remove(c, kind, key).await,
    }
}

/// A clock, if it was ever set.
pub(crate) async fn get(c: &mut AnyConnection, kind: Kind, key: &str) -> Result<Option<Schedule>> {
    sql::get(c, kind, key).await
}

/// Moves a due clock on, in the transaction that makes its job; `false`: another process did, or it was set anew.
pub(crate) async fn took(c: &mut AnyConnection, now: Stamp, due: &Due) -> Result<bool> {
    sql::took(c, now, due, next_of(&due.cron, now)).await
}

/// Sets off what is due.
pub async fn start_due(ctx: &Ctx) -> Result<()> {
    let now = ctx.now();
    for due in due(ctx, now).await? {
        let started = match due.kind {
            Kind::Collection => gc::start_due(ctx, &due).await,
            Kind::Retention => retention::start_due(ctx, &due).await,
            Kind::AuditPurge => audit::start_due(ctx, &due).await,
        };
        // What one kind's trouble is keeps no other from its time.
        if let Err(error) = started {
            tracing::warn!(%error, kind = due.kind.key(), key = due.key, "what is due could not be started; it is tried again");
        }
    }
    gc::start_by_span(ctx).await.map(drop)
}

/// What is due. A time that lies further off than the pattern's next was made by a clock that ran ahead: it is put right.
async fn due(ctx: &Ctx, now: Stamp) -> Result<Vec<Due>> {
    let all = sql::all(&mut *ctx.db.read().await?).await?;
    let mut found = Vec::new();
    for (kind, key, schedule) in all {
        let Some(expected) = next_of(&schedule.cron, now) else { continue };
        match schedule.next {
            Some(next) if next <= now => found.push(Due { kind, key, cron: schedule.cron, next }),
            Some(next) if next <= expected => {}
            _ => {
                let from = schedule.next;
                ctx.db.write_content(async move |c| sql::put_right(c, kind, &key, from, expected).await).await?;
            }
        }
    }
    Ok(found)
}

/// All clocks, for administrators: kind, key, and how each stands.
pub async fn list(ctx: &Ctx, who: &Principal) -> Result<Vec<(Kind, String, Schedule)>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::all(proof.conn()).await
}

/// As [`check`], as an error of the field `cron`.
pub(crate) fn checked(cron: &str, now: Stamp) -> Result<()> {
    check(cron, now).map_err(|problem| Error::invalid("cron", problem))
}
