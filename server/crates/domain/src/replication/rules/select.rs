//! Which artifacts a rule takes.

use crate::error::{Error, Result};
use crate::pattern::Pattern;
use model::replication::rule::{RuleInput, TagMode};
use model::{ArtifactId, Digest, ProjectName, RepositoryName};
use sqlx::{AnyConnection, Row};

/// A rule's patterns, compiled.
pub(crate) struct Selector {
    repositories: Pattern,
    tags: Pattern,
    mode: TagMode,
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
        Ok(Selector {
            repositories: Pattern::compile("repositories", &input.repositories)?,
            tags: Pattern::compile("tags", &input.tags)?,
            mode: input.tag_mode,
        })
    }

    /// The tags that go along; `None` if the artifact stays. Without a tag pattern the untagged go too.
    fn take(&self, tags: Vec<String>) -> Option<Vec<String>> {
        if self.tags.is_empty() {
            return Some(tags);
        }
        let wanted = self.mode == TagMode::Matches;
        let taken: Vec<String> = tags.into_iter().filter(|tag| self.tags.matches(tag) == wanted).collect();
        (!taken.is_empty()).then_some(taken)
    }
}

/// Looks at every listed artifact, or at `only` one.
pub(crate) async fn select(
    c: &mut AnyConnection,
    selector: &Selector,
    only: Option<ArtifactId>,
) -> Result<Vec<Candidate>> {
    let repositories = sqlx::query(
        "SELECT r.id AS id, r.name AS name, p.name AS project FROM repositories AS r JOIN projects AS p ON p.id = r.project_id
         WHERE p.deleted_at IS NULL AND r.pushed_at IS NOT NULL ORDER BY p.name, r.name",
    )
    .fetch_all(&mut *c)
    .await?;
    let mut found = Vec::new();
    for row in repositories {
        let (project, name): (String, String) = (row.get("project"), row.get("name"));
        if !selector.repositories.matches(&format!("{project}/{name}")) {
            continue;
        }
        let broken = |_| Error::Internal(format!("name {project}/{name} in the database"));
        let (project, repository): (ProjectName, RepositoryName) =
            (project.parse().map_err(broken)?, name.parse().map_err(broken)?);
        let artifacts = sqlx::query(
            "SELECT id, digest FROM artifacts
             WHERE repository_id = $1 AND (listed = 1 AND $2 = 0 OR id = $2) ORDER BY pushed_at, id",
        )
        .bind(row.get::<i64, _>("id"))
        .bind(only.map_or(0, |id| id.0))
        .fetch_all(&mut *c)
        .await?;
        for row in artifacts {
            let id: i64 = row.get("id");
            let tags = crate::artifacts::sql::tags_of(c, id).await?;
            let Some(tags) = selector.take(tags.into_iter().map(|tag| tag.name.to_string()).collect()) else { continue };
            let text: String = row.get("digest");
            let digest = text.parse().map_err(|_| Error::Internal(format!("digest {text:?} in the database")))?;
            found.push(Candidate {
                id: ArtifactId(id),
                project: project.clone(),
                repository: repository.clone(),
                digest,
                tags,
            });
        }
    }
    Ok(found)
}
