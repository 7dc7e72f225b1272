//! A form that is sent twice is done once: a double click without script, a line that breaks and a browser that sends again. Each page
//! carries a mark in its forms' addresses; what was done under one mark is answered again as it was for a while.
//!
//! Two processes on one database do not know each other's marks: then the second is told what stands in the way, as for any form.

use crate::{Answer, UiError};
use model::Stamp;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// How long an answer is kept, in ms; it may hold a secret.
const ANSWER_LIFE: i64 = 30_000;
/// Most answers kept; past it the next are not.
const MOST: usize = 1024;

type Cell = Arc<OnceCell<Answer>>;

#[derive(Clone, Default)]
pub struct Once(Arc<Mutex<HashMap<u64, (Stamp, Cell)>>>);

impl Once {
    /// What identifies one sending: the account, the form, the page's mark, and the fields.
    pub fn key(account: i64, at: &str, mark: &str, form: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        (account, at, mark, form).hash(&mut hasher);
        hasher.finish()
    }

    fn cell(&self, key: u64, now: Stamp) -> Cell {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (since, _)| now.0 - since.0 < ANSWER_LIFE);
        if all.len() >= MOST && !all.contains_key(&key) {
            return Cell::default();
        }
        all.entry(key).or_insert_with(|| (now, Cell::default())).1.clone()
    }

    /// Does it, or waits for the same that is being done, or answers what was done. A refusal changed nothing and is not kept.
    pub async fn run(
        &self,
        key: u64,
        now: Stamp,
        act: impl Future<Output = Result<Answer, UiError>>,
    ) -> Result<Answer, UiError> {
        let cell = self.cell(key, now);
        let done = cell.get_or_try_init(async || match act.await {
            Ok(answer @ (Answer::Done { .. } | Answer::Secret(_))) => Ok(answer),
            other => Err(other),
        });
        match done.await {
            Ok(answer) => Ok(answer.clone()),
            Err(other) => other,
        }
    }
}
