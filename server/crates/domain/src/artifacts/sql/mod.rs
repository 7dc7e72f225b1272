//! SQL of artifacts, tags and what artifacts are made of.

mod listed;
mod tags;
mod write;

pub use listed::complete;
pub use tags::*;
pub use write::*;

use super::Reference;
use super::manifest::Descriptor;
use crate::access::Authorized;
use crate::db::Script;
use crate::error::{Error, Result};
use model::{Digest, RepositoryName};
use sqlx::{AnyConnection, Row};
use std::collections::HashMap;

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
