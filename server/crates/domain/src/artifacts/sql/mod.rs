//! SQL of artifacts, tags and what artifacts are made of.

mod listed;
mod tags;
mod write;

pub use listed::complete;
pub use tags::*;
pub use write::*;

use super::Reference;
use crate::access::Authorized;
use crate::db::{Script, parts, places};
use crate::error::{Error, Result};
use crate::manifest::{Child, machinery_subject};
use model::{Digest, RepositoryName, Tag};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::{HashMap, HashSet};

/// Rows of one INSERT; the texts are few, so that the engine knows them.
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
    /// A list of referrers.
    pub is_list: bool,
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
                   a.signed AS signed, a.accessory_kind AS accessory_kind, a.hidden AS hidden, CAST(NULL AS BIGINT) AS tag_id
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
                   a.signed AS signed, a.accessory_kind AS accessory_kind, a.hidden AS hidden, t.id AS tag_id
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
        is_list: row.get::<i64, _>("hidden") != 0 && row.get::<Option<String>, _>("accessory_kind").is_none(),
    }))
}

pub async fn content(proof: &mut Authorized<'_>, id: i64) -> Result<Vec<u8>> {
    content_of(proof.conn(), id).await
}

pub async fn content_of(c: &mut AnyConnection, id: i64) -> Result<Vec<u8>> {
    let row = sqlx::query("SELECT content FROM manifests WHERE artifact_id = $1").bind(id).fetch_one(c).await?;
    Ok(row.get("content"))
}

/// Does a signed index of this repository list it (also through an index within)?
pub async fn in_signed_index(proof: &mut Authorized<'_>, repository: i64, digest: &Digest) -> Result<bool> {
    let row = sqlx::query(
        "SELECT p.id AS id FROM artifact_children AS x JOIN artifacts AS p ON p.id = x.parent_id
         WHERE x.repository_id = $1 AND x.child_digest = $2 AND p.signed = 1 LIMIT 1",
    )
    .bind(repository)
    .bind(digest.as_str())
    .fetch_optional(proof.conn())
    .await?;
    Ok(row.is_some())
}

/// The repository's id, if it has a row, and the sizes of those of the blobs that are in it, by digest.
pub async fn repository_with(
    proof: &mut Authorized<'_>,
    name: &RepositoryName,
    blobs: &[&Digest],
) -> Result<(Option<i64>, HashMap<String, i64>)> {
    let (project, mut script) = (proof.project.id.0, Script::default());
    script.add("SELECT id FROM repositories WHERE project_id = $1 AND name = $2", [project.into(), name.as_str().into()]);
    for part in parts(blobs) {
        let text = format!(
            "SELECT b.digest AS digest, b.size AS size FROM repositories AS r
             JOIN repository_blobs AS rb ON rb.repository_id = r.id AND rb.project_id = r.project_id
             JOIN blobs AS b ON b.digest = rb.digest WHERE r.project_id = $1 AND r.name = $2 AND rb.digest IN ({})",
            places(3, part.len()),
        );
        let place = [project.into(), name.as_str().into()];
        script.add(text, place.into_iter().chain(part.iter().map(|blob| blob.as_str().into())));
    }
    let ran = script.run(proof.conn()).await?;
    let sizes = ran[1..].iter().flat_map(|ran| &ran.rows).map(|row| (row.get("digest"), row.get("size"))).collect();
    Ok((ran[0].rows.first().map(|row| row.get("id")), sizes))
}

/// The sizes of those of the blobs that are in the repository, by digest.
pub async fn blobs_in<'a>(c: &mut AnyConnection, repository: i64, blobs: impl Iterator<Item = &'a Digest>) -> Result<HashMap<String, i64>> {
    let (blobs, mut script): (Vec<&Digest>, _) = (blobs.collect(), Script::default());
    for part in parts(&blobs) {
        let text = format!(
            "SELECT b.digest AS digest, b.size AS size FROM repository_blobs AS rb JOIN blobs AS b ON b.digest = rb.digest
             WHERE rb.repository_id = $1 AND rb.digest IN ({})",
            places(2, part.len()),
        );
        script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|blob| blob.as_str().into())));
    }
    let ran = script.run(c).await?;
    Ok(ran.iter().flat_map(|ran| &ran.rows).map(|row| (row.get("digest"), row.get("size"))).collect())
}

/// A manifest of the repository that an index lists.
pub struct Listed {
    pub id: i64,
    pub manifest_size: i64,
    /// Of all of it.
    pub size: i64,
    pub media_type: String,
    /// What it refers to.
    pub subject: Option<String>,
    /// By its types no runtime takes it for an image.
    pub passive: bool,
    pub is_index: bool,
}

/// Those of an index's children that are manifests of the repository, by digest.
pub async fn listed_by(c: &mut AnyConnection, repository: i64, children: &[Child]) -> Result<HashMap<String, Listed>> {
    let mut script = Script::default();
    for part in parts(children) {
        let text = format!(
            "SELECT id, digest, manifest_size, size, media_type, subject_digest, passive, kind FROM artifacts
             WHERE repository_id = $1 AND digest IN ({})",
            places(2, part.len()),
        );
        script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|child| child.digest.as_str().into())));
    }
    let ran = script.run(c).await?;
    let listed = |row: &AnyRow| {
        let listed = Listed {
            id: row.get("id"),
            manifest_size: row.get("manifest_size"),
            size: row.get("size"),
            media_type: row.get("media_type"),
            subject: row.get("subject_digest"),
            passive: row.get::<i64, _>("passive") != 0,
            is_index: row.get::<&str, _>("kind") == "index",
        };
        (row.get("digest"), listed)
    };
    Ok(ran.iter().flat_map(|ran| &ran.rows).map(listed).collect())
}

/// Most rows that are looked at to say how large an index is: with more, what its children share is counted once for each.
const SUMMED: i64 = 20_000;

/// Bytes of what an index lists: what its children share is counted once.
pub async fn size_below(c: &mut AnyConnection, listed: &HashMap<String, Listed>) -> Result<i64> {
    let sum = |sizes: &mut dyn Iterator<Item = i64>| sizes.fold(0_i64, i64::saturating_add);
    let (indexes, images): (Vec<&Listed>, Vec<&Listed>) = listed.values().partition(|row| row.is_index);
    let of_indexes = sum(&mut indexes.iter().map(|row| row.size));
    // One child shares with no other; many are more than one statement sees.
    if images.len() == 1 || images.len() > 64 {
        return Ok(of_indexes.saturating_add(sum(&mut images.iter().map(|row| row.size))));
    }
    let Some(part) = parts(&images).next() else { return Ok(of_indexes) };
    let text = format!(
        "SELECT CAST(COALESCE(SUM(x.size), 0) AS BIGINT) AS size, CAST(COUNT(*) AS BIGINT) AS n FROM (SELECT DISTINCT y.digest AS digest, y.size AS size FROM
           (SELECT digest, size FROM artifact_blobs WHERE artifact_id IN ({}) LIMIT {SUMMED}) AS y) AS x",
        places(1, part.len()),
    );
    let row = part.iter().fold(sqlx::query(AssertSqlSafe(text)), |query, listed| query.bind(listed.id)).fetch_one(c).await?;
    let manifests = sum(&mut images.iter().map(|row| row.manifest_size));
    Ok(of_indexes.saturating_add(row.get("size")).saturating_add(manifests))
}

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

/// Most tags, and most entries of indexes, that are looked at.
const LOOKED: usize = 1000;
const ENTRIES: usize = 20_000;

/// Whether an artifact is a list of referrers follows from what its tags say now, in whatever order it, its tags and what it lists came:
/// an index that only such a tag names, and that lists nothing but referrers of that digest. Brings it up to date; `true`: it changed.
pub async fn settle_list(c: &mut AnyConnection, artifact: i64) -> Result<bool> {
    let text = "SELECT hidden, repository_id FROM artifacts WHERE id = $1 AND kind = 'index' AND subject_digest IS NULL AND accessory_kind IS NULL";
    let Some(row) = sqlx::query(text).bind(artifact).fetch_optional(&mut *c).await? else { return Ok(false) };
    let (is, repository): (bool, i64) = (row.get::<i64, _>("hidden") == 1, row.get("repository_id"));
    let rows = sqlx::query(AssertSqlSafe(format!("SELECT name FROM tags WHERE artifact_id = $1 LIMIT {LOOKED}"))).bind(artifact).fetch_all(&mut *c).await?;
    let tags: Vec<Tag> = rows.iter().filter_map(|row| row.get::<String, _>("name").parse().ok()).collect();
    if tags.is_empty() {
        return Ok(false);
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
        sqlx::query("UPDATE artifacts SET hidden = $2 WHERE id = $1").bind(artifact).bind(i64::from(be)).execute(c).await?;
    }
    Ok(be != is)
}

/// Which indexes that people see list these: their entries, by index; and those of which so many do that not all were looked at.
pub async fn listed_in(c: &mut AnyConnection, repository: i64, digests: &[&Digest]) -> Result<(HashMap<i64, Vec<String>>, Vec<String>)> {
    let mut script = Script::default();
    for part in parts(digests) {
        let text = format!(
            "SELECT x.parent_id AS parent_id, x.child_digest AS child_digest FROM artifact_children AS x JOIN artifacts AS p ON p.id = x.parent_id
             WHERE x.repository_id = $1 AND x.child_digest IN ({}) AND p.hidden = 0 LIMIT {ENTRIES}",
            places(2, part.len())
        );
        script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|digest| digest.as_str().into())));
    }
    let (mut by_index, mut unknown) = (HashMap::<i64, Vec<String>>::new(), Vec::new());
    for (ran, part) in script.run(c).await?.iter().zip(parts(digests)) {
        if ran.rows.len() >= ENTRIES {
            unknown.extend(part.iter().map(|digest| digest.to_string()));
        }
        for row in &ran.rows {
            by_index.entry(row.get("parent_id")).or_default().push(row.get("child_digest"));
        }
    }
    Ok((by_index, unknown))
}

/// Some tags of people's that name these, with what they name.
pub async fn some_tags(c: &mut AnyConnection, ids: &[i64]) -> Result<Vec<(Digest, Tag)>> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!(
            "SELECT a.digest AS digest, t.name AS name FROM tags AS t JOIN artifacts AS a ON a.id = t.artifact_id
             WHERE t.artifact_id IN ({}) ORDER BY t.id LIMIT {LOOKED}",
            places(1, part.len())
        );
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let ran = script.run(c).await?;
    let mut found = Vec::new();
    for row in ran.iter().flat_map(|ran| &ran.rows) {
        let Ok(tag) = row.get::<String, _>("name").parse::<Tag>() else { continue };
        if machinery_subject(&tag).is_none() && found.len() < 100 {
            found.push((digest(row.get("digest"))?, tag));
        }
    }
    Ok(found)
}

pub async fn digest_of(c: &mut AnyConnection, artifact: i64) -> Result<String> {
    Ok(sqlx::query("SELECT digest FROM artifacts WHERE id = $1").bind(artifact).fetch_one(c).await?.get("digest"))
}

pub async fn artifact_id(c: &mut AnyConnection, repository: i64, digest: &Digest) -> Result<Option<i64>> {
    let row = sqlx::query("SELECT id FROM artifacts WHERE repository_id = $1 AND digest = $2")
        .bind(repository)
        .bind(digest.as_str())
        .fetch_optional(c)
        .await?;
    Ok(row.map(|row| row.get("id")))
}

/// Indexes of the repository that list this digest: at most a hundred.
pub async fn parents(c: &mut AnyConnection, repository: i64, digest: &Digest) -> Result<Vec<Digest>> {
    let rows = sqlx::query(
        "SELECT p.digest AS digest FROM artifact_children AS x JOIN artifacts AS p ON p.id = x.parent_id
         WHERE x.repository_id = $1 AND x.child_digest = $2 AND p.hidden = 0 ORDER BY p.id LIMIT 100",
    )
    .bind(repository)
    .bind(digest.as_str())
    .fetch_all(c)
    .await?;
    let mut parents = rows.iter().map(|row| self::digest(row.get("digest"))).collect::<Result<Vec<Digest>>>()?;
    parents.sort();
    parents.dedup();
    Ok(parents)
}

/// Lists of the referrers of these digests, which clients keep under tags of their own; and of which digest each is.
pub async fn referrers_lists(c: &mut AnyConnection, repository: i64, subjects: &[Digest]) -> Result<Vec<(i64, Digest, Digest)>> {
    let (stems, mut script): (Vec<String>, _) = (subjects.iter().map(Digest::tag_stem).collect(), Script::default());
    for part in parts(&stems) {
        let text = format!(
            "SELECT a.id AS id, a.digest AS digest, t.name AS name FROM tags AS t JOIN artifacts AS a ON a.id = t.artifact_id
             WHERE t.repository_id = $1 AND t.name IN ({}) AND a.hidden = 1",
            places(2, part.len())
        );
        script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|stem| stem.as_str().into())));
    }
    let ran = script.run(c).await?;
    let found = |row: &AnyRow| Ok((row.get("id"), digest(row.get("digest"))?, digest(row.get::<String, _>("name").replacen('-', ":", 1))?));
    ran.iter().flat_map(|ran| &ran.rows).map(found).collect()
}

/// Those of them that a person's tag names. Where there are very many tags all of their part are: what is not known is not deleted.
pub async fn tagged_by_people(c: &mut AnyConnection, ids: &[i64]) -> Result<HashSet<i64>> {
    const MOST: usize = 1000;
    let (mut script, mut found) = (Script::default(), HashSet::new());
    for part in parts(ids) {
        let text = format!("SELECT artifact_id, name FROM tags WHERE artifact_id IN ({}) LIMIT {MOST}", places(1, part.len()));
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    for (ran, part) in script.run(c).await?.iter().zip(parts(ids)) {
        if ran.rows.len() >= MOST {
            found.extend(part.iter().map(|id| **id));
        }
        let people = |row: &&AnyRow| row.get::<String, _>("name").parse().is_ok_and(|tag| machinery_subject(&tag).is_none());
        found.extend(ran.rows.iter().filter(people).map(|row| row.get::<i64, _>("artifact_id")));
    }
    Ok(found)
}

/// How long their manifests are, together.
pub async fn manifest_bytes(c: &mut AnyConnection, ids: &[i64]) -> Result<i64> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!("SELECT CAST(SUM(manifest_size) AS BIGINT) AS n FROM artifacts WHERE id IN ({})", places(1, part.len()));
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let ran = script.run(c).await?;
    Ok(ran.iter().flat_map(|ran| &ran.rows).filter_map(|row| row.get::<Option<i64>, _>("n")).sum())
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

/// Bytes of manifests and blobs that only these artifacts of the repository use; of very many blobs, those of some.
pub async fn freed(c: &mut AnyConnection, repository: i64, ids: &[i64]) -> Result<i64> {
    let mut script = Script::default();
    for part in parts(ids) {
        let these = || part.iter().map(|id| (**id).into());
        let places = places(1, part.len());
        script.add(format!("SELECT CAST(COALESCE(SUM(manifest_size), 0) AS BIGINT) AS n FROM artifacts WHERE id IN ({places})"), these());
        script.add(format!("SELECT digest, size FROM artifact_blobs WHERE artifact_id IN ({places}) LIMIT {SUMMED}"), these());
    }
    let ran = script.run(&mut *c).await?;
    let mut sum: i64 = ran.iter().step_by(2).filter_map(|ran| ran.rows.first()).map(|row| row.get::<i64, _>("n")).sum();
    let mut uses = HashMap::<String, (i64, i64)>::new();
    for row in ran.iter().skip(1).step_by(2).flat_map(|ran| &ran.rows).take(SUMMED as usize) {
        uses.entry(row.get("digest")).or_insert((row.get("size"), 0)).1 += 1;
    }
    let (uses, mut script): (Vec<_>, _) = (uses.into_iter().collect(), Script::default());
    for (digest, (_, times)) in &uses {
        // One use more than theirs is enough to know. What is not here frees nothing.
        script.add(
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM (SELECT artifact_id FROM artifact_blobs WHERE digest = $1 AND repository_id = $2 LIMIT $3) AS x
             WHERE EXISTS (SELECT 1 FROM repository_blobs AS l WHERE l.digest = $1 AND l.repository_id = $2)",
            [digest.as_str().into(), repository.into(), (times + 1).into()],
        );
    }
    let ran = script.run(c).await?;
    for ((_, (size, times)), ran) in uses.iter().zip(&ran) {
        if ran.rows.first().is_some_and(|row| row.get::<i64, _>("n") == *times) {
            sum = sum.saturating_add(*size);
        }
    }
    Ok(sum)
}

/// What these artifacts are attached to.
pub async fn subjects_of(c: &mut AnyConnection, ids: &[i64]) -> Result<Vec<String>> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!("SELECT DISTINCT subject_digest FROM accessories WHERE artifact_id IN ({})", places(1, part.len()));
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let ran = script.run(c).await?;
    let subjects: std::collections::BTreeSet<String> = ran.iter().flat_map(|ran| &ran.rows).map(|row| row.get("subject_digest")).collect();
    Ok(subjects.into_iter().collect())
}
