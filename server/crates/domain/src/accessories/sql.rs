//! SQL of accessories. The functions take a connection: their callers hold the proof for the repository.

use crate::error::{Error, Result};
use model::accessory::{Attachment, Kind};
use model::{Digest, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

/// An accessory with what its listing needs of its artifact.
#[derive(Clone, Debug)]
pub struct Accessory {
    pub id: i64,
    pub artifact_id: i64,
    pub digest: Digest,
    pub subject: Digest,
    pub kind: Kind,
    pub attachment: Attachment,
    pub detail: String,
    pub size: i64,
    pub pushed_at: Stamp,
    pub superseded: bool,
}

const SELECT: &str = "SELECT x.id AS id, x.artifact_id AS artifact_id, x.subject_digest AS subject, x.kind AS kind, \
    x.attachment AS attachment, x.detail AS detail, x.superseded AS superseded, a.digest AS digest, \
    a.size AS size, a.pushed_at AS pushed_at \
    FROM accessories AS x JOIN artifacts AS a ON a.id = x.artifact_id";

fn accessory(row: &AnyRow) -> Result<Accessory> {
    let digest = |name: &str| {
        let text: String = row.get(name);
        text.parse::<Digest>().map_err(|_| Error::Internal(format!("digest {text:?} in the database")))
    };
    Ok(Accessory {
        id: row.get("id"),
        artifact_id: row.get("artifact_id"),
        digest: digest("digest")?,
        subject: digest("subject")?,
        kind: Kind::from_key(&row.get::<String, _>("kind")),
        attachment: Attachment::from_key(&row.get::<String, _>("attachment")),
        detail: row.get("detail"),
        size: row.get("size"),
        pushed_at: Stamp(row.get("pushed_at")),
        superseded: row.get::<i64, _>("superseded") != 0,
    })
}

/// What hangs directly under `subject`, oldest first.
pub async fn of_subject(c: &mut AnyConnection, repository: i64, subject: &str) -> Result<Vec<Accessory>> {
    let text = format!("{SELECT} WHERE x.repository_id = $1 AND x.subject_digest = $2 ORDER BY x.id");
    let rows = sqlx::query(AssertSqlSafe(text)).bind(repository).bind(subject).fetch_all(c).await?;
    rows.iter().map(accessory).collect()
}

/// A manifest that refers to another by `subject`: distribution-spec 1.1, "Listing Referrers".
pub struct Referrer {
    /// Referrers of a subject are listed in this order.
    pub number: i64,
    pub media_type: String,
    pub digest: Digest,
    /// Of the manifest, in bytes.
    pub size: i64,
    pub artifact_type: String,
    /// A JSON object.
    pub annotations: String,
}

/// What refers to `subject` by its `subject` field, by number.
pub async fn referrers(
    c: &mut AnyConnection,
    repository: i64,
    subject: &str,
    artifact_type: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<Referrer>> {
    // Few columns: there may be thousands of rows, and each value of each costs.
    let text = "SELECT x.id AS number, a.digest AS digest, a.media_type AS media_type, a.artifact_type AS artifact_type,
           a.manifest_size AS size, a.annotations AS annotations
         FROM accessories AS x JOIN artifacts AS a ON a.id = x.artifact_id
         WHERE x.repository_id = $1 AND x.subject_digest = $2 AND x.attachment = 'subject' AND x.id > $3
           AND ($4 = '' OR a.artifact_type = $4) ORDER BY x.id LIMIT $5";
    let rows = sqlx::query(text)
        .bind(repository)
        .bind(subject)
        .bind(after)
        .bind(artifact_type.unwrap_or_default())
        .bind(limit)
        .fetch_all(c)
        .await?;
    let referrer = |row: &AnyRow| {
        Ok(Referrer {
            number: row.get("number"),
            media_type: row.get("media_type"),
            digest: crate::artifacts::sql::digest(row.get("digest"))?,
            size: row.get("size"),
            artifact_type: row.get("artifact_type"),
            annotations: row.get("annotations"),
        })
    };
    rows.iter().map(referrer).collect()
}

/// Attaches an artifact.
pub async fn attach(
    c: &mut AnyConnection,
    now: Stamp,
    repository: i64,
    artifact: i64,
    recognised: &super::Recognised,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO accessories (repository_id, subject_digest, artifact_id, kind, attachment, detail, superseded, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7)
         ON CONFLICT (artifact_id, subject_digest) DO UPDATE SET superseded = 0",
    )
    .bind(repository)
    .bind(recognised.subject.as_str())
    .bind(artifact)
    .bind(recognised.kind.key())
    .bind(recognised.attachment.key())
    .bind(recognised.detail.as_str())
    .bind(now.0)
    .execute(c)
    .await?;
    Ok(())
}

/// A signature whose tag moved on: it stays under its subject, goes with it, and is neither shown nor counted.
pub async fn supersede(c: &mut AnyConnection, artifact: i64) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "UPDATE accessories SET superseded = 1 WHERE artifact_id = $1 AND attachment = 'cosign-tag'
         RETURNING subject_digest",
    )
    .bind(artifact)
    .fetch_all(c)
    .await?;
    Ok(rows.iter().map(|row| row.get("subject_digest")).collect())
}

/// Whether the artifact with digest `$2` in the repository `$1` is signed, from what hangs under it.
pub const IS_SIGNED: &str = "CASE WHEN EXISTS (
    SELECT 1 FROM accessories AS x WHERE x.repository_id = $1 AND x.subject_digest = $2 AND x.superseded = 0
      AND x.kind IN ('cosign-signature', 'notation-signature')) THEN 1 ELSE 0 END";

/// Sets whether the artifact with `digest` is signed.
pub async fn recount_signatures(c: &mut AnyConnection, repository: i64, digest: &str) -> Result<()> {
    let text = format!("UPDATE artifacts SET signed = {IS_SIGNED} WHERE repository_id = $1 AND digest = $2");
    sqlx::query(AssertSqlSafe(text))
    .bind(repository)
    .bind(digest)
    .execute(c)
    .await?;
    Ok(())
}
