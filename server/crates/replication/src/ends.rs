//! The two ends of a copy: a [`Source`] that artifacts come from, a [`Destination`] that they go to. Here the source is this server and
//! the destination another registry; what pulls will have them the other way round.

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifacts::{self, GraphNode};
use domain::{Ctx, Principal};
use futures_util::stream::BoxStream;
use model::Digest;
use remote::{Failure, RemoteList, Pushed, Registry, Sending, There};
use std::io;
use std::ops::Range;

/// Where artifacts come from.
#[async_trait]
pub trait Source: Send + Sync {
    /// What makes up an artifact of `project/repository`, in the order in which it can be pushed.
    async fn graph(&self, place: &str, digest: &Digest) -> Result<Vec<GraphNode>, Failure>;

    /// Bytes of a blob.
    async fn read(&self, digest: &Digest, range: Range<i64>) -> io::Result<BoxStream<'static, io::Result<Bytes>>>;
}

/// Where they go. What each says and does is said at [`Registry`].
#[async_trait]
pub trait Destination: Send + Sync {
    /// Where it is, for whose turn it is there.
    fn origin(&self) -> String;
    async fn manifest_digest(&self, to: &str, reference: &str) -> Result<Option<Digest>, Failure>;
    async fn manifest(&self, to: &str, reference: &str) -> Result<Option<(String, Vec<u8>)>, Failure>;
    async fn put_manifest(&self, to: &str, reference: &str, media_type: &str, content: Bytes) -> Result<(), Failure>;
    async fn has_blob(&self, to: &str, digest: &Digest) -> Result<There, Failure>;
    async fn push_blob(&self, to: &str, blob: &Blob<'_>, bytes: &dyn Sending) -> Result<Pushed, Failure>;
    async fn referrers(&self, to: &str, subject: &Digest) -> Result<RemoteList<serde_json::Value>, Failure>;
    async fn tags(&self, to: &str) -> Result<RemoteList<String>, Failure>;
    async fn delete_manifest(&self, to: &str, digest: &Digest) -> Result<Option<String>, Failure>;
}

/// A blob that is to stand at a destination.
pub struct Blob<'a> {
    pub digest: &'a Digest,
    pub size: i64,
    /// A repository there from which it can be mounted.
    pub from: Option<&'a str>,
    /// Where an upload of it was left.
    pub left: Option<&'a str>,
    /// In chunks from the start.
    pub chunked: bool,
}

/// This server.
pub struct Here(pub Ctx);

#[async_trait]
impl Source for Here {
    async fn graph(&self, place: &str, digest: &Digest) -> Result<Vec<GraphNode>, Failure> {
        let (project, repository) = model::name::split_full(place).map_err(Failure::source)?;
        Ok(artifacts::graph(&self.0, &Principal::system(), &project, &repository, digest).await?)
    }

    async fn read(&self, digest: &Digest, range: Range<i64>) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
        self.0.blobs.read(digest, range.start as u64..range.end as u64).await
    }
}

#[async_trait]
impl Destination for Registry {
    fn origin(&self) -> String {
        Registry::origin(self)
    }

    async fn manifest_digest(&self, to: &str, reference: &str) -> Result<Option<Digest>, Failure> {
        Registry::manifest_digest(self, to, reference).await
    }

    async fn manifest(&self, to: &str, reference: &str) -> Result<Option<(String, Vec<u8>)>, Failure> {
        Registry::manifest(self, to, reference).await
    }

    async fn put_manifest(&self, to: &str, reference: &str, media_type: &str, content: Bytes) -> Result<(), Failure> {
        Registry::put_manifest(self, to, reference, media_type, content).await.map(drop)
    }

    async fn has_blob(&self, to: &str, digest: &Digest) -> Result<There, Failure> {
        Registry::has_blob(self, to, digest).await
    }

    async fn push_blob(&self, to: &str, blob: &Blob<'_>, bytes: &dyn Sending) -> Result<Pushed, Failure> {
        Registry::push_blob(self, to, blob.digest, blob.size, blob.from, blob.left, blob.chunked, bytes).await
    }

    async fn referrers(&self, to: &str, subject: &Digest) -> Result<RemoteList<serde_json::Value>, Failure> {
        Registry::referrers(self, to, subject).await
    }

    async fn tags(&self, to: &str) -> Result<RemoteList<String>, Failure> {
        Registry::tags(self, to).await
    }

    async fn delete_manifest(&self, to: &str, digest: &Digest) -> Result<Option<String>, Failure> {
        Registry::delete_manifest(self, to, digest).await
    }
}
