//! Blobs in a bucket of any S3-compatible store: `blobs/sha256/ab/<hex>`, uploads as pieces beside them.
//!
//! An upload is pieces named by where they begin, `uploads/<id>/<offset>`: an upload that broke goes on at the next piece, also
//! in another process, and can be hashed again, which the parts of a multipart upload cannot. Publication joins the pieces:
//! one by a copy within the store, more by a multipart upload. S3 answers when an object is durable.

use super::{BlobStore, Hasher};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use model::{Algorithm, Digest};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ClientOptions, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload};
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Bytes of a piece, and of a part of a joined blob: the largest blob has fewer parts than S3 allows (10,000).
const PIECE: usize = 8 << 20;
/// Pieces held in memory at once, over all uploads.
const IN_MEMORY: usize = 16;
/// How long a piece is waited for to be full.
const GATHER: Duration = Duration::from_secs(2);
/// How long the store may be silent, and how often it is tried again.
const SILENCE: Duration = Duration::from_secs(30);
/// How long an address that was handed out works.
const SIGNED: Duration = Duration::from_secs(600);

/// Where the bucket is.
#[derive(Clone)]
pub struct Bucket {
    /// Empty: AWS, by region.
    pub endpoint: String,
    pub name: String,
    pub region: String,
    /// Empty: what the environment or the machine gives.
    pub access_key: String,
    pub secret_key: crate::secrets::PlainSecret,
    /// Before every key; empty for none.
    pub prefix: String,
    /// Send clients to the store for blobs.
    pub redirect: bool,
}

/// The store in a bucket.
pub struct S3 {
    store: AmazonS3,
    prefix: String,
    redirect: bool,
    memory: Semaphore,
}

fn failed(error: Error) -> io::Error {
    let kind = if matches!(error, Error::NotFound { .. }) { io::ErrorKind::NotFound } else { io::ErrorKind::Other };
    io::Error::new(kind, error)
}

impl S3 {
    /// Makes sure that the bucket answers.
    pub async fn open(bucket: &Bucket) -> io::Result<S3> {
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(&bucket.name).with_region(&bucket.region);
        if !bucket.endpoint.is_empty() {
            builder = builder.with_endpoint(&bucket.endpoint);
        }
        if !bucket.access_key.is_empty() {
            builder = builder.with_access_key_id(&bucket.access_key).with_secret_access_key(bucket.secret_key.reveal());
        }
        // A blob may take a client hours: what counts is that the store does not stand still.
        let patient = ClientOptions::new().with_timeout_disabled().with_read_timeout(SILENCE).with_allow_http(bucket.endpoint.starts_with("http://"));
        let store = builder.with_client_options(patient).build().map_err(failed)?;
        let prefix = bucket.prefix.trim_matches('/').to_owned();
        let s3 = S3 { store, prefix, redirect: bucket.redirect, memory: Semaphore::new(IN_MEMORY) };
        s3.store.list(Some(&s3.key("blobs"))).next().await.transpose().map_err(failed)?;
        Ok(s3)
    }

    fn key(&self, below: &str) -> Path {
        if self.prefix.is_empty() { Path::from(below) } else { Path::from(format!("{}/{below}", self.prefix)) }
    }

    fn blob(&self, digest: &Digest) -> Path {
        self.key(&format!("blobs/{}/{}/{}", digest.algorithm().as_str(), &digest.hex()[..2], digest.hex()))
    }

    fn upload(&self, id: &str) -> io::Result<Path> {
        if !super::is_upload(id) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such upload"));
        }
        Ok(self.key(&format!("uploads/{id}")))
    }

    fn piece(&self, upload: &str, offset: u64) -> io::Result<Path> {
        Ok(self.upload(upload)?.join(format!("{offset:016x}")))
    }

    /// The pieces of an upload: where each begins, and its length.
    async fn pieces(&self, upload: &str) -> io::Result<BTreeMap<u64, u64>> {
        let found: Vec<_> = self.store.list(Some(&self.upload(upload)?)).try_collect().await.map_err(failed)?;
        let offset = |key: &Path| u64::from_str_radix(key.filename()?, 16).ok();
        Ok(found.iter().filter_map(|object| Some((offset(&object.location)?, object.size))).collect())
    }

    async fn store_whole(&self, key: &Path, bytes: Bytes) -> io::Result<()> {
        self.store.put(key, PutPayload::from(bytes)).await.map(drop).map_err(failed)
    }

    async fn remove(&self, key: &Path) -> io::Result<()> {
        match self.store.delete(key).await {
            Err(Error::NotFound { .. }) => Ok(()),
            other => other.map_err(failed),
        }
    }

    /// The bytes of an upload up to `length`, piece by piece.
    async fn bytes_of(&self, upload: &str, length: u64) -> io::Result<BoxStream<'_, io::Result<Bytes>>> {
        let (mut keys, mut at) = (Vec::new(), 0);
        for (offset, size) in self.pieces(upload).await? {
            if offset == at && at < length {
                keys.push(self.piece(upload, offset)?);
                at += size;
            }
        }
        if at != length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the upload's bytes are gone"));
        }
        let read = async |key: Path| self.store.get(&key).await?.bytes().await;
        Ok(stream::iter(keys).then(read).map_err(failed).boxed())
    }

    /// Joins pieces into one object.
    async fn join(&self, upload: &str, length: u64, to: &Path) -> io::Result<()> {
        // A piece, the part that is sent, and what lies between.
        let _held = self.memory.acquire_many(3).await.map_err(io::Error::other)?;
        let id = self.store.create_multipart(to).await.map_err(failed)?;
        let joined = async {
            let (mut parts, mut buffer) = (Vec::new(), BytesMut::new());
            let mut pieces = self.bytes_of(upload, length).await?;
            loop {
                let piece = pieces.next().await.transpose()?;
                let ended = piece.is_none();
                buffer.extend_from_slice(&piece.unwrap_or_default());
                while buffer.len() >= PIECE || (ended && !buffer.is_empty()) {
                    let part = buffer.split_to(buffer.len().min(PIECE)).freeze();
                    parts.push(self.store.put_part(to, &id, parts.len(), part.into()).await.map_err(failed)?);
                }
                if ended {
                    break;
                }
            }
            self.store.complete_multipart(to, &id, parts).await.map(drop).map_err(failed)
        }
        .await;
        if joined.is_err() {
            let _ = self.store.abort_multipart(to, &id).await;
        }
        joined
    }
}

#[async_trait]
impl BlobStore for S3 {
    async fn append(
        &self,
        upload: &str,
        offset: u64,
        mut hasher: Hasher,
        mut chunks: mpsc::Receiver<Bytes>,
    ) -> io::Result<(u64, Hasher)> {
        for (at, _) in self.pieces(upload).await? {
            if at >= offset {
                self.remove(&self.piece(upload, at)?).await?;
            }
        }
        let mut at = offset;
        loop {
            let Some(first) = chunks.recv().await else { return Ok((at, hasher)) };
            let _held = self.memory.acquire().await.map_err(io::Error::other)?;
            let mut piece = BytesMut::from(first);
            // A slow client does not keep others from their pieces: what it has sent is put, however little.
            let until = tokio::time::Instant::now() + GATHER;
            while piece.len() < PIECE {
                match tokio::time::timeout_at(until, chunks.recv()).await {
                    Ok(Some(chunk)) => piece.extend_from_slice(&chunk),
                    Ok(None) | Err(_) => break,
                }
            }
            hasher.update(&piece);
            let length = piece.len() as u64;
            self.store_whole(&self.piece(upload, at)?, piece.freeze()).await?;
            at += length;
        }
    }

    async fn rehash(&self, upload: &str, length: u64, algorithm: Algorithm) -> io::Result<Hasher> {
        let mut hasher = Hasher::new(algorithm);
        if length > 0 {
            let _held = self.memory.acquire().await.map_err(io::Error::other)?;
            let mut pieces = self.bytes_of(upload, length).await?;
            while let Some(piece) = pieces.next().await {
                hasher.update(&piece?);
            }
        }
        Ok(hasher)
    }

    async fn publish(&self, upload: &str, digest: &Digest, length: u64) -> io::Result<()> {
        let (pieces, to) = (self.pieces(upload).await?, self.blob(digest));
        let found: u64 = pieces.values().sum();
        if found != length {
            return Err(super::changed(found, length));
        }
        match pieces.len() {
            0 => self.store_whole(&to, Bytes::new()).await?,
            1 => self.store.copy(&self.piece(upload, 0)?, &to).await.map_err(failed)?,
            _ => self.join(upload, length, &to).await?,
        }
        // The blob is there; pieces that are left are swept.
        let _ = self.discard(upload).await;
        Ok(())
    }

    async fn put(&self, _: &str, digest: &Digest, bytes: Bytes) -> io::Result<()> {
        self.store_whole(&self.blob(digest), bytes).await
    }

    async fn discard(&self, upload: &str) -> io::Result<()> {
        for (at, _) in self.pieces(upload).await? {
            self.remove(&self.piece(upload, at)?).await?;
        }
        Ok(())
    }

    async fn stale_uploads(&self, age: Duration) -> io::Result<Vec<String>> {
        // By the store's clock: what it wrote last says what time it thinks it is.
        let probe = self.key("clock");
        self.store_whole(&probe, Bytes::new()).await?;
        let now = self.store.head(&probe).await.map_err(failed)?.last_modified;
        let mut newest = BTreeMap::new();
        let mut all = self.store.list(Some(&self.key("uploads")));
        while let Some(object) = all.next().await.transpose().map_err(failed)? {
            let id = object.location.as_ref().rsplit('/').nth(1).unwrap_or_default().to_owned();
            let at = newest.entry(id).or_insert(object.last_modified);
            *at = object.last_modified.max(*at);
        }
        let mut stale = Vec::new();
        for (id, at) in newest {
            // One written in the same second may seem to be of the future.
            if id.len() == 32 && (now - at).to_std().unwrap_or_default() >= age {
                stale.push(id);
            }
        }
        Ok(stale)
    }

    async fn read(&self, digest: &Digest, range: Range<u64>) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
        if range.is_empty() {
            return Ok(stream::once(async { Ok(Bytes::new()) }).boxed());
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.store.get_opts(&self.blob(digest), options).await.map_err(failed)?;
        Ok(found.into_stream().map_err(failed).boxed())
    }

    async fn read_small(&self, digest: &Digest, max: u64) -> io::Result<Bytes> {
        let found = self.store.get(&self.blob(digest)).await.map_err(failed)?;
        if found.meta.size > max {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the blob is too large to be read whole"));
        }
        found.bytes().await.map_err(failed)
    }

    async fn size(&self, digest: &Digest) -> io::Result<Option<u64>> {
        match self.store.head(&self.blob(digest)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    async fn all(&self) -> io::Result<BoxStream<'static, io::Result<Digest>>> {
        let found = self.store.list(Some(&self.key("blobs"))).map_err(failed);
        let digest = |key: &Path| {
            let mut parts = key.as_ref().rsplit('/');
            let (hex, algorithm) = (parts.next()?, parts.nth(1)?);
            // What has no digest for a name is not ours to judge.
            format!("{algorithm}:{hex}").parse::<Digest>().ok()
        };
        Ok(found.try_filter_map(move |object| std::future::ready(Ok(digest(&object.location)))).boxed())
    }

    async fn room(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    async fn address(&self, digest: &Digest) -> io::Result<Option<String>> {
        if !self.redirect {
            return Ok(None);
        }
        let signed = self.store.signed_url(http::Method::GET, &self.blob(digest), SIGNED).await.map_err(failed)?;
        Ok(Some(signed.to_string()))
    }

    async fn instance(&self) -> io::Result<Option<String>> {
        match self.store.get(&self.key("instance")).await {
            Ok(found) => Ok(Some(String::from_utf8_lossy(&found.bytes().await.map_err(failed)?).trim().to_owned())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    async fn set_instance(&self, id: &str) -> io::Result<()> {
        self.store.put(&self.key("instance"), id.to_owned().into()).await.map(drop).map_err(failed)
    }

    async fn set_aside(&self, digest: &Digest) -> io::Result<String> {
        let to = self.key(&format!("set-aside/{}/{}", digest.algorithm().as_str(), digest.hex()));
        match self.store.rename(&self.blob(digest), &to).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(to.to_string()),
            Err(error) => Err(failed(error)),
        }
    }

    async fn delete(&self, digest: &Digest) -> io::Result<()> {
        self.remove(&self.blob(digest)).await
    }
}
