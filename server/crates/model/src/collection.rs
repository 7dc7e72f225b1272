//! Garbage collections: one row each run.

use crate::run::{RunStatus, Trigger};
use crate::{CollectionId, Digest, Stamp};
use serde::{Deserialize, Serialize};

/// One run of the garbage collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    pub id: CollectionId,
    pub status: RunStatus,
    pub trigger: Trigger,
    /// It only says what it would delete.
    pub dry_run: bool,
    pub requested_by: String,
    /// Blobs looked at.
    pub checked: i64,
    /// Blobs deleted, and their bytes.
    pub blobs: i64,
    pub bytes: i64,
    /// Blobs that nothing uses but that a push may still count on.
    pub young: i64,
    /// What went wrong; empty for nothing.
    pub error: String,
    pub started_at: Stamp,
    pub ended_at: Option<Stamp>,
}

/// When garbage is collected by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// What an administrator set: six fields, UTC; empty for never. `None`: what the configuration says.
    pub cron: Option<String>,
    /// The configuration's span in ms; 0 for never.
    pub every: i64,
    /// When the next one is due; `None` for never.
    pub next: Option<Stamp>,
}

impl Schedule {
    /// Harbor's word for it; `Custom` for a pattern of one's own and for the configuration's span.
    pub fn kind(&self) -> &'static str {
        match &self.cron {
            None if self.every <= 0 => "None",
            None => "Custom",
            Some(cron) => crate::schedule::kind(cron),
        }
    }
}

/// Why a blob is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyKept {
    pub digest: Digest,
    /// Bytes.
    pub size: i64,
    /// Artifacts that are made of it: repository with its project, and the artifact's digest. At most 20.
    pub used_by: Vec<(String, Digest)>,
    /// Repositories where a deletion can be undone that took it along, and until when. At most 20.
    pub deleted: Vec<(String, Stamp)>,
    /// Repositories where it lies without an artifact, and from when on a collection takes it from there. At most 20.
    pub waits: Vec<(String, Stamp)>,
}
