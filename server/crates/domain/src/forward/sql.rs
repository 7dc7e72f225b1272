//! SQL of the outbox.

use super::Told;
use crate::db::{Script, parts, placeholders};
use crate::error::Result;
use model::Stamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// A row on its way.
pub struct Waiting {
    pub id: i64,
    pub at: Stamp,
    pub severity: i64,
    pub kind: String,
    /// A JSON object.
    pub body: String,
}

fn waiting_row(row: &AnyRow) -> Waiting {
    Waiting { id: row.get("id"), at: Stamp(row.get("at")), severity: row.get("severity"), kind: row.get("kind"), body: row.get("body") }
}

/// Rows of one INSERT.
const ROWS: usize = 50;

pub async fn put(c: &mut AnyConnection, all: &[Told]) -> Result<()> {
    let mut script = Script::default();
    for part in all.chunks(ROWS) {
        let values: Vec<String> = (0..part.len()).map(|n| format!("(${}, ${}, ${}, ${}, ${})", n * 5 + 1, n * 5 + 2, n * 5 + 3, n * 5 + 4, n * 5 + 5)).collect();
        let text = format!("INSERT INTO outbox (at, bytes, severity, kind, body) VALUES {}", values.join(", "));
        script.add(text, part.iter().flat_map(|told| {
            // PostgreSQL holds no NUL.
            let body = told.body.replace("\\u0000", "\\ufffd");
            [told.at.0.into(), (body.len() as i64).into(), told.severity.into(), told.kind.into(), body.into()]
        }));
    }
    script.run(c).await.map(drop)
}

/// The next ones after a number.
pub async fn next(c: &mut AnyConnection, after: i64, limit: i64) -> Result<Vec<Waiting>> {
    let text = "SELECT id, at, severity, kind, body FROM outbox WHERE id > $1 ORDER BY id LIMIT $2";
    Ok(sqlx::query(text).bind(after).bind(limit).fetch_all(c).await?.iter().map(waiting_row).collect())
}

/// Numbers up to one.
pub async fn through(c: &mut AnyConnection, last: i64) -> Result<Vec<i64>> {
    Ok(sqlx::query("SELECT id FROM outbox WHERE id <= $1 ORDER BY id").bind(last).fetch_all(c).await?.iter().map(|row| row.get("id")).collect())
}

pub async fn these(c: &mut AnyConnection, ids: &[i64]) -> Result<Vec<Waiting>> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!("SELECT id, at, severity, kind, body FROM outbox WHERE id IN ({}) ORDER BY id", placeholders(1, part.len()));
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    Ok(script.run(c).await?.iter().flat_map(|ran| &ran.rows).map(waiting_row).collect())
}

pub async fn forget(c: &mut AnyConnection, ids: &[i64]) -> Result<()> {
    let mut script = Script::default();
    for part in parts(ids) {
        script.add(format!("DELETE FROM outbox WHERE id IN ({})", placeholders(1, part.len())), part.iter().map(|id| (**id).into()));
    }
    script.run(c).await.map(drop)
}

/// Where nothing is forwarded any more: some rows; how many.
pub async fn forget_all(c: &mut AnyConnection, limit: i64) -> Result<u64> {
    let text = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT $1)";
    Ok(sqlx::query(text).bind(limit).execute(c).await?.rows_affected())
}

/// How many wait, their bytes, and since when the oldest does.
pub async fn waiting(c: &mut AnyConnection) -> Result<(i64, i64, Option<Stamp>)> {
    let row = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS n, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM outbox").fetch_one(&mut *c).await?;
    let oldest = sqlx::query("SELECT at FROM outbox ORDER BY id LIMIT 1").fetch_optional(c).await?;
    Ok((row.get("n"), row.get("bytes"), oldest.map(|row| Stamp(row.get("at")))))
}

/// Drops the oldest until so many bytes are gone, some at a time: how many, and their bytes.
pub async fn drop_oldest(c: &mut AnyConnection, limit: i64, over: i64) -> Result<(i64, i64)> {
    // Refusals first: nobody who is refused again and again pushes out what was done.
    let rows = sqlx::query("SELECT id, bytes FROM outbox ORDER BY severity, id LIMIT $1").bind(limit).fetch_all(&mut *c).await?;
    let (mut ids, mut bytes) = (Vec::new(), 0);
    for row in &rows {
        if bytes >= over {
            break;
        }
        ids.push(row.get::<i64, _>("id"));
        bytes += row.get::<i64, _>("bytes");
    }
    forget(c, &ids).await?;
    Ok((ids.len() as i64, bytes))
}
