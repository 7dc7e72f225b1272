//! Deletions that can still be undone.

use crate::{DeletionId, Digest, RepositoryName, Stamp, Tag};
use serde::{Deserialize, Serialize};

/// What was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// An artifact with what hangs on it.
    Artifact,
    /// A tag that was removed; its artifact stayed.
    Tag,
    /// A tag that was moved to another artifact.
    Moved,
    /// A whole repository.
    Repository,
}

impl What {
    pub const ALL: [What; 4] = [What::Artifact, What::Tag, What::Moved, What::Repository];

    /// The stored form.
    pub fn key(self) -> &'static str {
        match self {
            What::Artifact => "artifact",
            What::Tag => "tag",
            What::Moved => "moved",
            What::Repository => "repository",
        }
    }

    /// From the stored form.
    pub fn from_key(key: &str) -> What {
        What::ALL.into_iter().find(|what| what.key() == key).unwrap_or(What::Artifact)
    }
}

/// Something deleted that is kept for a while, with what went along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    pub id: DeletionId,
    pub repository_id: i64,
    pub what: What,
    pub repository: RepositoryName,
    /// The artifact that was asked to be deleted, or that the tag named; a repository has none.
    pub digest: Option<Digest>,
    /// Tags that named it, or the tag itself; of very many the first.
    pub tags: Vec<String>,
    /// How many manifests are kept: itself, its accessories, its platform images.
    pub artifacts: i64,
    /// Bytes that nothing else in the repository needs.
    pub bytes: i64,
    pub deleted_by: String,
    pub deleted_at: Stamp,
    /// Until then it can be undone.
    pub expires_at: Stamp,
}

/// What deletions keep until they are over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undoable {
    pub deletions: i64,
    /// Bytes that are freed then.
    pub bytes: i64,
    /// When the last of them is over.
    pub until: Option<Stamp>,
}

impl Undoable {
    /// `105 MB wait for an undo, at most 7 days more`; empty when nothing waits.
    pub fn said(&self, now: Stamp) -> String {
        const DAY: i64 = 86_400_000;
        let left = |until: Stamp| match until.0 - now.0 {
            ms if ms > DAY => (ms + DAY - 1) / DAY * DAY,
            ms => ms,
        };
        match self.until {
            Some(until) if self.bytes > 0 => {
                format!("{} of what was deleted wait for an undo, at most {} more", crate::stamp::bytes(self.bytes), crate::stamp::span(left(until)))
            }
            _ => String::new(),
        }
    }
}

/// What an undo brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    pub what: What,
    pub repository: RepositoryName,
    pub digest: Option<Digest>,
    /// How many artifacts are back.
    pub artifacts: i64,
    /// Tags that name something else by now, and were left there.
    pub taken: Vec<Tag>,
}
