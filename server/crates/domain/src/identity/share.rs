//! A fair share of what costs: nobody with a valid secret keeps the others waiting.

use super::Principal;
use crate::error::{Error, Result};
use model::Stamp;
use std::collections::HashMap;
use std::sync::Mutex;

/// Tokens an account may have a second, and at once. A busy CI asks for some hundred.
pub(super) const TOKENS: i64 = 500;
/// Accounts that are kept in mind; those whose second is over are forgotten first.
const MOST_ACCOUNTS: usize = 65_536;

/// Until when, in µs, each account has had its share.
#[derive(Default)]
pub struct Shares(Mutex<HashMap<String, i64>>);

impl Shares {
    /// Takes one token's worth. Nobody in particular has no share: behind one address there may be many of them.
    pub(super) fn take(&self, now: Stamp, who: &Principal) -> Result<()> {
        if who.is_anonymous() {
            return Ok(());
        }
        let (now, second) = (now.0 * 1000, 1_000_000);
        let mut had = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if had.len() >= MOST_ACCOUNTS {
            had.retain(|_, until| *until > now);
            if had.len() >= MOST_ACCOUNTS {
                had.clear();
            }
        }
        let until = had.entry(who.key()).or_insert(now);
        // One that lies further ahead is from before the clock was set back.
        let from = if *until > now + second { now } else { (*until).max(now) };
        let next = from + second / TOKENS;
        if next > now + second {
            return Err(Error::TooMany { what: "tokens in a second", seconds: 1 });
        }
        *until = next;
        Ok(())
    }
}
