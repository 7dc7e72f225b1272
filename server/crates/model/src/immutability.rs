//! Immutable tags: rules by repository and tag, of a project or of the system for all projects.

use crate::selector::Selector;
use crate::{ImmutableRuleId, Problems};
use serde::{Deserialize, Serialize};

/// Most rules of a project, and of the system.
pub const MOST: usize = 15;

/// A tag that such a rule takes can be neither moved nor removed, and what it names is not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImmutableRule {
    pub id: ImmutableRuleId,
    pub selector: Selector,
    #[serde(default)]
    pub disabled: bool,
    /// It is the system's: over `project/repository`, and no project lifts it.
    #[serde(skip)]
    pub of_system: bool,
}

impl ImmutableRule {
    /// What is wrong with it, but for its patterns, which the server compiles.
    pub fn check(&self) -> Result<(), Problems> {
        self.selector.check()
    }

    /// As a person reads it.
    pub fn sentence(&self) -> String {
        let of = if self.of_system { "rule of the system: " } else { "" };
        format!("{of}{}", self.selector.sentence())
    }
}

/// What a rule takes now: the first few, and how many in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    pub tags: i64,
    pub repositories: i64,
    /// `cosign/pause:v1`.
    pub examples: Vec<String>,
    /// There are so many tags that not all were looked at.
    pub more: bool,
}
