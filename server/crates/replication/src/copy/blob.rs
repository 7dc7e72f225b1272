//! One blob of an artifact: found, mounted or sent, and gone on with where an earlier run was cut.

use super::ArtifactCopy;
use crate::ends::{Blob, Source};
use crate::meter::Meter;
use async_trait::async_trait;
use bytes::Bytes;
use domain::Ctx;
use domain::replication::executions::{self, RemoteBlob};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use futures_util::stream::{self, BoxStream};
use model::{Digest, ExecutionId};
use remote::{Failure, Pushed, Sending, There};
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, sleep_until};
use url::Url;

/// Blobs of one manifest that are looked for and sent at once.
const AT_ONCE: usize = 3;
/// Blobs from this size on, in bytes, are gone on with after a break: below it a durable note costs more than it saves.
const RESUMED: i64 = 512 * 1024;

/// How fast all tasks of one execution send together.
#[derive(Clone, Default)]
pub struct Pace {
    /// Bytes a second; `None`: as fast as it goes.
    limit: Option<u64>,
    /// When what was sent so far is paid for.
    paid: Arc<Mutex<Option<Instant>>>,
    /// One blob at a time: side by side they would take no less long, and the registry's attention from others.
    lane: Arc<AsyncMutex<()>>,
}

impl Pace {
    /// Of a rule's `speed`: KB a second, nothing for what is not above 0.
    pub fn of(speed: i64) -> Pace {
        Pace { limit: u64::try_from(speed).ok().filter(|speed| *speed > 0).map(|speed| speed * 1024), ..Pace::default() }
    }

    /// The turn to send a blob, where the speed is limited.
    async fn lane(&self) -> Option<impl Drop> {
        match self.limit {
            Some(_) => Some(self.lane.clone().lock_owned().await),
            None => None,
        }
    }

    /// What is read at once, in parts that are each sent within a moment: a pause that is longer looks like a line that is dead.
    fn parts(&self, mut bytes: Bytes) -> Vec<Bytes> {
        let Some(limit) = self.limit else { return vec![bytes] };
        let most = (limit / 4).max(256) as usize;
        let mut parts = Vec::new();
        while bytes.len() > most {
            parts.push(bytes.split_to(most));
        }
        parts.push(bytes);
        parts
    }

    /// Waits until so many bytes may go.
    async fn take(&self, bytes: usize) {
        let Some(limit) = self.limit else { return };
        let until = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let from = paid.unwrap_or_else(Instant::now).max(Instant::now());
            let until = from + Duration::from_micros(bytes as u64 * 1_000_000 / limit);
            *paid = Some(until);
            until
        };
        sleep_until(until).await;
    }
}

/// A blob of the source on its way.
struct Outgoing {
    ctx: Ctx,
    source: Arc<dyn Source>,
    execution: ExecutionId,
    there: RemoteBlob,
    size: i64,
    meter: Arc<Meter>,
    /// Of `size`, what stands in the meter.
    counted: Arc<AtomicI64>,
    pace: Pace,
}

#[async_trait]
impl Sending for Outgoing {
    async fn read(&self, range: Range<i64>) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
        let stream = self.source.read(&self.there.digest, range).await?;
        let (meter, counted, pace) = (self.meter.clone(), self.counted.clone(), self.pace.clone());
        let parting = pace.clone();
        let parts = stream.flat_map(move |chunk| match chunk {
            Ok(chunk) => stream::iter(parting.parts(chunk).into_iter().map(Ok).collect::<Vec<_>>()),
            Err(error) => stream::iter(vec![Err(error)]),
        });
        let paced = parts.then(move |chunk| {
            let (meter, counted, pace) = (meter.clone(), counted.clone(), pace.clone());
            async move {
                if let Ok(chunk) = &chunk {
                    pace.take(chunk.len()).await;
                    counted.fetch_add(chunk.len() as i64, Ordering::Relaxed);
                    meter.add(chunk.len() as i64);
                }
                chunk
            }
        });
        Ok(paced.boxed())
    }

    fn at(&self, bytes: i64) {
        let before = self.counted.swap(bytes, Ordering::Relaxed);
        self.meter.add(bytes - before);
    }

    async fn place(&self, place: &Url) -> Result<(), Failure> {
        if self.size >= RESUMED {
            executions::note_upload(&self.ctx, self.execution, &self.there, place.as_str()).await?;
        }
        Ok(())
    }
}

impl ArtifactCopy<'_> {
    /// Sees to it that these stand there, some at a time. Says whether one had to be sent.
    pub(super) async fn blobs(&self, to: &str, blobs: &[(Digest, i64)]) -> Result<bool, Failure> {
        let each: Vec<BoxFuture<'_, Result<bool, Failure>>> = blobs.iter().map(|(digest, size)| self.blob(to, digest, *size).boxed()).collect();
        let sent: Vec<bool> = stream::iter(each).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(sent.contains(&true))
    }

    async fn blob(&self, to: &str, digest: &Digest, size: i64) -> Result<bool, Failure> {
        let sender = self.shared.sender(digest);
        let _turn = sender.lock().await;
        if self.shared.has_looked(digest, to) {
            self.meter.spare(size);
            return Ok(false);
        }
        if self.destination.has_blob(to, digest).await? == There::Yes {
            self.meter.spare(size);
            self.shared.note_standing(digest, to);
            return Ok(false);
        }
        let from = self.shared.standing().get(digest).cloned().filter(|from| from != to);
        self.send(to, digest, size, from.as_deref()).await?;
        Ok(true)
    }

    /// Sends these whatever was said of them, and mounts none.
    pub(super) async fn blobs_anew(&self, to: &str, blobs: &[(Digest, i64)]) -> Result<(), Failure> {
        for (digest, size) in blobs {
            let sender = self.shared.sender(digest);
            let _turn = sender.lock().await;
            self.send(to, digest, *size, None).await?;
        }
        Ok(())
    }

    /// Sends a blob, or mounts it from `from` where that does it.
    async fn send(&self, to: &str, digest: &Digest, size: i64, from: Option<&str>) -> Result<(), Failure> {
        let _lane = self.shared.pace.lane().await;
        let there = RemoteBlob { target: self.target, repository: to.to_owned(), digest: digest.clone() };
        let left = match size >= RESUMED {
            true => executions::take_upload(self.ctx, self.execution, &there).await?,
            false => None,
        };
        let outgoing = Outgoing {
            ctx: self.ctx.clone(),
            source: self.source.clone(),
            execution: self.execution,
            there: there.clone(),
            size,
            meter: self.meter.clone(),
            counted: Arc::default(),
            pace: self.shared.pace.clone(),
        };
        let mut blob = Blob { digest, size, from, left: left.as_deref(), chunked: self.chunked };
        let (short, whole) = (digest.short(), model::stamp::bytes(size));
        let mut pushed = self.destination.push_blob(to, &blob, &outgoing).await?;
        // A registry that says it mounted what it has not is believed once.
        if matches!(pushed, Pushed::Mounted) && self.destination.has_blob(to, digest).await? == There::No {
            self.meter.say(format_args!("blob {short} was mounted and is not there; it is uploaded"));
            blob = Blob { from: None, left: None, ..blob };
            pushed = self.destination.push_blob(to, &blob, &outgoing).await?;
        }
        match pushed {
            Pushed::Mounted => {
                self.meter.say(format_args!("blob {short} mounted"));
                self.meter.spare(size);
            }
            Pushed::Whole => self.meter.say(format_args!("blob {short} pushed, {whole}")),
            Pushed::From(at) => self.meter.say(format_args!("blob {short} went on at {} of {whole}, pushed", model::stamp::bytes(at))),
        }
        if size >= RESUMED {
            executions::forget_upload(self.ctx, &there).await?;
        }
        self.shared.note_standing(digest, to);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rule_sends_as_fast_as_it_may_and_all_its_tasks_share_it() {
        let (pace, began) = (Pace::of(100), Instant::now());
        let each = (0..4).map(|_| async {
            for _ in 0..5 {
                pace.take(50 * 1024).await;
            }
        });
        futures_util::future::join_all(each).await;
        assert_eq!(began.elapsed().as_secs(), 10, "1,000 KB at 100 KB a second");
        // However much is read at once, a slow line is never still for long.
        for (speed, read) in [(1, 1 << 20), (7, 100_000), (1 << 30, 4096)] {
            let pace = Pace::of(speed);
            let parts = pace.parts(Bytes::from(vec![7; read]));
            assert_eq!(parts.iter().map(Bytes::len).sum::<usize>(), read);
            assert!(parts.iter().all(|part| (part.len() as i64) <= (speed * 1024 / 4).max(256)), "{speed}");
        }
        for unlimited in [-1, 0] {
            let began = Instant::now();
            Pace::of(unlimited).take(1 << 30).await;
            assert_eq!(began.elapsed(), Duration::ZERO);
        }
    }
}
