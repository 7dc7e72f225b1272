//! SQL of the audit log.

use super::{Asked, Found, LOOKED};
use crate::db::{Conditions, between, folded, like_contains, one_of};
use crate::error::Result;
use model::Stamp;
use crate::events::fields;
use model::audit::{Entry, Outcome};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

const COLUMNS: &str = "t.id AS id, t.at AS at, t.last_at AS last_at, t.times AS times, t.kind AS kind, t.payload AS payload, t.outcome AS outcome, \
    t.actor AS actor, t.via AS via, t.address AS address, t.request_id AS request_id, t.project_id AS project_id, p.name AS project";

fn entry(row: &AnyRow) -> Result<Entry> {
    let payload: Value = serde_json::from_str(row.get("payload")).unwrap_or_default();
    Ok(Entry {
        id: row.get("id"),
        at: Stamp(row.get("at")),
        last_at: Stamp(row.get("last_at")),
        times: row.get("times"),
        kind: row.get("kind"),
        project: row.get("project"),
        fields: fields(&payload),
        outcome: Outcome::from_key(row.get("outcome")).unwrap_or(Outcome::Done),
        actor: row.get("actor"),
        via: row.get("via"),
        address: row.get("address"),
        request_id: row.get("request_id"),
    })
}

/// The first row from then on: rows come in the order of time, or nearly (what is summed up is written some seconds after).
async fn first_from(c: &mut AnyConnection, at: Stamp) -> Result<Option<i64>> {
    // Both in one look would walk the table.
    let ends = sqlx::query("SELECT (SELECT MIN(id) FROM events) AS low, (SELECT MAX(id) FROM events) AS high").fetch_one(&mut *c).await?;
    let (Some(mut low), Some(mut high)) = (ends.get::<Option<i64>, _>("low"), ends.get::<Option<i64>, _>("high")) else { return Ok(None) };
    while low <= high {
        let middle = low + (high - low) / 2;
        let row = sqlx::query("SELECT id, at FROM events WHERE id >= $1 ORDER BY id LIMIT 1").bind(middle).fetch_optional(&mut *c).await?;
        match row {
            Some(row) if row.get::<i64, _>("at") < at.0 => low = row.get::<i64, _>("id") + 1,
            _ => high = middle - 1,
        }
    }
    Ok(Some(low))
}

/// How far apart what is summed up may lie from its neighbours, in ms: an hour, and the next write.
const APART: i64 = 3_700_000;

/// Conditions that an index answers: one of them drives.
fn driven(w: &mut Conditions, project: Option<i64>, asked: &Asked) {
    match (project, asked.kinds.as_slice(), &asked.actor) {
        (Some(project), ..) => {
            let n = w.bind(project);
            w.and(format!("t.project_id = {n}"));
        }
        (None, [_], _) => one_of(w, "t.kind", &asked.kinds),
        (None, _, Some(actor)) => one_of(w, "t.actor", std::slice::from_ref(actor)),
        _ => {}
    }
}

/// All conditions but the project's, over `t`. A column that an index has stands in a call: the index that drives stays the one that
/// [`driven`] means, and with it the bound of a look.
fn rest(w: &mut Conditions, asked: &Asked) {
    if !asked.kinds.is_empty() {
        one_of(w, "COALESCE(t.kind, '')", &asked.kinds);
    }
    if let Some(actor) = &asked.actor {
        one_of(w, "COALESCE(t.actor, '')", std::slice::from_ref(actor));
    }
    if let Some(outcome) = asked.outcome {
        let n = w.bind(outcome.key());
        w.and(format!("t.outcome = {n}"));
    }
    between(w, "t.last_at", (asked.from.map(|at| at.0), None));
    between(w, "t.at", (None, asked.to.map(|at| at.0)));
    if !asked.text.is_empty() {
        let n = w.bind(like_contains(&folded(&asked.text)));
        w.and(format!("t.search LIKE {n} ESCAPE '\\'"));
    }
}

/// A look: of the rows that an index gives, newest first, at most [`LOOKED`] are gone through.
pub async fn list(c: &mut AnyConnection, project: Option<i64>, asked: &Asked, after: Option<i64>, limit: i64) -> Result<Found> {
    let mut below = after;
    if let Some(to) = asked.to {
        let top = first_from(c, Stamp(to.0.saturating_add(APART))).await?;
        below = match (below, top) {
            (Some(after), Some(top)) => Some(after.min(top)),
            (one, other) => one.or(other),
        };
    }
    let from = match asked.from {
        Some(from) => first_from(c, Stamp(from.0.saturating_sub(APART))).await?,
        None => None,
    };
    let window = |w: &mut Conditions| {
        driven(w, project, asked);
        between(w, "t.id", (from, below.map(|below| below.saturating_sub(1))));
    };
    // The last row of this look, told by the index alone.
    let mut w = Conditions::new();
    window(&mut w);
    let text = format!("SELECT t.id AS id FROM events AS t{} ORDER BY t.id DESC LIMIT 1 OFFSET {}", w.clause(), LOOKED - 1);
    let floor: Option<i64> = sqlx::query_with(AssertSqlSafe(text), w.arguments()).fetch_optional(&mut *c).await?.map(|row| row.get("id"));
    let mut w = Conditions::new();
    window(&mut w);
    rest(&mut w, asked);
    between(&mut w, "t.id", (floor, None));
    let clause = w.clause();
    let n = w.bind(limit + 1);
    let text = format!("SELECT {COLUMNS} FROM events AS t LEFT JOIN projects AS p ON p.id = t.project_id{clause} ORDER BY t.id DESC LIMIT {n}");
    let rows = sqlx::query_with(AssertSqlSafe(text), w.arguments()).fetch_all(c).await?;
    let mut found = Found { items: rows.iter().take(limit as usize).map(entry).collect::<Result<_>>()?, ..Found::default() };
    if rows.len() as i64 > limit {
        found.next = found.items.last().map(|entry| entry.id);
    } else {
        found.further = floor;
    }
    // What is summed up is written some seconds after.
    found.items.sort_by_key(|entry| std::cmp::Reverse((entry.at, entry.id)));
    Ok(found)
}

/// A numbered page, and how many there are: as Harbor's clients ask.
pub async fn page(c: &mut AnyConnection, project: Option<i64>, asked: &Asked, (skip, limit): (i64, i64), order: &str) -> Result<(Vec<Entry>, i64)> {
    let all = |w: &mut Conditions| {
        driven(w, project, asked);
        rest(w, asked);
    };
    let mut w = Conditions::new();
    all(&mut w);
    let text = format!("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM events AS t{}", w.clause());
    let total = sqlx::query_with(AssertSqlSafe(text), w.arguments()).fetch_one(&mut *c).await?.get("n");
    let mut w = Conditions::new();
    all(&mut w);
    let (limit, skip) = (w.bind(limit), w.bind(skip));
    let text = format!(
        "SELECT {COLUMNS} FROM events AS t LEFT JOIN projects AS p ON p.id = t.project_id{} ORDER BY t.id {order} LIMIT {limit} OFFSET {skip}",
        w.clause()
    );
    let rows = sqlx::query_with(AssertSqlSafe(text), w.arguments()).fetch_all(c).await?;
    let mut items = rows.iter().map(entry).collect::<Result<Vec<_>>>()?;
    items.sort_by_key(|entry| (entry.at, entry.id));
    if order == "DESC" {
        items.reverse();
    }
    Ok((items, total))
}

/// What the clock purges, as it was set last.
pub async fn purge(c: &mut AnyConnection) -> Result<super::Purge> {
    let row = sqlx::query("SELECT value FROM meta WHERE key = 'audit.purge'").fetch_optional(c).await?;
    let text: Option<String> = row.map(|row| row.get("value"));
    let read = text.map(|text| serde_json::from_str(&text)).transpose();
    read.map(Option::unwrap_or_default).map_err(|error| crate::error::Error::Internal(format!("what the log is purged of in the database: {error}")))
}

pub async fn set_purge(c: &mut AnyConnection, text: &str) -> Result<()> {
    let query = sqlx::query("INSERT INTO meta (key, value) VALUES ('audit.purge', $1) ON CONFLICT (key) DO UPDATE SET value = $1").bind(text);
    Ok(query.execute(c).await.map(drop)?)
}

/// Rows of one write of a purge.
const BATCH: i64 = 500;

/// Deletes some rows of a kind that were last added to before then: how many. Rows come in the order of time, so that it ends where time does.
pub async fn delete_before(c: &mut AnyConnection, kind: &str, then: Stamp) -> Result<i64> {
    let Some(end) = first_from(c, then).await? else { return Ok(0) };
    let text = "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE kind = $1 AND id < $2 AND last_at < $3 ORDER BY id LIMIT $4)";
    let done = sqlx::query(text).bind(kind).bind(end).bind(then.0).bind(BATCH).execute(c).await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

/// How many [`delete_before`] would delete.
pub async fn count_before(c: &mut AnyConnection, kind: &str, then: Stamp) -> Result<i64> {
    let Some(end) = first_from(c, then).await? else { return Ok(0) };
    let text = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM events WHERE kind = $1 AND id < $2 AND last_at < $3";
    Ok(sqlx::query(text).bind(kind).bind(end).bind(then.0).fetch_one(c).await?.get("n"))
}
