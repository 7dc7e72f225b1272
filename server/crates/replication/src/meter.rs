//! What a running task has done so far; read by whoever reports it.

use domain::replication::removals::Put;
use model::Digest;
use model::accessory::Kind;
use remote::Say;
use std::fmt::Display;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes done and known to be needed, accessories that travelled, and lines for a person.
#[derive(Default)]
pub struct Meter {
    pub done: AtomicI64,
    pub total: AtomicI64,
    log: Mutex<String>,
    accessories: Mutex<Vec<Kind>>,
    put: Mutex<Put>,
}

impl Meter {
    pub fn say(&self, line: impl Display) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&format!("{line}\n"));
    }

    /// Where what is said elsewhere goes.
    pub fn voice(self: &Arc<Meter>) -> Say {
        let meter = self.clone();
        Arc::new(move |line| meter.say(line))
    }

    /// The lines since the last time.
    pub fn take_log(&self) -> String {
        std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn travelled(&self, kind: Kind) {
        self.accessories.lock().unwrap_or_else(PoisonError::into_inner).push(kind);
    }

    /// A manifest was put there that was not there: the artifact, if it is the `root`, or something attached.
    pub fn put(&self, digest: &Digest, root: bool) {
        let mut put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
        match root {
            true => put.artifact = true,
            false => put.attached.push(digest.clone()),
        }
    }

    /// What the task put there so far.
    pub fn all_put(&self) -> Put {
        self.put.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn accessories(&self) -> Vec<Kind> {
        self.accessories.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn add(&self, bytes: i64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So much need not be sent after all.
    pub fn spare(&self, bytes: i64) {
        self.total.fetch_sub(bytes, Ordering::Relaxed);
    }
}
