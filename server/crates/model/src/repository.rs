//! Repositories.

use crate::{ProjectId, ProjectName, RepositoryId, RepositoryName, Stamp};
use serde::{Deserialize, Serialize};

/// A repository as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    pub id: RepositoryId,
    pub project_id: ProjectId,
    pub project: ProjectName,
    /// Its path within the project.
    pub name: RepositoryName,
    pub description: String,
    pub artifact_count: i64,
    pub pull_count: i64,
    pub created_at: Stamp,
    pub updated_at: Stamp,
}

impl Repository {
    /// `project/repository`, as clients name it.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.project, self.name)
    }
}
