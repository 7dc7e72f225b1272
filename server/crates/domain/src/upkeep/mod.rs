//! What requests and runs make grow has an end: rows that are old, or more than are kept, go in small batches beside pushes.
//! What each holds is shown to administrators.

use crate::access;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::identity::Principal;
use crate::{activity, deletions, events};
use model::Stamp;
use model::storage::{Held, Table};
use sqlx::AnyConnection;

#[cfg(test)]
mod growth;
mod sql;
#[cfg(test)]
mod tests;

/// Rows of one write.
const BATCH: i64 = 500;

/// How long things are kept, in ms, and how many.
#[derive(Clone, Copy, Debug)]
pub struct Spans {
    pub events: i64,
    pub events_rows: i64,
    /// Executions with their tasks and logs, and collections.
    pub runs: i64,
    pub runs_kept: i64,
}

impl Default for Spans {
    fn default() -> Self {
        Spans { events: 400 * 86_400_000, events_rows: 0, runs: 90 * 86_400_000, runs_kept: 10_000 }
    }
}

/// Deletes what is past its time; answers how many rows.
pub async fn purge(ctx: &Ctx) -> Result<u64> {
    let (now, kept) = (ctx.now(), ctx.settings.upkeep);
    let then = move |span: i64| Stamp(now.0 - span);
    let mut gone = 0;
    gone += batches(ctx, async move |c| events::purge(c, then(kept.events), kept.events_rows, BATCH).await).await?;
    // The tasks of some executions, then these, then those of the next.
    loop {
        gone += batches(ctx, async move |c| sql::purge_tasks(c, then(kept.runs), kept.runs_kept, BATCH).await).await?;
        match batches(ctx, async move |c| sql::purge_runs(c, "executions", then(kept.runs), kept.runs_kept, BATCH).await).await? {
            0 => break,
            n => gone += n,
        }
    }
    gone += batches(ctx, async move |c| sql::purge_runs(c, "collections", then(kept.runs), kept.runs_kept, BATCH).await).await?;
    gone += batches(ctx, async move |c| crate::retention::purge_kept(c, BATCH).await).await?;
    loop {
        for of in ["retention_results", "retention_tasks"] {
            gone += batches(ctx, async move |c| sql::purge_of_runs(c, of, then(kept.runs), kept.runs_kept, BATCH).await).await?;
        }
        match batches(ctx, async move |c| sql::purge_runs(c, "retention_runs", then(kept.runs), kept.runs_kept, BATCH).await).await? {
            0 => break,
            n => gone += n,
        }
    }
    if ctx.settings.forward.is_none() {
        gone += batches(ctx, async move |c| crate::forward::forget_all(c, BATCH).await).await?;
    }
    gone += batches(ctx, async move |c| activity::purge(c, activity::oldest(now), BATCH).await).await?;
    // Also where garbage is never collected.
    gone += batches(ctx, async move |c| deletions::sql::forget_over(c, now).await).await?;
    deletions::dismantle(ctx).await;
    Ok(gone)
}

/// One write after the other until there is nothing left to do; others pass between them.
async fn batches(ctx: &Ctx, one: impl AsyncFn(&mut AnyConnection) -> Result<u64> + Send + Sync + Clone + 'static) -> Result<u64> {
    let mut all = 0;
    loop {
        match ctx.db.write_content(one.clone()).await? {
            0 => return Ok(all),
            n => all += n,
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// What the database holds, for administrators.
pub async fn held(ctx: &Ctx, who: &Principal) -> Result<Held> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    let (c, kept) = (proof.conn(), ctx.settings.upkeep);
    let days = |span: i64| format!("{}, and no more than", model::stamp::span(span));
    let runs = format!("{} {} runs", days(kept.runs), model::stamp::grouped(kept.runs_kept));
    let bounds: [(&str, &str, String); 16] = [
        ("events", "Audit log", match kept.events_rows {
            0 => model::stamp::span(kept.events),
            rows => format!("{} {} rows", days(kept.events), model::stamp::grouped(rows)),
        }),
        ("outbox", "Events that wait to be forwarded", match &ctx.settings.forward {
            Some(receiver) => format!("until they are sent, and no more than {}", model::stamp::bytes(receiver.keep)),
            None => "nothing is forwarded".to_owned(),
        }),
        ("executions", "Replication executions", runs.clone()),
        ("tasks", "Replication tasks and logs", "as long as their execution".to_owned()),
        ("collections", "Garbage collections and logs", runs.clone()),
        ("retention_runs", "Retention runs and logs", runs),
        ("retention_tasks", "Repositories of retention runs", "as long as their run".to_owned()),
        ("retention_results", "What became of artifacts", "of what was removed as long as its run, else of the newest run".to_owned()),
        ("repository_days", "Pulls and pushes, by repository and day", format!("{} days", model::activity::MOST)),
        ("project_days", "Pulls, pushes and bytes, by project and day", format!("{} days", model::activity::MOST)),
        ("places", "Places that people signed in from", "90 days after the last, at most 65,536".to_owned()),
        ("failures", "Failed sign-ins", "15 minutes after the last, at most 65,536".to_owned()),
        ("deletions", "Deletions that can be undone", span(ctx.settings.recycle)),
        ("deleted_artifacts", "Manifests of deletions", "as long as their deletion".to_owned()),
        ("uploads", "Unfinished uploads", "24 hours".to_owned()),
        ("sessions", "Sessions in browsers", "until they end".to_owned()),
    ];
    let mut tables = Vec::new();
    for (name, label, kept) in bounds {
        let (rows, bytes) = sql::size(c, name).await?;
        tables.push(Table { name: name.to_owned(), label: label.to_owned(), rows, bytes, kept });
    }
    for (name, label) in [("artifacts", "Artifacts"), ("manifests", "Manifests"), ("tags", "Tags"), ("blobs", "Blobs (their rows)")] {
        let (rows, bytes) = sql::size(c, name).await?;
        tables.push(Table { name: name.to_owned(), label: label.to_owned(), rows, bytes, kept: "what was pushed".to_owned() });
    }
    let (bytes, free) = sql::whole(c).await?;
    let blobs = sql::blobs(c).await?;
    Ok(Held { tables, bytes, free, blobs, waiting: crate::deletions::sql::waiting(c, ctx.now(), None).await?.bytes })
}

/// What monitoring asks for, without anybody's right: it is served on an address of its own.
pub struct SeenFromOutside {
    pub database: i64,
    pub blobs: i64,
    pub waiting: i64,
    pub projects: i64,
    pub repositories: i64,
    pub artifacts: i64,
    /// Kind, state, how many.
    pub jobs: Vec<(String, String, i64)>,
    /// Rule, status, how many.
    pub executions: Vec<(String, String, i64)>,
    /// Rule, and when its last good execution ended, in ms.
    pub last_good: Vec<(String, i64)>,
    /// When the last backup was made, in ms.
    pub backup: Option<i64>,
}

/// Reads it.
pub async fn seen_from_outside(ctx: &Ctx) -> Result<SeenFromOutside> {
    let mut c = ctx.db.read().await?;
    let (projects, repositories, artifacts) = sql::amounts(&mut c).await?;
    Ok(SeenFromOutside {
        database: sql::whole(&mut c).await?.0,
        blobs: sql::blobs(&mut c).await?,
        waiting: crate::deletions::sql::waiting(&mut c, ctx.now(), None).await?.bytes,
        projects,
        repositories,
        artifacts,
        jobs: sql::jobs(&mut c).await?,
        executions: sql::executions(&mut c).await?,
        last_good: sql::last_good(&mut c).await?,
        backup: sql::backup(&mut c).await?,
    })
}

/// Notes that a backup was made now.
pub async fn note_backup(ctx: &Ctx) -> Result<()> {
    let now = ctx.now();
    ctx.db.write_content(async move |c| sql::note_backup(c, now).await).await
}

fn span(ms: i64) -> String {
    if ms == 0 { "not kept".to_owned() } else { model::stamp::span(ms) }
}
