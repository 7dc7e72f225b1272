//! SQL of quotas: what a project's living artifacts are made of, kept up by triggers (migration 0033), and how much that may be.

use crate::error::Result;
use model::quota::{Quota, from_number, to_number};
use model::{DeletionId, Digest, ProjectId, Stamp};
use sqlx::{AnyConnection, Row};

/// As [`of`], with what the project held as its limit was set.
pub async fn with_found(c: &mut AnyConnection, project: ProjectId) -> Result<(Quota, i64)> {
    let row = sqlx::query("SELECT used_bytes, storage_limit, limit_used FROM projects WHERE id = $1").bind(project.0).fetch_one(c).await?;
    Ok((Quota { used: row.get("used_bytes"), limit: from_number(row.get("storage_limit")) }, row.get("limit_used")))
}

pub async fn of(c: &mut AnyConnection, project: ProjectId) -> Result<Quota> {
    let row = sqlx::query("SELECT used_bytes, storage_limit FROM projects WHERE id = $1").bind(project.0).fetch_one(c).await?;
    Ok(Quota { used: row.get("used_bytes"), limit: from_number(row.get("storage_limit")) })
}

/// `false`: there is no such project.
pub async fn set(c: &mut AnyConnection, now: Stamp, project: ProjectId, limit: Option<i64>) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE projects SET storage_limit = $2, updated_at = $3, limit_used = used_bytes, limit_kept =
           (SELECT CAST(COALESCE(SUM(d.bytes), 0) AS BIGINT) FROM deletions AS d WHERE d.project_id = projects.id AND d.expires_at > $3)
         WHERE id = $1 AND deleted_at IS NULL",
    )
        .bind(project.0)
        .bind(to_number(limit))
        .bind(now.0)
        .execute(c)
        .await?;
    Ok(done.rows_affected() == 1)
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

/// Projects in which living and deleted together pass twice the limit, and what there was as it was set; by how much.
pub async fn crowded(c: &mut AnyConnection, now: Stamp, only: Option<ProjectId>) -> Result<Vec<(ProjectId, i64)>> {
    let rows = sqlx::query(
        "SELECT x.id AS id, x.used + x.kept - x.most AS over FROM
           (SELECT p.id AS id, p.used_bytes AS used,
              (SELECT CAST(COALESCE(SUM(d.bytes), 0) AS BIGINT) FROM deletions AS d WHERE d.project_id = p.id AND d.expires_at > $1) AS kept,
              CASE WHEN 2 * p.storage_limit < p.limit_used + p.limit_kept THEN p.limit_used + p.limit_kept ELSE 2 * p.storage_limit END AS most
            FROM projects AS p WHERE p.storage_limit >= 0 AND p.deleted_at IS NULL AND ($2 = 0 OR p.id = $2)) AS x
         WHERE x.used + x.kept > x.most",
    )
    .bind(now.0)
    .bind(only.map_or(0, |id| id.0))
    .fetch_all(c)
    .await?;
    Ok(rows.iter().map(|row| (ProjectId(row.get("id")), row.get("over"))).collect())
}

/// The project's oldest deletion that keeps bytes.
pub async fn oldest(c: &mut AnyConnection, now: Stamp, project: ProjectId) -> Result<Option<DeletionId>> {
    let text = "SELECT id FROM deletions WHERE project_id = $1 AND expires_at > $2 AND bytes > 0 ORDER BY id LIMIT 1";
    let row = sqlx::query(text).bind(project.0).bind(now.0).fetch_optional(c).await?;
    Ok(row.map(|row| DeletionId(row.get("id"))))
}
