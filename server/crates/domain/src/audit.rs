//! The audit log: who did, or tried to do, what. Rows are written in the transaction of the change.

use crate::ctx::Act;
use crate::error::Result;
use crate::identity::Principal;
use model::Stamp;
use sqlx::AnyConnection;

/// Longest text of a column, in bytes; what clients send is cut there.
const MAX: usize = 1024;

/// Writes one row. `outcome` is `done` or `refused`.
pub(crate) async fn record(
    c: &mut AnyConnection,
    now: Stamp,
    who: &Principal,
    act: &Act,
    outcome: &str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit (at, actor, actor_id, via, address, request_id, action, object, project_id, outcome, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(now.0)
    .bind(cut(&who.name()))
    .bind(who.actor_id())
    .bind(who.via.as_str())
    .bind(cut(&who.client.address))
    .bind(cut(&who.client.request_id))
    .bind(act.action)
    .bind(cut(&act.object))
    .bind(act.project.map(|id| id.0))
    .bind(outcome)
    .bind(cut(&act.detail))
    .execute(c)
    .await?;
    Ok(())
}

/// Cut to [`MAX`], without NUL (which PostgreSQL refuses).
fn cut(text: &str) -> String {
    let mut end = text.len().min(MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].replace('\0', "\u{fffd}")
}
