//! Blobs on the local disk: `blobs/sha256/ab/<hex>`, uploads beside them on the same filesystem.

use super::{BlobStore, Hasher};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt};
use model::{Algorithm, Digest};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

/// Bytes read at a time, and how many such chunks are read ahead of the client.
const CHUNK: usize = 256 * 1024;
const AHEAD: usize = 4;

/// The store under one directory.
pub struct Disk {
    blobs: PathBuf,
    uploads: PathBuf,
}

impl Disk {
    /// Under `root`, which must exist; makes `blobs` and `uploads` where they are missing.
    pub fn open(root: &Path) -> io::Result<Disk> {
        let disk = Disk { blobs: root.join("blobs"), uploads: root.join("uploads") };
        for dir in [&disk.blobs, &disk.uploads] {
            fs::create_dir_all(dir)?;
        }
        sync_dir(root)?;
        Ok(disk)
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs.join(digest.algorithm().as_str()).join(&digest.hex()[..2]).join(digest.hex())
    }

    /// Upload ids are ours: 32 hexadecimal digits. Anything else has no path.
    fn upload(&self, id: &str) -> io::Result<PathBuf> {
        if id.len() != 32 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such upload"));
        }
        Ok(self.uploads.join(id))
    }
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
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
        blocking(move || {
            // A link planted under the name is not followed.
            let mut file = OpenOptions::new()
                .create(true)
                .write(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
                .open(path)?;
            file.set_len(offset)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut length = offset;
            while let Some(chunk) = chunks.blocking_recv() {
                file.write_all(&chunk)?;
                hasher.update(&chunk);
                length += chunk.len() as u64;
            }
            Ok((length, hasher))
        })
        .await
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

    async fn publish(&self, upload: &str, digest: &Digest) -> io::Result<()> {
        let (from, to, root) = (self.upload(upload)?, self.blob(digest), self.blobs.clone());
        blocking(move || {
            // A failed sync is final for the file: it is given up, never synced again and trusted.
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&from)?;
            file.sync_data()?;
            let dir = to.parent().expect("a blob's path has a directory");
            make_dirs(&root, dir)?;
            fs::rename(&from, &to)?;
            sync_dir(dir)
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
        if length <= CHUNK as u64 {
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
        // A thread reads ahead of the client; it ends when the client goes away.
        let mut file = blocking(move || {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(range.start))?;
            Ok(file.take(length))
        })
        .await?;
        let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(AHEAD);
        tokio::task::spawn_blocking(move || {
            let mut left = length;
            while left > 0 {
                let want = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
                let mut buffer = BytesMut::zeroed(want);
                let chunk = file.read_exact(&mut buffer).map(|()| buffer.freeze());
                let failed = chunk.is_err();
                if sender.blocking_send(chunk).is_err() || failed {
                    return;
                }
                left -= want as u64;
            }
        });
        Ok(stream::unfold(receiver, |mut r| async { r.recv().await.map(|chunk| (chunk, r)) }).boxed())
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
        blocking(move || gone_is_fine(fs::remove_file(path))).await
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn upload(disk: &Disk, id: &str, offset: u64, hasher: Hasher, bytes: &'static [u8]) -> (u64, Hasher) {
        let (sender, chunks) = mpsc::channel(1);
        sender.send(Bytes::from_static(bytes)).await.unwrap();
        drop(sender);
        disk.append(id, offset, hasher, chunks).await.unwrap()
    }

    #[tokio::test]
    async fn an_upload_becomes_a_blob_and_is_read_back_in_part() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path()).unwrap();
        let id = "0".repeat(32);
        let (length, hasher) = upload(&disk, &id, 0, Hasher::new(Algorithm::Sha256), b"hello, ").await;
        let (length, hasher) = upload(&disk, &id, length, hasher, b"wharf").await;
        assert_eq!(length, 12);
        let again = disk.rehash(&id, 12, Algorithm::Sha256).await.unwrap().finish();
        let digest = hasher.finish();
        assert_eq!(again, digest);
        assert_eq!(digest, super::super::digest_of(Algorithm::Sha256, b"hello, wharf"));
        disk.publish(&id, &digest).await.unwrap();
        let part: Vec<Bytes> = disk.read(&digest, 7..12).await.unwrap().map(|r| r.unwrap()).collect().await;
        assert_eq!(part.concat(), b"wharf");
        assert!(disk.read_small(&digest, 11).await.is_err());
        disk.delete(&digest).await.unwrap();
        disk.delete(&digest).await.unwrap();
        assert!(disk.read(&digest, 0..12).await.is_err());
    }

    #[tokio::test]
    async fn n_090_an_upload_id_that_is_not_ours_has_no_path() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path()).unwrap();
        for id in ["../key", "..", "", "a/b", &"0".repeat(31), "%2e%2e"] {
            assert!(disk.discard(id).await.is_err(), "{id:?}");
        }
    }
}
