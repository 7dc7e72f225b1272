//! What writes artifacts, their parts and what is counted of them.

use super::super::manifest::{Descriptor, Manifest};
use super::{ROWS, artifact_id, digest};
use crate::accessories::{Recognised, sql::IS_SIGNED};
use crate::db::{Script, Value};
use crate::error::Result;
use model::{Digest, Stamp};
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::BTreeMap;

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
    pub hidden: bool,
    /// How many tags name it, if it is new.
    pub tags: i64,
}

/// Makes the row, or renews the one that is there; says whether it is new, and then whether it is listed.
pub async fn upsert(c: &mut AnyConnection, now: Stamp, new: &New<'_>) -> Result<(i64, Option<bool>)> {
    let manifest = new.manifest;
    let annotations = serde_json::to_string(&manifest.annotations).unwrap_or_default();
    let may_be_listed = i64::from(new.recognised.is_none() && !new.hidden);
    let text = format!(
        "INSERT INTO artifacts (repository_id, digest, project_id, media_type, artifact_type, kind, size, manifest_size,
           annotations, subject_digest, accessory_kind, accessory_detail, hidden, tag_count, listed, signed, parent_count,
           pull_count, pushed_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
           CASE WHEN $15 = 1 AND ($14 > 0 OR NOT EXISTS
             (SELECT 1 FROM artifact_children WHERE repository_id = $1 AND child_digest = $2)) THEN 1 ELSE 0 END, {IS_SIGNED},
           (SELECT CAST(COUNT(*) AS BIGINT) FROM artifact_children WHERE repository_id = $1 AND child_digest = $2),
           0, $16, 1) ON CONFLICT (repository_id, digest) DO NOTHING RETURNING id, listed",
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
    .fetch_optional(&mut *c)
    .await?;
    if let Some(row) = row {
        return Ok((row.get("id"), Some(row.get::<i64, _>("listed") == 1)));
    }
    let row = sqlx::query("UPDATE artifacts SET pushed_at = $3, version = version + 1 WHERE repository_id = $1 AND digest = $2 RETURNING id")
        .bind(new.repository)
        .bind(new.digest.as_str())
        .bind(now.0)
        .fetch_one(&mut *c)
        .await?;
    let id = row.get("id");
    if let Some(recognised) = new.recognised {
        mark_accessory(c, id, recognised).await?;
    }
    Ok((id, None))
}

/// The manifest's bytes, its blobs and its children, which have one more index.
pub fn add_parts(script: &mut Script, artifact: i64, new: &New<'_>, content: &[u8], blobs: &[&Descriptor]) {
    script.add("INSERT INTO manifests (artifact_id, content) VALUES ($1, $2)", [artifact.into(), content.into()]);
    // Each once, in a few statements: they are distinct.
    for part in blobs.chunks(ROWS) {
        let rows: Vec<String> = (0..part.len()).map(|n| format!("($1, $2, ${}, ${})", 2 * n + 3, 2 * n + 4)).collect();
        let place = [artifact.into(), new.repository.into()];
        let values = part.iter().flat_map(|blob| [Value::from(blob.digest.as_str()), blob.size.into()]);
        script.add(
            format!("INSERT INTO artifact_blobs (artifact_id, repository_id, digest, size) VALUES {}", rows.join(", ")),
            place.into_iter().chain(values),
        );
    }
    let (mut position, mut times) = (0_i64, BTreeMap::<&str, i64>::new());
    for part in new.manifest.manifests.chunks(ROWS) {
        let row = |n: usize| format!("($1, $2, ${}, ${}, ${})", 3 * n + 3, 3 * n + 4, 3 * n + 5);
        let rows: Vec<String> = (0..part.len()).map(row).collect();
        let mut values: Vec<Value> = vec![artifact.into(), new.repository.into()];
        for child in part {
            values.extend([position.into(), child.digest.as_str().into(), child.platform_text().replace('\0', "").into()]);
            *times.entry(child.digest.as_str()).or_default() += 1;
            position += 1;
        }
        let text = "INSERT INTO artifact_children (parent_id, repository_id, position, child_digest, platform) VALUES ";
        script.add(text.to_owned() + &rows.join(", "), values);
    }
    for (child, times) in times {
        script.add(ADD_PARENT, [new.repository.into(), child.into(), times.into()]);
    }
}

const ADD_PARENT: &str = "UPDATE artifacts SET parent_count = parent_count + $3 WHERE repository_id = $1 AND digest = $2";

/// One more (or one less) index lists this child.
pub async fn add_parent(c: &mut AnyConnection, repository: i64, child: &Digest, n: i64) -> Result<()> {
    sqlx::query(ADD_PARENT)
        .bind(repository)
        .bind(child.as_str())
        .bind(n)
        .execute(c)
        .await?;
    Ok(())
}

pub async fn mark_accessory(c: &mut AnyConnection, id: i64, recognised: &Recognised) -> Result<()> {
    sqlx::query("UPDATE artifacts SET accessory_kind = $2, accessory_detail = $3 WHERE id = $1")
        .bind(id)
        .bind(recognised.kind.key())
        .bind(recognised.detail.replace('\0', ""))
        .execute(c)
        .await?;
    Ok(())
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
        "UPDATE repositories SET pushed_at = $2, updated_at = $2, artifact_count = artifact_count + $3 WHERE id = $1",
        [repository.into(), now.0.into(), more.into()],
    );
}

/// Brings `tag_count`, `listed` and the counters above up to date for these artifacts. Listed is what a person looks
/// for: no accessory, no list of referrers, and either tagged or in no index.
pub async fn relist(c: &mut AnyConnection, project: i64, repository: i64, ids: &[i64]) -> Result<()> {
    let mut change = 0_i64;
    let mut seen = std::collections::HashSet::new();
    for id in ids.iter().filter(|id| seen.insert(**id)) {
        let Some(before) = listed(c, *id).await? else { continue };
        let row = sqlx::query(
            "UPDATE artifacts SET tag_count = (SELECT CAST(COUNT(*) AS BIGINT) FROM tags WHERE artifact_id = $1),
               listed = CASE WHEN accessory_kind IS NULL AND hidden = 0 AND
                 (parent_count = 0 OR EXISTS (SELECT 1 FROM tags WHERE artifact_id = $1)) THEN 1 ELSE 0 END
             WHERE id = $1 RETURNING listed",
        )
        .bind(*id)
        .fetch_one(&mut *c)
        .await?;
        change += row.get::<i64, _>("listed") - before;
    }
    count_artifacts(c, project, repository, change).await
}

/// How many artifacts a repository's list has.
pub async fn listed_count(c: &mut AnyConnection, repository: i64) -> Result<i64> {
    let row = sqlx::query("SELECT artifact_count FROM repositories WHERE id = $1").bind(repository).fetch_one(c).await?;
    Ok(row.get("artifact_count"))
}

async fn listed(c: &mut AnyConnection, id: i64) -> Result<Option<i64>> {
    let row = sqlx::query("SELECT listed FROM artifacts WHERE id = $1").bind(id).fetch_optional(c).await?;
    Ok(row.map(|row| row.get("listed")))
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
    let mut change = 0;
    let mut children = Vec::new();
    for id in ids {
        change -= listed(c, *id).await?.unwrap_or(0);
        let rows = sqlx::query("SELECT child_digest FROM artifact_children WHERE parent_id = $1").bind(*id).fetch_all(&mut *c).await?;
        for row in rows {
            children.push(digest(row.get("child_digest"))?);
        }
        // A push under way may count on its blobs: garbage collection takes them from the repository when none does.
        sqlx::query(
            "UPDATE repository_blobs SET touched_at = $4 WHERE project_id = $2 AND repository_id = $3 AND digest IN
               (SELECT digest FROM artifact_blobs WHERE artifact_id = $1)",
        )
        .bind(*id)
        .bind(project)
        .bind(repository)
        .bind(now.0)
        .execute(&mut *c)
        .await?;
        for text in [
            "DELETE FROM manifests WHERE artifact_id = $1",
            "DELETE FROM artifact_blobs WHERE artifact_id = $1",
            "DELETE FROM artifact_children WHERE parent_id = $1",
            "DELETE FROM accessories WHERE artifact_id = $1",
            "DELETE FROM tags WHERE artifact_id = $1",
            "DELETE FROM artifacts WHERE id = $1",
        ] {
            sqlx::query(text).bind(*id).execute(&mut *c).await?;
        }
    }
    let mut left = Vec::new();
    for child in &children {
        add_parent(c, repository, child, -1).await?;
        left.extend(artifact_id(c, repository, child).await?);
    }
    count_artifacts(c, project, repository, change).await?;
    relist(c, project, repository, &left).await
}
