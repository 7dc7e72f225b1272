//! Replication rules.

use crate::{Problems, RepositoryName, RuleId, Stamp, TargetId};
use serde::{Deserialize, Serialize};

/// How a rule chooses by tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagMode {
    #[default]
    Matches,
    Excludes,
}

impl TagMode {
    /// Harbor's `decoration`, and the stored form.
    pub fn key(self) -> &'static str {
        match self {
            TagMode::Matches => "matches",
            TagMode::Excludes => "excludes",
        }
    }

    /// From the stored form; empty is "matches".
    pub fn from_key(key: &str) -> Option<TagMode> {
        match key {
            "" | "matches" => Some(TagMode::Matches),
            "excludes" => Some(TagMode::Excludes),
            _ => None,
        }
    }
}

/// What a rule is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInput {
    pub name: String,
    pub description: String,
    pub target_id: TargetId,
    /// Pattern over `project/repository`; empty means everything. Harbor's doublestar: `*` stays within a path
    /// component, `**` crosses them, `?` one character, `{a,b}` alternatives.
    pub repositories: String,
    pub tag_mode: TagMode,
    /// Pattern over tags; empty means every tag and also the untagged.
    pub tags: String,
    /// Where to, at the destination; empty keeps the source's path.
    pub namespace: String,
    /// How many leading components the namespace replaces; -1 all but the last.
    pub flatten: i64,
    /// Replace a tag that names another digest there.
    pub overwrite: bool,
    pub enabled: bool,
}

impl RuleInput {
    /// Checks what needs no other row; patterns are compiled by the server.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::new();
        if self.name.is_empty() {
            problems.add("name", "is required");
        } else if self.name.len() > 255 || self.name.parse::<crate::RobotName>().is_err() {
            problems.add("name", "must be lower-case letters and digits, separated by single dots, dashes or underscores");
        }
        problems.text("description", &self.description, 1024);
        for (field, pattern) in [("repositories", &self.repositories), ("tags", &self.tags)] {
            if pattern.len() > 512 {
                problems.add(field, "must be at most 512 characters long");
            }
        }
        if !self.namespace.is_empty() && self.namespace.parse::<RepositoryName>().is_err() {
            problems.add("namespace", "must be a project, or a project and path, in lower case");
        }
        if !(-1..=3).contains(&self.flatten) {
            problems.add("flatten", "must be -1 (all), 0, 1, 2 or 3");
        }
        problems.check()
    }
}

/// A rule as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub id: RuleId,
    pub input: RuleInput,
    pub target_name: String,
    pub target_url: String,
    pub last_execution: Option<crate::replication::execution::Execution>,
    pub execution_count: i64,
    pub created_at: Stamp,
    pub updated_at: Stamp,
}

/// Where `project/repository` goes under `namespace`: Harbor's flattening. `Err` says why it cannot.
pub fn destination(source: &str, namespace: &str, flatten: i64) -> Result<String, String> {
    if namespace.is_empty() {
        return Ok(source.to_owned());
    }
    let parts: Vec<&str> = source.split('/').collect();
    let drop = match flatten {
        -1 => parts.len() - 1,
        n if (n as usize) < parts.len() => n as usize,
        n => return Err(format!("{source} has only {} components, so {n} of them cannot be replaced", parts.len())),
    };
    Ok(format!("{namespace}/{}", parts[drop..].join("/")))
}

/// What a rule matches now: the first few, and how many in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    pub artifacts: i64,
    pub repositories: i64,
    /// `cosign/pause:1 → mirror/pause`, at most five.
    pub examples: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattening_is_harbors() {
        let to = |flatten| destination("a/b/c/d/img", "ns", flatten);
        assert_eq!(to(-1).unwrap(), "ns/img");
        assert_eq!(to(0).unwrap(), "ns/a/b/c/d/img");
        assert_eq!(to(1).unwrap(), "ns/b/c/d/img");
        assert_eq!(to(3).unwrap(), "ns/d/img");
        assert_eq!(destination("a/img", "", 1).unwrap(), "a/img");
        assert!(destination("a/img", "ns", 2).is_err());
    }
}
