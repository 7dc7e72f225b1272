//! Backups: a copy of the database as it was at one moment, and every blob that it knows, made while clients push.
//!
//! Order: no collection deletes bytes from before the copy of the database to the end; the database first, then the blobs. Bytes
//! come before their row, so all that the copy knows is there. Blobs are copied by content: what an earlier backup in the same
//! folder has is not copied again, and every byte that is copied is hashed. An earlier backup stays whole until all blobs of the
//! new one are there; then the database takes its place and [`DONE`] is written. A backup without [`DONE`] is no backup.

mod restore;
#[cfg(test)]
mod tests;

pub use restore::{restore, verify};

use crate::blobs::{BlobStore, Disk, Hasher};
use crate::ctx::Ctx;
use crate::datadir::write_private;
use crate::db::Snapshot;
use crate::error::{Error, Result};
use futures_util::StreamExt;
use model::Digest;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

/// Written last: says that all the rest is there.
pub const DONE: &str = "backup.json";
/// The copy of the database.
pub const DATABASE: &str = "wharf.db";
/// The master key, where the operator wants it in the backup.
pub const KEY: &str = "key";
/// What else stands in a backup's folder.
const OURS: [&str; 14] = [DONE, DATABASE, KEY, "blobs", "uploads", "lock", FRESH, "wharf.db.new-journal", "backup.json.fresh", "backup.json.fresh.new",
    "key.fresh", "key.fresh.new", "key.new", "backup.json.new"];
/// The copy of the database while its blobs are being copied.
const FRESH: &str = "wharf.db.new";
/// Blobs between two words on how far it is.
const WORD: u64 = 200;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub format: u32,
    /// The version of Wharf that made it.
    pub wharf: String,
    /// Everything acknowledged before this moment is in it.
    pub started_at: String,
    pub ended_at: String,
    pub blobs: u64,
    /// Bytes of the blobs.
    pub bytes: u64,
    /// Bytes of those that were copied this time.
    pub copied: u64,
    /// Blobs that could not be copied as their digest says, with the reason: lost where the backup was made from.
    pub lost: Vec<String>,
}

fn failed(what: &Path, error: impl std::fmt::Display) -> Error {
    Error::Precondition(format!("{}: {error}", what.display()))
}

/// Makes the folder, or takes one that holds a backup.
fn folder(to: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(to).map_err(|error| failed(to, error))?;
    for entry in fs::read_dir(to).map_err(|error| failed(to, error))? {
        let name = entry.map_err(|error| failed(to, error))?.file_name();
        if !OURS.iter().any(|ours| *ours == name) {
            return Err(failed(to, format!("holds {}, which is no part of a backup: give an empty folder", name.to_string_lossy())));
        }
    }
    // It holds hashes of passwords, also where the folder was there before.
    let private = fs::Permissions::from_mode(0o700);
    if to.join("wharf").exists() || to.join(DATABASE).exists() && !to.join(DONE).exists() && !to.join("blobs").exists() {
        return Err(failed(to, "is no folder of backups: give an empty one"));
    }
    fs::set_permissions(to, private).map_err(|error| failed(to, error))
}

/// Makes a backup in `to`. `say` is told how far it is. `key`: the file of the master key, to be put in as well.
pub async fn make(ctx: &Ctx, to: &Path, key: Option<&Path>, say: impl Fn(String)) -> Result<Done> {
    let key = key.map(|key| fs::read(key).map_err(|error| failed(key, error))).transpose()?;
    let _held = ctx.local.collecting.write().await;
    folder(to)?;
    let _lock = lock(to)?;
    let disk = Disk::open(to).map_err(|error| failed(to, error))?;
    same_server(ctx, &disk, to).await?;
    // What one that was cut left in the midst of a blob.
    for upload in disk.stale_uploads(Duration::ZERO).await.map_err(|error| failed(to, error))? {
        disk.discard(&upload).await.map_err(|error| failed(to, error))?;
    }
    let started = ctx.now();
    let (done, database, fresh) = (to.join(DONE), to.join(DATABASE), to.join(FRESH));
    for left in [&fresh, &to.join("wharf.db.new-journal")] {
        remove(left).map_err(|error| failed(left, error))?;
    }
    ctx.db.snapshot(&fresh).await?;
    File::open(&fresh).and_then(|file| file.sync_all()).map_err(|error| failed(&fresh, error))?;
    say(format!("the database is copied, {}", model::stamp::bytes(size(&fresh))));
    let mut snapshot = Snapshot::open(&fresh).await?;
    let mut found = Done {
        format: 1,
        wharf: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: started.rfc3339(),
        ended_at: String::new(),
        blobs: 0, bytes: 0, copied: 0,
        lost: Vec::new(),
    };
    let (mut known, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = snapshot.blobs_after(&after).await?;
        let Some((last, _)) = page.last() else { break };
        after = last.clone();
        for (text, size) in page {
            let Ok(digest) = text.parse::<Digest>() else { continue };
            found.blobs += 1;
            found.bytes += size as u64;
            known.insert(text);
            if found.blobs.is_multiple_of(WORD) {
                say(format!("{} blobs, {}", found.blobs, model::stamp::bytes(found.bytes as i64)));
            }
            if disk.size(&digest).await.map_err(|error| failed(to, error))? == Some(size as u64) {
                continue;
            }
            match copy(&*ctx.blobs, &disk, &digest, size as u64).await {
                Ok(()) => found.copied += size as u64,
                Err(CopyFailed::Source(why)) => found.lost.push(format!("{digest} {why}")),
                Err(CopyFailed::Destination(error)) => return Err(failed(to, error)),
            }
        }
    }
    snapshot.close().await?;
    found.ended_at = ctx.now().rfc3339();
    let text = serde_json::to_vec_pretty(&found).map_err(|error| failed(&done, error))?;
    // All is written under another name; then the new one takes the old one's place by names alone.
    let (own_key, fresh_key, fresh_done) = (to.join(KEY), to.join("key.fresh"), to.join("backup.json.fresh"));
    let written = || {
        remove(&fresh_key)?;
        if let Some(key) = &key {
            write_private(&fresh_key, key)?;
        }
        remove(&fresh_done)?;
        write_private(&fresh_done, &text)
    };
    written().map_err(|error| failed(to, error))?;
    let placed = || {
        remove(&done).and_then(|()| sync(to))?;
        remove(&own_key)?;
        if key.is_some() {
            durable(&fresh_key, &own_key)?;
        }
        durable(&fresh, &database)?;
        durable(&fresh_done, &done)
    };
    placed().map_err(|error| failed(to, error))?;
    // What only older backups knew.
    let mut all = disk.all().await.map_err(|error| failed(to, error))?;
    while let Some(digest) = all.next().await {
        let digest = digest.map_err(|error| failed(to, error))?;
        if !known.contains(digest.as_str()) {
            disk.delete(&digest).await.map_err(|error| failed(to, error))?;
        }
    }
    // Monitoring asks how old the last one is.
    crate::upkeep::note_backup(ctx).await?;
    Ok(found)
}

/// A folder holds backups of one server: those of another would be taken for what only older backups knew, and deleted.
async fn same_server(ctx: &Ctx, disk: &Disk, to: &Path) -> Result<()> {
    let Some(own) = crate::instance::of(&ctx.db).await? else { return Ok(()) };
    let mut there = disk.instance().await.map_err(|error| failed(to, error))?;
    let database = to.join(DATABASE);
    // A backup from before its blobs said so.
    if there.is_none() && database.exists() {
        let mut snapshot = Snapshot::open(&database).await?;
        there = snapshot.instance().await?;
        snapshot.close().await?;
    }
    match there {
        Some(there) if there != own => {
            Err(failed(to, format!("holds backups of another server ({there}; this one is {own}): give a folder of its own")))
        }
        Some(_) => Ok(()),
        None => disk.set_instance(&own).await.map_err(|error| failed(to, error)),
    }
}

/// Which side a copy failed on.
enum CopyFailed {
    Source(String),
    Destination(io::Error),
}

/// Copies a blob, and keeps it only if its content is what its digest says.
async fn copy(from: &dyn BlobStore, to: &dyn BlobStore, digest: &Digest, size: u64) -> std::result::Result<(), CopyFailed> {
    let upload = &digest.hex()[..32];
    let mut stream = from.read(digest, 0..size).await.map_err(|error| CopyFailed::Source(format!("cannot be read: {error}")))?;
    let (sender, chunks) = mpsc::channel(8);
    let feed = async move {
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| format!("cannot be read: {error}"))?;
            if sender.send(chunk).await.is_err() {
                break;
            }
        }
        Ok::<(), String>(())
    };
    let (written, fed) = tokio::join!(to.append(upload, 0, Hasher::new(digest.algorithm()), chunks), feed);
    let (_, hasher) = written.map_err(CopyFailed::Destination)?;
    let wrong = match fed {
        Err(error) => Some(error),
        Ok(()) if hasher.finish() != *digest => Some("has changed: its content is not what its digest says".to_owned()),
        Ok(()) => None,
    };
    if let Some(wrong) = wrong {
        to.discard(upload).await.map_err(CopyFailed::Destination)?;
        return Err(CopyFailed::Source(wrong));
    }
    to.publish(upload, digest, size).await.map_err(CopyFailed::Destination)
}

fn size(path: &Path) -> i64 {
    fs::metadata(path).map_or(0, |about| about.len() as i64)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Nobody else reads or writes the backup while this is held.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = match File::options().create(true).truncate(false).write(true).open(&path) {
        // A backup on a medium that is not written to can be read all the same.
        Err(error) if matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied) => {
            File::open(if path.exists() { &path } else { folder })
        }
        other => other,
    };
    let file = file.map_err(|error| failed(&path, error))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
        Errno::WOULDBLOCK => failed(folder, "another backup, check or restore is at it"),
        error => failed(folder, format!("cannot be locked: {error}")),
    })?;
    Ok(file)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Syncs a file that was written, and gives it its name for good.
fn durable(fresh: &Path, to: &Path) -> io::Result<()> {
    File::open(fresh)?.sync_all()?;
    fs::rename(fresh, to)?;
    sync(to.parent().unwrap_or(Path::new(".")))
}
