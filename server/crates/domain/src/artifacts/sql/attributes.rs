//! SQL of what configurations say.

use crate::error::Result;
use sqlx::{AnyConnection, Row};

/// Artifacts of which nothing is said yet, after this one, and their repositories.
pub async fn unsaid(c: &mut AnyConnection, after: i64, limit: i64) -> Result<Vec<(i64, i64)>> {
    let text = "SELECT id, repository_id FROM artifacts WHERE attributes = '' AND id > $1 ORDER BY id LIMIT $2";
    let rows = sqlx::query(text).bind(after).bind(limit).fetch_all(c).await?;
    Ok(rows.iter().map(|row| (row.get("id"), row.get("repository_id"))).collect())
}

/// Says it of those of which nothing was said meanwhile.
pub async fn say(c: &mut AnyConnection, said: &[(i64, String)]) -> Result<()> {
    for (id, text) in said {
        let update = "UPDATE artifacts SET attributes = $2 WHERE id = $1 AND attributes = ''";
        sqlx::query(update).bind(*id).bind(text.as_str()).execute(&mut *c).await?;
    }
    Ok(())
}

/// A manifest's bytes, if the artifact is there.
pub async fn content_if_there(c: &mut AnyConnection, artifact: i64) -> Result<Option<Vec<u8>>> {
    let row = sqlx::query("SELECT content FROM manifests WHERE artifact_id = $1").bind(artifact).fetch_optional(c).await?;
    Ok(row.map(|row| row.get("content")))
}
