//! Writing to an upload: one request at a time, with a running hash, within bounds and while there is room.

use super::MAX_BLOB;
use crate::blobs::Hasher;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::quotas::Growth;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use model::Algorithm;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// Bytes of an upload between two looks at how much room there is.
const ASK: u64 = 4 << 20;

/// Largest blob that is kept in memory until it is whole, in bytes.
const SMALL: u64 = 16 << 10;

/// How much of a refused body is read, and for how long.
const DRAINED: usize = 16 << 20;
const DRAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// Uploads that a request is writing to, and the running hash of those that none is.
#[derive(Clone, Default)]
pub struct InUse(Arc<Mutex<HashMap<String, Option<(u64, Hasher)>>>>);

/// Held while something writes to an upload; a second request is turned away, so that bytes never mix. What writes owns it:
/// a request that is dropped in the midst leaves writers behind that still have a file.
pub(super) struct UploadTurn {
    in_use: InUse,
    id: String,
    pub hasher: Option<(u64, Hasher)>,
    /// All of it, where it is small enough to need no file on its way.
    pub whole: Option<Bytes>,
    /// The running hash is worth keeping.
    pub keep: bool,
}

impl InUse {
    pub(super) fn take(&self, id: &str) -> Option<UploadTurn> {
        let mut map = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let hasher = match map.get_mut(id) {
            None => None,
            Some(idle @ Some(_)) => idle.take(),
            Some(None) => return None,
        };
        map.insert(id.to_owned(), None);
        Some(UploadTurn { in_use: self.clone(), id: id.to_owned(), hasher, whole: None, keep: false })
    }

    /// Is something writing to it?
    pub(super) fn busy(&self, id: &str) -> bool {
        let map = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        matches!(map.get(id), Some(None))
    }

    /// Forgets the running hash of an upload that is gone.
    pub(super) fn forget(&self, id: &str) {
        let mut map = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if matches!(map.get(id), Some(Some(_))) {
            map.remove(id);
        }
    }
}

impl Drop for UploadTurn {
    fn drop(&mut self) {
        let mut map = self.in_use.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match self.hasher.take() {
            Some(hasher) if self.keep => map.insert(std::mem::take(&mut self.id), Some(hasher)),
            _ => map.remove(&self.id),
        };
    }
}

pub(super) fn unknown() -> Error {
    Error::NotFound("this upload".to_owned())
}

pub(super) fn too_large() -> Error {
    Error::invalid("size", format!("must be at most {MAX_BLOB} bytes"))
}

/// Is there room for so many bytes more, beside what is kept free?
pub async fn room(ctx: &Ctx, bytes: u64) -> Result<()> {
    let (reserve, free) = (ctx.settings.reserve, ctx.blobs.room().await?);
    match free {
        Some(free) if free.saturating_sub(bytes) < reserve => {
            let say = |bytes: u64| model::stamp::bytes(i64::try_from(bytes).unwrap_or(i64::MAX));
            Err(Error::Unavailable(format!(
                "the disk is almost full: {} are free and {} stay free (limits.reserve): delete artifacts and collect garbage, or give it more room",
                say(free), say(reserve),
            )))
        }
        _ => Ok(()),
    }
}

/// Runs what must come to its end, also when the request that began it is dropped.
pub(crate) async fn to_its_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(crate::db::asked_on(work)).await.map_err(|error| Error::Internal(format!("work that had begun broke off: {error}")))?
}

/// May so many bytes be added there?
async fn admit(growth: &Growth<'_>, received: u64, start: Option<u64>, length: Option<u64>) -> Result<()> {
    if start.is_some_and(|start| start != received) {
        return Err(Error::Range { received: received as i64 });
    }
    if length.is_some_and(|length| received.saturating_add(length) > MAX_BLOB) {
        return Err(too_large());
    }
    room(growth.ctx, length.unwrap_or(0)).await?;
    growth.may(received.saturating_add(length.unwrap_or(0))).await?;
    growth.to(received).await
}

/// May it grow on, to so many bytes by now?
async fn may_grow(growth: &Growth<'_>, bytes: u64) -> Result<()> {
    room(growth.ctx, 0).await?;
    growth.to(bytes).await
}

/// Reads on for a little while. A server that closes with bytes unread resets the connection, and the client may never see why
/// it was refused.
async fn drain<E>(body: &mut (impl Stream<Item = std::result::Result<Bytes, E>> + Unpin)) {
    let read = async {
        let mut read = 0;
        while let Some(Ok(chunk)) = body.next().await {
            read += chunk.len();
            if read > DRAINED {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN, read).await;
}

/// Streams `body` into the upload's file. Answers the turn back, the new length, and why it ended early if it did. With
/// `last`, when nothing may follow, a small one that comes whole is only kept in the turn.
pub(super) async fn write<E: std::fmt::Display>(
    growth: &Growth<'_>,
    mut turn: UploadTurn,
    received: u64,
    start: Option<u64>,
    length: Option<u64>,
    mut body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    last: bool,
) -> Result<(UploadTurn, u64, Option<Error>)> {
    let ctx = growth.ctx;
    if let Err(error) = admit(growth, received, start, length).await {
        turn.keep = true;
        drop(turn);
        drain(&mut body).await;
        return Err(error);
    }
    let hasher = match turn.hasher.take() {
        Some((at, hasher)) if at == received => hasher,
        _ if received == 0 => Hasher::new(Algorithm::Sha256),
        _ => ctx.blobs.rehash(&turn.id, received, Algorithm::Sha256).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::UnexpectedEof => unknown(),
            _ => Error::from(error),
        })?,
    };
    let (sender, mut chunks) = mpsc::channel(4);
    let feed = async move {
        let (mut fed, mut asked) = (0_u64, 0_u64);
        let ended = |message: String| Some(Error::invalid("body", message));
        while let Some(chunk) = body.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => return ended(format!("ended early: {error}")),
            };
            fed += chunk.len() as u64;
            if fed - asked >= ASK {
                asked = fed;
                if let Err(error) = may_grow(growth, received + fed).await {
                    drain(&mut body).await;
                    return Some(error);
                }
            }
            if received + fed > MAX_BLOB || length.is_some_and(|length| fed > length) {
                return ended("is longer than it was said to be".to_owned());
            }
            // The writer stops only when the disk fails, which its own result tells.
            if sender.send(chunk).await.is_err() {
                drain(&mut body).await;
                return None;
            }
        }
        match length {
            None => growth.to(received + fed).await.err(),
            Some(length) if fed < length => ended(format!("ended after {fed} of {length} bytes")),
            Some(_) => None,
        }
    };
    let mut feed = std::pin::pin!(feed);
    let mut fed = None;
    if last && received == 0 && length.is_some_and(|length| length <= SMALL) {
        let gather = async {
            let mut whole = Vec::new();
            while let Some(chunk) = chunks.recv().await {
                whole.extend_from_slice(&chunk);
            }
            whole
        };
        let (whole, broken) = tokio::join!(gather, &mut feed);
        let (total, whole) = (whole.len() as u64, Bytes::from(whole));
        if broken.is_none() {
            turn.whole = Some(whole);
            return Ok((turn, total, None));
        }
        // What arrived is kept.
        let (sender, rest) = mpsc::channel(1);
        let _ = sender.try_send(whole);
        (chunks, fed) = (rest, Some(broken));
    }
    let blobs = ctx.blobs.clone();
    let append = to_its_end(async move {
        let (total, hasher) = blobs.append(&turn.id, received, hasher, chunks).await?;
        turn.hasher = Some((total, hasher));
        Ok((turn, total))
    });
    let feed = async {
        match fed {
            Some(broken) => broken,
            None => feed.await,
        }
    };
    let (written, broken) = tokio::join!(append, feed);
    let (turn, total) = written?;
    Ok((turn, total, broken))
}
