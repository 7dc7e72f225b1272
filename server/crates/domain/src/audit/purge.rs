//! Purging the log before its time, by kinds and age, as Harbor's clients ask for it: by a clock, or now. What is kept for ever by nobody goes after
//! `retention.events` in any case ([`crate::upkeep`]). What a purge did is in the log itself.

use super::sql;
use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::identity::Principal;
use crate::jobs::{self, Claim};
use crate::schedules::{self, Due, Kind};
use model::Stamp;
use model::audit::harbor;
use model::schedule::Schedule;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// The kind of its job; the key is the purge itself, as JSON.
pub const JOB: &str = "audit-purge";

/// Longest age that is kept, in hours: ten years.
const MOST: i64 = 87_600;
/// Most types that are named, and the longest.
const TYPES: usize = 200;
const LONGEST: usize = 64;

/// What goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purge {
    /// What is older, in hours.
    pub hours: i64,
    /// Of these types, by Harbor's names (`create_artifact`); of none nothing goes. What this server does not have is kept as it was sent.
    pub types: Vec<String>,
    /// It only counts.
    #[serde(default)]
    pub dry_run: bool,
}

/// Harbor's name of a kind.
pub fn type_of(kind: &str) -> String {
    let (noun, verb) = harbor(kind);
    format!("{verb}_{noun}")
}

impl Purge {
    fn check(&self) -> Result<()> {
        let mut problems = model::Problems::new();
        if !(1..=MOST).contains(&self.hours) {
            problems.add("hours", format!("must be 1 to {MOST} hours"));
        }
        let plain = |text: &String| (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if self.types.len() > TYPES || !self.types.iter().all(plain) {
            problems.add("types", format!("must be at most {TYPES} names such as create_artifact"));
        }
        problems.check().map_err(Error::Invalid)
    }

    fn kinds(&self) -> Vec<&'static str> {
        Event::KINDS.iter().copied().filter(|kind| self.types.iter().any(|one| *one == type_of(kind))).collect()
    }

    fn key(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The clock and what it purges, as they were set last.
pub async fn schedule(ctx: &Ctx, who: &Principal) -> Result<(Option<Schedule>, Purge)> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    Ok((schedules::get(proof.conn(), Kind::AuditPurge, "").await?, sql::purge(proof.conn()).await?))
}

/// Sets the clock; empty for never, where what it would purge need not be said.
pub async fn set_schedule(ctx: &Ctx, who: &Principal, cron: String, purge: Purge) -> Result<()> {
    let (now, caller) = (ctx.now(), who.clone());
    let event = Event::AuditPurgeScheduled { cron: cron.clone(), hours: purge.hours, types: purge.types.join(" ") };
    ctx.change(who, event, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        schedules::checked(&cron, now)?;
        // Where it is never purged, how old is left out.
        let said = if cron.is_empty() && purge.hours == 0 { Purge { hours: 1, ..purge.clone() } } else { purge.clone() };
        said.check()?;
        sql::set_purge(proof.conn(), &purge.key()).await?;
        schedules::set(proof.conn(), now, Kind::AuditPurge, "", Some(&cron)).await
    })
    .await
}

/// Purges now.
pub async fn start(ctx: &Ctx, who: &Principal, purge: Purge) -> Result<()> {
    begin(ctx, who, purge, None).await
}

async fn begin(ctx: &Ctx, who: &Principal, purge: Purge, due: Option<Due>) -> Result<()> {
    let (now, caller) = (ctx.now(), who.clone());
    let event = Event::AuditPurgeStarted { hours: purge.hours, types: purge.types.join(" "), dry_run: purge.dry_run };
    ctx.change(who, event, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        purge.check()?;
        let c = proof.conn();
        if let Some(due) = &due
            && !schedules::took(c, now, due).await?
        {
            return Ok(());
        }
        jobs::enqueue(c, now, JOB, &purge.key(), ("", "")).await
    })
    .await?;
    ctx.local.work.notify_waiters();
    Ok(())
}

/// Starts the purge whose clock is due; it stays due while the server is read-only.
pub(crate) async fn start_due(ctx: &Ctx, due: &Due) -> Result<()> {
    if ctx.configuration().read_only {
        return Ok(());
    }
    let purge = sql::purge(&mut *ctx.db.read().await?).await?;
    begin(ctx, &Principal::system(), purge, Some(due.clone())).await
}

/// Carries purges out until `stopping` says so.
pub async fn run(ctx: Ctx, stopping: watch::Receiver<bool>) {
    let (ctx, ends) = (&ctx, &stopping);
    jobs::serve(ctx, JOB, 1, 1, stopping.clone(), |claim| async move { carry_out(ctx, &claim, ends).await }).await;
}

pub(super) async fn carry_out(ctx: &Ctx, claim: &Claim, stopping: &watch::Receiver<bool>) -> Result<()> {
    let Ok(purge) = serde_json::from_str::<Purge>(&claim.key) else {
        tracing::error!(key = claim.key, "a job that purges the log does not say what");
        return jobs::finish(ctx, claim).await;
    };
    let rows = match jobs::hold(ctx, claim, stopping, all(ctx, &purge)).await {
        Ok(done) => done?,
        Err(_) => return Ok(()),
    };
    let event = Event::AuditPurged { rows, hours: purge.hours, types: purge.types.join(" "), dry_run: purge.dry_run };
    ctx.change(&Principal::system(), event, async |_| Ok(())).await?;
    jobs::finish(ctx, claim).await
}

/// In small writes, which others pass. Broken off it goes on with what is left, and tells of that alone.
async fn all(ctx: &Ctx, purge: &Purge) -> Result<i64> {
    let before = Stamp(ctx.now().0 - purge.hours * 3_600_000);
    let mut rows = 0;
    for kind in purge.kinds() {
        if purge.dry_run {
            rows += sql::count_before(&mut *ctx.db.read().await?, kind, before).await?;
            continue;
        }
        loop {
            match ctx.db.write_content(async move |c| sql::delete_before(c, kind, before).await).await? {
                0 => break,
                n => rows += n,
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    Ok(rows)
}
