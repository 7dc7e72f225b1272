//! Is everything there that the database promises? For an operator, with the server stopped.
//!
//! What is checked: the database's own consistency, every manifest against its digest, every blob's file against its row
//! (`deep`: its content against its digest), what artifacts and tags point at, what is counted, and files that nothing knows.
//! `repair` does what cannot lose anything: it sets bytes aside that nothing knows, makes a lost blob unknown, so that a push
//! brings it back instead of being told that it is there, and counts again.

pub(crate) mod sql;
#[cfg(test)]
mod tests;

use crate::blobs::Hasher;
use crate::ctx::Ctx;
use crate::db::Engine;
use crate::error::Result;
use futures_util::StreamExt;
use model::Digest;
use std::collections::BTreeSet;

/// Rows of a page; manifests hold up to 4 MiB each.
const PAGE: i64 = 500;
const MANIFESTS: i64 = 16;

/// How far to look, and whether to mend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Read every blob and compare its digest.
    pub deep: bool,
    pub repair: bool,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A figure is not what it counts.
    Count,
    /// Bytes that nothing needs.
    Space,
    /// Something that was stored cannot be had.
    Loss,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// What is wrong, and what to do about it.
    pub text: String,
    pub mended: bool,
}

/// What was looked at and found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub artifacts: u64,
    pub blobs: u64,
    /// Bytes of the blobs, by their rows.
    pub bytes: u64,
    /// Layers that artifacts name as being elsewhere, and that nobody pushed.
    pub elsewhere: u64,
    /// Manifests that indexes list and that have not come, where the server lets an index come first.
    pub awaited: u64,
    pub findings: Vec<Finding>,
}

impl Report {
    /// The worst that was found.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    fn found(&mut self, severity: Severity, text: String, mended: bool) {
        self.findings.push(Finding { severity, text, mended });
    }
}

/// Checks everything.
pub async fn check(ctx: &Ctx, options: Options) -> Result<Report> {
    let mut report = Report::default();
    if ctx.db.engine() == Engine::Sqlite {
        for line in sql::integrity(&mut *ctx.db.read().await?).await? {
            report.found(Severity::Loss, format!("the database is damaged: {line}: restore it from a backup"), false);
        }
    }
    artifacts(ctx, &mut report).await?;
    let (layers, awaited) = sql::elsewhere(&mut *ctx.db.read().await?).await?;
    (report.elsewhere, report.awaited) = (layers.unsigned_abs(), awaited.unsigned_abs());
    let known = blobs(ctx, options, &mut report).await?;
    promises(ctx, options, &mut report).await?;
    figures(ctx, options, &mut report).await?;
    files(ctx, options, &known, &mut report).await?;
    Ok(report)
}

/// Every manifest is what its digest says, and the blobs that it names are known.
async fn artifacts(ctx: &Ctx, report: &mut Report) -> Result<()> {
    let mut after = 0;
    loop {
        let mut c = ctx.db.read().await?;
        let page = sql::manifests_after(&mut c, after, MANIFESTS).await?;
        let Some(last) = page.last() else { return Ok(()) };
        let missing = sql::artifacts_without_blob(&mut c, after, last.id).await?;
        let holes = if ctx.settings.sparse.indexes { Vec::new() } else { sql::indexes_without_child(&mut c, after, last.id).await? };
        drop(c);
        after = last.id;
        for (index, child) in holes {
            report.found(Severity::Loss, format!("index {index} lists {child}, which is not in its repository: push it again"), false);
        }
        for (artifact, digest) in missing.into_iter().filter(|_| !ctx.settings.sparse.images) {
            report.found(Severity::Loss, format!("artifact {artifact} needs blob {digest}, which is unknown: push it again"), false);
        }
        for row in page {
            report.artifacts += 1;
            let name = format!("{}@{}", row.repository, row.digest);
            let Ok(digest) = row.digest.parse::<Digest>() else {
                report.found(Severity::Loss, format!("artifact {name}: its digest is none: delete it and push it again"), false);
                continue;
            };
            let right = row.content.is_some_and(|content| crate::blobs::digest_of(digest.algorithm(), &content) == digest);
            if !right {
                report.found(Severity::Loss, format!("artifact {name}: its manifest is lost or changed: push it again"), false);
            }
        }
    }
}

/// Every blob's bytes are there. Answers the digests that the database knows.
async fn blobs(ctx: &Ctx, options: Options, report: &mut Report) -> Result<BTreeSet<String>> {
    let (mut known, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = sql::blobs_after(&mut *ctx.db.read().await?, &after, PAGE).await?;
        let Some((last, ..)) = page.last() else { return Ok(known) };
        after = last.clone();
        for (digest, size, live) in page {
            known.insert(digest.clone());
            // One that is being deleted is the next collection's.
            let (true, Ok(parsed)) = (live, digest.parse::<Digest>()) else { continue };
            report.blobs += 1;
            report.bytes += size as u64;
            let wrong = match ctx.blobs.size(&parsed).await {
                Ok(Some(there)) if there != size as u64 => Some(Wrong::Content(format!("has {there} bytes instead of {size}"))),
                Ok(Some(_)) if options.deep => content(ctx, &parsed, size as u64).await,
                Ok(Some(_)) => None,
                Ok(None) => Some(Wrong::Content("is lost".to_owned())),
                Err(error) => Some(Wrong::Unreadable(error.to_string())),
            };
            let wrong = match wrong {
                None => continue,
                // The disk may have it yet: nothing is given up.
                Some(Wrong::Unreadable(error)) => {
                    let text = format!("blob {digest} cannot be read: {error}: look after the disk, then check again");
                    report.found(Severity::Loss, text, false);
                    continue;
                }
                Some(Wrong::Content(wrong)) => wrong,
            };
            let users = sql::users(&mut *ctx.db.read().await?, &digest).await?;
            let used = if users.is_empty() { "no artifact needs it".to_owned() } else { format!("needed by {}", users.join(", ")) };
            if options.repair {
                let digest = digest.clone();
                ctx.db.write(async move |c| sql::forget(c, &digest).await).await?;
            }
            let severity = if users.is_empty() { Severity::Space } else { Severity::Loss };
            report.found(severity, format!("blob {digest} {wrong}; {used}: push it again"), options.repair);
        }
    }
}

/// What is wrong with a blob.
enum Wrong {
    Content(String),
    Unreadable(String),
}

/// Reads a whole blob.
async fn content(ctx: &Ctx, digest: &Digest, size: u64) -> Option<Wrong> {
    let mut hasher = Hasher::new(digest.algorithm());
    let mut stream = match ctx.blobs.read(digest, 0..size).await {
        Ok(stream) => stream,
        Err(error) => return Some(Wrong::Unreadable(error.to_string())),
    };
    while let Some(part) = stream.next().await {
        match part {
            Ok(part) => hasher.update(&part),
            Err(error) => return Some(Wrong::Unreadable(error.to_string())),
        }
    }
    (hasher.finish() != *digest).then(|| Wrong::Content("has changed: its content is not what its digest says".to_owned()))
}

/// What tags and repositories point at is known.
async fn promises(ctx: &Ctx, options: Options, report: &mut Report) -> Result<()> {
    for (deleted, digest) in sql::deletions_without_blob(&mut *ctx.db.read().await?).await? {
        let text = format!("{deleted} was deleted and cannot be brought back whole: blob {digest} is unknown: push it again");
        report.found(Severity::Loss, text, false);
    }
    for tag in sql::tags_without_artifact(&mut *ctx.db.read().await?).await? {
        report.found(Severity::Loss, format!("tag {tag} names no artifact: push it again"), false);
    }
    loop {
        let dangling = sql::links_without_blob(&mut *ctx.db.read().await?).await?;
        let some = !dangling.is_empty();
        for (repository, digest) in dangling {
            if options.repair {
                let digest = digest.clone();
                ctx.db.write(async move |c| sql::forget(c, &digest).await).await?;
            }
            report.found(Severity::Space, format!("repository {repository} lists blob {digest}, which is unknown"), options.repair);
        }
        // They are found a thousand at a time, and gone once they are mended.
        if !(some && options.repair) {
            return Ok(());
        }
    }
}

/// What is counted is what is there.
async fn figures(ctx: &Ctx, options: Options, report: &mut Report) -> Result<()> {
    for figure in sql::figures::all() {
        let mut after = 0;
        while let Some((last, wrong)) = figure.find(&mut *ctx.db.read().await?, after).await? {
            let span = (std::mem::replace(&mut after, last), last);
            if !wrong.is_empty() && options.repair {
                let figure = figure.clone();
                ctx.db.write(async move |c| figure.mend(c, span).await).await?;
            }
            for text in wrong {
                report.found(Severity::Count, text, options.repair);
            }
        }
    }
    Ok(())
}

/// Files that no row knows: pushes that were cut before they were answered.
async fn files(ctx: &Ctx, options: Options, known: &BTreeSet<String>, report: &mut Report) -> Result<()> {
    let mut all = ctx.blobs.all().await?;
    while let Some(digest) = all.next().await {
        let digest = digest?;
        if known.contains(digest.as_str()) {
            continue;
        }
        let mut c = ctx.db.read().await?;
        let users = sql::users(&mut c, digest.as_str()).await?;
        let unknown = crate::gc::sql::size(&mut c, &digest).await?.is_none();
        drop(c);
        if !users.is_empty() {
            report.found(Severity::Loss, format!("blob {digest} lies there unknown, needed by {}: push it again", users.join(", ")), false);
            continue;
        }
        // Set aside, not deleted: whoever finds that it was needed can put it back.
        let aside = if options.repair && unknown { format!("; set aside as {}", ctx.blobs.set_aside(&digest).await?) } else { String::new() };
        report.found(Severity::Space, format!("blob {digest} lies there and nothing knows it{aside}"), options.repair);
    }
    Ok(())
}
