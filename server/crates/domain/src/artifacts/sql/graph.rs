//! What a copy of an artifact is made from.

use super::digest;
use crate::error::Result;
use model::Digest;
use sqlx::{AnyConnection, Row};

/// What the row of an artifact says of its manifest.
pub struct Head {
    pub digest: Digest,
    pub media_type: String,
    pub artifact_type: String,
    /// A JSON object, or [`super::LEFT_OUT`].
    pub annotations: String,
    pub subject: Option<Digest>,
}

pub async fn head(c: &mut AnyConnection, id: i64) -> Result<Head> {
    let text = "SELECT digest, media_type, artifact_type, annotations, subject_digest FROM artifacts WHERE id = $1";
    let row = sqlx::query(text).bind(id).fetch_one(c).await?;
    Ok(Head {
        digest: digest(row.get("digest"))?,
        media_type: row.get("media_type"),
        artifact_type: row.get("artifact_type"),
        annotations: row.get("annotations"),
        subject: row.get::<Option<String>, _>("subject_digest").map(digest).transpose()?,
    })
}

/// The blobs of one that are here: what may be elsewhere, and is, is left out.
pub async fn blobs_here(c: &mut AnyConnection, id: i64) -> Result<Vec<(Digest, i64)>> {
    let text = "SELECT b.digest AS digest, b.size AS size FROM artifact_blobs AS b WHERE b.artifact_id = $1 AND (b.optional = 0 OR EXISTS
       (SELECT 1 FROM repository_blobs AS l WHERE l.digest = b.digest AND l.repository_id = b.repository_id)) ORDER BY b.digest";
    let rows = sqlx::query(text).bind(id).fetch_all(c).await?;
    rows.iter().map(|row| Ok((digest(row.get("digest"))?, row.get::<i64, _>("size")))).collect()
}

/// What an index lists and is here, in its order: number and digest.
pub async fn children_here(c: &mut AnyConnection, repository: i64, index: i64) -> Result<Vec<(i64, Digest)>> {
    let text = "SELECT a.id AS id, a.digest AS digest FROM artifact_children AS x
       JOIN artifacts AS a ON a.repository_id = x.repository_id AND a.digest = x.child_digest
       WHERE x.parent_id = $1 AND x.repository_id = $2 ORDER BY x.position";
    let rows = sqlx::query(text).bind(index).bind(repository).fetch_all(c).await?;
    rows.iter().map(|row| Ok((row.get("id"), digest(row.get("digest"))?))).collect()
}
