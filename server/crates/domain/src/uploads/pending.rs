//! Uploads that were started and have no bytes yet. They are kept in memory: most clients send a blob whole right after,
//! and then nothing of its upload needs to be durable. With its first bytes an upload gets its row.
//!
//! They are counted by who stands behind an account: a person, or the project of a robot account, which its admins can have as
//! many of as they like. When there is no more room, the oldest of the heaviest gives way, and nobody else is refused.

use super::{BUSY, PER_OWNER};
use crate::identity::{Principal, Who};
use model::{ProjectName, RepositoryName, Stamp};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

/// Most that are kept, of all.
const MOST: usize = 100_000;

/// What an upload belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Started {
    pub project: ProjectName,
    pub repository: RepositoryName,
    pub principal: String,
    /// Who stands behind the account.
    pub owner: String,
}

/// Who stands behind an account that pushes into a project.
pub(super) fn owner(who: &Principal, project: &ProjectName) -> String {
    match who.who {
        Who::Robot { .. } => format!("project:{project}"),
        _ => who.key(),
    }
}

#[derive(Default)]
struct Inner {
    uploads: HashMap<String, (Started, Stamp)>,
    /// Each owner's, oldest first; what was closed meanwhile is passed over.
    by_owner: HashMap<String, Owned>,
    given_way: u64,
}

#[derive(Default)]
struct Owned {
    open: i64,
    ids: VecDeque<String>,
}

/// The started uploads.
#[derive(Default)]
pub struct Pending(Mutex<Inner>);

impl Inner {
    fn remove(&mut self, id: &str) {
        let Some((started, _)) = self.uploads.remove(id) else { return };
        let Some(owned) = self.by_owner.get_mut(&started.owner) else { return };
        owned.open -= 1;
        if owned.open == 0 {
            self.by_owner.remove(&started.owner);
        } else if owned.ids.len() as i64 > 2 * owned.open + 64 {
            owned.ids.retain(|id| self.uploads.contains_key(id));
        }
    }

    /// Takes the oldest of whoever has the most, if that is more than the newcomer has.
    fn make_room(&mut self, newcomer: &str) -> bool {
        let own = self.by_owner.get(newcomer).map_or(0, |owned| owned.open);
        let Some((heaviest, _)) = self.by_owner.iter().max_by_key(|(_, owned)| owned.open).filter(|(_, owned)| owned.open > own) else {
            return false;
        };
        let heaviest = heaviest.clone();
        while let Some(id) = self.by_owner.get_mut(&heaviest).and_then(|owned| owned.ids.pop_front()) {
            if self.uploads.contains_key(&id) {
                self.remove(&id);
                self.given_way += 1;
                return true;
            }
        }
        false
    }
}

impl Pending {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Notes a new one; `false`: there are too many, of this owner or of all.
    pub(super) fn open(&self, now: Stamp, id: &str, started: Started) -> bool {
        let mut inner = self.inner();
        if inner.by_owner.get(&started.owner).is_some_and(|owned| owned.open >= PER_OWNER) {
            return false;
        }
        if inner.uploads.len() >= MOST && !inner.make_room(&started.owner) {
            return false;
        }
        let owned = inner.by_owner.entry(started.owner.clone()).or_default();
        owned.open += 1;
        owned.ids.push_back(id.to_owned());
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

    /// How many there are, how many there may be, and how many had to give way.
    pub fn used(&self) -> (u64, u64, u64) {
        let inner = self.inner();
        (inner.uploads.len() as u64, MOST as u64, inner.given_way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(owner: &str, n: usize) -> (String, Started) {
        let started = Started { project: "p".parse().unwrap(), repository: "r".parse().unwrap(), principal: format!("{owner}{n}"), owner: owner.into() };
        (format!("{owner}-{n}"), started)
    }

    #[test]
    fn s_06_the_heaviest_gives_way_and_nobody_else_is_refused() {
        let (pending, now) = (Pending::default(), Stamp(0));
        for n in 0..MOST {
            let (id, started) = of(&format!("project:{}", n / PER_OWNER as usize), n);
            assert!(pending.open(now, &id, started));
        }
        let (id, started) = of("project:0", MOST);
        assert!(!pending.open(now, &id, started), "one owner has so many, whoever its accounts are");
        for n in 0..500 {
            let (id, started) = of("user:1", n);
            assert!(pending.open(now, &id, started.clone()), "{n}");
            assert!(pending.has(now, &id, &started));
        }
        assert_eq!(pending.used(), (MOST as u64, MOST as u64, 500));
        // What gave way were the oldest, of those who had most.
        let gone = (0..MOST).filter(|n| { let (id, started) = of(&format!("project:{}", n / PER_OWNER as usize), *n); !pending.has(now, &id, &started) });
        assert!(gone.map(|n| n % PER_OWNER as usize).all(|nth| nth < 10));
        pending.sweep(Stamp(BUSY));
        assert_eq!(pending.used().0, 0);
        assert!(pending.inner().by_owner.is_empty());
    }
}
