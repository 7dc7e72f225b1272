//! SQL of the check. At most [`MOST`] findings of a kind.

pub(crate) mod figures;

use crate::error::Result;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

const MOST: i64 = 1000;

/// A repository's name with its project's, also of one that was deleted and can be brought back: a column of `repositories AS r`.
const NAME: &str = "COALESCE((SELECT p.name || '/' || d.name || ' (deleted)' FROM deletions AS d JOIN projects AS p ON p.id = d.project_id
    WHERE d.repository_id = r.id AND d.what = 'repository'), r.full_name)";

/// SQLite's own check; empty where all is well.
pub async fn integrity(c: &mut AnyConnection) -> Result<Vec<String>> {
    let rows = sqlx::query("PRAGMA integrity_check").fetch_all(c).await?;
    Ok(rows.iter().map(|row| row.get::<String, _>(0)).filter(|line| line != "ok").collect())
}

pub struct ManifestRow {
    pub id: i64,
    /// With its project.
    pub repository: String,
    pub digest: String,
    pub content: Option<Vec<u8>>,
}

pub async fn manifests_after(c: &mut AnyConnection, after: i64, limit: i64) -> Result<Vec<ManifestRow>> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT a.id AS id, {NAME} AS repository, a.digest AS digest, m.content AS content FROM artifacts AS a
         JOIN repositories AS r ON r.id = a.repository_id LEFT JOIN manifests AS m ON m.artifact_id = a.id
         WHERE a.id > $1 ORDER BY a.id LIMIT $2",
    )))
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await?;
    let manifest = |row: &sqlx::any::AnyRow| ManifestRow {
        id: row.get("id"),
        repository: row.get("repository"),
        digest: row.get("digest"),
        content: row.get("content"),
    };
    Ok(rows.iter().map(manifest).collect())
}

/// Digest, size in bytes, and whether it is live.
pub async fn blobs_after(c: &mut AnyConnection, after: &str, limit: i64) -> Result<Vec<(String, i64, bool)>> {
    let rows = sqlx::query("SELECT digest, size, state FROM blobs WHERE digest > $1 ORDER BY digest LIMIT $2")
        .bind(after)
        .bind(limit)
        .fetch_all(c)
        .await?;
    Ok(rows.iter().map(|row| (row.get("digest"), row.get("size"), row.get::<String, _>("state") == "live")).collect())
}

/// Some of what is made of the blob: artifacts, and what was deleted and can be brought back.
pub async fn users(c: &mut AnyConnection, digest: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for text in [
        format!(
            "SELECT {NAME} || '@' || a.digest AS name FROM artifact_blobs AS b JOIN artifacts AS a ON a.id = b.artifact_id
             JOIN repositories AS r ON r.id = a.repository_id WHERE b.digest = $1 ORDER BY a.id LIMIT 3"
        ),
        format!(
            "SELECT {NAME} || '@' || e.digest || ' (deleted)' AS name FROM deleted_blobs AS b JOIN deletions AS e ON e.id = b.deletion_id
             JOIN repositories AS r ON r.id = b.repository_id WHERE b.digest = $1 ORDER BY e.id LIMIT 3"
        ),
    ] {
        let rows = sqlx::query(AssertSqlSafe(text)).bind(digest).fetch_all(&mut *c).await?;
        names.extend(rows.iter().map(|row| row.get::<String, _>("name")));
    }
    Ok(names)
}

/// What was deleted and cannot be brought back whole, as a blob of it is unknown.
pub async fn deletions_without_blob(c: &mut AnyConnection) -> Result<Vec<(String, String)>> {
    let text = format!(
        "SELECT {NAME} || '@' || e.digest AS name, x.digest AS other FROM deleted_blobs AS x JOIN deletions AS e ON e.id = x.deletion_id
         JOIN repositories AS r ON r.id = x.repository_id LEFT JOIN blobs AS b ON b.digest = x.digest
         WHERE b.digest IS NULL ORDER BY x.deletion_id, x.digest"
    );
    pairs(c, &text).await
}

/// Indexes of a span of ids that list a manifest which is not in their repository. A list of referrers outlives what it lists.
pub async fn indexes_without_child(c: &mut AnyConnection, after: i64, to: i64) -> Result<Vec<(String, String)>> {
    let text = format!(
        "SELECT {NAME} || '@' || a.digest AS name, x.child_digest AS other FROM artifacts AS a
         JOIN repositories AS r ON r.id = a.repository_id JOIN artifact_children AS x ON x.parent_id = a.id
         WHERE a.id > $1 AND a.id <= $2 AND a.hidden = 0
           AND NOT EXISTS (SELECT 1 FROM artifacts AS y WHERE y.repository_id = a.repository_id AND y.digest = x.child_digest)
           AND NOT EXISTS (SELECT 1 FROM artifact_blobs AS z WHERE z.artifact_id = a.id AND z.digest = x.child_digest)
         ORDER BY a.id, x.position LIMIT {MOST}"
    );
    let rows = sqlx::query(AssertSqlSafe(text)).bind(after).bind(to).fetch_all(c).await?;
    Ok(rows.iter().map(|row| (row.get("name"), row.get("other"))).collect())
}

/// Makes a blob unknown.
pub async fn forget(c: &mut AnyConnection, digest: &str) -> Result<()> {
    // It was here: no manifest's word that it may be elsewhere makes its loss none.
    sqlx::query(
        "UPDATE artifact_blobs SET optional = 0 WHERE digest = $1 AND optional = 1 AND EXISTS
           (SELECT 1 FROM repository_blobs AS l WHERE l.digest = $1 AND l.repository_id = artifact_blobs.repository_id)",
    )
    .bind(digest)
    .execute(&mut *c)
    .await?;
    // One by one: the triggers that count storage look at what is left.
    let rows = sqlx::query("SELECT project_id, repository_id FROM repository_blobs WHERE digest = $1").bind(digest).fetch_all(&mut *c).await?;
    for row in rows {
        sqlx::query("DELETE FROM repository_blobs WHERE digest = $1 AND project_id = $2 AND repository_id = $3")
            .bind(digest)
            .bind(row.get::<i64, _>("project_id"))
            .bind(row.get::<i64, _>("repository_id"))
            .execute(&mut *c)
            .await?;
    }
    sqlx::query("DELETE FROM blobs WHERE digest = $1").bind(digest).execute(&mut *c).await?;
    Ok(())
}

/// Layers that may be elsewhere, and are not here; and manifests that an index lists and that have not come.
pub async fn elsewhere(c: &mut AnyConnection) -> Result<(i64, i64)> {
    let row = sqlx::query(
        "SELECT CAST(COUNT(*) AS BIGINT) AS n, CAST(COALESCE(SUM(CASE WHEN EXISTS
           (SELECT 1 FROM artifact_children AS c WHERE c.parent_id = x.artifact_id AND c.child_digest = x.digest) THEN 1 ELSE 0 END), 0) AS BIGINT) AS children
         FROM artifact_blobs AS x WHERE x.optional = 1 AND NOT EXISTS
           (SELECT 1 FROM repository_blobs AS l WHERE l.digest = x.digest AND l.repository_id = x.repository_id)
           AND NOT EXISTS (SELECT 1 FROM artifacts AS a WHERE a.repository_id = x.repository_id AND a.digest = x.digest)",
    )
    .fetch_one(c)
    .await?;
    let (all, children): (i64, i64) = (row.get("n"), row.get("children"));
    Ok((all - children, children))
}

/// Artifacts of a span of ids that name a blob which their repository does not hold.
pub async fn artifacts_without_blob(c: &mut AnyConnection, after: i64, to: i64) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {NAME} || '@' || a.digest AS name, x.digest AS other FROM artifacts AS a
         JOIN repositories AS r ON r.id = a.repository_id JOIN artifact_blobs AS x ON x.artifact_id = a.id
         LEFT JOIN repository_blobs AS l ON l.digest = x.digest AND l.project_id = a.project_id AND l.repository_id = a.repository_id
         LEFT JOIN blobs AS b ON b.digest = x.digest
         WHERE a.id > $1 AND a.id <= $2 AND x.optional = 0 AND (b.digest IS NULL OR l.digest IS NULL) ORDER BY a.id, x.digest",
    )))
    .bind(after)
    .bind(to)
    .fetch_all(c)
    .await?;
    Ok(rows.iter().map(|row| (row.get("name"), row.get("other"))).collect())
}

async fn pairs(c: &mut AnyConnection, text: &str) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query(AssertSqlSafe(format!("{text} LIMIT {MOST}"))).fetch_all(c).await?;
    Ok(rows.iter().map(|row| (row.get("name"), row.get("other"))).collect())
}

pub async fn tags_without_artifact(c: &mut AnyConnection) -> Result<Vec<String>> {
    let found = pairs(
        c,
        "SELECT r.full_name AS name, t.name AS other FROM tags AS t JOIN repositories AS r ON r.id = t.repository_id
         LEFT JOIN artifacts AS a ON a.id = t.artifact_id WHERE a.id IS NULL ORDER BY t.id",
    )
    .await?;
    Ok(found.into_iter().map(|(repository, tag)| format!("{repository}:{tag}")).collect())
}

pub async fn links_without_blob(c: &mut AnyConnection) -> Result<Vec<(String, String)>> {
    pairs(
        c,
        "SELECT r.full_name AS name, l.digest AS other FROM repository_blobs AS l
         JOIN repositories AS r ON r.id = l.repository_id LEFT JOIN blobs AS b ON b.digest = l.digest
         WHERE b.digest IS NULL ORDER BY l.repository_id, l.digest",
    )
    .await
}
