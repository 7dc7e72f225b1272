//! SQL of policies as they are stored: a project's own, and what the system demands of every project.

use super::{read, stored};
use crate::access::Authorized;
use crate::error::Result;
use model::Stamp;
use model::project::Policy;
use sqlx::{AnyConnection, Row};

/// The project's own policy, as it is stored.
pub async fn of_project(proof: &mut Authorized<'_>) -> Result<Policy> {
    let id = proof.project.id.0;
    let row = sqlx::query("SELECT policy FROM projects WHERE id = $1").bind(id).fetch_one(proof.conn()).await?;
    read(row.get("policy"), false, None)
}

pub async fn set_of_project(proof: &mut Authorized<'_>, now: Stamp, new: &Policy) -> Result<()> {
    let (id, text) = (proof.project.id.0, stored(new)?);
    let query = sqlx::query("UPDATE projects SET policy = $2, updated_at = $3 WHERE id = $1").bind(id).bind(text).bind(now.0);
    Ok(query.execute(proof.conn()).await.map(drop)?)
}

/// What the system demands of every project.
pub async fn of_system(c: &mut AnyConnection) -> Result<Policy> {
    let row = sqlx::query("SELECT value FROM configuration WHERE name = 'policy'").fetch_optional(c).await?;
    let text: String = row.map(|row| row.get("value")).unwrap_or_default();
    read(&text, false, None)
}

pub async fn set_of_system(c: &mut AnyConnection, new: &Policy) -> Result<()> {
    let text = "INSERT INTO configuration (name, value) VALUES ('policy', $1) ON CONFLICT (name) DO UPDATE SET value = $1";
    Ok(sqlx::query(text).bind(stored(new)?).execute(c).await.map(drop)?)
}
