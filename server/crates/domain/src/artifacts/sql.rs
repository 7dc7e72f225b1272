//! SQL of artifacts, tags and what artifacts are made of.

use super::Reference;
use super::manifest::{Descriptor, Manifest};
use crate::access::Authorized;
use crate::accessories::{Recognised, sql::IS_SIGNED};
use crate::db::{Script, Value};
use crate::error::{Error, Result};
use model::artifact::TagView;
use model::{Digest, RepositoryName, Stamp, Tag, TagId};
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::{BTreeMap, HashMap};

/// Blobs of one statement; the texts are few, so that the engine knows them.
const ROWS: usize = 16;

/// An artifact as a reference finds it.
pub struct Found {
    pub id: i64,
    pub repository_id: i64,
    /// The tag's row, where the reference is a tag.
    pub tag_id: Option<i64>,
    pub digest: Digest,
    pub media_type: String,
    pub signed: bool,
    pub is_accessory: bool,
}

pub(crate) fn digest(text: String) -> Result<Digest> {
    text.parse().map_err(|_| Error::Internal(format!("digest {text:?} in the database")))
}

pub async fn repository(proof: &mut Authorized<'_>, name: &RepositoryName) -> Result<Option<i64>> {
    let project = proof.project.id.0;
    let row = sqlx::query("SELECT id FROM repositories WHERE project_id = $1 AND name = $2 AND pushed_at IS NOT NULL")
        .bind(project)
        .bind(name.as_str())
        .fetch_optional(proof.conn())
        .await?;
    Ok(row.map(|row| row.get("id")))
}

pub async fn find(
    proof: &mut Authorized<'_>,
    name: &RepositoryName,
    reference: &Reference,
) -> Result<Option<Found>> {
    let project = proof.project.id.0;
    let row = match reference {
        Reference::Digest(digest) => {
            sqlx::query(
                "SELECT a.id AS id, a.repository_id AS repository_id, a.digest AS digest, a.media_type AS media_type,
                   a.signed AS signed, a.accessory_kind AS accessory_kind, CAST(NULL AS BIGINT) AS tag_id
                 FROM repositories AS r JOIN artifacts AS a ON a.repository_id = r.id
                 WHERE r.project_id = $1 AND r.name = $2 AND a.digest = $3",
            )
            .bind(project)
            .bind(name.as_str())
            .bind(digest.as_str())
            .fetch_optional(proof.conn())
            .await?
        }
        Reference::Tag(tag) => {
            sqlx::query(
                "SELECT a.id AS id, a.repository_id AS repository_id, a.digest AS digest, a.media_type AS media_type,
                   a.signed AS signed, a.accessory_kind AS accessory_kind, t.id AS tag_id
                 FROM repositories AS r JOIN tags AS t ON t.repository_id = r.id
                 JOIN artifacts AS a ON a.id = t.artifact_id
                 WHERE r.project_id = $1 AND r.name = $2 AND t.name = $3",
            )
            .bind(project)
            .bind(name.as_str())
            .bind(tag.as_str())
            .fetch_optional(proof.conn())
            .await?
        }
    };
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Found {
        id: row.get("id"),
        repository_id: row.get("repository_id"),
        tag_id: row.get("tag_id"),
        digest: digest(row.get("digest"))?,
        media_type: row.get("media_type"),
        signed: row.get::<i64, _>("signed") != 0,
        is_accessory: row.get::<Option<String>, _>("accessory_kind").is_some(),
    }))
}

pub async fn content(proof: &mut Authorized<'_>, id: i64) -> Result<Vec<u8>> {
    content_of(proof.conn(), id).await
}

pub async fn content_of(c: &mut AnyConnection, id: i64) -> Result<Vec<u8>> {
    let row = sqlx::query("SELECT content FROM manifests WHERE artifact_id = $1").bind(id).fetch_one(c).await?;
    Ok(row.get("content"))
}

pub async fn tag_names(proof: &mut Authorized<'_>, repository: i64, last: &str, limit: i64) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT name FROM tags WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3")
        .bind(repository)
        .bind(last)
        .bind(limit)
        .fetch_all(proof.conn())
        .await?;
    Ok(rows.iter().map(|row| row.get("name")).collect())
}

/// Does a signed index of this repository list it (also through an index within)?
pub async fn in_signed_index(proof: &mut Authorized<'_>, repository: i64, digest: &Digest) -> Result<bool> {
    Ok(signed_index(proof.conn(), repository, digest).await?.is_some())
}

pub async fn signed_index(c: &mut AnyConnection, repository: i64, digest: &Digest) -> Result<Option<Digest>> {
    let row = sqlx::query(
        "SELECT p.digest AS digest FROM artifact_children AS x JOIN artifacts AS p ON p.id = x.parent_id
         WHERE x.repository_id = $1 AND x.child_digest = $2 AND p.signed = 1 ORDER BY p.id LIMIT 1",
    )
    .bind(repository)
    .bind(digest.as_str())
    .fetch_optional(c)
    .await?;
    row.map(|row| self::digest(row.get("digest"))).transpose()
}

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

/// The repository's id, if it has a row, and the sizes of those of the blobs that are in it, by digest.
pub async fn repository_with(
    proof: &mut Authorized<'_>,
    name: &RepositoryName,
    blobs: &[&Descriptor],
) -> Result<(Option<i64>, HashMap<String, i64>)> {
    let (project, mut script) = (proof.project.id.0, Script::default());
    script.add("SELECT id FROM repositories WHERE project_id = $1 AND name = $2", [project.into(), name.as_str().into()]);
    for part in blobs.chunks(ROWS) {
        let names: Vec<String> = (0..part.len()).map(|n| format!("${}", n + 3)).collect();
        let text = format!(
            "SELECT b.digest AS digest, b.size AS size FROM repositories AS r
             JOIN repository_blobs AS rb ON rb.repository_id = r.id AND rb.project_id = r.project_id
             JOIN blobs AS b ON b.digest = rb.digest WHERE r.project_id = $1 AND r.name = $2 AND rb.digest IN ({})",
            names.join(", "),
        );
        let place = [project.into(), name.as_str().into()];
        script.add(text, place.into_iter().chain(part.iter().map(|blob| blob.digest.as_str().into())));
    }
    let ran = script.run(proof.conn()).await?;
    let sizes = ran[1..].iter().flat_map(|ran| &ran.rows).map(|row| (row.get("digest"), row.get("size"))).collect();
    Ok((ran[0].rows.first().map(|row| row.get("id")), sizes))
}

/// Size and media type of a manifest in the repository.
pub async fn manifest_of(c: &mut AnyConnection, repository: i64, digest: &Digest) -> Result<Option<(i64, String)>> {
    let row = sqlx::query("SELECT manifest_size, media_type FROM artifacts WHERE repository_id = $1 AND digest = $2")
        .bind(repository)
        .bind(digest.as_str())
        .fetch_optional(c)
        .await?;
    Ok(row.map(|row| (row.get("manifest_size"), row.get("media_type"))))
}

pub async fn artifact_id(c: &mut AnyConnection, repository: i64, digest: &Digest) -> Result<Option<i64>> {
    let row = sqlx::query("SELECT id FROM artifacts WHERE repository_id = $1 AND digest = $2")
        .bind(repository)
        .bind(digest.as_str())
        .fetch_optional(c)
        .await?;
    Ok(row.map(|row| row.get("id")))
}

/// Bytes of an index's children, each once.
pub async fn child_sizes(c: &mut AnyConnection, repository: i64, children: &[Descriptor]) -> Result<i64> {
    let mut seen = std::collections::HashSet::new();
    let mut sum = 0_i64;
    for child in children.iter().filter(|child| seen.insert(child.digest.clone())) {
        let row = sqlx::query("SELECT size FROM artifacts WHERE repository_id = $1 AND digest = $2")
            .bind(repository)
            .bind(child.digest.as_str())
            .fetch_optional(&mut *c)
            .await?;
        sum = sum.saturating_add(row.map_or(0, |row| row.get::<i64, _>("size")));
    }
    Ok(sum)
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

/// Points a tag that is new at the artifact; one that is there is left.
pub fn add_tag(script: &mut Script, now: Stamp, repository: i64, tag: &Tag, artifact: i64) {
    script.add(
        "INSERT INTO tags (repository_id, artifact_id, name, pushed_at) VALUES ($1, $2, $3, $4) ON CONFLICT (repository_id, name) DO NOTHING",
        [repository.into(), artifact.into(), tag.as_str().into(), now.0.into()],
    );
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

/// Points the tag at the artifact. Answers which artifact it pointed at before, if at another.
pub async fn set_tag(
    c: &mut AnyConnection,
    now: Stamp,
    repository: i64,
    tag: &Tag,
    artifact: i64,
) -> Result<Option<i64>> {
    let before = sqlx::query("SELECT artifact_id FROM tags WHERE repository_id = $1 AND name = $2")
        .bind(repository)
        .bind(tag.as_str())
        .fetch_optional(&mut *c)
        .await?
        .map(|row| row.get::<i64, _>("artifact_id"));
    sqlx::query(
        "INSERT INTO tags (repository_id, artifact_id, name, pushed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (repository_id, name) DO UPDATE SET artifact_id = $2, pushed_at = $4, pulled_at = NULL",
    )
    .bind(repository)
    .bind(artifact)
    .bind(tag.as_str())
    .bind(now.0)
    .execute(c)
    .await?;
    Ok(before.filter(|&id| id != artifact))
}

pub async fn tag_exists(c: &mut AnyConnection, repository: i64, tag: &Tag) -> Result<bool> {
    let row = sqlx::query("SELECT id FROM tags WHERE repository_id = $1 AND name = $2")
        .bind(repository)
        .bind(tag.as_str())
        .fetch_optional(c)
        .await?;
    Ok(row.is_some())
}

pub async fn remove_tag(c: &mut AnyConnection, repository: i64, tag: &Tag) -> Result<()> {
    sqlx::query("DELETE FROM tags WHERE repository_id = $1 AND name = $2")
        .bind(repository)
        .bind(tag.as_str())
        .execute(c)
        .await?;
    Ok(())
}

pub async fn tags_of(c: &mut AnyConnection, artifact: i64) -> Result<Vec<TagView>> {
    let rows = sqlx::query("SELECT id, name, pushed_at, pulled_at FROM tags WHERE artifact_id = $1 ORDER BY name")
        .bind(artifact)
        .fetch_all(c)
        .await?;
    rows.iter()
        .map(|row| {
            let name: String = row.get("name");
            Ok(TagView {
                id: TagId(row.get("id")),
                name: name.parse().map_err(|_| Error::Internal(format!("tag {name:?} in the database")))?,
                pushed_at: Stamp(row.get("pushed_at")),
                pulled_at: row.get::<Option<i64>, _>("pulled_at").map(Stamp),
            })
        })
        .collect()
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

/// Indexes of the repository that list this digest.
pub async fn parents(c: &mut AnyConnection, repository: i64, digest: &Digest) -> Result<Vec<Digest>> {
    let rows = sqlx::query(
        "SELECT DISTINCT p.digest AS digest FROM artifact_children AS x JOIN artifacts AS p ON p.id = x.parent_id
         WHERE x.repository_id = $1 AND x.child_digest = $2 AND p.hidden = 0 ORDER BY p.digest",
    )
    .bind(repository)
    .bind(digest.as_str())
    .fetch_all(c)
    .await?;
    rows.iter().map(|row| self::digest(row.get("digest"))).collect()
}

/// A child that goes with its index.
pub struct Lone {
    pub id: i64,
    pub digest: Digest,
    pub is_accessory: bool,
}

/// Children of an index that no tag names and no other index lists.
pub async fn lone_children(c: &mut AnyConnection, repository: i64, index: i64) -> Result<Vec<Lone>> {
    let rows = sqlx::query(
        "SELECT DISTINCT a.id AS id, a.digest AS digest, a.accessory_kind AS accessory_kind FROM artifact_children AS x
         JOIN artifacts AS a ON a.repository_id = x.repository_id AND a.digest = x.child_digest
         WHERE x.parent_id = $1 AND x.repository_id = $2 AND a.tag_count = 0 AND NOT EXISTS
           (SELECT 1 FROM artifact_children AS y JOIN artifacts AS p ON p.id = y.parent_id
            WHERE y.repository_id = $2 AND y.child_digest = x.child_digest AND y.parent_id <> $1 AND p.hidden = 0)",
    )
    .bind(index)
    .bind(repository)
    .fetch_all(c)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Lone {
                id: row.get("id"),
                digest: digest(row.get("digest"))?,
                is_accessory: row.get::<Option<String>, _>("accessory_kind").is_some(),
            })
        })
        .collect()
}

/// Bytes of manifests and blobs that only these artifacts of the repository use.
pub async fn freed(c: &mut AnyConnection, repository: i64, ids: &[i64]) -> Result<i64> {
    let (mut sum, mut seen) = (0_i64, std::collections::HashSet::new());
    for id in ids {
        let row = sqlx::query("SELECT manifest_size FROM artifacts WHERE id = $1").bind(*id).fetch_optional(&mut *c).await?;
        sum += row.map_or(0, |row| row.get::<i64, _>("manifest_size"));
        let blobs = sqlx::query("SELECT digest, size FROM artifact_blobs WHERE artifact_id = $1").bind(*id).fetch_all(&mut *c).await?;
        for blob in blobs {
            let digest: String = blob.get("digest");
            if !seen.insert(digest.clone()) {
                continue;
            }
            let users = sqlx::query(
                "SELECT artifact_id AS id FROM artifact_blobs WHERE digest = $1 AND repository_id = $2",
            )
            .bind(digest)
            .bind(repository)
            .fetch_all(&mut *c)
            .await?;
            if users.iter().all(|row| ids.contains(&row.get::<i64, _>("id"))) {
                sum += blob.get::<i64, _>("size");
            }
        }
    }
    Ok(sum)
}

/// What these artifacts are attached to.
pub async fn subjects_of(c: &mut AnyConnection, ids: &[i64]) -> Result<Vec<String>> {
    let mut subjects = Vec::new();
    for id in ids {
        let rows =
            sqlx::query("SELECT subject_digest FROM accessories WHERE artifact_id = $1").bind(*id).fetch_all(&mut *c).await?;
        subjects.extend(rows.iter().map(|row| row.get::<String, _>("subject_digest")));
    }
    Ok(subjects)
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
