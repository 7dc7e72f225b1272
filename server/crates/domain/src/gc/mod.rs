//! Garbage collection: finds blobs that no artifact is made of, and deletes them while pushes go on.
//!
//! What a push may count on is safe for [`Settings::gc_grace`]: a blob is touched in the transaction that stores, links or
//! mounts it, that deletes the artifact it was part of, or that tells a client it is there although no artifact uses it. A
//! collection takes what was touched before the grace only, by conditional updates: first the
//! row is `deleting`, committed, then the bytes go, then the row. A push of the same content waits for that, and a crash
//! between leaves a row that the next collection finishes.
//!
//! [`Settings::gc_grace`]: crate::Settings::gc_grace

mod schedule;
pub(crate) mod sql;
#[cfg(test)]
mod tests;
mod work;

pub use schedule::{schedule, set_schedule};
pub(crate) use schedule::{start_by_span, start_due};
pub use work::run;
#[cfg(any(test, feature = "testing"))]
pub(crate) use work::collect;

use crate::access;
use crate::ctx::Ctx;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::jobs;
use crate::schedules::{self, Due};
use model::collection::{Collection, WhyKept};
use model::run::{RunStatus, Trigger};
use model::list::Query;
use model::{CollectionId, Digest, Page, Stamp};

/// The kind of its job; the key is the collection's id.
pub const JOB: &str = "gc";

/// Starts a collection. One at a time.
pub async fn start(ctx: &Ctx, who: &Principal, dry_run: bool) -> Result<CollectionId> {
    begin(ctx, who, Trigger::Manual, dry_run, None).await?.ok_or_else(|| Error::Internal("a collection without a clock waited for one".to_owned()))
}

/// `due` is the clock that asks for it; `None` is answered where another process answered that clock.
async fn begin(ctx: &Ctx, who: &Principal, trigger: Trigger, dry_run: bool, due: Option<Due>) -> Result<Option<CollectionId>> {
    if !dry_run && ctx.configuration().read_only {
        return Err(Error::Precondition("this server is read-only for now: nothing is deleted, only a dry run can be made".to_owned()));
    }
    let (now, caller) = (ctx.now(), who.clone());
    let id = ctx
        .change(who, Event::CollectionStarted { dry_run }, async move |c| {
            let mut proof = access::system(c, now, &caller).await?;
            let c = proof.conn();
            if let Some(due) = &due
                && !schedules::took(c, now, due).await?
            {
                return Ok(None);
            }
            if let Some(id) = sql::unsettled(c).await? {
                return Err(Error::Precondition(format!("collection {id} is still running: wait for it, or stop it")));
            }
            let id = sql::insert(c, now, trigger, dry_run, &caller.name()).await?;
            jobs::enqueue(c, now, JOB, &id.to_string(), ("", "")).await?;
            Ok(Some(id))
        })
        .await?;
    ctx.local.work.notify_waiters();
    Ok(id)
}

/// Collections, newest first.
pub async fn list(ctx: &Ctx, who: &Principal, query: &Query) -> Result<Page<Collection>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::list(proof.conn(), query).await
}

/// One collection, and its log.
pub async fn get(ctx: &Ctx, who: &Principal, id: CollectionId) -> Result<(Collection, String)> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::get(proof.conn(), id).await?.ok_or_else(|| Error::not_found("collection", id))
}

/// Asks a collection to stop; what it deleted stays deleted.
pub async fn stop(ctx: &Ctx, who: &Principal, id: CollectionId) -> Result<()> {
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::CollectionStopped { collection: id.0 }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        let c = proof.conn();
        let (found, _) = sql::get(c, id).await?.ok_or_else(|| Error::not_found("collection", id))?;
        if found.status.settled() {
            return Err(Error::Precondition(format!("collection {id} has ended")));
        }
        // Without a job nobody works on it.
        if !jobs::request_stop(c, JOB, &id.to_string()).await? {
            sql::note(c, id, RunStatus::Stopped, &sql::Tally::default(), "stopped; nobody was working on it\n", Some(now)).await?;
        }
        Ok(())
    })
    .await
}

/// Why a blob is kept; an error if there is no such blob.
pub async fn why(ctx: &Ctx, who: &Principal, digest: &Digest) -> Result<WhyKept> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    let c = proof.conn();
    let size = sql::size(c, digest).await?.ok_or_else(|| Error::not_found("blob", digest))?;
    let waits = sql::waits(c, digest).await?;
    let grace = ctx.settings.gc_grace;
    Ok(WhyKept {
        digest: digest.clone(),
        size,
        used_by: sql::used_by(c, digest).await?,
        deleted: crate::deletions::sql::keepers(c, digest).await?,
        waits: waits.into_iter().map(|(name, touched)| (name, Stamp(touched.0 + grace))).collect(),
    })
}
