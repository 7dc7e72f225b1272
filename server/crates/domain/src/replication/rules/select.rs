//! What a rule takes, and what of it would stand in each other's way.

use model::replication::rule::{RuleInput, destination};
use model::{ArtifactId, Digest, ProjectName, RepositoryName};
use std::collections::{HashMap, HashSet};

/// An artifact that a rule takes, with those of its tags that go along.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub id: ArtifactId,
    pub project: ProjectName,
    pub repository: RepositoryName,
    pub digest: Digest,
    pub tags: Vec<String>,
}

impl Candidate {
    /// `project/repository`.
    pub fn source(&self) -> String {
        format!("{}/{}", self.project, self.repository)
    }
}

/// A repository whose name a rule takes.
pub(crate) struct MatchedRepository {
    pub id: i64,
    pub project: ProjectName,
    pub repository: RepositoryName,
}

impl MatchedRepository {
    /// `project/repository`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.project, self.repository)
    }
}

/// What two sources of a rule would write at the destination. Only repositories that others share their place with are kept in mind.
pub(crate) struct Collisions {
    shared: HashSet<String>,
    /// By destination and tag: the source, and what it is.
    taken: HashMap<(String, String), (String, Digest)>,
}

impl Collisions {
    pub(crate) fn among(sources: &[MatchedRepository], input: &RuleInput) -> Collisions {
        let (mut once, mut shared) = (HashSet::new(), HashSet::new());
        for there in sources.iter().filter_map(|source| destination(&source.name(), &input.namespace, input.flatten).ok()) {
            if !once.insert(there.clone()) {
                shared.insert(there);
            }
        }
        Collisions { shared, taken: HashMap::new() }
    }

    /// Notes what goes to `there`; `Some`: another source has the place of one of its tags.
    pub(crate) fn note(&mut self, candidate: &Candidate, there: &str) -> Option<String> {
        if !self.shared.contains(there) {
            return None;
        }
        let source = candidate.source();
        let place = |tag: &String| (there.to_owned(), tag.clone());
        for tag in &candidate.tags {
            if let Some((first, digest)) = self.taken.get(&place(tag))
                && *first != source
                && *digest != candidate.digest
            {
                return Some(format!("two sources for {there}:{tag}: {first} and {source}; only the first is sent"));
            }
        }
        // What is not sent takes no place.
        for tag in &candidate.tags {
            self.taken.entry(place(tag)).or_insert_with(|| (source.clone(), candidate.digest.clone()));
        }
        None
    }

    /// Do several repositories go there?
    pub(crate) fn is_shared(&self, there: &str) -> bool {
        self.shared.contains(there)
    }
}
