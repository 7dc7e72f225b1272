//! SQL of sessions.

use super::{ABSOLUTE, Row as Session};
use crate::error::Result;
use model::{Stamp, UserId};
use sqlx::{AnyConnection, Row};

pub async fn insert(
    c: &mut AnyConnection,
    now: Stamp,
    hash: &str,
    user: UserId,
    data: &str,
    expires_at: Stamp,
) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO sessions (id_hash, user_id, data, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
    )
    .bind(hash)
    .bind(user.0)
    .bind(data)
    .bind(now.0)
    .bind(expires_at.0)
    .execute(c)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn update(c: &mut AnyConnection, now: Stamp, hash: &str, data: &str, expires_at: Stamp) -> Result<bool> {
    // The absolute end does not move: the expiry is the lesser of the two.
    let done = sqlx::query(
        "UPDATE sessions SET data = $2,
           expires_at = CASE WHEN created_at + $3 < $4 THEN created_at + $3 ELSE $4 END
         WHERE id_hash = $1 AND expires_at > $5",
    )
    .bind(hash)
    .bind(data)
    .bind(ABSOLUTE)
    .bind(expires_at.0)
    .bind(now.0)
    .execute(c)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn get(c: &mut AnyConnection, now: Stamp, hash: &str) -> Result<Option<Session>> {
    let row = sqlx::query("SELECT user_id, data, created_at, expires_at FROM sessions WHERE id_hash = $1 AND expires_at > $2")
        .bind(hash)
        .bind(now.0)
        .fetch_optional(c)
        .await?;
    Ok(row.map(|row| Session {
        user: UserId(row.get("user_id")),
        data: row.get("data"),
        created_at: Stamp(row.get("created_at")),
        expires_at: Stamp(row.get("expires_at")),
    }))
}

pub async fn delete(c: &mut AnyConnection, hash: &str) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE id_hash = $1").bind(hash).execute(c).await?;
    Ok(())
}

pub async fn sweep(c: &mut AnyConnection, now: Stamp) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE expires_at <= $1").bind(now.0).execute(c).await?;
    Ok(())
}
