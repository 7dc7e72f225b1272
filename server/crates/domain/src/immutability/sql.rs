//! SQL of immutable tags: policies as they are stored, and what there is to take.

use crate::access::Authorized;
use crate::error::Result;
use crate::policy;
use model::Stamp;
use model::project::Policy;
use sqlx::{AnyConnection, Row};

/// The project's own policy, as it is stored.
pub async fn of_project(proof: &mut Authorized<'_>) -> Result<Policy> {
    let id = proof.project.id.0;
    let row = sqlx::query("SELECT policy FROM projects WHERE id = $1").bind(id).fetch_one(proof.conn()).await?;
    policy::read(row.get("policy"), false, None)
}

pub async fn set_of_project(proof: &mut Authorized<'_>, now: Stamp, new: &Policy) -> Result<()> {
    let (id, text) = (proof.project.id.0, policy::stored(new)?);
    let query = sqlx::query("UPDATE projects SET policy = $2, updated_at = $3 WHERE id = $1").bind(id).bind(text).bind(now.0);
    Ok(query.execute(proof.conn()).await.map(drop)?)
}

/// What the system demands of every project.
pub async fn of_system(c: &mut AnyConnection) -> Result<Policy> {
    let row = sqlx::query("SELECT value FROM configuration WHERE name = 'policy'").fetch_optional(c).await?;
    let text: String = row.map(|row| row.get("value")).unwrap_or_default();
    policy::read(&text, false, None)
}

pub async fn set_of_system(c: &mut AnyConnection, new: &Policy) -> Result<()> {
    let text = "INSERT INTO configuration (name, value) VALUES ('policy', $1) ON CONFLICT (name) DO UPDATE SET value = $1";
    Ok(sqlx::query(text).bind(policy::stored(new)?).execute(c).await.map(drop)?)
}

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
