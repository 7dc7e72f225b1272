//! Slows down guessing: failures are counted for an account at an address, and for an address. What slows is kept in the
//! database, so that a restart forgives nothing.

use super::sql::{self, Counter};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::keys::Keys;
use aws_lc_rs::hmac;
use model::Stamp;
use sqlx::AnyConnection;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::OnceCell;

/// Failures that cost nothing: people mistype.
const FREE: u32 = 5;
const FREE_ADDRESS: u32 = 50;
/// Longest wait, in ms.
const LONGEST: i64 = 900_000;
/// Most counters; beyond it the older half is forgotten.
const KEPT: usize = 65_536;
/// Most rows of one write.
const BATCH: usize = 1024;

/// Whose failures: an HMAC, because people type passwords where names belong, and so that all are of one size.
type Key = [u8; 32];

/// Counters in memory; those that slow are written to the database in batches, so that no stranger makes us write at will.
pub struct Throttle {
    secret: hmac::Key,
    counters: Mutex<HashMap<Key, Counter>>,
    /// What the database does not say yet; `None`: forgiven.
    unwritten: Mutex<HashMap<Key, Option<Counter>>>,
    loaded: OnceCell<()>,
}

impl Throttle {
    pub(crate) fn new(keys: &Keys) -> Throttle {
        let secret = keys.hmac(b"wharf failed sign-ins v1");
        Throttle { secret, counters: Mutex::default(), unwritten: Mutex::default(), loaded: OnceCell::new() }
    }

    /// May this account be tried from this address now?
    pub async fn check(&self, ctx: &Ctx, account: &str, address: &str) -> Result<()> {
        let now = ctx.now();
        self.loaded.get_or_try_init(|| self.load(ctx, now)).await?;
        let mut counters = lock(&self.counters);
        for (key, free) in self.keys(account, address) {
            if let Some(counter) = counters.get_mut(&key) {
                // The clock may have been set back.
                counter.last = counter.last.min(now.0);
                let wait = wait_ms(counter.failures, free) - (now.0 - counter.last);
                if wait > 0 {
                    return Err(Error::TooMany { what: "attempts", seconds: (wait as u64).div_ceil(1000) });
                }
            }
        }
        Ok(())
    }

    /// Counts a failure.
    pub fn failed(&self, now: Stamp, account: &str, address: &str) {
        let mut counters = lock(&self.counters);
        if counters.len() + 2 > KEPT {
            let mut ages: Vec<i64> = counters.values().map(|counter| counter.last).collect();
            let (_, middle, _) = ages.select_nth_unstable(KEPT / 2);
            let middle = *middle;
            counters.retain(|_, counter| counter.last > middle);
        }
        for (key, free) in self.keys(account, address) {
            let counter = counters.entry(key).or_default();
            // A quarter of an hour without a failure forgives.
            if now.0 - counter.last > LONGEST {
                counter.failures = 0;
            }
            counter.failures += 1;
            counter.last = now.0;
            let mut unwritten = lock(&self.unwritten);
            if counter.failures > free && (unwritten.len() < KEPT || unwritten.contains_key(&key)) {
                unwritten.insert(key, Some(*counter));
            }
        }
    }

    /// Forgets the account's failures at this address.
    pub fn succeeded(&self, account: &str, address: &str) {
        let [(key, free), _] = self.keys(account, address);
        let counter = lock(&self.counters).remove(&key);
        if counter.is_some_and(|counter| counter.failures > free) {
            lock(&self.unwritten).insert(key, None);
        }
    }

    /// Writes what changed; of very many failures some wait for the next time.
    pub async fn flush(&self, ctx: &Ctx) -> Result<()> {
        let batch: Vec<(Key, Option<Counter>)> = {
            let mut unwritten = lock(&self.unwritten);
            let keys: Vec<Key> = unwritten.keys().take(BATCH).copied().collect();
            keys.into_iter().filter_map(|key| unwritten.remove_entry(&key)).collect()
        };
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
        let then = Stamp(ctx.now().0 - LONGEST);
        let swept = async move |c: &mut AnyConnection| sql::sweep_failures(c, then, KEPT as i64, BATCH as i64).await;
        while ctx.db.write_content(swept).await? > 0 {}
        Ok(())
    }

    /// What slowed before the last restart.
    async fn load(&self, ctx: &Ctx, now: Stamp) -> Result<()> {
        let found = sql::failures_since(&mut *ctx.db.read().await?, Stamp(now.0 - LONGEST), KEPT as i64 / 2).await?;
        let mut counters = lock(&self.counters);
        for (text, counter) in found {
            let mut key = Key::default();
            if hex::decode_to_slice(text, &mut key).is_ok() {
                counters.insert(key, counter);
            }
        }
        Ok(())
    }

    /// The account's, which holds the address, so that a stranger's failures do not lock its owner out; and the address's.
    fn keys(&self, account: &str, address: &str) -> [(Key, u32); 2] {
        let key = |account: &str| {
            let mut context = hmac::Context::with_key(&self.secret);
            context.update(account.as_bytes());
            context.update(b"\0");
            context.update(network(address).as_bytes());
            context.sign().as_ref().try_into().expect("HMAC-SHA256 gives 32 bytes")
        };
        [(key(&account.to_ascii_lowercase()), FREE), (key(""), FREE_ADDRESS)]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// An IPv6 client owns its /64.
fn network(address: &str) -> String {
    match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V6(v6)) => format!("{:x?}", &v6.segments()[..4]),
        _ => address.to_owned(),
    }
}

fn wait_ms(failures: u32, free: u32) -> i64 {
    match failures.checked_sub(free) {
        None | Some(0) => 0,
        Some(over) => 1000_i64.saturating_mul(1 << over.min(20)).min(LONGEST) / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;
    use sqlx::Row;

    async fn waits(ctx: &Ctx, account: &str, address: &str) -> bool {
        matches!(ctx.throttle.check(ctx, account, address).await, Err(Error::TooMany { .. }))
    }

    #[tokio::test]
    async fn guessing_gets_slower_and_the_owner_elsewhere_is_not_locked_out() {
        let world = World::new().await;
        let (ctx, throttle) = (&world.ctx, &world.ctx.throttle);
        for _ in 0..=FREE {
            assert!(!waits(ctx, "admin", "198.51.100.1").await);
            throttle.failed(ctx.now(), "admin", "198.51.100.1");
        }
        assert!(waits(ctx, "ADMIN", "198.51.100.1").await);
        assert!(!waits(ctx, "admin", "198.51.100.2").await);
        world.pass(1_001);
        assert!(!waits(ctx, "admin", "198.51.100.1").await);
        throttle.failed(ctx.now(), "admin", "198.51.100.1");
        assert!(waits(ctx, "admin", "198.51.100.1").await);
        throttle.succeeded("admin", "198.51.100.1");
        assert!(!waits(ctx, "admin", "198.51.100.1").await);
    }

    #[tokio::test]
    async fn n_158_a_restart_forgives_nothing_and_a_success_does() {
        let world = World::new().await;
        let (ctx, rows) = (&world.ctx, "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM failures");
        let kept = async || sqlx::query(rows).fetch_one(&mut *ctx.db.read().await.unwrap()).await.unwrap().get::<i64, _>("n");
        for _ in 0..FREE {
            ctx.throttle.failed(ctx.now(), "admin", "198.51.100.1");
        }
        ctx.throttle.flush(ctx).await.unwrap();
        assert_eq!(kept().await, 0, "what does not slow is not written");
        ctx.throttle.failed(ctx.now(), "admin", "198.51.100.1");
        ctx.throttle.flush(ctx).await.unwrap();
        assert_eq!(kept().await, 1);
        // Another process on the same database.
        let again = world.restarted();
        assert!(waits(&again, "admin", "198.51.100.1").await);
        assert!(!waits(&again, "admin", "198.51.100.2").await);
        again.throttle.succeeded("admin", "198.51.100.1");
        again.throttle.flush(ctx).await.unwrap();
        assert_eq!(kept().await, 0);
        assert!(!waits(&world.restarted(), "admin", "198.51.100.1").await);
        // What is long past is swept.
        for account in ["a", "b"] {
            for _ in 0..=FREE {
                again.throttle.failed(again.now(), account, "198.51.100.1");
            }
            again.throttle.flush(&again).await.unwrap();
            world.pass(LONGEST - 1);
        }
        assert_eq!(kept().await, 2);
        again.throttle.sweep(&again).await.unwrap();
        assert_eq!(kept().await, 1);
        assert!(!waits(&again, "b", "198.51.100.1").await, "it has waited long enough");
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_locks_nobody_out() {
        let world = World::new().await;
        let ctx = &world.ctx;
        for _ in 0..=FREE {
            ctx.throttle.failed(ctx.now(), "admin", "198.51.100.1");
        }
        ctx.throttle.failed(ctx.now(), "somebody", "198.51.100.1");
        ctx.throttle.flush(ctx).await.unwrap();
        world.pass(-3_600_000);
        for ctx in [ctx.clone(), world.restarted()] {
            assert!(!waits(&ctx, "somebody", "198.51.100.1").await);
            assert!(waits(&ctx, "admin", "198.51.100.1").await);
        }
        world.pass(1_001);
        assert!(!waits(ctx, "admin", "198.51.100.1").await);
    }

    #[tokio::test]
    async fn n_156_a_million_names_take_bounded_memory_and_the_newest_are_remembered() {
        let throttle = Throttle::new(&Keys::from_bytes([7; 32]));
        for n in 0..1_000_000_u32 {
            let [_, a, b, c] = n.to_be_bytes();
            throttle.failed(Stamp(i64::from(n)), &format!("name{n}"), &format!("10.{a}.{b}.{c}"));
        }
        let counters = lock(&throttle.counters);
        let bytes = counters.capacity() * size_of::<(Key, Counter)>();
        assert!(counters.len() <= KEPT && bytes <= 64 << 20, "{} counters, {bytes} bytes", counters.len());
        println!("{} counters of 2,000,000, {} KiB", counters.len(), bytes >> 10);
        let [(newest, _), _] = throttle.keys("name999999", "10.15.66.63");
        assert!(counters.contains_key(&newest));
    }
}
