//! Blobs on the local disk: `blobs/sha256/ab/<hex>`, uploads beside them on the same filesystem.

use super::{BlobStore, Hasher};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use crate::points::{fault, point};
use model::{Algorithm, Digest};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

/// Bytes read at a time by who reads all there is.
const CHUNK: usize = 256 * 1024;
/// Bytes read at a time for a client: the first time, and at most. Slow clients, of whom there may be many, hold little.
const FIRST: usize = 16 * 1024;
const MOST: usize = 512 * 1024;
/// A client that takes longer than this for a chunk is slow.
const SLOW: Duration = Duration::from_millis(20);
/// Bytes that chunks above the first size take in all; without room for one more, a chunk is small.
const LARGE: usize = 24 << 20;
/// Bytes of an upload written in one go.
const BATCH: usize = 512 * 1024;
/// Bytes of an upload after which the disk begins to write them, while more arrives: the last sync has less to do.
const EARLY: usize = 8 << 20;

/// A blob on its way to a client. While a quick client takes a chunk the next one is read.
struct Reading {
    file: Arc<File>,
    at: u64,
    end: u64,
    ahead: Option<(Instant, JoinHandle<io::Result<Bytes>>)>,
    size: usize,
    large: Arc<Semaphore>,
}

/// A chunk, and the memory it takes for as long as anybody has it.
struct Chunk {
    bytes: Vec<u8>,
    _large: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Reading {
    /// Starts reading the next chunk.
    fn begin(&mut self) -> JoinHandle<io::Result<Bytes>> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let mut want = self.size.min(left);
        let mut large = None;
        if want > FIRST {
            large = self.large.clone().try_acquire_many_owned((want / FIRST) as u32).ok();
            want = if large.is_some() { want } else { FIRST };
        }
        let (file, at) = (self.file.clone(), self.at);
        self.at += want as u64;
        tokio::task::spawn_blocking(move || {
            fault!("blob.read");
            let mut bytes = vec![0; want];
            file.read_exact_at(&mut bytes, at)?;
            Ok(Bytes::from_owner(Chunk { bytes, _large: large }))
        })
    }

    async fn next(mut self) -> Option<(io::Result<Bytes>, Reading)> {
        let mut quick = true;
        let reading = match self.ahead.take() {
            Some((since, reading)) => {
                quick = since.elapsed() < SLOW;
                self.size = if quick { (self.size * 2).min(MOST) } else { FIRST };
                reading
            }
            None if self.at < self.end => self.begin(),
            None => return None,
        };
        let chunk = reading.await.map_err(io::Error::other).flatten();
        if chunk.is_err() {
            self.at = self.end;
        } else if quick && self.at < self.end {
            let next = self.begin();
            self.ahead = Some((Instant::now(), next));
        }
        Some((chunk, self))
    }
}

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
        Disk { blobs: root.join("blobs"), uploads: root.join("uploads"), large: Arc::new(Semaphore::new(LARGE / FIRST)) }
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

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes what an upload's file holds durable. A failed sync is final for the file: the kernel forgets what it could not
/// write, and the next sync would say that all is well. So the file goes, and the client starts over.
fn sync(file: &File, path: &Path) -> io::Result<()> {
    fn data(file: &File) -> io::Result<()> {
        fault!("blob.sync");
        file.sync_data()
    }
    data(file).inspect_err(|_| drop(fs::remove_file(path)))
}

/// Makes an upload's file durable, and then the blob `to`.
fn settle(file: &File, from: &Path, to: &Path, root: &Path) -> io::Result<()> {
    point!("blob.written");
    sync(file, from)?;
    point!("blob.synced");
    let dir = to.parent().expect("a blob's path has a directory");
    make_dirs(root, dir)?;
    point!("blob.folder");
    fault!("blob.rename");
    fs::rename(from, to)?;
    point!("blob.renamed");
    fault!("blob.folder.sync");
    sync_dir(dir)?;
    point!("blob.durable");
    Ok(())
}

/// An upload's file, made where it is missing, to be written from `offset` on.
fn open_at(path: &Path, offset: u64) -> io::Result<File> {
    // A link planted under the name is not followed.
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
        .open(path)?;
    if file.metadata()?.len() != offset {
        file.set_len(offset)?;
    }
    file.seek(SeekFrom::Start(offset))?;
    Ok(file)
}

/// Makes `path` and its missing parents below `root`, each durably.
fn make_dirs(root: &Path, path: &Path) -> io::Result<()> {
    if path.is_dir() || path == root {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(root);
    make_dirs(root, parent)?;
    match fs::create_dir(path) {
        Ok(()) => sync_dir(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
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
        if length <= FIRST as u64 {
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
        let file = Arc::new(blocking(move || File::open(path)).await?);
        Ok(stream::unfold(Reading { file, at: range.start, end: range.end, ahead: None, size: FIRST, large: self.large.clone() }, Reading::next).boxed())
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

    async fn delete(&self, digest: &Digest) -> io::Result<()> {
        let path = self.blob(digest);
        blocking(move || {
            fault!("blob.delete");
            gone_is_fine(fs::remove_file(path))
        })
        .await
    }
}

/// Sends every digest that names a file under `root`; ends early when nobody listens.
fn walk(root: &Path, sender: &mpsc::Sender<io::Result<Digest>>) -> io::Result<()> {
    for algorithm in fs::read_dir(root)? {
        let algorithm = algorithm?;
        for prefix in fs::read_dir(algorithm.path())? {
            for file in fs::read_dir(prefix?.path())? {
                let name = format!("{}:{}", algorithm.file_name().to_string_lossy(), file?.file_name().to_string_lossy());
                // What has no digest for a name is not ours to judge.
                let Ok(digest) = name.parse::<Digest>() else { continue };
                if sender.blocking_send(Ok(digest)).is_err() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

fn gone_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
