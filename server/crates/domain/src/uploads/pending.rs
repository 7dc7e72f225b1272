//! Uploads that were started and have no bytes yet. They are kept in memory: most clients send a blob whole right after,
//! and then nothing of its upload needs to be durable. With its first bytes an upload gets its row.

use super::{BUSY, PER_ACCOUNT};
use model::{ProjectName, RepositoryName, Stamp};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// Most that are kept, of all accounts.
const MOST: usize = 100_000;

/// What an upload belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Started {
    pub project: ProjectName,
    pub repository: RepositoryName,
    pub principal: String,
}

#[derive(Default)]
struct Inner {
    uploads: HashMap<String, (Started, Stamp)>,
    by_account: HashMap<String, i64>,
}

/// The started uploads.
#[derive(Default)]
pub struct Pending(Mutex<Inner>);

impl Inner {
    fn remove(&mut self, id: &str) {
        let Some((started, _)) = self.uploads.remove(id) else { return };
        if let Some(n) = self.by_account.get_mut(&started.principal) {
            *n -= 1;
            if *n == 0 {
                self.by_account.remove(&started.principal);
            }
        }
    }
}

impl Pending {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Notes a new one; `false`: there are too many, of this account or of all.
    pub(super) fn open(&self, now: Stamp, id: &str, started: Started) -> bool {
        let mut inner = self.inner();
        if inner.uploads.len() >= MOST || inner.by_account.get(&started.principal).is_some_and(|&n| n >= PER_ACCOUNT) {
            return false;
        }
        *inner.by_account.entry(started.principal.clone()).or_default() += 1;
        inner.uploads.insert(id.to_owned(), (started, Stamp(now.0 + BUSY)));
        true
    }

    /// Is there one of that id that belongs there?
    pub(super) fn has(&self, now: Stamp, id: &str, started: &Started) -> bool {
        self.inner().uploads.get(id).is_some_and(|(found, until)| found == started && now < *until)
    }

    /// It has a row now, or is over.
    pub(super) fn close(&self, id: &str) {
        self.inner().remove(id);
    }

    /// Forgets those that were left behind.
    pub(super) fn sweep(&self, now: Stamp) {
        let mut inner = self.inner();
        let over: Vec<String> = inner.uploads.iter().filter(|(_, (_, until))| *until <= now).map(|(id, _)| id.clone()).collect();
        over.iter().for_each(|id| inner.remove(id));
    }
}
