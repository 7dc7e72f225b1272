//! SQL of failed sign-ins.

use crate::db::Script;
use crate::error::Result;
use model::Stamp;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

/// Failures under one key, and when the last one was.
#[derive(Clone, Default)]
pub struct Counter {
    pub failures: u32,
    pub last: i64,
    /// When the first of them was.
    pub since: i64,
    /// The account's name, where there is one of that name: what people type there may be a password.
    pub account: Option<Box<str>>,
    /// Where they came from; empty for all addresses together.
    pub address: Box<str>,
}

/// Those after `then`, the newest first, by key in hexadecimal.
pub async fn failures_since(c: &mut AnyConnection, then: Stamp, limit: i64) -> Result<Vec<(String, Counter)>> {
    let rows = sqlx::query("SELECT key, count, last_at, since, account, address FROM failures WHERE last_at > $1 ORDER BY last_at DESC LIMIT $2")
        .bind(then.0)
        .bind(limit)
        .fetch_all(c)
        .await?;
    let counter = |row: &sqlx::any::AnyRow| Counter {
        failures: row.get::<i64, _>("count") as u32,
        last: row.get("last_at"),
        since: row.get("since"),
        account: Some(row.get::<String, _>("account")).filter(|name| !name.is_empty()).map(Into::into),
        address: row.get::<String, _>("address").into(),
    };
    Ok(rows.iter().map(|row| (row.get("key"), counter(row))).collect())
}

/// Writes counters; without one the key is forgiven.
pub async fn set_failures<'a>(c: &mut AnyConnection, counters: impl Iterator<Item = (String, &'a Option<Counter>)>) -> Result<()> {
    let mut script = Script::default();
    for (key, counter) in counters {
        match counter {
            Some(counter) => script.add(
                "INSERT INTO failures (key, count, last_at, since, account, address) VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (key) DO UPDATE SET count = $2, last_at = $3, since = $4, account = $5, address = $6",
                [
                    key.into(),
                    i64::from(counter.failures).into(),
                    counter.last.into(),
                    counter.since.into(),
                    counter.account.as_deref().unwrap_or_default().into(),
                    (&*counter.address).into(),
                ],
            ),
            None => script.add("DELETE FROM failures WHERE key = $1", [key.into()]),
        }
    }
    script.run(c).await.map(drop)
}

/// The name that a row has, where there is one.
pub async fn failure(c: &mut AnyConnection, key: &str) -> Result<Option<String>> {
    let row = sqlx::query("SELECT account FROM failures WHERE key = $1").bind(key).fetch_optional(c).await?;
    Ok(row.map(|row| row.get("account")))
}

/// Forgives one.
pub async fn forgive(c: &mut AnyConnection, key: &str) -> Result<()> {
    sqlx::query("DELETE FROM failures WHERE key = $1").bind(key).execute(c).await?;
    Ok(())
}

/// Places after `then`, the newest first, by key in hexadecimal.
pub async fn places_since(c: &mut AnyConnection, then: Stamp, limit: i64) -> Result<Vec<(String, Stamp)>> {
    let text = "SELECT key, last_at FROM places WHERE last_at > $1 ORDER BY last_at DESC LIMIT $2";
    let rows = sqlx::query(text).bind(then.0).bind(limit).fetch_all(c).await?;
    Ok(rows.iter().map(|row| (row.get("key"), Stamp(row.get("last_at")))).collect())
}

/// Writes places with their last sign-ins.
pub async fn set_places(c: &mut AnyConnection, places: impl Iterator<Item = (String, Stamp)>) -> Result<()> {
    let mut script = Script::default();
    for (key, at) in places {
        let text = "INSERT INTO places (key, last_at) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET last_at = $2";
        script.add(text, [key.into(), at.0.into()]);
    }
    script.run(c).await.map(drop)
}

/// Deletes some rows of `table` up to `then`, and some of the oldest beyond the newest `kept`; says how many.
pub async fn sweep(c: &mut AnyConnection, table: &'static str, then: Stamp, kept: i64, limit: i64) -> Result<u64> {
    let past = sqlx::query(AssertSqlSafe(format!("DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE last_at <= $1 LIMIT $2)")))
        .bind(then.0)
        .bind(limit)
        .execute(&mut *c)
        .await?;
    let over = sqlx::query(AssertSqlSafe(format!("DELETE FROM {table} WHERE key IN (SELECT key FROM {table} ORDER BY last_at DESC LIMIT $1 OFFSET $2)")))
        .bind(limit)
        .bind(kept)
        .execute(c)
        .await?;
    Ok(past.rows_affected() + over.rows_affected())
}
