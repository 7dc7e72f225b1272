//! SQL of clocks.

use super::{Due, Kind};
use crate::error::Result;
use model::Stamp;
use model::schedule::Schedule;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

fn schedule(row: &AnyRow) -> Schedule {
    let at = |name: &str| row.get::<Option<i64>, _>(name).map(Stamp);
    Schedule { cron: row.get("cron"), set_at: Stamp(row.get("set_at")), last: at("last_at"), next: at("next_at") }
}

pub async fn get(c: &mut AnyConnection, kind: Kind, key: &str) -> Result<Option<Schedule>> {
    let text = "SELECT cron, set_at, last_at, next_at FROM schedules WHERE kind = $1 AND key = $2";
    Ok(sqlx::query(text).bind(kind.key()).bind(key).fetch_optional(c).await?.as_ref().map(schedule))
}

pub async fn set(c: &mut AnyConnection, now: Stamp, kind: Kind, key: &str, cron: &str, next: Option<Stamp>) -> Result<()> {
    sqlx::query(
        "INSERT INTO schedules (kind, key, cron, set_at, last_at, next_at) VALUES ($1, $2, $3, $4, NULL, $5)
         ON CONFLICT (kind, key) DO UPDATE SET cron = $3, set_at = $4, next_at = $5",
    )
    .bind(kind.key())
    .bind(key)
    .bind(cron)
    .bind(now.0)
    .bind(next.map(|at| at.0))
    .execute(c)
    .await?;
    Ok(())
}

pub async fn remove(c: &mut AnyConnection, kind: Kind, key: &str) -> Result<()> {
    Ok(sqlx::query("DELETE FROM schedules WHERE kind = $1 AND key = $2").bind(kind.key()).bind(key).execute(c).await.map(drop)?)
}

pub async fn took(c: &mut AnyConnection, now: Stamp, due: &Due, next: Option<Stamp>) -> Result<bool> {
    let text = "UPDATE schedules SET last_at = $3, next_at = $4 WHERE kind = $1 AND key = $2 AND next_at = $5 AND cron = $6";
    let query = sqlx::query(text).bind(due.kind.key()).bind(due.key.as_str()).bind(now.0).bind(next.map(|at| at.0));
    Ok(query.bind(due.next.0).bind(due.cron.as_str()).execute(c).await?.rows_affected() == 1)
}

/// Of a clock that nobody changed meanwhile.
pub async fn put_right(c: &mut AnyConnection, kind: Kind, key: &str, from: Option<Stamp>, next: Stamp) -> Result<()> {
    let text = "UPDATE schedules SET next_at = $3 WHERE kind = $1 AND key = $2 AND COALESCE(next_at, -1) = $4";
    let query = sqlx::query(text).bind(kind.key()).bind(key).bind(next.0).bind(from.map_or(-1, |at| at.0));
    Ok(query.execute(c).await.map(drop)?)
}

pub async fn all(c: &mut AnyConnection) -> Result<Vec<(Kind, String, Schedule)>> {
    let rows = sqlx::query("SELECT kind, key, cron, set_at, last_at, next_at FROM schedules ORDER BY kind, key").fetch_all(c).await?;
    let known = |row: &AnyRow| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.key() == row.get::<&str, _>("kind"))?;
        Some((kind, row.get("key"), schedule(row)))
    };
    Ok(rows.iter().filter_map(known).collect())
}
