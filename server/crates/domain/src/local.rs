//! Everything that lives in this process alone: caches, locks, shares, notifiers. Each line says what two processes on one
//! database make of it: *exact* (no difference), *harmless* (costs work or a little justice, never a wrong answer), or *wrong
//! until moved*. This list is the work plan for many replicas. Beside it stand only the database's turns and counts (`db`), whose quarters each
//! process gives anew, and the connections that a process admits (`server::limits`), and whose turn it is with many bytes (`aside`, exact: it is this process's memory).

use crate::access::Looks;
use crate::artifacts::{CachedManifest, Pulls};
use crate::buffers::Buffers;
use crate::cache::ExactCache;
use crate::ctx::Settings;
use crate::db::Turns;
use crate::identity::{Passwords, Shares, Throttle, Tokens};
use crate::keys::Keys;
use crate::robots::Uses;
use crate::uploads::{InUse, Pending};
use std::sync::Arc;
use tokio::sync::{Mutex, Notify, RwLock};

/// What lives in memory.
pub struct Local {
    /// Passwords that were found right. Harmless: keyed by the account's version, each process checks for itself.
    pub passwords: Passwords,
    /// Guesses that slow the next. Harmless: each process counts its own until it is restarted, so a guesser has as many tries
    /// as there are processes; what slows is in the database, and read at the start.
    pub throttle: Throttle,
    /// Tokens an account had in this second. Harmless: its share in each process.
    pub shares: Shares,
    /// Bytes of bodies that are held. Exact: it is this process's memory.
    pub buffers: Buffers,
    /// Answers that wait for their clients to read them: apart from bodies, so that who reads nothing keeps nobody from pushing. Exact,
    /// as those.
    pub answer_buffers: Buffers,
    /// Uploads that are being written to. Wrong until moved: two processes could write to one upload at once; its bytes lie
    /// in one data directory or bucket, and only the lock of the directory keeps the second process away.
    pub uploads_in_use: InUse,
    /// Uploads without bytes. Wrong until moved: the other process knows nothing of them, and answers 404.
    pub uploads_pending: Pending,
    /// What uploads under way will add to projects that have a limit. Harmless: each process knows its own; what a project holds is counted in the
    /// database as a manifest is placed.
    pub reservations: crate::quotas::Reservations,
    /// Pulls that are not written yet. Harmless: each writes its own.
    pub pulls: Pulls,
    /// Uses of robot accounts that are not written yet. Harmless, as pulls.
    pub robot_uses: Uses,
    /// Manifests that are pulled again and again. Exact: kept only on SQLite, which has one process, by the count of its commits.
    pub pulled: ExactCache<CachedManifest>,
    /// Sizes of blobs that are. Exact, as manifests.
    pub blob_sizes: ExactCache<i64>,
    /// What callers were found to be allowed. Exact, as manifests.
    pub looks: Looks,
    /// Tokens whose signature was checked. Exact: a signature stays right.
    pub tokens: Tokens,
    /// Held for reading while a collection deletes bytes, for writing while a backup copies them. Wrong until moved: a backup
    /// of one process would not hold a collection of the other.
    pub collecting: RwLock<()>,
    /// One collection at a time, also when a lease ran out while its worker stood still. Harmless: jobs have leases.
    pub turn: Mutex<()>,
    /// One undo of an account, and of these one at a time. Harmless: it bounds what this process holds in memory.
    pub undoing: (Turns, Arc<Mutex<()>>),
    /// Copies of an artifact within this server, one an account at a time. Harmless: it bounds what this process does at once.
    pub copying: Turns,
    /// Long lists that are being made, two an account or address at a time: what one is made of is in memory until it is sent. Harmless: it
    /// bounds what this process holds.
    pub lists: Turns,
    /// Rung when a job was queued, so that a worker need not wait for its next look. Harmless: the other looks every few seconds.
    pub work: Notify,
    /// How many requests each other registry is sent at once. Harmless: each process finds out for itself what is too many.
    pub gates: crate::outbound::Gates,
    /// Who writes to a list at another registry that is read, merged and written again. Wrong until moved: two processes could lose what the
    /// other wrote between; the next run finds and mends it.
    pub writers: crate::outbound::Writers,
    /// What an administrator set. Harmless: read anew every few seconds; whether anything may be written is asked of the database.
    pub configuration: crate::configuration::Known,
    /// Refusals that are counted and not written yet. Harmless: each writes its own sums.
    pub refusals: crate::events::Summed,
    /// Events that are to be forwarded and not written yet, and how the line to the receiver stands. Wrong until moved: two processes would both send
    /// what waits.
    pub forwarding: crate::forward::Forwarding,
    /// Pulls that the audit log does not tell of yet. Harmless: each writes its own sums.
    pub pulls_told: crate::events::Summed,
}

impl Local {
    pub(crate) fn new(keys: &Keys, settings: &Settings) -> Local {
        Local {
            passwords: Passwords::new(keys),
            throttle: Throttle::new(keys),
            shares: Default::default(),
            buffers: Buffers::new(settings.buffers),
            answer_buffers: Buffers::new(settings.buffers),
            uploads_in_use: Default::default(),
            uploads_pending: Default::default(),
            reservations: Default::default(),
            pulls: Default::default(),
            robot_uses: Default::default(),
            pulled: ExactCache::new(32 << 20, 4096),
            blob_sizes: ExactCache::new(8 << 20, 256),
            looks: Default::default(),
            tokens: Default::default(),
            collecting: RwLock::new(()),
            turn: Mutex::new(()),
            copying: Turns::of(4),
            lists: Turns::of(8),
            undoing: (Turns::of(1), Arc::default()),
            work: Notify::new(),
            writers: Default::default(),
            gates: Default::default(),
            configuration: Default::default(),
            refusals: crate::events::Summed::refusals(),
            forwarding: Default::default(),
            pulls_told: crate::events::Summed::pulls(),
        }
    }
}
