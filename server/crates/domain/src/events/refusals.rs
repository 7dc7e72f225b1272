//! Refused attempts, summed up: by what was tried, who tried it and from where, an hour in one row. They are written in
//! batches, a bounded number of rows each, so that nobody makes the server write at will.

use super::Event;
use super::sql;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::identity::Principal;
use model::Stamp;
use model::audit::Outcome;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Refusals of so long, in ms, are one row.
const WINDOW: i64 = 3_600_000;
/// Most rows of a window. What comes past it is counted under nobody's name and address.
const MOST: usize = 1024;

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

/// What was refused in this hour.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<Key, Sum>>);

impl Refusals {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Sum>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one.
    pub fn note(&self, now: Stamp, who: &Principal, event: Event) {
        let mut all = self.all();
        let mut key = (event.kind(), who.key(), crate::identity::network(&who.client.address));
        let mut who = who.clone();
        if all.len() >= MOST && !all.contains_key(&key) {
            key = (event.kind(), String::new(), String::new());
            who = Principal::anonymous(Default::default());
        }
        let sum = all.entry(key).or_insert_with(|| Sum { event, who, first: now, last: now, times: 0, row: None });
        sum.times += 1;
        sum.last = now;
    }

    /// How many rows of this hour there are or will be.
    pub fn len(&self) -> usize {
        self.all().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes what was counted since the last time, and forgets the hours that are over.
    pub async fn flush(ctx: &Ctx) -> Result<()> {
        let now = ctx.now();
        let news: Vec<(Key, Sum)> = {
            let all = ctx.local.refusals.all();
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
                            sql::insert(c, (sum.first, sum.last), &sum.who, &sum.event, project, Outcome::Refused, sum.times).await?
                        }
                    });
                }
                Ok(ids)
            };
            let ids = ctx.db.write_content(written).await?;
            let mut all = ctx.local.refusals.all();
            for ((key, sum), id) in news.into_iter().zip(ids) {
                if let Some(kept) = all.get_mut(&key) {
                    kept.times -= sum.times;
                    kept.row = Some(id);
                }
            }
        }
        ctx.local.refusals.all().retain(|_, sum| sum.times > 0 || now.0 - sum.first.0 < WINDOW);
        Ok(())
    }
}
