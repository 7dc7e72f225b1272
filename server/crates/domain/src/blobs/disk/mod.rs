//! Blobs on the local disk: `blobs/sha256/ab/<hex>`, uploads beside them on the same filesystem.

mod files;
mod read;

use super::{BlobStore, Hasher};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use crate::points::fault;
use model::{Algorithm, Digest};
use files::{gone_is_fine, open_at, settle, sync, sync_dir, walk};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

/// Bytes read at a time by who reads all there is.
const CHUNK: usize = 256 * 1024;
/// Bytes of an upload written in one go.
const BATCH: usize = 512 * 1024;
/// Bytes of an upload after which the disk begins to write them, while more arrives: the last sync has less to do.
const EARLY: usize = 8 << 20;

/// The file among the blobs that names the database they belong to. Who puts another directory, or an empty one, in the blobs' place
/// takes it along; beside them it would vouch for what is not there any more.
const INSTANCE: &str = "instance";

/// The store under one directory.
pub struct Disk {
    blobs: PathBuf,
    uploads: PathBuf,
    large: Arc<Semaphore>,
}

impl Disk {
    /// Under `root`, which must exist; makes `blobs` and `uploads` where they are missing.
    pub fn open(root: &Path) -> io::Result<Disk> {
        let disk = Disk::of(root);
        for dir in [&disk.blobs, &disk.uploads] {
            fs::create_dir_all(dir)?;
        }
        sync_dir(root)?;
        Ok(disk)
    }

    /// One that is there, to be read; nothing is made.
    pub fn of(root: &Path) -> Disk {
        Disk { blobs: root.join("blobs"), uploads: root.join("uploads"), large: read::large() }
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs.join(digest.algorithm().as_str()).join(&digest.hex()[..2]).join(digest.hex())
    }

    fn upload(&self, id: &str) -> io::Result<PathBuf> {
        if !super::is_upload(id) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such upload"));
        }
        Ok(self.uploads.join(id))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[async_trait]
impl BlobStore for Disk {
    async fn append(
        &self,
        upload: &str,
        offset: u64,
        mut hasher: Hasher,
        mut chunks: mpsc::Receiver<Bytes>,
    ) -> io::Result<(u64, Hasher)> {
        let path = self.upload(upload)?;
        let (mut length, mut opened) = (offset, None);
        let (mut early, mut unsynced) = (None::<JoinHandle<io::Result<()>>>, 0);
        // No thread waits for a client: what has arrived is written and hashed in one go, while more arrives. An upload that
        // nothing arrives for gets its file too.
        let written = async {
            loop {
                let first = chunks.recv().await;
                let over = first.is_none();
                if over && opened.is_some() {
                    return Ok((length, hasher));
                }
                let mut batch = Vec::from_iter(first);
                let mut bytes = batch.iter().map(Bytes::len).sum::<usize>();
                while bytes < BATCH && let Ok(chunk) = chunks.try_recv() {
                    bytes += chunk.len();
                    batch.push(chunk);
                }
                length += bytes as u64;
                let place = path.clone();
                let file: File;
                (file, hasher) = blocking(move || {
                    let mut file = opened.map_or_else(|| open_at(&place, offset), Ok)?;
                    for chunk in &batch {
                        fault!("blob.write");
                        file.write_all(chunk)?;
                        hasher.update(chunk);
                    }
                    Ok((file, hasher))
                })
                .await?;
                unsynced += bytes;
                if unsynced >= EARLY {
                    unsynced = 0;
                    if let Some(early) = early.take() {
                        early.await.map_err(io::Error::other)??;
                    }
                    let (file, place) = (file.try_clone()?, path.clone());
                    early = Some(tokio::task::spawn_blocking(move || sync(&file, &place)));
                }
                opened = Some(file);
            }
        }
        .await;
        // Waited for also where a write failed: a sync that fails takes the file, and who tries again must not have begun by then.
        if let Some(early) = early {
            early.await.map_err(io::Error::other)??;
        }
        written
    }

    async fn rehash(&self, upload: &str, length: u64, algorithm: Algorithm) -> io::Result<Hasher> {
        let path = self.upload(upload)?;
        blocking(move || {
            let mut hasher = Hasher::new(algorithm);
            if length == 0 {
                return Ok(hasher);
            }
            let mut file = File::open(path)?.take(length);
            let mut buffer = vec![0; CHUNK];
            let mut seen = 0;
            loop {
                let n = file.read(&mut buffer)?;
                if n == 0 {
                    break;
                }
                hasher.update(&buffer[..n]);
                seen += n as u64;
            }
            if seen < length {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the upload's bytes are gone"));
            }
            Ok(hasher)
        })
        .await
    }

    async fn publish(&self, upload: &str, digest: &Digest, length: u64) -> io::Result<()> {
        let (from, to, root) = (self.upload(upload)?, self.blob(digest), self.blobs.clone());
        blocking(move || {
            let file = OpenOptions::new().append(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32).open(&from)?;
            let found = file.metadata()?.len();
            if found != length {
                return Err(super::changed(found, length));
            }
            settle(&file, &from, &to, &root)
        })
        .await
    }

    async fn put(&self, upload: &str, digest: &Digest, bytes: Bytes) -> io::Result<()> {
        let (from, to, root) = (self.upload(upload)?, self.blob(digest), self.blobs.clone());
        blocking(move || {
            let mut file = open_at(&from, 0)?;
            fault!("blob.write");
            file.write_all(&bytes)?;
            settle(&file, &from, &to, &root)
        })
        .await
    }

    async fn discard(&self, upload: &str) -> io::Result<()> {
        let path = self.upload(upload)?;
        blocking(move || gone_is_fine(fs::remove_file(path))).await
    }

    async fn stale_uploads(&self, age: Duration) -> io::Result<Vec<String>> {
        let folder = self.uploads.clone();
        blocking(move || {
            let mut found = Vec::new();
            for file in fs::read_dir(folder)? {
                let file = file?;
                // A time in the future, or a file that went meanwhile, is not stale.
                let stale = file.metadata().and_then(|about| about.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|since| since >= age));
                let name = file.file_name().to_string_lossy().into_owned();
                if stale && name.len() == 32 {
                    found.push(name);
                }
            }
            Ok(found)
        })
        .await
    }

    async fn read(&self, digest: &Digest, range: Range<u64>) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
        let path = self.blob(digest);
        let length = range.end.saturating_sub(range.start);
        if length <= read::FIRST as u64 {
            let bytes = blocking(move || {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(range.start))?;
                let mut buffer = vec![0; length as usize];
                file.read_exact(&mut buffer)?;
                Ok(Bytes::from(buffer))
            })
            .await?;
            return Ok(stream::once(async { Ok(bytes) }).boxed());
        }
        let file = blocking(move || File::open(path)).await?;
        Ok(read::chunks(file, range, self.large.clone()))
    }

    async fn read_small(&self, digest: &Digest, max: u64) -> io::Result<Bytes> {
        let path = self.blob(digest);
        blocking(move || {
            let mut bytes = Vec::new();
            File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > max {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the blob is too large to be read whole"));
            }
            Ok(Bytes::from(bytes))
        })
        .await
    }

    async fn size(&self, digest: &Digest) -> io::Result<Option<u64>> {
        let path = self.blob(digest);
        blocking(move || match fs::metadata(path) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn all(&self) -> io::Result<BoxStream<'static, io::Result<Digest>>> {
        let root = self.blobs.clone();
        let (sender, receiver) = mpsc::channel(CHUNK / 1024);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = walk(&root, &sender) {
                let _ = sender.blocking_send(Err(error));
            }
        });
        Ok(stream::unfold(receiver, |mut r| async { r.recv().await.map(|found| (found, r)) }).boxed())
    }

    async fn room(&self) -> io::Result<Option<u64>> {
        // No round through a thread: the kernel answers from memory.
        let found = rustix::fs::statvfs(&self.uploads)?;
        Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
    }

    async fn volume(&self) -> io::Result<Option<(u64, u64)>> {
        let found = rustix::fs::statvfs(&self.uploads)?;
        Ok(Some((found.f_blocks.saturating_mul(found.f_frsize), found.f_bavail.saturating_mul(found.f_frsize))))
    }

    async fn instance(&self) -> io::Result<Option<String>> {
        let path = self.blobs.join(INSTANCE);
        blocking(move || match fs::read_to_string(path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn set_instance(&self, id: &str) -> io::Result<()> {
        let (path, text) = (self.blobs.join(INSTANCE), format!("{id}\n"));
        // Where it was until November 2026.
        let before = self.blobs.with_file_name(INSTANCE);
        blocking(move || {
            match crate::datadir::write_private(&path, text.as_bytes()) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    fs::remove_file(&path)?;
                    crate::datadir::write_private(&path, text.as_bytes())?;
                }
                done => done?,
            }
            gone_is_fine(fs::remove_file(before))
        })
        .await
    }

    async fn set_aside(&self, digest: &Digest) -> io::Result<String> {
        let from = self.blob(digest);
        let dir = self.uploads.with_file_name("set-aside").join(digest.algorithm().as_str());
        let to = dir.join(digest.hex());
        blocking(move || {
            fs::create_dir_all(&dir)?;
            match fs::rename(&from, &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            sync_dir(&dir)?;
            Ok(to.display().to_string())
        })
        .await
    }

    async fn delete(&self, digest: &Digest) -> io::Result<()> {
        let path = self.blob(digest);
        blocking(move || {
            fault!("blob.delete");
            gone_is_fine(fs::remove_file(path))
        })
        .await
    }
}
