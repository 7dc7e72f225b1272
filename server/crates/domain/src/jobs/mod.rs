//! Jobs: what outlives a request. A durable row (kind, key, state, lease), run by a worker in any process that shares the
//! database. A worker that dies loses its lease, and another goes on.

mod sql;
#[cfg(test)]
mod tests;

use crate::ctx::Ctx;
use crate::db::Engine;
use crate::error::Result;
use futures_util::{FutureExt, StreamExt};
use futures_util::stream::FuturesUnordered;
use std::time::Duration;
use tokio::sync::watch;

pub(crate) use sql::{enqueue, request_stop, withdraw};

/// How long a worker owns a job without saying so again, in ms.
pub const LEASE: i64 = 15_000;

/// A job that this process runs now.
#[derive(Clone, Debug)]
pub struct Claim {
    pub id: i64,
    /// What the job is about, e.g. an execution's id.
    pub key: String,
    owner: String,
}

/// How a job stands, at each renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    Ours,
    StopRequested,
    /// The lease ran out and another worker has it.
    Lost,
}

/// How often an idle worker looks for work, and how long one waits after a failure.
const LOOK: Duration = Duration::from_secs(5);

/// Runs jobs of `kind`, as many `at_once` and of one crowd at most `of_one`, until `stopping` says so. One that fails is taken up again when its lease ends.
pub async fn serve<F>(ctx: &Ctx, kind: &'static str, at_once: usize, of_one: i64, mut stopping: watch::Receiver<bool>, run: impl Fn(Claim) -> F)
where
    F: Future<Output = Result<()>>,
{
    let mut running = FuturesUnordered::new();
    while !*stopping.borrow() {
        let rung = ctx.local.work.notified();
        let idle = match running.len() < at_once {
            false => false,
            true => match claim(ctx, kind, of_one).await {
                Ok(Some(claim)) => {
                    let run = &run;
                    running.push(async move {
                        let key = claim.key.clone();
                        // What one job breaks ends no other.
                        match std::panic::AssertUnwindSafe(run(claim)).catch_unwind().await {
                            Ok(Ok(())) => {}
                            Ok(Err(error)) => {
                                tracing::error!(%error, kind, key, "a job broke off; it is tried again");
                                tokio::time::sleep(LOOK).await;
                            }
                            Err(_) => {
                                tracing::error!(kind, key, "a job panicked; it is tried again when its lease ends");
                                tokio::time::sleep(LOOK).await;
                            }
                        }
                    });
                    continue;
                }
                Ok(None) => true,
                Err(error) => {
                    tracing::warn!(%error, kind, "jobs could not be read");
                    true
                }
            },
        };
        tokio::select! {
            Some(()) = running.next() => {}
            () = rung, if idle => {}
            () = tokio::time::sleep(LOOK), if idle => {}
            _ = stopping.changed() => {}
        }
    }
    // They see for themselves that the server stops.
    while running.next().await.is_some() {}
}

/// Takes the oldest job of `kind` that waits, or whose worker died; of one crowd not more than `of_one` at a time.
pub async fn claim(ctx: &Ctx, kind: &'static str, of_one: i64) -> Result<Option<Claim>> {
    let (now, owner) = (ctx.now(), ctx.random.id());
    ctx.db.write(async move |c| sql::claim(c, now, kind, of_one, &owner).await).await
}

/// Says that the job is still being worked on.
pub async fn renew(ctx: &Ctx, claim: &Claim) -> Result<Hold> {
    let (now, claim) = (ctx.now(), claim.clone());
    ctx.db.write(async move |c| sql::renew(c, now, &claim).await).await
}

/// How often a lease is renewed, and it is asked whether to stop.
const RENEW: Duration = Duration::from_millis(500);

/// Why a job ends before its work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Somebody asked it to.
    Stopped,
    /// The server stops, or another worker has the job: nothing more is written.
    Left,
}

/// Does the job's work and keeps its lease meanwhile, however long one step takes. Where it is cut the work is dropped where it waits: what it
/// sent to be written is written whole.
pub async fn hold<T>(ctx: &Ctx, claim: &Claim, stopping: &watch::Receiver<bool>, work: impl Future<Output = T>) -> std::result::Result<T, Cut> {
    // What was asked before the first step.
    if let Some(cut) = cut(ctx, claim, stopping).await {
        return Err(cut);
    }
    // A task of its own: work that computes for long does not keep it from renewing. It lives no longer than the work, also where that panics.
    let mut watcher = AbortOnDrop(tokio::spawn(watch_over(ctx.clone(), claim.clone(), stopping.clone())));
    tokio::select! {
        biased;
        done = work => Ok(done),
        cut = &mut watcher.0 => Err(cut.unwrap_or(Cut::Left)),
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<Cut>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch_over(ctx: Ctx, claim: Claim, mut stopping: watch::Receiver<bool>) -> Cut {
    loop {
        tokio::select! {
            _ = stopping.changed() => return Cut::Left,
            () = tokio::time::sleep(RENEW) => {}
        }
        if let Some(cut) = cut(&ctx, &claim, &stopping).await {
            return cut;
        }
    }
}

/// Renews the lease; says why the work is to end, if it is.
async fn cut(ctx: &Ctx, claim: &Claim, stopping: &watch::Receiver<bool>) -> Option<Cut> {
    if *stopping.borrow() {
        return Some(Cut::Left);
    }
    match renew(ctx, claim).await {
        Ok(Hold::StopRequested) => Some(Cut::Stopped),
        Ok(Hold::Lost) => Some(Cut::Left),
        Ok(Hold::Ours) => None,
        Err(error) => {
            // The lease outlives a short trouble of the database.
            tracing::warn!(%error, key = claim.key, "a job's lease could not be renewed");
            None
        }
    }
}

/// The job is done; its row goes.
pub async fn finish(ctx: &Ctx, claim: &Claim) -> Result<()> {
    let claim = claim.clone();
    ctx.db.write(async move |c| sql::finish(c, &claim).await).await
}

/// At the start of the only process on an embedded database: what was running runs again at once.
pub async fn recover(ctx: &Ctx) -> Result<u64> {
    if ctx.db.engine() != Engine::Sqlite {
        return Ok(0);
    }
    ctx.db.write(async |c| sql::release_all(c).await).await
}
