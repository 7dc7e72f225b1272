//! Whose something is that projects have and the system has for all of them: labels, rules of immutable tags, blocks.

use model::ProjectName;

/// Whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The system's: for every project, and administrators' to change.
    System,
    Project(ProjectName),
}

impl Owner {
    /// The project's name, as events carry it.
    pub fn project(&self) -> Option<String> {
        match self {
            Owner::System => None,
            Owner::Project(name) => Some(name.to_string()),
        }
    }
}
