//! From a backup back to a data directory; and whether a backup is whole.

use super::{CopyFailed, DATABASE, DONE, Done, KEY, copy, durable, failed, lock, remove, sync};
use crate::blobs::{BlobStore, Bucket, Disk, S3};
use crate::clock::Clock;
use crate::ctx::{Ctx, Settings, Sparse};
use crate::datadir::{DataDir, RESTORING, write_private};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::fsck;
use crate::keys::Keys;
use futures_util::StreamExt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

fn done(from: &Path) -> Result<Done> {
    let path = from.join(DONE);
    let text = fs::read(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => failed(from, format!("is no finished backup: {DONE} is missing")),
        _ => failed(&path, error),
    })?;
    let done: Done = serde_json::from_slice(&text).map_err(|error| failed(&path, error))?;
    if done.format != 1 {
        return Err(failed(&path, "was made by a newer Wharf: use that version or newer"));
    }
    Ok(done)
}

/// Checks a backup as `wharf fsck --deep` checks a data directory, and changes nothing in it. `sparse`: what the server that it
/// is of admits.
pub async fn verify(from: &Path, sparse: Sparse) -> Result<(Done, fsck::Report)> {
    let done = done(from)?;
    let _lock = lock(from)?;
    // Opening a database may write to it.
    let scratch = tempfile::tempdir().map_err(|error| failed(&std::env::temp_dir(), error))?;
    let database = scratch.path().join(DATABASE);
    fs::copy(from.join(DATABASE), &database).map_err(|error| failed(&from.join(DATABASE), error))?;
    let db = Db::open(&format!("sqlite://{}", database.display())).await.map_err(|refusal| failed(from, refusal))?;
    let blobs = Disk::of(from);
    let ctx = Ctx::new(db, Arc::new(blobs), Clock::System, Keys::from_bytes([0; 32]), Settings { sparse, ..Settings::default() });
    let report = fsck::check(&ctx, fsck::Options { deep: true, repair: false }).await?;
    Ok((done, report))
}

/// Makes the data directory what it was when the backup was made. It must be new; one whose restore was cut goes on.
/// `key_file`: where the server will find its key; `None`: in the directory, so the backup must hold it or it must lie there.
/// `bucket`: where the server has its blobs, if not in the directory.
pub async fn restore(
    from: &Path,
    to: &Path,
    key_file: Option<&Path>,
    bucket: Option<&Bucket>,
    say: impl Fn(String),
) -> Result<Done> {
    let done = done(from)?;
    let _lock = lock(from)?;
    let data = DataDir::open_for_restore(to).map_err(|refusal| Error::Precondition(refusal.to_string()))?;
    let to = data.path();
    if to.join(DATABASE).exists() && !to.join(RESTORING).exists() {
        return Err(failed(to, "holds a database already: restore into a new directory"));
    }
    // Of a restore that was cut after the database had come.
    for left in [DATABASE, "wharf.db-wal", "wharf.db-shm"] {
        remove(&to.join(left)).map_err(|error| failed(to, error))?;
    }
    let (own, kept) = (to.join(KEY), from.join(KEY));
    if key_file.is_none() && !own.exists() {
        let text = fs::read(&kept).map_err(|error| match error.kind() {
            ErrorKind::NotFound => failed(from, format!("holds no key: put the old server's key at {}, or name it with --key-file", own.display())),
            _ => failed(&kept, error),
        })?;
        write_private(&own, &text).map_err(|error| failed(&own, error))?;
    }
    data.keys(key_file).map_err(|refusal| Error::Precondition(refusal.to_string()))?;
    let there = Disk::of(from);
    let here: Arc<dyn BlobStore> = match bucket {
        None => Arc::new(Disk::open(to).map_err(|error| failed(to, error))?),
        Some(bucket) => {
            let opened = S3::open(bucket).await;
            Arc::new(opened.map_err(|error| Error::Precondition(format!("bucket {}: {error}", bucket.name)))?)
        }
    };
    let mut all = there.all().await.map_err(|error| failed(from, error))?;
    let mut blobs = 0_u64;
    while let Some(digest) = all.next().await {
        let digest = digest.map_err(|error| failed(from, error))?;
        let size = there.size(&digest).await.map_err(|error| failed(from, error))?.unwrap_or_default();
        if here.size(&digest).await.map_err(|error| failed(to, error))? != Some(size) {
            match copy(&there, &*here, &digest, size).await {
                Ok(()) => {}
                Err(CopyFailed::Source(why)) => return Err(failed(from, format!("blob {digest} {why}: use another backup"))),
                Err(CopyFailed::Destination(error)) => return Err(failed(to, error)),
            }
        }
        blobs += 1;
        if blobs.is_multiple_of(super::WORD) {
            say(format!("{blobs} of {} blobs", done.blobs));
        }
    }
    // The database last: a directory without it is not taken for a server's.
    let fresh = to.join("wharf.db.new");
    remove(&fresh).map_err(|error| failed(&fresh, error))?;
    fs::copy(from.join(DATABASE), &fresh).map_err(|error| failed(&fresh, error))?;
    durable(&fresh, &to.join(DATABASE)).map_err(|error| failed(to, error))?;
    let db = Db::open(&data.sqlite_url().map_err(|refusal| failed(to, refusal))?).await.map_err(|refusal| failed(to, refusal))?;
    let keys = data.keys(key_file).map_err(|refusal| Error::Precondition(refusal.to_string()))?;
    crate::datadir::check_key(&db, &keys).await.map_err(|refusal| failed(to, refusal))?;
    drop(db);
    // A mark that a power cut brought back would let the next restore begin anew.
    remove(&to.join(RESTORING)).and_then(|()| sync(to)).map_err(|error| failed(to, error))?;
    Ok(done)
}
