//! Blocks: a digest that no door serves, with the reason that clients read.

use crate::{Digest, ProjectName, RepositoryName, Stamp, Tag};
use serde::{Deserialize, Serialize};

/// Most blocks of a project, and of the system: they are read with every project.
pub const MOST: usize = 100;

/// Longest reason, in characters.
pub const REASON: usize = 300;

/// A digest, of a manifest or of a blob, that is served by no door; neither is what lists it or is made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub digest: Digest,
    /// Why, as clients read it.
    pub reason: String,
    pub by: String,
    pub at: Stamp,
    /// It is the system's: it holds in every project, and no project lifts it.
    #[serde(skip)]
    pub of_system: bool,
}

/// An artifact that a digest is, or that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub project: ProjectName,
    pub repository: RepositoryName,
    pub digest: Digest,
    pub tags: Vec<Tag>,
    /// The digest is its own; else it lists it, or is made of it.
    pub itself: bool,
    /// An index lists it: it goes with that.
    pub listed: bool,
    pub pull_count: i64,
    pub pulled_at: Option<Stamp>,
}

/// What became of a purge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purged {
    /// `cosign/pause@sha256:…`, each now under Deleted.
    pub deleted: Vec<String>,
    /// What stays, with why.
    pub kept: Vec<(String, String)>,
}
