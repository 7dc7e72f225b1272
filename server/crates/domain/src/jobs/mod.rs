//! Jobs: what outlives a request. A durable row (kind, key, state, lease), run by a worker in any process that shares the
//! database. A worker that dies loses its lease, and another goes on.

mod sql;

use crate::ctx::Ctx;
use crate::db::Engine;
use crate::error::Result;
use std::time::Duration;
use tokio::sync::watch;

pub(crate) use sql::{enqueue, request_stop};

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

/// Runs jobs of `kind`, one after the other, until `stopping` says so. One that fails is taken up again when its lease ends.
pub async fn serve<F>(ctx: &Ctx, kind: &'static str, mut stopping: watch::Receiver<bool>, run: impl Fn(Claim) -> F)
where
    F: Future<Output = Result<()>>,
{
    while !*stopping.borrow() {
        let rung = ctx.local.work.notified();
        match claim(ctx, kind).await {
            Ok(Some(claim)) => {
                let key = claim.key.clone();
                if let Err(error) = run(claim).await {
                    tracing::error!(%error, kind, key, "a job broke off; it is tried again");
                    tokio::time::sleep(LOOK).await;
                }
            }
            Ok(None) => {
                tokio::select! {
                    () = rung => {}
                    () = tokio::time::sleep(LOOK) => {}
                    _ = stopping.changed() => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, kind, "jobs could not be read");
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

/// Takes the oldest job of `kind` that waits, or whose worker died.
pub async fn claim(ctx: &Ctx, kind: &'static str) -> Result<Option<Claim>> {
    let (now, owner) = (ctx.now(), ctx.random.id());
    ctx.db.write(async move |c| sql::claim(c, now, kind, &owner).await).await
}

/// Says that the job is still being worked on.
pub async fn renew(ctx: &Ctx, claim: &Claim) -> Result<Hold> {
    let (now, claim) = (ctx.now(), claim.clone());
    ctx.db.write(async move |c| sql::renew(c, now, &claim).await).await
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
