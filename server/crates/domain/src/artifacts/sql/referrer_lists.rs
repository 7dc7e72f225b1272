//! Lists of referrers, which clients keep under tags where a registry has no referrers API (distribution-spec 1.1, "Referrers Tag Schema").

use super::digest;
use crate::db::{Script, parts, placeholders};
use crate::error::Result;
use crate::manifest::machinery_subject;
use model::{Digest, Tag};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

/// Most tags that are looked at.
const LOOKED: usize = 1000;

/// A list of referrers that so many tags name, and no index that people see. One that a person's tag named until lately is theirs: an
/// undo gives that tag back.
async fn is_list_of(c: &mut AnyConnection, artifact: i64, tags: i64) -> Result<bool> {
    let text = "SELECT a.id FROM artifacts AS a WHERE a.id = $1 AND a.hidden = 1 AND a.accessory_kind IS NULL
      AND (SELECT COUNT(*) FROM (SELECT 1 AS one FROM tags WHERE artifact_id = $1 LIMIT 2) AS t) = $2
      AND NOT EXISTS (SELECT 1 FROM artifact_children AS x JOIN artifacts AS p ON p.id = x.parent_id
        WHERE x.repository_id = a.repository_id AND x.child_digest = a.digest AND p.hidden = 0)
      AND NOT EXISTS (SELECT 1 FROM deletions AS d WHERE d.repository_id = a.repository_id AND d.digest = a.digest AND d.what IN ('tag', 'moved'))";
    Ok(sqlx::query(text).bind(artifact).bind(tags).fetch_optional(c).await?.is_some())
}

/// Is it a list of referrers that no tag names any more, nor an index?
pub async fn is_forsaken_list(c: &mut AnyConnection, artifact: i64) -> Result<bool> {
    is_list_of(c, artifact, 0).await
}

/// Is it a list of referrers that stands by one tag alone?
pub async fn is_list_of_one_tag(c: &mut AnyConnection, artifact: i64) -> Result<bool> {
    is_list_of(c, artifact, 1).await
}

/// Whether an artifact is a list of referrers follows from what its tags say now, in whatever order it, its tags and what it lists came:
/// an index that only such a tag names, and that lists nothing but referrers of that digest. One that somebody pushed by its digest and that
/// was tagged so later is adopted: a list that is replaced goes without a right asked, and this one is an index again. Brings it up to date;
/// `true`: it changed.
pub async fn settle_list(c: &mut AnyConnection, artifact: i64) -> Result<bool> {
    let text = "SELECT hidden, repository_id FROM artifacts WHERE id = $1 AND kind = 'index' AND subject_digest IS NULL AND accessory_kind IS NULL";
    let Some(row) = sqlx::query(text).bind(artifact).fetch_optional(&mut *c).await? else { return Ok(false) };
    let (is, repository): (bool, i64) = (row.get::<i64, _>("hidden") == 1, row.get("repository_id"));
    let rows = sqlx::query(AssertSqlSafe(format!("SELECT name FROM tags WHERE artifact_id = $1 LIMIT {LOOKED}"))).bind(artifact).fetch_all(&mut *c).await?;
    let tags: Vec<Tag> = rows.iter().filter_map(|row| row.get::<String, _>("name").parse().ok()).collect();
    if tags.is_empty() {
        let text = "UPDATE artifacts SET hidden = 0, adopted = 0 WHERE id = $1 AND hidden = 1 AND adopted = 1";
        return Ok(sqlx::query(text).bind(artifact).execute(c).await?.rows_affected() > 0);
    }
    let list_of = tags.iter().find_map(crate::manifest::lists_referrers_of).filter(|_| tags.iter().all(|tag| machinery_subject(tag).is_some()));
    let be = match list_of {
        None => false,
        Some(subject) => {
            // What it lists may have been deleted since.
            let text = "SELECT x.child_digest FROM artifact_children AS x LEFT JOIN artifacts AS a ON a.repository_id = $2 AND a.digest = x.child_digest
               WHERE x.parent_id = $1 AND ((a.id IS NULL AND $4 = 0) OR (a.id IS NOT NULL AND (a.subject_digest IS NULL OR a.subject_digest <> $3))) LIMIT 1";
            let other = sqlx::query(text).bind(artifact).bind(repository).bind(subject.as_str()).bind(i64::from(is));
            other.fetch_optional(&mut *c).await?.is_none()
        }
    };
    if be != is {
        let adopted = be && !pushed_by_tag(c, artifact).await?;
        let text = "UPDATE artifacts SET hidden = $2, adopted = $3 WHERE id = $1";
        sqlx::query(text).bind(artifact).bind(i64::from(be)).bind(i64::from(adopted)).execute(c).await?;
    }
    Ok(be != is)
}

async fn pushed_by_tag(c: &mut AnyConnection, artifact: i64) -> Result<bool> {
    let text = "SELECT a.id FROM artifacts AS a JOIN tags AS t ON t.artifact_id = a.id AND t.pushed_at <= a.pushed_at WHERE a.id = $1 LIMIT 1";
    Ok(sqlx::query(text).bind(artifact).fetch_optional(c).await?.is_some())
}

/// Lists of the referrers of these digests, which clients keep under tags of their own; and of which digest each is.
pub async fn referrers_lists(c: &mut AnyConnection, repository: i64, subjects: &[Digest]) -> Result<Vec<(i64, Digest, Digest)>> {
    let (stems, mut script): (Vec<String>, _) = (subjects.iter().map(Digest::tag_stem).collect(), Script::default());
    for part in parts(&stems) {
        let text = format!(
            "SELECT a.id AS id, a.digest AS digest, t.name AS name FROM tags AS t JOIN artifacts AS a ON a.id = t.artifact_id
             WHERE t.repository_id = $1 AND t.name IN ({}) AND a.hidden = 1",
            placeholders(2, part.len())
        );
        script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|stem| stem.as_str().into())));
    }
    let ran = script.run(c).await?;
    let found = |row: &AnyRow| Ok((row.get("id"), digest(row.get("digest"))?, digest(row.get::<String, _>("name").replacen('-', ":", 1))?));
    ran.iter().flat_map(|ran| &ran.rows).map(found).collect()
}
