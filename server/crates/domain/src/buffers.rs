//! Bodies that are held in memory: all of them share one budget, of which an account or address has a quarter. It is taken as
//! bytes arrive, so that who announces much and sends little holds little.

use crate::error::{Error, Result};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Taken at once, in bytes.
const STEP: u64 = 16 * 1024;
/// What each body may hold even when there is no room. Connections bound how many there are.
const SMALL: u64 = STEP;

#[derive(Default)]
struct Held {
    all: u64,
    by: HashMap<String, u64>,
}

struct Inner {
    most: u64,
    held: Mutex<Held>,
    refused: AtomicU64,
}

/// The budget.
#[derive(Clone)]
pub struct Buffers(Arc<Inner>);

/// A part of the budget; free again when this is dropped.
pub struct Share {
    budget: Buffers,
    who: String,
    bytes: u64,
}

/// A body in memory, with its part of the budget.
pub struct Buffered {
    pub bytes: Vec<u8>,
    /// To be held as long as what is made of the bytes.
    pub share: Share,
}

/// Why a body was not read to its end.
#[derive(Debug)]
pub enum Unread {
    /// It is longer than it may be.
    TooLong,
    /// There is no room for it now.
    Busy(Error),
    /// The client's stream broke.
    Broken(String),
}

impl Buffers {
    pub fn new(most: u64) -> Buffers {
        Buffers(Arc::new(Inner { most, held: Mutex::default(), refused: AtomicU64::new(0) }))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that are held now, and that may be.
    pub fn used(&self) -> (u64, u64) {
        (self.held().all, self.0.most)
    }

    /// How often there was no room.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// A part of the budget for `who`, empty for now.
    pub fn share(&self, who: &str) -> Share {
        Share { budget: self.clone(), who: who.to_owned(), bytes: 0 }
    }

    /// Reads a body of at most `most` bytes for `who`. Each byte counts `times`: for the copies that are made of it.
    pub async fn read<E: std::fmt::Display>(
        &self,
        who: &str,
        most: usize,
        times: u64,
        mut body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    ) -> std::result::Result<Buffered, Unread> {
        let (mut share, mut bytes) = (self.share(who), Vec::new());
        while let Some(part) = body.next().await {
            let part = part.map_err(|error| Unread::Broken(error.to_string()))?;
            if bytes.len() + part.len() > most {
                return Err(Unread::TooLong);
            }
            share.grow(times * (bytes.len() + part.len()) as u64).map_err(Unread::Busy)?;
            bytes.extend_from_slice(&part);
        }
        Ok(Buffered { bytes, share })
    }
}

impl Share {
    /// Makes it at least `bytes` long.
    pub fn grow(&mut self, bytes: u64) -> Result<()> {
        let more = bytes.saturating_sub(self.bytes).next_multiple_of(STEP);
        if more == 0 {
            return Ok(());
        }
        let most = self.budget.0.most;
        let mut held = self.budget.held();
        let own = held.by.get(&self.who).copied().unwrap_or(0);
        // What is small always fits: signing in and small pushes go on while others hold all of it.
        let small = self.bytes + more <= SMALL;
        if !small && (held.all + more > most || own + more > most / 4) {
            drop(held);
            self.budget.0.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Error::Unavailable("too much is being sent at once".to_owned()));
        }
        held.all += more;
        *held.by.entry(self.who.clone()).or_default() += more;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.budget.held();
        held.all -= self.bytes;
        if let Some(own) = held.by.get_mut(&self.who) {
            *own -= self.bytes;
            if *own == 0 {
                held.by.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::convert::Infallible;

    fn body(parts: usize) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
        stream::iter((0..parts).map(|_| Ok(Bytes::from_static(&[7; 1024]))))
    }

    #[tokio::test]
    async fn s_04_all_bodies_share_one_budget_of_which_one_sender_has_a_quarter() {
        let budget = Buffers::new(1 << 20);
        let mut held = Vec::new();
        for n in 0..4 {
            let who = format!("user:{n}");
            held.push(budget.read(&who, 1 << 20, 1, body(256)).await.ok().unwrap());
            assert!(matches!(budget.read(&who, 1 << 20, 1, body(17)).await, Err(Unread::Busy(Error::Unavailable(_)))));
        }
        assert_eq!((budget.used(), budget.refused()), ((1 << 20, 1 << 20), 4));
        assert!(matches!(budget.read("user:9", 1 << 20, 1, body(17)).await, Err(Unread::Busy(_))), "there is no more");
        assert!(matches!(budget.read("user:9", 1 << 20, 1, body(16)).await, Ok(read) if read.bytes.len() == 16 * 1024), "what is small fits");
        held.pop();
        assert!(matches!(budget.read("user:9", 1 << 20, 1, body(17)).await, Ok(read) if read.bytes.len() == 17 * 1024));
        drop(held);
        assert_eq!(budget.used().0, 0);
        assert!(matches!(budget.read("user:9", 1000, 1, body(1)).await, Err(Unread::TooLong)));
    }
}
