//! Whose turn it is: an account or address has at most a quarter of the readers and of the writer's queue, so that whoever asks
//! for much waits behind himself. Jobs ask for themselves, and wait for nobody.

use crate::error::{Error, Result};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long one waits for a turn: as long as for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// Names that are kept before those that wait for nothing are forgotten.
const NAMES: usize = 1024;

#[derive(Clone)]
struct Asker {
    name: Arc<Mutex<Arc<str>>>,
    /// Readers that this request holds.
    held: Arc<AtomicUsize>,
}

tokio::task_local! {
    static ASKER: Asker;
}

/// Runs a request, in whose name it reads and writes: an address until [`asks`] says whose it is.
pub async fn asked_by<F: Future>(name: &str, request: F) -> F::Output {
    let asker = Asker { name: Arc::new(Mutex::new(name.into())), held: Arc::default() };
    ASKER.scope(asker, request).await
}

/// Who asks is known by now. Outside of a request nothing is noted.
pub fn asks(name: &str) {
    let _ = ASKER.try_with(|asker| *asker.name.lock().unwrap_or_else(PoisonError::into_inner) = name.into());
}

/// The same work in the name of who asks now, for where it goes on by itself.
pub fn asked_on<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let asker = ASKER.try_with(Clone::clone).ok();
    async move {
        match asker {
            // What the request holds it holds for itself.
            Some(asker) => ASKER.scope(Asker { held: Arc::default(), ..asker }, work).await,
            None => work.await,
        }
    }
}

/// Who asks; nobody in particular outside of a request.
pub(super) fn asker() -> Arc<str> {
    ASKER.try_with(|asker| asker.name.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_else(|_| "".into())
}

/// The turns of one resource.
pub struct Turns {
    most: usize,
    by: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
    refused: AtomicU64,
}

/// A turn; the next has it when this is dropped.
pub struct Turn {
    held: Arc<AtomicUsize>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Turns {
    /// A quarter of `all`.
    pub fn of(all: usize) -> Turns {
        Turns { most: (all / 4).max(1), by: Mutex::default(), refused: AtomicU64::new(0) }
    }

    /// How often somebody waited for a turn in vain.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn semaphore(&self, name: Arc<str>) -> Arc<Semaphore> {
        let mut by = self.by.lock().unwrap_or_else(PoisonError::into_inner);
        if by.len() >= NAMES {
            by.retain(|_, turns| Arc::strong_count(turns) > 1 || turns.available_permits() < self.most);
        }
        by.entry(name).or_insert_with(|| Arc::new(Semaphore::new(self.most))).clone()
    }

    /// Waits for a turn. A request that has one takes more with it: would it wait, it could wait for itself.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when its own requests kept it waiting for 10 s.
    pub async fn take(&self) -> Result<Option<Turn>> {
        let Ok(asker) = ASKER.try_with(Clone::clone) else { return Ok(None) };
        if asker.held.load(Ordering::Acquire) > 0 {
            asker.held.fetch_add(1, Ordering::AcqRel);
            return Ok(Some(Turn { held: asker.held, _permit: None }));
        }
        let name = asker.name.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let turns = self.semaphore(name);
        let permit = match turns.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => match tokio::time::timeout(PATIENCE, turns.acquire_owned()).await {
                Ok(Ok(permit)) => permit,
                _ => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    return Err(Error::Unavailable("too many requests of one account or address are under way; try again".to_owned()));
                }
            },
        };
        asker.held.fetch_add(1, Ordering::AcqRel);
        Ok(Some(Turn { held: asker.held, _permit: Some(permit) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn s_02_who_asks_for_much_waits_behind_himself() {
        let turns = Arc::new(Turns::of(16));
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(asked_by("at 192.0.2.1", turns.take()).await.unwrap());
        }
        assert!(asked_by("at 192.0.2.1", turns.take()).now_or_never().is_none(), "a quarter is held");
        assert!(asked_by("at 192.0.2.2", turns.take()).now_or_never().is_some(), "another does not wait");
        // Signed in, one waits behind one's own account alone, from whatever address.
        let known = asked_by("at 192.0.2.1", async {
            asks("user:1");
            turns.take().await.map(|turn| turn.is_some())
        });
        assert!(matches!(known.now_or_never(), Some(Ok(true))));
        // What a request reads while it reads is its own turn's.
        let nested = asked_by("user:2", async {
            let mut all = Vec::new();
            for _ in 0..9 {
                all.push(turns.take().await.unwrap());
            }
            all.len()
        });
        assert_eq!(nested.now_or_never(), Some(9));
        held.pop();
        assert!(asked_by("at 192.0.2.1", turns.take()).now_or_never().is_some(), "a turn that ended is another's");
        assert!(matches!(turns.take().now_or_never(), Some(Ok(None))), "jobs wait for nobody");
        // Names that nobody waits under are forgotten.
        for n in 0..3 * NAMES {
            asked_by(&format!("at {n}"), turns.take()).await.unwrap();
        }
        assert!(turns.by.lock().unwrap().len() <= NAMES);
    }
}
