//! Slows down guessing, and nobody else: failures are counted for an account at an address, and that pair waits. What slows is
//! kept in the database, so that a restart forgives nothing.
//!
//! - A guess is counted before it is checked ([`Throttle::guess`]), and those of a pair are checked one after another: a crowd
//!   gets no more of them than a sequence.
//! - Over all addresses an account is guessed at no faster than [`SLOWED`] once [`FREE_ACCOUNT`] failed. An address from which
//!   it signed in before is not slowed by that, so that its owner is not locked out.
//! - An address as such never waits: behind one there may be many accounts, and their right secrets are let in however busy it is.

use super::places::Places;
use super::sql::{self, Counter};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::keys::Keys;
use aws_lc_rs::hmac;
use model::Stamp;
use sqlx::AnyConnection;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

/// Failures that cost nothing: people mistype.
const FREE: u32 = 5;
/// Failures of an account, of all addresses, that slow nobody.
const FREE_ACCOUNT: u32 = 50;
/// From then on one guess in so long, in ms.
const SLOWED: i64 = 2000;
/// Longest wait, in ms.
pub(super) const LONGEST: i64 = 900_000;
/// Most counters; beyond it half of them are forgotten, those first that matter least.
pub(super) const MOST_KEYS: usize = 65_536;
/// Most rows of one write.
pub(super) const BATCH: usize = 1024;
/// For the counter of an account over all addresses.
const EVERYWHERE: &str = "*";

/// Whose failures: an HMAC, because people type passwords where names belong, and so that all are of one size.
pub(super) type Key = [u8; 32];

/// Counters in memory; those that slow are written to the database in batches, so that no stranger makes us write at will.
pub struct Throttle {
    secret: hmac::Key,
    counters: Mutex<HashMap<Key, Counter>>,
    /// What the database does not say yet; `None`: forgiven.
    unwritten: Mutex<HashMap<Key, Option<Counter>>>,
    /// Pairs that signed in.
    good: Places,
    /// Pairs whose guesses are being checked.
    turns: Mutex<HashMap<Key, Weak<Semaphore>>>,
    loaded: OnceCell<()>,
    refused: std::sync::atomic::AtomicU64,
}

/// A guess that is counted as wrong until it is said to be right.
pub struct Guess<'a> {
    throttle: &'a Throttle,
    pair: Key,
    everywhere: Key,
    now: Stamp,
    /// When the pair, and the account from everywhere, guessed before.
    before: [i64; 2],
    /// The network that the account never signed in from before, if so.
    pub stranger: Option<String>,
    _turn: OwnedSemaphorePermit,
}

impl Guess<'_> {
    /// It was right: the pair's failures are forgotten.
    pub fn right(self) {
        self.throttle.forgive(&self.pair);
        self.take_back(&self.everywhere, self.before[1]);
        self.throttle.good.note(self.pair, self.now);
    }

    /// What became of it. Where it could not be checked nothing is known of it, and nothing is counted.
    pub fn judged(self, judged: Result<bool>) -> Result<bool> {
        match judged {
            Ok(true) => self.right(),
            Ok(false) => {}
            Err(_) => self.unchecked(),
        }
        judged
    }

    fn unchecked(self) {
        self.take_back(&self.pair, self.before[0]);
        self.take_back(&self.everywhere, self.before[1]);
    }

    fn take_back(&self, key: &Key, before: i64) {
        if let Some(counter) = lock(&self.throttle.counters).get_mut(key) {
            counter.failures = counter.failures.saturating_sub(1);
            // Another guess may have been counted meanwhile: then it is the last one.
            if counter.last == self.now.0 {
                counter.last = before;
            }
            if let Some(unwritten) = lock(&self.throttle.unwritten).get_mut(key) {
                *unwritten = Some(counter.clone());
            }
        }
    }
}

impl Throttle {
    pub(crate) fn new(keys: &Keys) -> Throttle {
        Throttle {
            secret: keys.hmac(b"wharf failed sign-ins v1"),
            counters: Mutex::default(),
            unwritten: Mutex::default(),
            good: Places::default(),
            turns: Mutex::default(),
            loaded: OnceCell::new(),
            refused: Default::default(),
        }
    }

    /// Waits for the pair's turn, and counts a guess. `known`: there is such an account, whose name may be shown.
    pub async fn guess(&self, ctx: &Ctx, account: &str, address: &str, known: bool) -> Result<Guess<'_>> {
        self.loaded.get_or_try_init(|| self.load(ctx, ctx.now())).await?;
        let (pair, everywhere) = (self.key(account, &network(address)), self.key(account, EVERYWHERE));
        let turn = self.turn(pair).acquire_owned().await.map_err(|_| Error::Unavailable("shutting down".to_owned()))?;
        let now = ctx.now();
        let trusted = self.good.knows(&pair, now);
        let before = self.count(now, (pair, everywhere), trusted, if known { account } else { "" }, address).inspect_err(|_| {
            self.refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        })?;
        let stranger = (!trusted).then(|| network(address));
        Ok(Guess { throttle: self, pair, everywhere, now, before, stranger, _turn: turn })
    }

    fn count(&self, now: Stamp, (pair, everywhere): (Key, Key), trusted: bool, account: &str, address: &str) -> Result<[i64; 2]> {
        let mut counters = lock(&self.counters);
        let wait = |seconds: i64| Err(Error::TooMany { what: "attempts", seconds: (seconds as u64).div_ceil(1000) });
        if let Some(counter) = counters.get_mut(&pair) {
            // The clock may have been set back.
            counter.last = counter.last.min(now.0);
            let left = wait_ms(counter.failures) - (now.0 - counter.last);
            if left > 0 {
                return wait(left);
            }
        }
        if let Some(counter) = counters.get_mut(&everywhere) {
            counter.last = counter.last.min(now.0);
            let left = SLOWED - (now.0 - counter.last);
            if counter.failures >= FREE_ACCOUNT && left > 0 && !trusted {
                return wait(left);
            }
        }
        if counters.len() + 2 > MOST_KEYS {
            // Those of names that nobody has go first, and of these the ones that make nobody wait: a flood of them forgets nothing of
            // who is guessed at.
            let rank = |counter: &Counter| (counter.account.is_some(), counter.failures > FREE, counter.last);
            let mut ranks: Vec<_> = counters.values().map(rank).collect();
            let (_, middle, _) = ranks.select_nth_unstable(MOST_KEYS / 2);
            let middle = *middle;
            counters.retain(|_, counter| rank(counter) > middle);
        }
        let mut before = [0; 2];
        for (n, (key, free, address)) in [(pair, FREE, address), (everywhere, FREE_ACCOUNT, "")].into_iter().enumerate() {
            let counter = counters.entry(key).or_insert_with(|| Counter { since: now.0, ..Counter::default() });
            // A quarter of an hour without a failure forgives.
            if now.0 - counter.last > LONGEST {
                (counter.failures, counter.since) = (0, now.0);
            }
            counter.failures += 1;
            before[n] = std::mem::replace(&mut counter.last, now.0);
            if counter.account.is_none() && !account.is_empty() {
                counter.account = Some(account.into());
            }
            let mut unwritten = lock(&self.unwritten);
            if counter.failures > free && (unwritten.len() < MOST_KEYS || unwritten.contains_key(&key)) {
                counter.address = address.into();
                unwritten.insert(key, Some(counter.clone()));
            }
        }
        Ok(before)
    }

    fn turn(&self, pair: Key) -> Arc<Semaphore> {
        let mut turns = lock(&self.turns);
        if let Some(turn) = turns.get(&pair).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() >= 1024 {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::new(Semaphore::new(1));
        turns.insert(pair, Arc::downgrade(&turn));
        turn
    }

    fn forgive(&self, key: &Key) {
        let counter = lock(&self.counters).remove(key);
        if counter.is_some_and(|counter| counter.failures > FREE) {
            lock(&self.unwritten).insert(*key, None);
        }
    }

    /// Forgives what is counted under a key, in hexadecimal.
    pub fn unlock(&self, key: &str) {
        let mut bytes = Key::default();
        if hex::decode_to_slice(key, &mut bytes).is_ok() {
            lock(&self.counters).remove(&bytes);
            lock(&self.unwritten).remove(&bytes);
        }
    }

    /// How many sign-ins were turned away unchecked.
    pub fn refused(&self) -> u64 {
        self.refused.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Writes what changed; of very many failures some wait for the next time.
    pub async fn flush(&self, ctx: &Ctx) -> Result<()> {
        self.good.flush(ctx).await?;
        let batch = some_of(&self.unwritten);
        if batch.is_empty() {
            return Ok(());
        }
        let rows = batch.clone();
        let written = async move |c: &mut AnyConnection| {
            sql::set_failures(c, rows.iter().map(|(key, counter)| (hex::encode(key), counter))).await
        };
        let done = ctx.db.write_content(written).await;
        if done.is_err() {
            let mut unwritten = lock(&self.unwritten);
            for (key, counter) in batch {
                unwritten.entry(key).or_insert(counter);
            }
        }
        done
    }

    /// Deletes rows that slow nobody any more, and the oldest beyond what memory would hold, a few at a time.
    pub async fn sweep(&self, ctx: &Ctx) -> Result<()> {
        self.good.sweep(ctx).await?;
        let then = Stamp(ctx.now().0 - LONGEST);
        let swept = async move |c: &mut AnyConnection| sql::sweep(c, "failures", then, MOST_KEYS as i64, BATCH as i64).await;
        while ctx.db.write_content(swept).await? > 0 {}
        Ok(())
    }

    /// What slowed before the last restart.
    async fn load(&self, ctx: &Ctx, now: Stamp) -> Result<()> {
        self.good.load(ctx, now).await?;
        let found = sql::failures_since(&mut *ctx.db.read().await?, Stamp(now.0 - LONGEST), MOST_KEYS as i64 / 2).await?;
        let mut counters = lock(&self.counters);
        for (text, counter) in found {
            let mut key = Key::default();
            if hex::decode_to_slice(text, &mut key).is_ok() {
                counters.insert(key, counter);
            }
        }
        Ok(())
    }

    fn key(&self, account: &str, place: &str) -> Key {
        let mut context = hmac::Context::with_key(&self.secret);
        context.update(account.to_ascii_lowercase().as_bytes());
        context.update(b"\0");
        context.update(place.as_bytes());
        context.sign().as_ref().try_into().expect("HMAC-SHA256 gives 32 bytes")
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is to be written next: of very much the rest waits.
pub(super) fn some_of<T>(unwritten: &Mutex<HashMap<Key, T>>) -> Vec<(Key, T)> {
    let mut unwritten = lock(unwritten);
    let keys: Vec<Key> = unwritten.keys().take(BATCH).copied().collect();
    keys.into_iter().filter_map(|key| unwritten.remove_entry(&key)).collect()
}

/// An address as one client has it: an IPv6 client owns its /64.
pub fn network(address: &str) -> String {
    match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V6(v6)) => format!("{:x?}", &v6.segments()[..4]),
        _ => address.to_owned(),
    }
}

/// How long a pair waits after its last failure. Before the first guess past the free ones it does not.
fn wait_ms(failures: u32) -> i64 {
    match failures.checked_sub(FREE) {
        None | Some(0) => 0,
        Some(over) => 1000_i64.saturating_mul(1 << over.min(20)).min(LONGEST) / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Client, authenticate};
    use crate::secrets::PlainSecret;
    use crate::testing::World;
    use sqlx::Row;

    /// One wrong guess; `false`: it was turned away unchecked.
    async fn wrong(ctx: &Ctx, account: &str, address: &str) -> bool {
        match ctx.local.throttle.guess(ctx, account, address, true).await {
            Ok(_) => true,
            Err(Error::TooMany { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }

    async fn right(ctx: &Ctx, account: &str, address: &str) -> bool {
        ctx.local.throttle.guess(ctx, account, address, true).await.map(Guess::right).is_ok()
    }

    #[tokio::test]
    async fn guessing_gets_slower_and_the_owner_elsewhere_is_not_locked_out() {
        let world = World::new().await;
        let ctx = &world.ctx;
        for _ in 0..=FREE {
            assert!(wrong(ctx, "ada", "198.51.100.1").await);
        }
        assert!(!wrong(ctx, "ADA", "198.51.100.1").await);
        assert!(right(ctx, "ada", "198.51.100.2").await);
        world.pass(1_001);
        assert!(wrong(ctx, "ada", "198.51.100.1").await);
        assert!(!wrong(ctx, "ada", "198.51.100.1").await);
        world.pass(2_001);
        assert!(right(ctx, "ada", "198.51.100.1").await && wrong(ctx, "ada", "198.51.100.1").await);
    }

    #[tokio::test]
    async fn s_11_a_crowd_gets_no_more_guesses_than_a_sequence() {
        let world = World::new().await;
        let ctx = &world.ctx;
        let client = |address: &str| Client { address: address.into(), ..Client::default() };
        let guess = async |n: usize| {
            let secret = PlainSecret::new(format!("a wrong guess number {n}"));
            authenticate(ctx, "admin", &secret, client("198.51.100.1")).await
        };
        let answers = futures_util::future::join_all((0..120).map(guess)).await;
        let checked = answers.iter().filter(|answer| matches!(answer, Err(Error::Unauthenticated))).count();
        let turned_away = answers.iter().filter(|answer| matches!(answer, Err(Error::TooMany { .. }))).count();
        assert_eq!((checked, turned_away), (FREE as usize + 1, 120 - FREE as usize - 1));
        // Over all addresses it is slow too, but not for who was there before.
        let (mut checked, mut later) = (0, 0);
        for n in 0..200 {
            checked += usize::from(wrong(ctx, "admin", &format!("203.0.113.{n}")).await);
        }
        assert!(checked < FREE_ACCOUNT as usize, "{checked}");
        for _ in 0..10 {
            world.pass(SLOWED + 1);
            later += usize::from(wrong(ctx, "admin", "192.0.2.1").await) + usize::from(wrong(ctx, "admin", "192.0.2.2").await);
        }
        assert_eq!(later, 10);
        assert!(right(ctx, "admin", "198.51.100.7").await, "from where it signed in before");
    }

    #[tokio::test]
    async fn c_6_4_only_the_pair_waits_however_busy_its_address_is() {
        let world = World::new().await;
        let ctx = &world.ctx;
        let client = || Client { address: "198.51.100.7".into(), ..Client::default() };
        world.user("ada").await;
        for round in 0..30 {
            for n in 0..25 {
                wrong(ctx, &format!("robot$stale{n}"), "198.51.100.7").await;
            }
            let bob = authenticate(ctx, "ada", &PlainSecret::new(crate::testing::PASSWORD.into()), client()).await;
            assert!(bob.is_ok(), "round {round}");
            world.pass(1000);
        }
        // A right secret that was right before is let in though the pair waits for wrong ones.
        for _ in 0..=FREE {
            wrong(ctx, "ada", "198.51.100.7").await;
        }
        assert!(!wrong(ctx, "ada", "198.51.100.7").await);
        assert!(authenticate(ctx, "ada", &PlainSecret::new(crate::testing::PASSWORD.into()), client()).await.is_ok());
        assert!(matches!(authenticate(ctx, "ada", &PlainSecret::new("wrong".into()), client()).await, Err(Error::TooMany { .. })));
    }

    #[tokio::test]
    async fn a_restart_keeps_no_owner_out() {
        let world = World::new().await;
        let ctx = &world.ctx;
        assert!(right(ctx, "ada", "198.51.100.1").await);
        ctx.local.throttle.flush(ctx).await.unwrap();
        let rows = async || sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM places").fetch_one(&mut *ctx.db.read().await.unwrap()).await.unwrap().get::<i64,
            _>("n");
        let places = rows().await;
        // The same day is not written again.
        world.pass(1000);
        assert!(right(ctx, "ada", "198.51.100.1").await);
        ctx.local.throttle.flush(ctx).await.unwrap();
        assert_eq!((places > 0, rows().await), (true, places));
        let again = world.restarted();
        let mut slowed = false;
        for n in 0..FREE_ACCOUNT + 20 {
            slowed |= !wrong(&again, "ada", &format!("203.0.113.{n}")).await;
        }
        assert!(slowed, "guesses from everywhere are slowed");
        assert!(!right(&again, "ada", "198.51.100.9").await && right(&again, "ada", "198.51.100.1").await);
        world.pass(91 * 86_400_000);
        again.local.throttle.sweep(&again).await.unwrap();
        assert_eq!(rows().await, 0);
    }

    #[tokio::test]
    async fn n_158_a_restart_forgives_nothing_and_a_success_does() {
        let world = World::new().await;
        let (ctx, rows) = (&world.ctx, "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM failures");
        let kept = async || sqlx::query(rows).fetch_one(&mut *ctx.db.read().await.unwrap()).await.unwrap().get::<i64, _>("n");
        let flush = async || ctx.local.throttle.flush(ctx).await.unwrap();
        for _ in 0..FREE {
            wrong(ctx, "ada", "198.51.100.1").await;
        }
        flush().await;
        assert_eq!(kept().await, 0, "what slows nobody is not written");
        wrong(ctx, "ada", "198.51.100.1").await;
        flush().await;
        assert_eq!(kept().await, 1);
        let again = world.restarted();
        assert!(!wrong(&again, "ada", "198.51.100.1").await && right(&again, "ada", "198.51.100.2").await);
        world.pass(LONGEST);
        assert!(right(&again, "ada", "198.51.100.1").await);
        again.local.throttle.flush(&again).await.unwrap();
        assert_eq!(kept().await, 0);
        // What is long past is swept.
        for account in ["a", "b"] {
            for _ in 0..=FREE {
                wrong(&again, account, "198.51.100.1").await;
            }
            again.local.throttle.flush(&again).await.unwrap();
            world.pass(LONGEST - 1);
        }
        assert_eq!(kept().await, 2);
        again.local.throttle.sweep(&again).await.unwrap();
        assert_eq!(kept().await, 1);
        assert!(wrong(&again, "b", "198.51.100.1").await, "it has waited long enough");
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_locks_nobody_out() {
        let world = World::new().await;
        let ctx = &world.ctx;
        for _ in 0..=FREE {
            wrong(ctx, "ada", "198.51.100.1").await;
        }
        ctx.local.throttle.flush(ctx).await.unwrap();
        world.pass(-3_600_000);
        assert!(!wrong(ctx, "ada", "198.51.100.1").await);
        world.pass(1_001);
        assert!(wrong(ctx, "ada", "198.51.100.1").await);
    }

    #[test]
    fn n_156_a_million_names_take_bounded_memory_and_the_newest_are_remembered() {
        let throttle = Throttle::new(&Keys::from_bytes([7; 32]));
        for n in 0..1_000_000_u32 {
            let [_, a, b, c] = n.to_be_bytes();
            let (account, address) = (format!("name{n}"), format!("10.{a}.{b}.{c}"));
            let keys = (throttle.key(&account, &address), throttle.key(&account, EVERYWHERE));
            throttle.count(Stamp(i64::from(n)), keys, false, "", &address).unwrap();
        }
        let counters = lock(&throttle.counters);
        let bytes = counters.capacity() * size_of::<(Key, Counter)>();
        assert!(counters.len() <= MOST_KEYS && bytes <= 64 << 20, "{} counters, {bytes} bytes", counters.len());
        println!("{} counters of 2,000,000, {} KiB", counters.len(), bytes >> 10);
        assert!(counters.contains_key(&throttle.key("name999999", "10.15.66.63")));
    }

    #[test]
    fn s_11_a_flood_of_names_that_nobody_has_forgets_nothing_of_who_is_guessed_at() {
        // Of one guess or of so many that they slow; the one who is guessed at has few, or many.
        for (each, guesses) in [(1, 3), (1, 6), (7, 3), (7, 6)] {
            let throttle = Throttle::new(&Keys::from_bytes([7; 32]));
            let victim = (throttle.key("ada", "203.0.113.5"), throttle.key("ada", EVERYWHERE));
            let guess = |keys, account: &str, at: &mut i64, address: &str| {
                // Each waits as long as it must.
                *at += LONGEST / 2;
                throttle.count(Stamp(*at), keys, false, account, address).unwrap();
            };
            let mut at = 0;
            for _ in 0..guesses {
                guess(victim, "ada", &mut at, "203.0.113.5");
            }
            let counted = || {
                let counters = lock(&throttle.counters);
                [victim.0, victim.1].map(|key| counters.get(&key).map(|counter| counter.failures))
            };
            let before = counted();
            assert_eq!(before, [Some(guesses), Some(guesses)]);
            for n in 0..40_000 {
                let keys = (throttle.key(&format!("nobody{n}"), "198.51.100.7"), throttle.key(&format!("nobody{n}"), EVERYWHERE));
                for _ in 0..each {
                    guess(keys, "", &mut at, "198.51.100.7");
                }
            }
            assert_eq!(counted(), before, "{each} guesses at each name, {guesses} at ada");
            assert!(lock(&throttle.counters).len() <= MOST_KEYS);
        }
    }
}
