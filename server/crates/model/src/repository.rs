//! Repositories.

use crate::{ProjectId, ProjectName, RepositoryId, RepositoryName, Stamp};
use serde::{Deserialize, Serialize};

/// How much lies somewhere, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// Physical: every blob once, and the manifests; also what is kept for an undo, and what no collection has taken yet.
    pub stored: i64,
    /// What its artifacts would take if they shared nothing.
    pub logical: i64,
}

/// A repository as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    pub id: RepositoryId,
    pub project_id: ProjectId,
    pub project: ProjectName,
    /// Its path within the project.
    pub name: RepositoryName,
    pub description: String,
    /// It has one, too long for the list that this row is of.
    #[serde(default)]
    pub description_left_out: bool,
    pub artifact_count: i64,
    pub pull_count: i64,
    pub storage: Storage,
    pub created_at: Stamp,
    pub updated_at: Stamp,
}

impl Repository {
    /// `project/repository`, as clients name it.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.project, self.name)
    }
}
