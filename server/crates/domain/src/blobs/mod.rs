//! Bytes: blobs and the uploads they come from, behind one small trait.
//!
//! A blob's path is made from a checked [`Digest`] only. Order of a push: write, sync, rename, sync the directory;
//! then the caller commits the row, then answers. Order of a deletion: commit first, unlink later. So a crash leaves
//! bytes without a row (space), never a row without bytes (loss).

mod disk;
mod s3;
#[cfg(test)]
mod suite;

pub use disk::Disk;
pub use s3::{Bucket, S3};

use async_trait::async_trait;
use aws_lc_rs::digest::{Context, SHA256, SHA512};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use model::{Algorithm, Digest};
use std::io;
use std::ops::Range;
use std::time::Duration;
use tokio::sync::mpsc;

/// A running hash.
#[derive(Clone)]
pub struct Hasher {
    algorithm: Algorithm,
    context: Context,
}

impl Hasher {
    pub fn new(algorithm: Algorithm) -> Self {
        let context = Context::new(match algorithm {
            Algorithm::Sha256 => &SHA256,
            Algorithm::Sha512 => &SHA512,
        });
        Hasher { algorithm, context }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    pub fn finish(self) -> Digest {
        Digest::from_hex(self.algorithm, &hex::encode(self.context.finish()))
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// Upload ids are ours: 32 hexadecimal digits. Anything else has no place.
pub(crate) fn is_upload(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())
}

/// An upload that is not what was hashed.
fn changed(found: u64, length: u64) -> io::Error {
    io::Error::other(format!("the upload has {found} bytes, {length} were hashed"))
}

/// The digest of bytes in memory.
pub fn digest_of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// Where blobs live.
#[async_trait]
pub trait BlobStore: Send + Sync + 'static {
    /// Writes `chunks` into the upload from `offset` on; what lay beyond is cut. Feeds `hasher` with what it wrote.
    /// Answers the upload's new length when the chunks end.
    async fn append(
        &self,
        upload: &str,
        offset: u64,
        hasher: Hasher,
        chunks: mpsc::Receiver<Bytes>,
    ) -> io::Result<(u64, Hasher)>;

    /// Hashes an upload's bytes up to `length` again.
    async fn rehash(&self, upload: &str, length: u64, algorithm: Algorithm) -> io::Result<Hasher>;

    /// Makes the upload, which has `length` bytes, the blob `digest`, durably: when this returns it survives a power cut.
    /// One that has another length, or is not there, is refused: it is not what was hashed.
    async fn publish(&self, upload: &str, digest: &Digest, length: u64) -> io::Result<()>;

    /// Makes bytes that are in memory the blob `digest`, durably, in one go; `upload` names them on the way.
    async fn put(&self, upload: &str, digest: &Digest, bytes: Bytes) -> io::Result<()>;

    /// Forgets an upload; one that is not there is fine.
    async fn discard(&self, upload: &str) -> io::Result<()>;

    /// Uploads that nothing was written to for `age`.
    async fn stale_uploads(&self, age: Duration) -> io::Result<Vec<String>>;

    /// Part of a blob, in chunks.
    async fn read(&self, digest: &Digest, range: Range<u64>) -> io::Result<BoxStream<'static, io::Result<Bytes>>>;

    /// A small blob whole; an error if it is longer than `max`.
    async fn read_small(&self, digest: &Digest, max: u64) -> io::Result<Bytes>;

    /// A blob's length in bytes; `None` if it is not there.
    async fn size(&self, digest: &Digest) -> io::Result<Option<u64>>;

    /// Every blob that lies there, in no order.
    async fn all(&self) -> io::Result<BoxStream<'static, io::Result<Digest>>>;

    /// Bytes that still fit; `None` where there is no telling.
    async fn room(&self) -> io::Result<Option<u64>>;

    /// Bytes of the volume that they lie on, in all and free; `None` where there is no such end.
    async fn volume(&self) -> io::Result<Option<(u64, u64)>> {
        Ok(None)
    }

    /// Where a client may fetch the blob itself, for a few minutes; `None`: only here.
    async fn address(&self, _: &Digest) -> io::Result<Option<String>> {
        Ok(None)
    }

    /// The id of the database that these blobs belong to, once it is noted.
    async fn instance(&self) -> io::Result<Option<String>>;

    /// Notes that id, durably.
    async fn set_instance(&self, id: &str) -> io::Result<()>;

    /// Puts a blob's bytes aside, where nothing looks for blobs; answers where. One that is not there is fine.
    async fn set_aside(&self, digest: &Digest) -> io::Result<String>;

    /// Removes a blob's bytes; one that is not there is fine.
    async fn delete(&self, digest: &Digest) -> io::Result<()>;
}
