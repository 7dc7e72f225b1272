//! How many requests a registry is sent at once: fewer when it says that they are too many (429), more again while all goes
//! well (additive increase, multiplicative decrease, as TCP does), and none before the time it names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Requests at once, at most, at first, and at least.
const MOST: f64 = 16.0;
const FIRST: f64 = 8.0;
const LEAST: f64 = 2.0;
/// Longest time that nothing is asked because a registry said so.
const LONGEST: Duration = Duration::from_secs(300);

/// The gates of all registries that this process speaks to, by origin: runs to one registry share one.
#[derive(Clone, Default)]
pub struct Gates(Arc<Mutex<HashMap<String, Weak<Gate>>>>);

impl Gates {
    pub fn of(&self, origin: &str) -> Arc<Gate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|_, gate| gate.strong_count() > 0);
        if let Some(gate) = gates.get(origin).and_then(Weak::upgrade) {
            return gate;
        }
        let gate = Arc::new(Gate::default());
        gates.insert(origin.to_owned(), Arc::downgrade(&gate));
        gate
    }
}

/// One registry's.
pub struct Gate {
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    limit: f64,
    busy: u32,
    /// Of those, requests that carry a blob, which may take hours: by whose they are.
    long: HashMap<usize, u32>,
    /// Counts the shrinkings: requests that began before one say nothing new.
    shrunk: u64,
    /// Nothing is sent before.
    until: Option<Instant>,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate { state: Mutex::new(State { limit: FIRST, busy: 0, long: HashMap::new(), shrunk: 0, until: None }), freed: Notify::new() }
    }
}

impl State {
    /// Is there room for a request, or for one of `long` that carries a blob? Those leave a quarter to others, and one sender a half of theirs.
    fn has_room(&self, long: Option<usize>) -> bool {
        let (limit, all) = (self.limit.floor(), f64::from(self.long.values().sum::<u32>()));
        let may = (limit * 0.75).floor().max(1.0);
        let own = |sender: usize| f64::from(self.long.get(&sender).copied().unwrap_or_default());
        f64::from(self.busy) < limit && long.is_none_or(|sender| all < may && own(sender) < (may / 2.0).ceil())
    }
}

/// The right to one request; it ends with it.
pub struct Pass {
    gate: Arc<Gate>,
    shrunk: u64,
    long: Option<usize>,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn.
    pub async fn enter(self: &Arc<Gate>) -> Pass {
        self.turn(None).await
    }

    /// Waits for a turn to carry a blob, which may take long: `sender` tells those who do so apart.
    pub async fn enter_long(self: &Arc<Gate>, sender: usize) -> Pass {
        self.turn(Some(sender)).await
    }

    async fn turn(self: &Arc<Gate>, long: Option<usize>) -> Pass {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            let until = {
                let mut state = self.state();
                match state.until.filter(|until| *until > Instant::now()) {
                    Some(until) => Some(until),
                    None if state.has_room(long) => {
                        state.until = None;
                        state.busy += 1;
                        if let Some(sender) = long {
                            *state.long.entry(sender).or_default() += 1;
                        }
                        return Pass { gate: self.clone(), shrunk: state.shrunk, long };
                    }
                    None => None,
                }
            };
            match until {
                Some(until) => sleep_until(until).await,
                None => freed.await,
            }
        }
    }
}

impl Pass {
    /// It was answered.
    pub fn went_well(&self) {
        let mut state = self.gate.state();
        state.limit = (state.limit + 1.0 / state.limit).min(MOST);
    }

    /// It was one too many. `wait`: what the registry asks for.
    pub fn too_many(&self, wait: Option<Duration>) {
        let mut state = self.gate.state();
        if state.shrunk == self.shrunk {
            state.shrunk += 1;
            state.limit = (state.limit / 2.0).max(LEAST);
        }
        // A span is theirs to choose, and no longer than a run waits: others ask there, too.
        if let Some(wait) = wait.map(|wait| wait.min(LONGEST)) {
            let until = Instant::now() + wait;
            state.until = Some(state.until.map_or(until, |before| before.max(until)));
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        {
            let mut state = self.gate.state();
            state.busy -= 1;
            if let Some(sender) = self.long
                && let Some(held) = state.long.get_mut(&sender)
            {
                *held -= 1;
            }
            state.long.retain(|_, held| *held > 0);
        }
        self.gate.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_carries_blobs_leaves_room_for_questions_and_for_another_who_carries() {
        let gate = Gates::default().of("http://a");
        let soon = async |long: Option<usize>| tokio::time::timeout(Duration::from_secs(1), gate.turn(long)).await.ok();
        let mut first = Vec::new();
        while let Some(pass) = soon(Some(1)).await {
            first.push(pass);
        }
        let mut second = Vec::new();
        while let Some(pass) = soon(Some(2)).await {
            second.push(pass);
        }
        assert_eq!((first.len(), second.len()), (3, 3), "of eight");
        let questions = [soon(None).await, soon(None).await];
        assert!(questions.iter().all(Option::is_some) && soon(None).await.is_none());
        drop(questions);
        first.pop();
        assert!(soon(Some(3)).await.is_some());
        drop((first, second));
        // However small the gate is by now, a blob gets through, and a question beside it.
        for _ in 0..4 {
            gate.enter().await.too_many(None);
        }
        assert_eq!(gate.state().limit, LEAST);
        let blob = soon(Some(1)).await;
        assert!(blob.is_some() && soon(Some(1)).await.is_none() && soon(None).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_says_too_many_is_sent_half_and_then_slowly_more() {
        let gates = Gates::default();
        let gate = gates.of("http://a");
        assert!(Arc::ptr_eq(&gate, &gates.of("http://a")), "one gate a registry");
        let mut first = Vec::new();
        for _ in 0..8 {
            first.push(gate.enter().await);
        }
        assert!(tokio::time::timeout(Duration::from_secs(1), gate.enter()).await.is_err(), "the ninth waits");
        // Eight answers of one moment are one piece of news.
        for pass in &first {
            pass.too_many(None);
        }
        assert_eq!(gate.state().limit, 4.0);
        drop(first);
        let pass = gate.enter().await;
        pass.too_many(Some(Duration::from_secs(30)));
        drop(pass);
        let began = Instant::now();
        let pass = gate.enter().await;
        assert_eq!(began.elapsed().as_secs(), 30, "nobody asks before the time it named");
        assert_eq!(gate.state().limit, 2.0);
        for _ in 0..1000 {
            pass.went_well();
        }
        assert_eq!(gate.state().limit, MOST);
    }
}
