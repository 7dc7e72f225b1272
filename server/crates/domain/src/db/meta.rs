//! What a database says of itself: few names, each with a text.

use crate::error::Result;
use sqlx::{AnyConnection, Row};

pub async fn get(c: &mut AnyConnection, key: &str) -> Result<Option<String>> {
    Ok(sqlx::query("SELECT value FROM meta WHERE key = $1").bind(key).fetch_optional(c).await?.map(|row| row.get("value")))
}

pub async fn put(c: &mut AnyConnection, key: &str, value: &str) -> Result<()> {
    let text = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2";
    Ok(sqlx::query(text).bind(key).bind(value).execute(c).await.map(drop)?)
}

/// Where there is none yet; answers the one that is there then.
pub async fn put_first(c: &mut AnyConnection, key: &str, value: &str) -> Result<String> {
    let text = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    sqlx::query(text).bind(key).bind(value).execute(&mut *c).await?;
    Ok(sqlx::query("SELECT value FROM meta WHERE key = $1").bind(key).fetch_one(c).await?.get("value"))
}
