//! Which artifacts a rule takes.

use crate::error::{Error, Result};
use crate::pattern::Pattern;
use model::replication::filter::Of;
use model::replication::rule::{Carried, RuleInput, TagMode, destination};
use model::{ArtifactId, Digest, ProjectName, RepositoryName};
use sqlx::{AnyConnection, Row};
use std::collections::{HashMap, HashSet};

/// A rule's patterns, compiled.
pub(crate) struct Selector {
    /// Each with whether it is to match.
    names: Vec<(Pattern, bool)>,
    tags: Vec<(Pattern, bool)>,
    resources: Vec<(Carried, bool)>,
}

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

impl Selector {
    pub(crate) fn new(input: &RuleInput) -> Result<Selector> {
        let mut all = Selector {
            names: vec![(Pattern::compile("repositories", &input.repositories)?, true)],
            tags: vec![(Pattern::compile("tags", &input.tags)?, input.tag_mode == TagMode::Matches)],
            resources: vec![(input.resource, true)],
        };
        for filter in &input.further {
            let pattern = || Pattern::compile("further", &filter.value);
            match filter.of {
                Of::Name => all.names.push((pattern()?, !filter.excludes)),
                Of::Tag => all.tags.push((pattern()?, !filter.excludes)),
                Of::Resource => all.resources.push((Carried::from_key(&filter.value).unwrap_or_default(), !filter.excludes)),
            }
        }
        all.tags.retain(|(pattern, _)| !pattern.is_empty());
        Ok(all)
    }

    /// Does it take artifacts of this kind (`model::artifact::Type`'s stored form)?
    fn takes(&self, kind: &str) -> bool {
        let is = |carried| match carried {
            Carried::Any | Carried::Artifact => true,
            Carried::Image => matches!(kind, "image" | "index"),
            Carried::Chart => kind == "chart",
        };
        self.resources.iter().all(|(carried, wanted)| is(*carried) == *wanted)
    }

    /// The tags that go along; `None` if the artifact stays. Without a tag pattern the untagged go too.
    fn take(&self, tags: Vec<String>) -> Option<Vec<String>> {
        if self.tags.is_empty() {
            return Some(tags);
        }
        let goes = |tag: &String| self.tags.iter().all(|(pattern, wanted)| pattern.matches(tag) == *wanted);
        let taken: Vec<String> = tags.into_iter().filter(goes).collect();
        (!taken.is_empty()).then_some(taken)
    }
}

/// A repository whose name a rule takes.
pub(crate) struct Source {
    id: i64,
    project: ProjectName,
    repository: RepositoryName,
}

impl Source {
    /// `project/repository`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.project, self.repository)
    }
}

/// The repositories whose names a rule takes.
pub(crate) async fn sources(c: &mut AnyConnection, selector: &Selector) -> Result<Vec<Source>> {
    let rows = sqlx::query(
        "SELECT r.id AS id, r.name AS name, p.name AS project FROM repositories AS r JOIN projects AS p ON p.id = r.project_id
         WHERE p.deleted_at IS NULL AND r.pushed_at IS NOT NULL ORDER BY p.name, r.name",
    )
    .fetch_all(&mut *c)
    .await?;
    let mut found = Vec::new();
    for row in rows {
        let (project, name): (String, String) = (row.get("project"), row.get("name"));
        let full = format!("{project}/{name}");
        if !selector.names.iter().all(|(pattern, wanted)| pattern.matches(&full) == *wanted) {
            continue;
        }
        let broken = |_| Error::Internal(format!("name {project}/{name} in the database"));
        found.push(Source {
            id: row.get("id"),
            project: project.parse().map_err(broken)?,
            repository: name.parse().map_err(broken)?,
        });
    }
    Ok(found)
}

/// The next artifacts of a repository that a rule takes, after the one with the id `after`, and where to go on: `None` at the end. Looks at
/// every listed one, or at `only` one.
pub(crate) async fn candidates(
    c: &mut AnyConnection,
    selector: &Selector,
    source: &Source,
    only: Option<ArtifactId>,
    after: i64,
    limit: i64,
) -> Result<(Vec<Candidate>, Option<i64>)> {
    let rows = sqlx::query(
        "SELECT id, digest, kind FROM artifacts
         WHERE repository_id = $1 AND (listed = 1 AND $2 = 0 OR id = $2) AND id > $3 ORDER BY id LIMIT $4",
    )
    .bind(source.id)
    .bind(only.map_or(0, |id| id.0))
    .bind(after)
    .bind(limit)
    .fetch_all(&mut *c)
    .await?;
    let next = (rows.len() as i64 == limit).then(|| rows.last().map(|row| row.get("id"))).flatten();
    let mut found = Vec::new();
    for row in rows {
        let id: i64 = row.get("id");
        if !selector.takes(&row.get::<String, _>("kind")) {
            continue;
        }
        let tags = crate::artifacts::sql::tags_of(c, id).await?;
        let Some(tags) = selector.take(tags.into_iter().map(|tag| tag.name.to_string()).collect()) else { continue };
        let text: String = row.get("digest");
        let digest = text.parse().map_err(|_| Error::Internal(format!("digest {text:?} in the database")))?;
        let (project, repository) = (source.project.clone(), source.repository.clone());
        found.push(Candidate { id: ArtifactId(id), project, repository, digest, tags });
    }
    Ok((found, next))
}

/// What two sources of a rule would write at the destination. Only repositories that others share their place with are kept in mind.
pub(crate) struct Collisions {
    shared: HashSet<String>,
    /// By destination and tag: the source, and what it is.
    taken: HashMap<(String, String), (String, Digest)>,
}

impl Collisions {
    pub(crate) fn among(sources: &[Source], input: &RuleInput) -> Collisions {
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
