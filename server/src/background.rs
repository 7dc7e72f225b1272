//! What goes on beside requests: replication, garbage collection, sweeping, and bookkeeping in batches.

use domain::artifacts::Pulls;
use domain::events;
use domain::{Ctx, activity, audit, forward, gc, quotas, retention, robots, schedules, sessions, upkeep, uploads};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often bookkeeping is written, and left-over things are swept.
const FLUSH: Duration = Duration::from_secs(5);
/// How often it is asked whether a clock is due.
const DUE: Duration = Duration::from_secs(30);
const SWEEP: Duration = Duration::from_secs(600);

/// Starts everything; the handle ends when all of it has.
pub fn start(ctx: Ctx, stopping: watch::Receiver<bool>) -> JoinHandle<()> {
    let worker = tokio::spawn(replication::run(ctx.clone(), stopping.clone()));
    let collector = tokio::spawn(gc::run(ctx.clone(), stopping.clone()));
    let retainer = tokio::spawn(retention::run(ctx.clone(), stopping.clone()));
    let purger = tokio::spawn(audit::run(ctx.clone(), stopping.clone()));
    let forwarder = tokio::spawn(forward::run(ctx.clone(), stopping.clone()));
    let filler = tokio::spawn(fill(ctx.clone(), stopping.clone()));
    let keeper = tokio::spawn(keep(ctx.clone(), stopping));
    tokio::spawn(async move {
        if let Err(damage) = ctx.db.look().await {
            tracing::error!("{damage}");
        }
    });
    tokio::spawn(async move {
        let _ = tokio::join!(worker, collector, retainer, purger, forwarder, keeper, filler);
    })
}

/// Writes what is batched.
pub async fn flush(ctx: &Ctx) {
    if let Err(error) = Pulls::flush(ctx).await {
        tracing::warn!(%error, "pull times could not be written");
    }
    if let Err(error) = activity::flush(ctx).await {
        tracing::warn!(%error, "pushes could not be put into their days");
    }
    if let Err(error) = robots::flush_use(ctx).await {
        tracing::warn!(%error, "robot accounts' last use could not be written");
    }
    if let Err(error) = events::flush(ctx).await {
        tracing::warn!(%error, "what is summed up for the audit log could not be written");
    }
    if let Err(error) = forward::flush(ctx).await {
        tracing::warn!(%error, "what is to be forwarded could not be written");
    }
    if let Err(error) = ctx.local.throttle.flush(ctx).await {
        tracing::warn!(%error, "failed sign-ins could not be written");
    }
}

/// Looks after what came before anybody looked, now and then.
async fn fill(ctx: Ctx, mut stopping: watch::Receiver<bool>) {
    let mut at = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            _ = at.tick() => {}
            _ = stopping.changed() => return,
        }
        let ended = stopping.clone();
        if let Err(error) = domain::artifacts::fill(&ctx, || *ended.borrow()).await {
            tracing::warn!(%error, "what configurations say could not be filled in");
        }
    }
}

async fn keep(ctx: Ctx, mut stopping: watch::Receiver<bool>) {
    let (mut flush_at, mut due_at, mut sweep_at) =
        (tokio::time::interval(FLUSH), tokio::time::interval(DUE), tokio::time::interval(SWEEP));
    loop {
        tokio::select! {
            _ = flush_at.tick() => {
                flush(&ctx).await;
                // Another process may have set it.
                if let Err(error) = domain::configuration::load(&ctx).await {
                    tracing::warn!(%error, "the configuration could not be read");
                }
            }
            _ = due_at.tick() => {
                if let Err(error) = schedules::start_due(&ctx).await {
                    tracing::warn!(%error, "what is due could not be started");
                }
                match quotas::make_room(&ctx).await {
                    Ok(0) => {}
                    Ok(n) => tracing::info!(n, "deletions of projects that hold twice their limit went before their time"),
                    Err(error) => tracing::warn!(%error, "deletions of projects that hold twice their limit could not be let go"),
                }
            }
            _ = sweep_at.tick() => {
                if let Err(error) = sessions::sweep(&ctx).await {
                    tracing::warn!(%error, "ended sessions could not be swept");
                }
                if let Err(error) = ctx.local.throttle.sweep(&ctx).await {
                    tracing::warn!(%error, "old failed sign-ins could not be swept");
                }
                if let Err(error) = activity::note_stored(&ctx).await {
                    tracing::warn!(%error, "what projects hold could not be noted");
                }
                match upkeep::purge(&ctx).await {
                    Ok(0) => {}
                    Ok(n) => tracing::info!(n, "rows that were past their time are gone"),
                    Err(error) => tracing::warn!(%error, "rows that are past their time could not be purged"),
                }
                match uploads::sweep(&ctx).await {
                    Ok(0) => {}
                    Ok(n) => tracing::info!(n, "uploads that were left behind are gone"),
                    Err(error) => tracing::warn!(%error, "uploads could not be swept"),
                }
            }
            _ = stopping.changed() => return,
        }
    }
}
