//! Deletions that can still be undone.

use crate::{DeletionId, Digest, RepositoryName, Stamp, Tag};
use serde::{Deserialize, Serialize};

/// A deleted artifact that is kept for a while, with what went along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    pub id: DeletionId,
    pub repository_id: i64,
    pub repository: RepositoryName,
    /// The artifact that was asked to be deleted.
    pub digest: Digest,
    /// Tags that named it.
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

/// What an undo brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    pub repository: RepositoryName,
    pub digest: Digest,
    pub artifacts: i64,
    /// Tags that name something else by now, and were left there.
    pub taken: Vec<Tag>,
}
