//! A blob on its way to a client.

use crate::points::fault;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// Bytes read at a time for a client: the first time, and at most. Slow clients, of whom there may be many, hold little.
pub(super) const FIRST: usize = 16 * 1024;
const MOST: usize = 512 * 1024;
/// A client that takes longer than this for a chunk is slow.
const SLOW: Duration = Duration::from_millis(20);
/// Bytes that chunks above the first size take in all; without room for one more, a chunk is small.
const LARGE: usize = 24 << 20;

/// What large chunks of all readers share.
pub(super) fn large() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(LARGE / FIRST))
}

/// Part of a file, in chunks that grow as long as the client is quick.
pub(super) fn chunks(file: File, range: Range<u64>, large: Arc<Semaphore>) -> BoxStream<'static, io::Result<Bytes>> {
    let reading = Reading { file: Arc::new(file), at: range.start, end: range.end, ahead: None, size: FIRST, large };
    stream::unfold(reading, Reading::next).boxed()
}

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
