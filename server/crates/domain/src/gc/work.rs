//! The run of one collection: pages of rows, each with a short transaction, so that pushes pass between them.

use super::sql::{self, BlobRow, Tally};
use super::JOB;
use crate::ctx::Ctx;
use crate::deletions;
use crate::error::{Error, Result};
use crate::jobs::{self, Claim, Hold};
use crate::points::point;
use model::run::RunStatus;
use model::stamp::count;
use model::{CollectionId, Digest, Stamp};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Rows of a page.
const PAGE: i64 = 500;
/// How often the lease is renewed within a page.
const RENEW: Duration = Duration::from_secs(3);
/// How long a collection waits for a backup before it looks whether it is to stop.
const WAIT: Duration = Duration::from_secs(2);
/// How long a collection rests between pages.
const REST: Duration = Duration::from_millis(5);

/// Runs collections until `stopping` says so; what is under way then begins again at the next start.
pub async fn run(ctx: Ctx, stopping: watch::Receiver<bool>) {
    let (ctx, ends) = (&ctx, &stopping);
    let one = |claim| async move {
        let _turn = ctx.local.turn.lock().await;
        collect(ctx, &claim, ends).await
    };
    jobs::serve(ctx, JOB, 1, 1, stopping.clone(), one).await;
}

/// Why a collection ends before its last page.
enum Cut {
    Stopped,
    /// The server stops, or another worker has the job: nothing more is written.
    Left,
}

/// Asked before each page.
async fn cut(ctx: &Ctx, claim: &Claim, stopping: &watch::Receiver<bool>) -> Result<Option<Cut>> {
    if *stopping.borrow() {
        return Ok(Some(Cut::Left));
    }
    Ok(match jobs::renew(ctx, claim).await? {
        Hold::Ours => None,
        Hold::StopRequested => Some(Cut::Stopped),
        Hold::Lost => Some(Cut::Left),
    })
}

/// Runs one collection to its end, a stop or the end of the server.
pub(crate) async fn collect(ctx: &Ctx, claim: &Claim, stopping: &watch::Receiver<bool>) -> Result<()> {
    let id = CollectionId(claim.key.parse().unwrap_or_default());
    let Some((found, _)) = sql::get(&mut *ctx.db.read().await?, id).await? else { return jobs::finish(ctx, claim).await };
    if found.status.settled() {
        return jobs::finish(ctx, claim).await;
    }
    let run = Run { ctx, id, claim, stopping, dry: found.dry_run, before: Stamp(ctx.now().0 - ctx.settings.gc_grace) };
    ctx.db.write(async move |c| sql::begin(c, id).await).await?;
    run.say(RunStatus::Running, Tally::default(), format!("takes what was touched before {}", run.before.rfc3339()), None).await?;
    let mut ended = None;
    if !run.dry {
        ended = match run.deletions().await? {
            None => run.links().await?,
            cut => cut,
        };
    }
    if ended.is_none() {
        ended = run.blobs().await?;
    }
    match ended {
        None => run.end(RunStatus::Succeeded, "done").await,
        Some(Cut::Stopped) => run.end(RunStatus::Stopped, "stopped by an administrator").await,
        Some(Cut::Left) => Ok(()),
    }
}

struct Run<'a> {
    ctx: &'a Ctx,
    id: CollectionId,
    claim: &'a Claim,
    stopping: &'a watch::Receiver<bool>,
    dry: bool,
    /// What was touched since is left alone.
    before: Stamp,
}

impl Run<'_> {
    async fn say(&self, status: RunStatus, more: Tally, line: String, ended: Option<Stamp>) -> Result<()> {
        let (id, line) = (self.id, format!("{} {line}\n", self.ctx.now().rfc3339()));
        self.ctx.db.write(async move |c| sql::note(c, id, status, &more, &line, ended).await).await
    }

    async fn end(&self, status: RunStatus, words: &str) -> Result<()> {
        self.say(status, Tally::default(), words.to_owned(), Some(self.ctx.now())).await?;
        jobs::finish(self.ctx, self.claim).await
    }

    /// Forgets the deletions that cannot be undone any more.
    async fn deletions(&self) -> Result<Option<Cut>> {
        loop {
            if let Some(cut) = cut(self.ctx, self.claim, self.stopping).await? {
                return Ok(Some(cut));
            }
            let now = self.ctx.now();
            match self.ctx.db.write(async move |c| deletions::sql::forget_over(c, now).await).await? {
                0 => {
                    deletions::parked::dismantle(self.ctx).await?;
                    return Ok(None);
                }
                n => self.say(RunStatus::Running, Tally::default(), format!("{} cannot be undone any more", count(n as i64, "deletion")), None).await?,
            }
        }
    }

    /// Takes blobs out of the repositories where nothing needs them.
    async fn links(&self) -> Result<Option<Cut>> {
        let mut after = sql::Link::default();
        loop {
            if let Some(cut) = cut(self.ctx, self.claim, self.stopping).await? {
                return Ok(Some(cut));
            }
            let (before, from) = (self.before, after.clone());
            let Some(last) = self.ctx.db.write(async move |c| sql::drop_links(c, before, &from, PAGE).await).await? else {
                return Ok(None);
            };
            after = last;
            point!("gc.unlinked");
            tokio::time::sleep(REST).await;
        }
    }

    /// Deletes the blobs that lie in no repository.
    async fn blobs(&self) -> Result<Option<Cut>> {
        let mut after = String::new();
        loop {
            if let Some(cut) = cut(self.ctx, self.claim, self.stopping).await? {
                return Ok(Some(cut));
            }
            let from = after.clone();
            let page = sql::blobs_after(&mut *self.ctx.db.read().await?, self.before, &from, PAGE).await?;
            let Some(last) = page.last() else { return Ok(None) };
            after = last.digest.clone();
            // A backup copies what its database knows: no bytes go until it is done.
            let Ok(_held) = tokio::time::timeout(WAIT, self.ctx.local.collecting.read()).await else {
                after = from;
                continue;
            };
            self.sweep(page).await?;
            tokio::time::sleep(REST).await;
        }
    }

    /// Deletes the garbage of a page: marks it, then its bytes, then its rows.
    async fn sweep(&self, page: Vec<BlobRow>) -> Result<()> {
        let mut tally = Tally { checked: page.len() as i64, ..Tally::default() };
        tally.young = page.iter().filter(|blob| blob.unused && blob.young).count() as i64;
        let garbage: Vec<BlobRow> = page.into_iter().filter(|blob| blob.unused && !blob.young).collect();
        let mut lines = Vec::new();
        let ours = if self.dry {
            garbage
        } else {
            let before = self.before;
            self.ctx.db.write(async move |c| sql::mark(c, before, &garbage).await).await?
        };
        point!("gc.marked");
        let mut gone = Vec::new();
        let mut renewed = Instant::now();
        for blob in ours {
            if !self.dry {
                // A store may be slow. Without the lease the rest belongs to another worker.
                if renewed.elapsed() > RENEW {
                    if jobs::renew(self.ctx, self.claim).await? == Hold::Lost {
                        return Err(Error::Unavailable("the lease ran out: another worker goes on".to_owned()));
                    }
                    renewed = Instant::now();
                }
                let Ok(digest) = blob.digest.parse::<Digest>() else { continue };
                // The next collection tries again; until then it is what it was.
                if let Err(error) = self.ctx.blobs.delete(&digest).await {
                    let row = blob.digest.clone();
                    self.ctx.db.write(async move |c| sql::unmark(c, &row).await).await?;
                    lines.push(format!("{digest} could not be deleted, its bytes are kept: {error}"));
                    tally.error = format!("{digest}: {error}");
                    continue;
                }
            }
            point!("gc.deleted");
            tally.blobs += 1;
            tally.bytes += blob.size;
            let done = if self.dry { "would be deleted" } else { "deleted" };
            lines.push(format!("{} {done}, {}", blob.digest, model::stamp::bytes(blob.size)));
            gone.push(blob.digest);
        }
        if self.dry {
            gone.clear();
        }
        if lines.is_empty() {
            lines.push(format!("{} looked at", model::stamp::count(tally.checked, "blob")));
        }
        let (id, line) = (self.id, format!("{} {}\n", self.ctx.now().rfc3339(), lines.join("\n")));
        let done = async move |c: &mut sqlx::AnyConnection| {
            sql::forget(c, &gone).await?;
            sql::note(c, id, RunStatus::Running, &tally, &line, None).await
        };
        self.ctx.db.write(done).await?;
        point!("gc.forgotten");
        Ok(())
    }
}
