//! What is summed up instead of a row each: refused attempts (by what was tried, who tried it and from where, an hour in one row), and pulls
//! (by account and artifact, a minute in one row). They are written in batches, a bounded number of rows each, so that nobody makes the server
//! write at will.

use super::Event;
use super::sql;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::identity::Principal;
use model::Stamp;
use model::audit::Outcome;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What is one row: the kind, whose, and from where or of what.
type Key = (&'static str, String, String);

#[derive(Clone)]
struct Sum {
    event: Event,
    who: Principal,
    first: Stamp,
    last: Stamp,
    /// Not written yet.
    times: i64,
    /// Its row, once it has one.
    row: Option<i64>,
}

/// Sums of one window of time.
pub struct Summed {
    all: Mutex<HashMap<Key, Sum>>,
    /// What happens within so long, in ms, is one row.
    window: i64,
    /// Most rows of a window. What comes past it is counted under nobody's name and address.
    most: usize,
    outcome: Outcome,
}

impl Summed {
    /// Attempts that were refused.
    pub fn refusals() -> Summed {
        Summed { all: Mutex::default(), window: 3_600_000, most: 1024, outcome: Outcome::Refused }
    }

    /// Pulls that were served.
    pub fn pulls() -> Summed {
        Summed { all: Mutex::default(), window: 60_000, most: 2048, outcome: Outcome::Done }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Sum>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one refused attempt.
    pub fn note(&self, now: Stamp, who: &Principal, event: Event) {
        let from = crate::identity::network(&who.client.address);
        self.count(now, who, (event.kind(), who.key(), from), || event);
    }

    /// Counts one pull of an artifact, by its number and the reference that named it.
    pub fn note_pull(&self, now: Stamp, who: &Principal, (artifact, reference): (i64, &str), event: impl FnOnce() -> Event) {
        // Nobody in particular is told apart by address.
        let whose = if who.is_anonymous() { crate::identity::network(&who.client.address) } else { who.key() };
        self.count(now, who, ("artifact.pull", whose, format!("{artifact} {reference}")), event);
    }

    fn count(&self, now: Stamp, who: &Principal, key: Key, event: impl FnOnce() -> Event) {
        let mut all = self.all();
        if let Some(sum) = all.get_mut(&key) {
            (sum.times, sum.last) = (sum.times + 1, now);
            return;
        }
        let (mut key, mut who) = (key, who.clone());
        if all.len() >= self.most {
            key = (key.0, String::new(), String::new());
            who = Principal::anonymous(Default::default());
        }
        let sum = all.entry(key).or_insert_with(|| Sum { event: event(), who, first: now, last: now, times: 0, row: None });
        (sum.times, sum.last) = (sum.times + 1, now);
    }

    /// How many rows of this window there are or will be.
    pub fn len(&self) -> usize {
        self.all().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes what was counted since the last time, and forgets the windows that are over.
    async fn flush(&self, ctx: &Ctx) -> Result<()> {
        let (now, outcome) = (ctx.now(), self.outcome);
        let news: Vec<(Key, Sum)> = {
            let all = self.all();
            all.iter().filter(|(_, sum)| sum.times > 0).map(|(key, sum)| (key.clone(), sum.clone())).collect()
        };
        if !news.is_empty() {
            let rows: Vec<Sum> = news.iter().map(|(_, sum)| sum.clone()).collect();
            let written = async move |c: &mut sqlx::AnyConnection| {
                let mut ids = Vec::with_capacity(rows.len());
                for sum in &rows {
                    ids.push(match sum.row {
                        Some(row) => sql::again(c, row, sum.times, sum.last).await.map(|()| row)?,
                        None => {
                            let project = sql::robot_project(c, &sum.event).await?;
                            sql::insert(c, (sum.first, sum.last), &sum.who, &sum.event, project, outcome, sum.times).await?
                        }
                    });
                }
                Ok(ids)
            };
            let ids = ctx.db.write_content(written).await?;
            let mut all = self.all();
            for ((key, sum), id) in news.into_iter().zip(ids) {
                if let Some(kept) = all.get_mut(&key) {
                    kept.times -= sum.times;
                    kept.row = Some(id);
                }
            }
        }
        self.all().retain(|_, sum| sum.times > 0 || now.0 - sum.first.0 < self.window);
        Ok(())
    }
}

/// Writes all that is summed up.
pub async fn flush(ctx: &Ctx) -> Result<()> {
    ctx.local.refusals.flush(ctx).await?;
    ctx.local.pulls_told.flush(ctx).await
}
