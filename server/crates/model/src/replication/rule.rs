//! Replication rules.

use crate::accessory::Kind;
use crate::selector::{self, Clause, Of, Carried, Selector};
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
    /// What the artifacts are.
    pub resource: Carried,
    /// All of these hold, too.
    pub further: Vec<Clause>,
    /// What of what is attached may stay behind where the destination takes none of it.
    pub accepts: Vec<Kind>,
    /// Where to, at the destination; empty keeps the source's path.
    pub namespace: String,
    /// How many leading components the namespace replaces; -1 all but the last.
    pub flatten: i64,
    /// Replace a tag that names another digest there.
    pub overwrite: bool,
    /// Remove there what was deleted here, of what this rule put there.
    pub removes: bool,
    /// KB a second that all its artifacts share; not above 0: as fast as it goes.
    pub speed: i64,
    /// Send blobs in chunks, for targets behind something that refuses large requests.
    pub chunked: bool,
    /// Harbor's `single_active_replication`, as it was sent: executions of a rule never overlap here.
    pub single_active: bool,
    pub enabled: bool,
}

impl RuleInput {
    /// The same with what the portal's form does not ask, as the API was sent it: saving a form loses nothing of it.
    pub fn keeping(self, before: &RuleInput) -> RuleInput {
        let resource = match (self.resource, before.resource) {
            (Carried::Any, Carried::Artifact) => Carried::Artifact,
            (resource, _) => resource,
        };
        RuleInput { resource, single_active: before.single_active, ..self }
    }

    /// Which artifacts it takes, over `project/repository`.
    pub fn selector(&self) -> Selector {
        let clause = |of, excludes, value: &str| (!value.is_empty()).then(|| Clause { of, excludes, value: value.to_owned() });
        let own = [
            clause(Of::Repository, false, &self.repositories),
            clause(Of::Tag, self.tag_mode == TagMode::Excludes, &self.tags),
            clause(Of::Resource, false, self.resource.key()),
        ];
        Selector { clauses: own.into_iter().flatten().chain(self.further.iter().cloned()).collect(), untagged: None }
    }

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
        if !(-1..=1 << 30).contains(&self.speed) {
            problems.add("speed", "must be KB a second, or -1 for as fast as it goes");
        }
        if !(-1..=3).contains(&self.flatten) {
            problems.add("flatten", "must be -1 (all), 0, 1, 2 or 3");
        }
        if self.further.len() > selector::MOST {
            problems.add("further", format!("must be at most {} filters", selector::MOST));
        }
        for what in self.further.iter().filter_map(|filter| filter.check().err()) {
            problems.add("further", what);
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

/// Where `project/repository` goes under `namespace`, or at the root there where it is empty: Harbor's flattening, which does
/// nothing without a namespace; here it then only drops. `Err` says why it cannot.
pub fn destination(source: &str, namespace: &str, flatten: i64) -> Result<String, String> {
    let parts: Vec<&str> = source.split('/').collect();
    let drop = match flatten {
        -1 => parts.len() - 1,
        n if (n as usize) < parts.len() => n as usize,
        n => return Err(format!("{source} has only {} components, so {n} of them cannot go", parts.len())),
    };
    let rest = parts[drop..].join("/");
    Ok(if namespace.is_empty() { rest } else { format!("{namespace}/{rest}") })
}

/// What a rule matches now: the first few, and how many in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    pub artifacts: i64,
    pub repositories: i64,
    /// `cosign/pause:1 → mirror/pause`, at most five.
    pub examples: Vec<(String, String)>,
    /// What two sources would write: only the first is sent. At most five, and how many in all.
    pub collisions: Vec<String>,
    pub collided: i64,
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
        // Without a namespace it goes to the root: Nexus and ECR have repositories there.
        for (flatten, there) in [(0, "a/b/img"), (1, "b/img"), (2, "img"), (-1, "img")] {
            assert_eq!(destination("a/b/img", "", flatten).unwrap(), there);
        }
        assert!(destination("a/img", "", 2).is_err());
        assert!(destination("a/img", "ns", 2).is_err());
    }
}
