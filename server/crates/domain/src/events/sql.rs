//! SQL of events.

use super::{Event, Scope};
use crate::db::folded;
use crate::error::Result;
use crate::identity::Principal;
use model::audit::{self, Fields, Outcome};
use model::{RobotId, Stamp};
use serde_json::Value;
use sqlx::{AnyConnection, Row};

/// Longest text of a column, in bytes; what clients send is cut there.
const MAX: usize = 1024;

/// Longest text that a search looks through, in bytes.
const SEARCHED: usize = 4096;

/// The project of a robot account; asked before a change, which may take the robot away.
pub async fn robot_project(c: &mut AnyConnection, event: &Event) -> Result<Option<i64>> {
    let Scope::Robot(RobotId(id)) = event.scope() else { return Ok(None) };
    let row = sqlx::query("SELECT project_id FROM robots WHERE id = $1").bind(id).fetch_optional(c).await?;
    Ok(row.and_then(|row| row.get("project_id")))
}

/// Writes one event that was done.
pub async fn record(c: &mut AnyConnection, now: Stamp, who: &Principal, event: &Event, robot_project: Option<i64>) -> Result<()> {
    insert(c, (now, now), who, event, robot_project, Outcome::Done, 1).await.map(drop)
}

/// Writes one row; answers its id.
pub async fn insert(
    c: &mut AnyConnection,
    (first, last): (Stamp, Stamp),
    who: &Principal,
    event: &Event,
    robot_project: Option<i64>,
    outcome: Outcome,
    times: i64,
) -> Result<i64> {
    let project = match event.scope() {
        Scope::Project(name) => Some(cut(&name)),
        Scope::System | Scope::Robot(_) => None,
    };
    let payload = payload(event);
    // The newest of that name: it may have been deleted in this very transaction.
    let row = sqlx::query(
        "INSERT INTO events (at, last_at, times, kind, project_id, payload, outcome, actor, actor_id, via, address, request_id, search)
         VALUES ($1, $2, $3, $4, COALESCE($5, (SELECT MAX(p.id) FROM projects AS p WHERE p.name = $6)), $7, $8, $9, $10, $11, $12, $13, $14)
         RETURNING id",
    )
    .bind(first.0)
    .bind(last.0)
    .bind(times)
    .bind(event.kind())
    .bind(robot_project)
    .bind(project)
    .bind(payload.to_string())
    .bind(outcome.key())
    .bind(cut(&who.name()))
    .bind(who.actor_id())
    .bind(who.via.as_str())
    .bind(cut(&who.client.address))
    .bind(cut(&who.client.request_id))
    .bind(search(event.kind(), &payload, who))
    .fetch_one(c)
    .await?;
    Ok(row.get("id"))
}

/// So many more times, until then.
pub async fn again(c: &mut AnyConnection, id: i64, times: i64, last: Stamp) -> Result<()> {
    sqlx::query("UPDATE events SET times = times + $2, last_at = $3 WHERE id = $1").bind(id).bind(times).bind(last.0).execute(c).await?;
    Ok(())
}

/// Deletes at most `limit` of the oldest: those from before `then`, and where `most` is not 0 those that are more. Answers how many.
pub async fn purge(c: &mut AnyConnection, then: Stamp, most: i64, limit: i64) -> Result<u64> {
    let oldest = sqlx::query("SELECT id, last_at FROM events ORDER BY id LIMIT $1").bind(limit).fetch_all(&mut *c).await?;
    // Ids are given in order, with few left out: their span is how many there are, or a little more.
    let newest = sqlx::query("SELECT COALESCE(MAX(id), 0) AS id FROM events").fetch_one(&mut *c).await?.get::<i64, _>("id");
    let gone = oldest.iter().take_while(|row| row.get::<i64, _>("last_at") < then.0 || most > 0 && row.get::<i64, _>("id") <= newest - most);
    let Some(last) = gone.last().map(|row| row.get::<i64, _>("id")) else { return Ok(0) };
    Ok(sqlx::query("DELETE FROM events WHERE id <= $1").bind(last).execute(c).await?.rows_affected())
}

/// What an event's payload says: names and values as texts.
pub fn fields(payload: &Value) -> Fields {
    let said = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    payload.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), said(value))).collect()
}

/// What a search looks through: all that the log shows of it, folded.
fn search(kind: &str, payload: &Value, who: &Principal) -> String {
    let fields = fields(payload);
    let mut words = vec![audit::words(kind), kind.to_owned(), audit::thing(&fields, None), who.name(), who.client.address.clone(), who.client.request_id.clone()];
    words.extend(fields.into_values());
    let text = folded(&words.join(" "));
    text[..text.floor_char_boundary(SEARCHED.min(text.len()))].replace('\0', "\u{fffd}")
}

/// The event's fields as JSON, each cut.
pub fn payload(event: &Event) -> Value {
    let mut value = serde_json::to_value(event).unwrap_or_default();
    for field in value.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        if let Value::String(text) = field {
            *text = cut(text);
        }
    }
    value
}

/// Cut to [`MAX`], without NUL (which PostgreSQL refuses).
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX.min(text.len()))].replace('\0', "\u{fffd}")
}
