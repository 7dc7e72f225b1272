//! SQL of quotas: what a project's living artifacts are made of, kept up by triggers (migration 0033), and how much that may be.

use crate::error::Result;
use model::quota::{Quota, from_number, to_number};
use model::{DeletionId, Digest, ProjectId, Stamp};
use sqlx::{AnyConnection, Row};

/// As [`of`], with what the project held as its limit was set, and holds.
pub async fn with_found(c: &mut AnyConnection, project: ProjectId) -> Result<(Quota, i64)> {
    let row = sqlx::query("SELECT used_bytes, storage_limit, limit_used FROM projects WHERE id = $1").bind(project.0).fetch_one(c).await?;
    let (used, found): (i64, i64) = (row.get("used_bytes"), row.get("limit_used"));
    Ok((Quota { used, limit: from_number(row.get("storage_limit")) }, found.min(used)))
}

pub async fn of(c: &mut AnyConnection, project: ProjectId) -> Result<Quota> {
    let row = sqlx::query("SELECT used_bytes, storage_limit FROM projects WHERE id = $1").bind(project.0).fetch_one(c).await?;
    Ok(Quota { used: row.get("used_bytes"), limit: from_number(row.get("storage_limit")) })
}

/// `false`: there is no such project.
pub async fn set(c: &mut AnyConnection, now: Stamp, project: ProjectId, limit: Option<i64>) -> Result<bool> {
    let done = sqlx::query(
        // The same again changes nothing; of what went beyond the old limit, which was attached, nothing is found.
        "UPDATE projects SET updated_at = $3,
           limit_used = CASE WHEN storage_limit = $2 THEN limit_used
             WHEN storage_limit < 0 OR used_bytes <= storage_limit OR used_bytes <= limit_used THEN used_bytes
             WHEN storage_limit > limit_used THEN storage_limit ELSE limit_used END,
           limit_kept = CASE WHEN storage_limit = $2 THEN limit_kept ELSE
             (SELECT CAST(COALESCE(SUM(d.bytes), 0) AS BIGINT) FROM deletions AS d WHERE d.project_id = projects.id AND d.expires_at > $3) END,
           storage_limit = $2
         WHERE id = $1 AND deleted_at IS NULL",
    )
        .bind(project.0)
        .bind(to_number(limit))
        .bind(now.0)
        .execute(c)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets go of what was found as the limit was set and is there no more: it makes no room for anything else.
pub async fn forget_found(c: &mut AnyConnection, project: ProjectId) -> Result<()> {
    let text = "UPDATE projects SET limit_used = used_bytes WHERE id = $1 AND limit_used > used_bytes";
    Ok(sqlx::query(text).bind(project.0).execute(c).await.map(drop)?)
}

/// What an undo would add, in bytes: of what it keeps that which does not count now.
pub async fn comes_back(c: &mut AnyConnection, project: ProjectId, deletion: DeletionId) -> Result<i64> {
    let row = sqlx::query(
        "SELECT (SELECT CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM blobs AS b WHERE b.digest IN (SELECT k.digest FROM deleted_blobs AS k WHERE k.deletion_id = $1)
             AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
               WHERE l.digest = b.digest AND l.project_id = $2 AND r.name NOT LIKE '#%'
                 AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id)))
         + (SELECT CAST(COALESCE(SUM(LENGTH(k.content)), 0) AS BIGINT) FROM deletions AS d JOIN deleted_artifacts AS k ON k.deletion_id = d.id WHERE d.id = $1
             AND NOT EXISTS (SELECT 1 FROM artifacts AS a WHERE a.repository_id = d.repository_id AND a.digest = k.digest)) AS bytes",
    )
    .bind(deletion.0)
    .bind(project.0)
    .fetch_one(c)
    .await?;
    Ok(row.get("bytes"))
}

/// Is a living artifact of the project made of the blob?
pub async fn counts(c: &mut AnyConnection, project: ProjectId, digest: &Digest) -> Result<bool> {
    let found = sqlx::query(
        "SELECT l.digest FROM repository_blobs AS l JOIN repositories AS r ON r.id = l.repository_id
         WHERE l.digest = $1 AND l.project_id = $2 AND r.name NOT LIKE '#%'
           AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id) LIMIT 1",
    )
    .bind(digest.as_str())
    .bind(project.0)
    .fetch_optional(c)
    .await?;
    Ok(found.is_some())
}

pub async fn blob_size(c: &mut AnyConnection, digest: &Digest) -> Result<i64> {
    let row = sqlx::query("SELECT size FROM blobs WHERE digest = $1").bind(digest.as_str()).fetch_optional(c).await?;
    Ok(row.map_or(0, |row| row.get("size")))
}

/// Projects in which living and deleted together pass twice the limit, and what there was as it was set.
pub async fn crowded(c: &mut AnyConnection, now: Stamp, only: Option<ProjectId>) -> Result<Vec<ProjectId>> {
    let rows = sqlx::query(
        "SELECT x.id AS id FROM
           (SELECT p.id AS id, p.used_bytes AS used,
              (SELECT CAST(COALESCE(SUM(d.bytes), 0) AS BIGINT) FROM deletions AS d WHERE d.project_id = p.id AND d.expires_at > $1) AS kept,
              CASE WHEN 2 * p.storage_limit + $3 < p.limit_used + p.limit_kept THEN p.limit_used + p.limit_kept ELSE 2 * p.storage_limit + $3 END AS most
            FROM projects AS p WHERE p.storage_limit >= 0 AND p.deleted_at IS NULL AND ($2 = 0 OR p.id = $2)) AS x
         WHERE x.used + x.kept > x.most",
    )
    .bind(now.0)
    .bind(only.map_or(0, |id| id.0))
    .bind(model::quota::HEADROOM)
    .fetch_all(c)
    .await?;
    Ok(rows.iter().map(|row| ProjectId(row.get("id"))).collect())
}

/// The project's oldest deletion that keeps bytes.
pub async fn oldest(c: &mut AnyConnection, now: Stamp, project: ProjectId) -> Result<Option<DeletionId>> {
    let text = "SELECT id FROM deletions WHERE project_id = $1 AND expires_at > $2 AND bytes > 0 ORDER BY id LIMIT 1";
    let row = sqlx::query(text).bind(project.0).bind(now.0).fetch_optional(c).await?;
    Ok(row.map(|row| DeletionId(row.get("id"))))
}
