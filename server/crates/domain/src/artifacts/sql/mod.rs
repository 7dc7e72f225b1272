//! SQL of artifacts, tags and what artifacts are made of.

mod along;
mod attributes;
mod graph;
mod list;
mod rows;
mod referrer_lists;
mod tags;
mod write;

pub use along::*;
pub use attributes::*;
pub use list::*;
pub use graph::{blobs_here, children_here, head};
pub use rows::{IS_PLATFORM, complete, standing};
pub use referrer_lists::*;
pub use tags::*;
pub use write::*;

use super::Reference;
use crate::access::Authorized;
use crate::db::{Script, parts, placeholders};
use crate::error::{Error, Result};
use crate::manifest::Child;
use model::{Digest, RepositoryName};
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
    Ok(repository_and_count(proof, name).await?.map(|(id, _)| id))
}

/// As [`repository`], with how many artifacts are listed there.
pub async fn repository_and_count(proof: &mut Authorized<'_>, name: &RepositoryName) -> Result<Option<(i64, i64)>> {
    let project = proof.project.id.0;
    let text = "SELECT id, artifact_count FROM repositories WHERE project_id = $1 AND name = $2 AND pushed_at IS NOT NULL";
    let row = sqlx::query(text).bind(project).bind(name.as_str()).fetch_optional(proof.conn()).await?;
    Ok(row.map(|row| (row.get("id"), row.get("artifact_count"))))
}

/// Is anything in the repository attached to something?
pub async fn has_accessories(c: &mut AnyConnection, repository: i64) -> Result<bool> {
    let text = "SELECT id FROM artifacts WHERE repository_id = $1 AND accessory_kind IS NOT NULL LIMIT 1";
    Ok(sqlx::query(text).bind(repository).fetch_optional(c).await?.is_some())
}

/// Which of these repositories are the project's.
pub async fn own_repositories(proof: &mut Authorized<'_>, ids: &[i64]) -> Result<HashSet<i64>> {
    let (project, mut script) = (proof.project.id.0, Script::default());
    for part in parts(ids) {
        let text = format!("SELECT id FROM repositories WHERE project_id = $1 AND id IN ({})", placeholders(2, part.len()));
        script.add(text, std::iter::once(project.into()).chain(part.iter().map(|id| (**id).into())));
    }
    Ok(script.run(proof.conn()).await?.iter().flat_map(|ran| &ran.rows).map(|row| row.get("id")).collect())
}

/// As [`find`]; what is not there is said to be not found.
pub async fn found(proof: &mut Authorized<'_>, name: &RepositoryName, reference: &Reference) -> Result<Found> {
    let missing = |proof: &Authorized<'_>| Error::not_found("artifact", format!("{}/{name} {reference}", proof.project.name));
    find(proof, name, reference).await?.ok_or_else(|| missing(proof))
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

/// How long a manifest is, in bytes.
pub async fn length_of(c: &mut AnyConnection, id: i64) -> Result<usize> {
    let text = "SELECT CAST(LENGTH(content) AS BIGINT) AS length FROM manifests WHERE artifact_id = $1";
    Ok(sqlx::query(text).bind(id).fetch_one(c).await?.get::<i64, _>("length") as usize)
}

/// How many indexes are looked through from what they list upwards, and how many of one height.
const NESTED: usize = 8;
const BESIDE: usize = 64;

/// Signed indexes of this repository that list it, themselves or through indexes within: the nearest first, at most so many.
pub async fn signed_indexes(proof: &mut Authorized<'_>, repository: i64, digest: &Digest, most: usize) -> Result<Vec<Digest>> {
    let (mut level, mut seen, mut found) = (vec![digest.clone()], HashSet::from([digest.clone()]), Vec::new());
    for _ in 0..NESTED {
        let mut script = Script::default();
        for part in parts(&level) {
            let text = format!(
                "SELECT p.digest AS digest, p.signed AS signed FROM artifact_children AS x JOIN artifacts AS p ON p.id = x.parent_id
                 WHERE x.repository_id = $1 AND x.child_digest IN ({}) ORDER BY p.signed DESC LIMIT {BESIDE}",
                placeholders(2, part.len())
            );
            script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|digest| digest.as_str().into())));
        }
        level.clear();
        for row in script.run(proof.conn()).await?.iter().flat_map(|ran| &ran.rows) {
            let parent = self::digest(row.get("digest"))?;
            if row.get::<i64, _>("signed") != 0 && !found.contains(&parent) {
                found.push(parent.clone());
            }
            if found.len() >= most {
                return Ok(found);
            }
            if level.len() < BESIDE && seen.insert(parent.clone()) {
                level.push(parent);
            }
        }
        if level.is_empty() {
            break;
        }
    }
    Ok(found)
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
            placeholders(3, part.len()),
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
            placeholders(2, part.len()),
        );
        script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|blob| blob.as_str().into())));
    }
    let ran = script.run(c).await?;
    Ok(ran.iter().flat_map(|ran| &ran.rows).map(|row| (row.get("digest"), row.get("size"))).collect())
}

/// A manifest of the repository that an index lists.
pub struct ChildManifest {
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
pub async fn listed_by(c: &mut AnyConnection, repository: i64, children: &[Child]) -> Result<HashMap<String, ChildManifest>> {
    let mut script = Script::default();
    for part in parts(children) {
        let text = format!(
            "SELECT id, digest, manifest_size, size, media_type, subject_digest, passive, kind FROM artifacts
             WHERE repository_id = $1 AND digest IN ({})",
            placeholders(2, part.len()),
        );
        script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|child| child.digest.as_str().into())));
    }
    let ran = script.run(c).await?;
    let listed = |row: &AnyRow| {
        let listed = ChildManifest {
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
pub async fn size_below(c: &mut AnyConnection, listed: &HashMap<String, ChildManifest>) -> Result<i64> {
    let sum = |sizes: &mut dyn Iterator<Item = i64>| sizes.fold(0_i64, i64::saturating_add);
    let (indexes, images): (Vec<&ChildManifest>, Vec<&ChildManifest>) = listed.values().partition(|row| row.is_index);
    let of_indexes = sum(&mut indexes.iter().map(|row| row.size));
    // One child shares with no other; many are more than one statement sees.
    if images.len() == 1 || images.len() > 64 {
        return Ok(of_indexes.saturating_add(sum(&mut images.iter().map(|row| row.size))));
    }
    let Some(part) = parts(&images).next() else { return Ok(of_indexes) };
    let text = format!(
        "SELECT CAST(COALESCE(SUM(x.size), 0) AS BIGINT) AS size, CAST(COUNT(*) AS BIGINT) AS n FROM (SELECT DISTINCT y.digest AS digest, y.size AS size FROM
           (SELECT digest, size FROM artifact_blobs WHERE artifact_id IN ({}) LIMIT {SUMMED}) AS y) AS x",
        placeholders(1, part.len()),
    );
    let row = part.iter().fold(sqlx::query(AssertSqlSafe(text)), |query, listed| query.bind(listed.id)).fetch_one(c).await?;
    let manifests = sum(&mut images.iter().map(|row| row.manifest_size));
    Ok(of_indexes.saturating_add(row.get("size")).saturating_add(manifests))
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

