//! Selectors, compiled: does a rule take this repository, this tag, this artifact? One answer for replication, immutability and retention.

use crate::error::Result;
use crate::pattern::Pattern;
use model::selector::{Of, Carried, Selector};

/// A selector whose patterns are compiled. Of each kind all clauses hold.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    /// Each with whether it is to match.
    repositories: Vec<(Pattern, bool)>,
    tags: Vec<(Pattern, bool)>,
    resources: Vec<(Carried, bool)>,
    labels: Vec<(String, bool)>,
}

impl Matcher {
    /// Compiles; what is no pattern is said of the field `repositories`, `tags` or `further`.
    pub fn new(selector: &Selector) -> Result<Matcher> {
        let mut all = Matcher { repositories: Vec::new(), tags: Vec::new(), resources: Vec::new(), labels: Vec::new() };
        for clause in &selector.clauses {
            let first = match clause.of {
                Of::Repository if all.repositories.is_empty() => "repositories",
                Of::Tag if all.tags.is_empty() => "tags",
                _ => "further",
            };
            let pattern = || Pattern::compile(first, &clause.value);
            match clause.of {
                Of::Repository => all.repositories.push((pattern()?, !clause.excludes)),
                Of::Tag => all.tags.push((pattern()?, !clause.excludes)),
                Of::Label => all.labels.push((clause.value.clone(), !clause.excludes)),
                Of::Resource => all.resources.push((Carried::from_key(&clause.value).unwrap_or_default(), !clause.excludes)),
            }
        }
        Ok(all)
    }

    /// Does it take the repository of this name?
    pub fn takes_repository(&self, name: &str) -> bool {
        self.repositories.iter().all(|(pattern, wanted)| pattern.matches(name) == *wanted)
    }

    /// Does it take artifacts of this kind (`model::artifact::Type`'s stored form)?
    pub fn takes_kind(&self, kind: &str) -> bool {
        let is = |resource| match resource {
            Carried::Any | Carried::Artifact => true,
            Carried::Image => matches!(kind, "image" | "index"),
            Carried::Chart => kind == "chart",
        };
        self.resources.iter().all(|(resource, wanted)| is(*resource) == *wanted)
    }

    /// Does it look at labels?
    pub fn looks_at_labels(&self) -> bool {
        !self.labels.is_empty()
    }

    /// Does it take what carries these labels?
    pub fn takes_labels(&self, names: &[String]) -> bool {
        self.labels.iter().all(|(name, wanted)| names.contains(name) == *wanted)
    }

    /// Does it take this tag?
    pub fn takes_tag(&self, tag: &str) -> bool {
        self.tags.iter().all(|(pattern, wanted)| pattern.matches(tag) == *wanted)
    }

    /// Of an artifact's tags those that go along; `None` if the artifact stays. Without a clause over tags the untagged go too.
    pub fn take(&self, tags: Vec<String>) -> Option<Vec<String>> {
        if self.tags.is_empty() {
            return Some(tags);
        }
        let taken: Vec<String> = tags.into_iter().filter(|tag| self.takes_tag(tag)).collect();
        (!taken.is_empty()).then_some(taken)
    }
}
