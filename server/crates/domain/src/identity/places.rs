//! Where accounts signed in from: the owner's own places, which a flood of guesses from elsewhere does not slow. They outlast a restart,
//! else whoever guesses on would keep the owner out until the flood ends.

use super::sql;
use super::throttle::{BATCH, MOST_KEYS, Key, lock, some_of};
use crate::ctx::Ctx;
use crate::error::Result;
use model::Stamp;
use sqlx::AnyConnection;
use std::collections::HashMap;
use std::sync::Mutex;

/// How long a place is remembered after the last sign-in, in ms.
const REMEMBERED: i64 = 90 * 86_400_000;
/// How exactly the last sign-in is kept, in ms: one write a place and day.
const DAY: i64 = 86_400_000;

/// The places, by the keys of `throttle`: account and network.
#[derive(Default)]
pub(super) struct Places {
    known: Mutex<HashMap<Key, Stamp>>,
    /// What the database does not say yet.
    unwritten: Mutex<HashMap<Key, Stamp>>,
}

impl Places {
    pub fn knows(&self, place: &Key, now: Stamp) -> bool {
        lock(&self.known).get(place).is_some_and(|at| now.0 - at.0 < REMEMBERED)
    }

    /// Somebody signed in from there.
    pub fn note(&self, place: Key, now: Stamp) {
        let mut known = lock(&self.known);
        if known.len() >= MOST_KEYS && !known.contains_key(&place) {
            let mut ages: Vec<i64> = known.values().map(|at| at.0).collect();
            let (_, middle, _) = ages.select_nth_unstable(MOST_KEYS / 2);
            let middle = *middle;
            known.retain(|_, at| at.0 > middle);
        }
        if known.get(&place).is_none_or(|at| now.0 - at.0 >= DAY) {
            known.insert(place, now);
            lock(&self.unwritten).insert(place, now);
        }
    }

    /// What was known before the last restart.
    pub async fn load(&self, ctx: &Ctx, now: Stamp) -> Result<()> {
        let found = sql::places_since(&mut *ctx.db.read().await?, Stamp(now.0 - REMEMBERED), MOST_KEYS as i64 / 2).await?;
        let mut known = lock(&self.known);
        for (text, at) in found {
            let mut key = Key::default();
            if hex::decode_to_slice(text, &mut key).is_ok() {
                known.insert(key, at);
            }
        }
        Ok(())
    }

    /// Writes what is new.
    pub async fn flush(&self, ctx: &Ctx) -> Result<()> {
        let batch = some_of(&self.unwritten);
        if batch.is_empty() {
            return Ok(());
        }
        let rows = batch.clone();
        let written = async move |c: &mut AnyConnection| sql::set_places(c, rows.iter().map(|(key, at)| (hex::encode(key), *at))).await;
        let done = ctx.db.write_content(written).await;
        if done.is_err() {
            lock(&self.unwritten).extend(batch);
        }
        done
    }

    /// Deletes what is past its time, and the oldest beyond what memory would hold, a few at a time.
    pub async fn sweep(&self, ctx: &Ctx) -> Result<()> {
        let then = Stamp(ctx.now().0 - REMEMBERED);
        let swept = async move |c: &mut AnyConnection| sql::sweep(c, "places", then, MOST_KEYS as i64, BATCH as i64).await;
        while ctx.db.write_content(swept).await? > 0 {}
        Ok(())
    }
}
