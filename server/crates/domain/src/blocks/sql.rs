//! SQL of blocks: where a digest stands.

use crate::artifacts::sql as artifacts;
use crate::db::{Script, parts, placeholders};
use crate::error::{Error, Result};
use model::block::Holder;
use model::{Digest, ProjectName, RepositoryName, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::HashSet;

/// Artifacts that the digest is, that are made of it, and that list one of these, in living repositories of a project or of all.
pub async fn holders(c: &mut AnyConnection, project: Option<i64>, digest: &Digest, most: usize) -> Result<Vec<Holder>> {
    let living = "r.pushed_at IS NOT NULL AND ($1 = 0 OR r.project_id = $1)";
    let mut script = Script::default();
    for text in [
        format!("SELECT a.id AS id FROM repositories AS r JOIN artifacts AS a ON a.repository_id = r.id AND a.digest = $2 WHERE {living} LIMIT {most}"),
        format!(
            "SELECT x.artifact_id AS id FROM artifact_blobs AS x JOIN repositories AS r ON r.id = x.repository_id WHERE x.digest = $2 AND {living} LIMIT {most}"
        ),
        // An index may list what is not here.
        format!(
            "SELECT x.parent_id AS id FROM repositories AS r JOIN artifact_children AS x ON x.repository_id = r.id AND x.child_digest = $2 WHERE {living} LIMIT {most}"
        ),
    ] {
        script.add(text, [project.unwrap_or(0).into(), digest.as_str().into()]);
    }
    let ids = |ran: &[crate::db::Ran]| ran.iter().flat_map(|ran| &ran.rows).map(|row| row.get::<i64, _>("id")).collect::<Vec<_>>();
    let (mut level, mut seen, mut all) = (ids(&script.run(&mut *c).await?), HashSet::new(), Vec::new());
    loop {
        level.retain(|id| seen.len() < most && seen.insert(*id));
        if level.is_empty() {
            break;
        }
        all.extend(level.iter().copied());
        level = artifacts::listing(c, &level).await?;
    }
    let tags = artifacts::tag_names_of(c, &all).await?;
    let mut script = Script::default();
    for part in parts(&all) {
        let text = format!(
            "SELECT a.id AS id, p.name AS project, r.name AS repository, a.digest AS digest, a.parent_count AS parents, a.pull_count AS pulls, a.pulled_at AS pulled_at
             FROM artifacts AS a JOIN repositories AS r ON r.id = a.repository_id JOIN projects AS p ON p.id = r.project_id WHERE a.id IN ({})",
            placeholders(1, part.len())
        );
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let holder = |row: &AnyRow| -> Result<Holder> {
        let broken = |what: &str| Error::Internal(format!("a {what} in the database"));
        let own = artifacts::digest(row.get("digest"))?;
        let names = tags.get(&row.get::<i64, _>("id")).into_iter().flatten();
        Ok(Holder {
            project: row.get::<String, _>("project").parse().map_err(|_| broken("project name"))?,
            repository: row.get::<String, _>("repository").parse().map_err(|_| broken("repository name"))?,
            tags: names.filter_map(|tag| tag.parse().ok()).take(20).collect(),
            itself: own == *digest,
            digest: own,
            listed: row.get::<i64, _>("parents") > 0,
            pull_count: row.get("pulls"),
            pulled_at: row.get::<Option<i64>, _>("pulled_at").map(Stamp),
        })
    };
    let mut found = script.run(c).await?.iter().flat_map(|ran| &ran.rows).map(holder).collect::<Result<Vec<_>>>()?;
    found.sort_by(|a, b| (a.project.as_str(), a.repository.as_str(), a.digest.as_str()).cmp(&(b.project.as_str(), b.repository.as_str(), b.digest.as_str())));
    found.dedup_by(|a, b| (&a.project, &a.repository, &a.digest) == (&b.project, &b.repository, &b.digest));
    Ok(found)
}

/// Of deletions that can be undone, the artifacts of those that keep the digest.
pub async fn deleted(c: &mut AnyConnection, now: Stamp, project: Option<i64>, digest: &Digest, most: usize) -> Result<Vec<(ProjectName, RepositoryName, Digest)>> {
    let text = format!(
        "SELECT DISTINCT p.name AS project, r.name AS repository, a.digest AS digest FROM deletions AS d JOIN projects AS p ON p.id = d.project_id
         JOIN repositories AS r ON r.id = d.repository_id JOIN deleted_artifacts AS a ON a.deletion_id = d.id
         WHERE d.expires_at > $2 AND ($3 = 0 OR d.project_id = $3) AND r.name NOT LIKE '#%'
           AND (a.digest = $1 OR EXISTS (SELECT 1 FROM deleted_blobs AS b WHERE b.deletion_id = d.id AND b.digest = $1)) LIMIT {most}"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(digest.as_str()).bind(now.0).bind(project.unwrap_or(0));
    let broken = |what: &str| Error::Internal(format!("a {what} in the database"));
    query.fetch_all(c).await?.iter().map(|row| Ok((
        row.get::<String, _>("project").parse().map_err(|_| broken("project name"))?,
        row.get::<String, _>("repository").parse().map_err(|_| broken("repository name"))?,
        artifacts::digest(row.get("digest"))?,
    ))).collect()
}
