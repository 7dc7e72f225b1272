//! Slows down guessing: failures are counted for an account at an address, and for an address.

use crate::error::{Error, Result};
use model::Stamp;
use std::collections::HashMap;
use std::sync::Mutex;

/// Failures that cost nothing: people mistype.
const FREE: u32 = 5;
const FREE_ADDRESS: u32 = 50;
/// Longest wait, in ms.
const LONGEST: i64 = 900_000;
/// Counters kept; beyond it the settled ones are forgotten.
const KEPT: usize = 65_536;

#[derive(Clone, Copy, Default)]
struct Counter {
    failures: u32,
    last: i64,
}

/// Counters in memory.
#[derive(Default)]
pub struct Throttle(Mutex<HashMap<String, Counter>>);

impl Throttle {
    /// May this account be tried from this address now?
    pub fn check(&self, now: Stamp, account: &str, address: &str) -> Result<()> {
        let counters = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for (key, free) in keys(account, address) {
            if let Some(counter) = counters.get(&key) {
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
        let mut counters = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if counters.len() >= KEPT {
            counters.retain(|_, counter| now.0 - counter.last < LONGEST);
            if counters.len() >= KEPT {
                counters.clear();
            }
        }
        for (key, _) in keys(account, address) {
            let counter = counters.entry(key).or_default();
            // A quarter of an hour without a failure forgives.
            if now.0 - counter.last > LONGEST {
                counter.failures = 0;
            }
            counter.failures += 1;
            counter.last = now.0;
        }
    }

    /// Forgets the account's failures at this address.
    pub fn succeeded(&self, account: &str, address: &str) {
        let mut counters = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        counters.remove(&account_key(account, address));
    }
}

/// The account's key holds the address, so that a stranger's failures do not lock its owner out.
fn account_key(account: &str, address: &str) -> String {
    let account: String = account.chars().take(64).collect();
    format!("{}\0{}", account.to_ascii_lowercase(), network(address))
}

fn keys(account: &str, address: &str) -> [(String, u32); 2] {
    [(account_key(account, address), FREE), (format!("\0{}", network(address)), FREE_ADDRESS)]
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

    #[test]
    fn guessing_gets_slower_and_the_owner_elsewhere_is_not_locked_out() {
        let throttle = Throttle::default();
        let now = Stamp(1_000_000);
        for _ in 0..FREE {
            throttle.check(now, "admin", "198.51.100.1").unwrap();
            throttle.failed(now, "admin", "198.51.100.1");
        }
        throttle.check(now, "admin", "198.51.100.1").unwrap();
        throttle.failed(now, "admin", "198.51.100.1");
        assert!(matches!(throttle.check(now, "ADMIN", "198.51.100.1"), Err(Error::TooMany { .. })));
        throttle.check(now, "admin", "198.51.100.2").unwrap();
        throttle.check(Stamp(now.0 + 1_001), "admin", "198.51.100.1").unwrap();
        throttle.succeeded("admin", "198.51.100.1");
        throttle.check(now, "admin", "198.51.100.1").unwrap();
    }
}
