//! SQL of immutable tags: what there is to take.

use crate::error::Result;
use sqlx::{AnyConnection, Row};

/// Repositories of the project, or of all: id, project, name.
pub async fn repositories(c: &mut AnyConnection, project: Option<i64>) -> Result<Vec<(i64, String, String)>> {
    let text = "SELECT r.id AS id, p.name AS project, r.name AS name FROM repositories AS r JOIN projects AS p ON p.id = r.project_id
                WHERE r.pushed_at IS NOT NULL AND p.deleted_at IS NULL AND ($1 = 0 OR r.project_id = $1) ORDER BY p.name, r.name";
    let rows = sqlx::query(text).bind(project.unwrap_or(0)).fetch_all(c).await?;
    Ok(rows.iter().map(|row| (row.get("id"), row.get("project"), row.get("name"))).collect())
}

/// The next tags of a repository by name.
pub async fn tags(c: &mut AnyConnection, repository: i64, after: &str, limit: i64) -> Result<Vec<String>> {
    let text = "SELECT name FROM tags WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3";
    Ok(sqlx::query(text).bind(repository).bind(after).bind(limit).fetch_all(c).await?.iter().map(|row| row.get("name")).collect())
}
