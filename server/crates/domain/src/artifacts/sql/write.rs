//! What writes artifacts, their parts and what is counted of them.

use super::ROWS;
use crate::accessories::sql::{self as attached, IS_SIGNED};
use crate::db::{Script, Value, parts, placeholders};
use crate::error::Result;
use crate::manifest::{Child, Manifest, Recognised};
use model::{Digest, Stamp};
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::{BTreeSet, HashMap};

pub async fn note_pulls(
    c: &mut AnyConnection,
    artifact: i64,
    repository: i64,
    tag: Option<i64>,
    count: i64,
    at: Stamp,
) -> Result<()> {
    sqlx::query("UPDATE artifacts SET pull_count = pull_count + $2, pulled_at = $3 WHERE id = $1")
        .bind(artifact)
        .bind(count)
        .bind(at.0)
        .execute(&mut *c)
        .await?;
    sqlx::query("UPDATE repositories SET pull_count = pull_count + $2 WHERE id = $1")
        .bind(repository)
        .bind(count)
        .execute(&mut *c)
        .await?;
    if let Some(tag) = tag {
        sqlx::query("UPDATE tags SET pulled_at = $2 WHERE id = $1").bind(tag).bind(at.0).execute(c).await?;
    }
    Ok(())
}

/// A row to come.
pub struct New<'a> {
    pub project: i64,
    pub repository: i64,
    pub digest: &'a Digest,
    pub manifest: &'a Manifest,
    pub size: i64,
    pub recognised: Option<&'a Recognised>,
    pub attributes: &'a str,
    pub hidden: bool,
    /// How many tags name it, if it is new.
    pub tags: i64,
}

/// What is known of a row that is new.
#[derive(Clone, Copy)]
pub struct Made {
    pub listed: bool,
    /// Something is attached to it already.
    pub awaited: bool,
}

/// Makes the row, or renews the one that is there; answers its id, and what is known of it if it is new.
pub async fn upsert(c: &mut AnyConnection, now: Stamp, new: &New<'_>) -> Result<(i64, Option<Made>)> {
    let manifest = new.manifest;
    let annotations = serde_json::to_string(&manifest.annotations).unwrap_or_default();
    // A list's row has an end: the manifest has them all.
    let annotations = if annotations.len() > model::artifact::ANNOTATIONS { LEFT_OUT.to_owned() } else { annotations };
    let may_be_listed = i64::from(new.recognised.is_none() && !new.hidden);
    let text = format!(
        "INSERT INTO artifacts (repository_id, digest, project_id, media_type, artifact_type, kind, size, manifest_size,
           annotations, subject_digest, accessory_kind, accessory_detail, hidden, tag_count, listed, signed, parent_count,
           pull_count, pushed_at, version, passive, attributes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
           CASE WHEN $15 = 1 AND ($14 > 0 OR NOT EXISTS
             (SELECT 1 FROM artifact_children WHERE repository_id = $1 AND child_digest = $2)) THEN 1 ELSE 0 END, {IS_SIGNED},
           (SELECT CAST(COUNT(*) AS BIGINT) FROM artifact_children WHERE repository_id = $1 AND child_digest = $2),
           0, $16, 1, $17, $18) ON CONFLICT (repository_id, digest) DO NOTHING RETURNING id, listed,
           CAST(CASE WHEN EXISTS (SELECT 1 FROM accessories WHERE repository_id = $1 AND subject_digest = $2) THEN 1 ELSE 0 END AS BIGINT) AS awaited",
    );
    let row = sqlx::query(AssertSqlSafe(text))
    .bind(new.repository)
    .bind(new.digest.as_str())
    .bind(new.project)
    .bind(manifest.media_type.as_str())
    .bind(manifest.effective_type().replace('\0', ""))
    .bind(manifest.kind().key())
    .bind(new.size)
    .bind(manifest.size)
    .bind(annotations)
    .bind(manifest.subject.as_ref().map(|s| s.digest.as_str().to_owned()))
    .bind(new.recognised.map(|r| r.kind.key().to_owned()))
    .bind(new.recognised.map_or(String::new(), |r| r.detail.replace('\0', "")))
    .bind(i64::from(new.hidden))
    .bind(new.tags)
    .bind(may_be_listed)
    .bind(now.0)
    .bind(i64::from(crate::manifest::looks_passive(manifest)))
    .bind(new.attributes)
    .fetch_optional(&mut *c)
    .await?;
    if let Some(row) = row {
        let is = |name: &str| row.get::<i64, _>(name) == 1;
        return Ok((row.get("id"), Some(Made { listed: is("listed"), awaited: is("awaited") })));
    }
    let row = sqlx::query("UPDATE artifacts SET pushed_at = $3, version = version + 1 WHERE repository_id = $1 AND digest = $2 RETURNING id")
        .bind(new.repository)
        .bind(new.digest.as_str())
        .bind(now.0)
        .fetch_one(&mut *c)
        .await?;
    Ok((row.get("id"), None))
}

pub use model::artifact::LEFT_OUT;

/// A blob that a manifest is made of.
pub struct Part {
    pub digest: Digest,
    pub size: i64,
    /// It may be missing.
    pub optional: bool,
    /// It is here.
    pub here: bool,
}

/// The manifest's bytes, its blobs and its children, which have one more index.
pub fn add_parts(script: &mut Script, artifact: i64, repository: i64, content: &[u8], blobs: &[Part], children: &[Child]) {
    script.add("INSERT INTO manifests (artifact_id, content) VALUES ($1, $2)", [artifact.into(), content.into()]);
    // Each once, in a few statements: they are distinct.
    for part in blobs.chunks(ROWS) {
        let row = |n: usize| format!("($1, $2, ${}, ${}, ${})", 3 * n + 3, 3 * n + 4, 3 * n + 5);
        let rows: Vec<String> = (0..part.len()).map(row).collect();
        let mut values: Vec<Value> = vec![artifact.into(), repository.into()];
        for blob in part {
            values.extend([blob.digest.as_str().into(), blob.size.into(), i64::from(blob.optional).into()]);
        }
        let text = "INSERT INTO artifact_blobs (artifact_id, repository_id, digest, size, optional) VALUES ";
        script.add(text.to_owned() + &rows.join(", "), values);
    }
    let mut position = 0_i64;
    for part in children.chunks(ROWS) {
        let row = |n: usize| format!("($1, $2, ${}, ${}, ${})", 3 * n + 3, 3 * n + 4, 3 * n + 5);
        let rows: Vec<String> = (0..part.len()).map(row).collect();
        let mut values: Vec<Value> = vec![artifact.into(), repository.into()];
        for child in part {
            values.extend([position.into(), child.digest.as_str().into(), child.platform.replace('\0', "").into()]);
            position += 1;
        }
        let text = "INSERT INTO artifact_children (parent_id, repository_id, position, child_digest, platform) VALUES ";
        script.add(text.to_owned() + &rows.join(", "), values);
    }
    let digests: Vec<&str> = children.iter().map(|child| child.digest.as_str()).collect();
    add_parents(script, repository, &digests, 1);
}

/// These have so many more indexes, or fewer.
fn add_parents(script: &mut Script, repository: i64, children: &[&str], more: i64) {
    for part in parts(children) {
        let text = format!("UPDATE artifacts SET parent_count = parent_count + $2 WHERE repository_id = $1 AND digest IN ({})", placeholders(3, part.len()));
        script.add(text, [repository.into(), more.into()].into_iter().chain(part.iter().map(|digest| (**digest).into())));
    }
}

/// A repository shows, and is counted, from its first manifest on. It may have one more artifact that is listed.
pub fn add_pushed(script: &mut Script, now: Stamp, project: i64, repository: i64, listed: bool) {
    let more = i64::from(listed);
    script.add(
        "UPDATE projects SET artifact_count = artifact_count + $3, repository_count = repository_count +
           (SELECT CASE WHEN r.pushed_at IS NULL THEN 1 ELSE 0 END FROM repositories AS r WHERE r.id = $2)
         WHERE id = $1 AND ($3 <> 0 OR EXISTS (SELECT 1 FROM repositories AS r WHERE r.id = $2 AND r.pushed_at IS NULL))",
        [project.into(), repository.into(), more.into()],
    );
    script.add(
        "UPDATE repositories SET pushed_at = $2, updated_at = $2, artifact_count = artifact_count + $3, push_count = push_count + 1 WHERE id = $1",
        [repository.into(), now.0.into(), more.into()],
    );
}

/// Brings `tag_count`, `listed` and the counters above up to date for these artifacts. Listed is what a person looks
/// for: no list of referrers; either tagged or in no index; and no accessory, unless it would be shown nowhere: what it is attached
/// to is not here, or it is not in force there and a tag names it.
pub async fn relist(c: &mut AnyConnection, project: i64, repository: i64, ids: &[i64]) -> Result<()> {
    let ids: Vec<i64> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let mut script = Script::default();
    for part in parts(&ids) {
        let all = || part.iter().map(|id| (**id).into());
        let these = placeholders(1, part.len());
        script.add(format!("SELECT CAST(COALESCE(SUM(listed), 0) AS BIGINT) AS n FROM artifacts WHERE id IN ({these})"), all());
        script.add(
            format!(
                "UPDATE artifacts SET tag_count = (SELECT CAST(COUNT(*) AS BIGINT) FROM tags AS t WHERE t.artifact_id = artifacts.id),
                   listed = CASE WHEN hidden = 0
                     AND (parent_count = 0 OR EXISTS (SELECT 1 FROM tags AS t WHERE t.artifact_id = artifacts.id))
                     AND (accessory_kind IS NULL OR NOT EXISTS (SELECT 1 FROM accessories AS x JOIN artifacts AS s
                       ON s.repository_id = x.repository_id AND s.digest = x.subject_digest WHERE x.artifact_id = artifacts.id AND (x.superseded = 0
                         OR NOT EXISTS (SELECT 1 FROM tags AS t WHERE t.artifact_id = artifacts.id))))
                     THEN 1 ELSE 0 END
                 WHERE id IN ({these})"
            ),
            all(),
        );
        script.add(format!("SELECT CAST(COALESCE(SUM(listed), 0) AS BIGINT) AS n FROM artifacts WHERE id IN ({these})"), all());
    }
    let ran = script.run(&mut *c).await?;
    let count = |n: usize| ran[n].rows.first().map_or(0, |row| row.get::<i64, _>("n"));
    let change = (0..ran.len() / 3).map(|part| count(3 * part + 2) - count(3 * part)).sum();
    count_artifacts(c, project, repository, change).await
}

async fn count_artifacts(c: &mut AnyConnection, project: i64, repository: i64, change: i64) -> Result<()> {
    if change == 0 {
        return Ok(());
    }
    sqlx::query("UPDATE repositories SET artifact_count = artifact_count + $2 WHERE id = $1")
        .bind(repository)
        .bind(change)
        .execute(&mut *c)
        .await?;
    sqlx::query("UPDATE projects SET artifact_count = artifact_count + $2 WHERE id = $1")
        .bind(project)
        .bind(change)
        .execute(c)
        .await?;
    Ok(())
}

/// Removes artifacts with their tags, parts and attachments. Blobs that no artifact of the repository uses any more
/// are no longer readable through it.
pub async fn delete(c: &mut AnyConnection, now: Stamp, project: i64, repository: i64, ids: &[i64]) -> Result<()> {
    let mut script = Script::default();
    for part in parts(ids) {
        let these = || part.iter().map(|id| (**id).into());
        let part = part.len();
        script.add(format!("SELECT CAST(COALESCE(SUM(listed), 0) AS BIGINT) AS n FROM artifacts WHERE id IN ({})", placeholders(1, part)), these());
        script.add(format!("SELECT child_digest FROM artifact_children WHERE parent_id IN ({})", placeholders(1, part)), these());
    }
    let ran = script.run(&mut *c).await?;
    let gone: i64 = ran.iter().step_by(2).filter_map(|ran| ran.rows.first()).map(|row| row.get::<i64, _>("n")).sum();
    let mut times = HashMap::<String, i64>::new();
    for row in ran.iter().skip(1).step_by(2).flat_map(|ran| &ran.rows) {
        *times.entry(row.get("child_digest")).or_default() += 1;
    }
    let mut script = Script::default();
    for part in parts(ids) {
        let these = || part.iter().map(|id| (**id).into());
        // A push under way may count on its blobs: garbage collection takes them from the repository when none does.
        script.add(
            format!(
                "UPDATE repository_blobs SET touched_at = $3 WHERE project_id = $1 AND repository_id = $2 AND digest IN
                   (SELECT digest FROM artifact_blobs WHERE artifact_id IN ({}))",
                placeholders(4, part.len())
            ),
            [project.into(), repository.into(), now.0.into()].into_iter().chain(these()),
        );
        for (table, column) in [
            ("manifests", "artifact_id"),
            ("artifact_blobs", "artifact_id"),
            ("artifact_children", "parent_id"),
            ("accessories", "artifact_id"),
            ("artifact_labels", "artifact_id"),
            ("tags", "artifact_id"),
            ("artifacts", "id"),
        ] {
            script.add(format!("DELETE FROM {table} WHERE {column} IN ({})", placeholders(1, part.len())), these());
        }
    }
    // An index of before may list a digest more than once.
    let (once, more): (Vec<_>, Vec<_>) = times.iter().partition(|(_, times)| **times == 1);
    add_parents(&mut script, repository, &once.iter().map(|(digest, _)| digest.as_str()).collect::<Vec<_>>(), -1);
    more.iter().for_each(|(digest, times)| add_parents(&mut script, repository, &[digest.as_str()], -**times));
    script.run(&mut *c).await?;
    count_artifacts(c, project, repository, -gone).await?;
    let digests: Vec<&String> = times.keys().collect();
    let mut script = Script::default();
    for part in parts(&digests) {
        let text = format!("SELECT id FROM artifacts WHERE repository_id = $1 AND digest IN ({})", placeholders(2, part.len()));
        script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|digest| digest.as_str().into())));
    }
    let left: Vec<i64> = script.run(&mut *c).await?.iter().flat_map(|ran| &ran.rows).map(|row| row.get("id")).collect();
    attached::settle_words(c, &left).await?;
    relist(c, project, repository, &left).await
}
