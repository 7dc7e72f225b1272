//! One writer at a time for what is read, merged and written again at another registry, by whatever execution.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The turns, each while somebody has it or waits for it.
#[derive(Default)]
pub struct Writers(Mutex<HashMap<String, Weak<AsyncMutex<()>>>>);

impl Writers {
    /// Waits for the turn at `place`: a registry's origin, a repository and a tag of it.
    pub async fn turn(&self, place: String) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            match turns.get(&place).and_then(Weak::upgrade) {
                Some(turn) => turn,
                None => {
                    let turn = Arc::new(AsyncMutex::new(()));
                    turns.insert(place, Arc::downgrade(&turn));
                    turn
                }
            }
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_writes_at_a_time_and_nothing_is_kept() {
        let writers = Writers::default();
        let first = writers.turn("a".into()).await;
        let _other = writers.turn("b".into()).await;
        let mut second = Box::pin(writers.turn("a".into()));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        assert!(futures_util::poll!(&mut second).is_ready());
        drop(second);
        let _third = writers.turn("c".into()).await;
        assert_eq!(writers.0.lock().unwrap().len(), 2, "b and c");
    }
}
