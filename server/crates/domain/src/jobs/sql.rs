//! SQL of jobs.

use super::{Claim, Hold, LEASE};
use crate::error::Result;
use model::Stamp;
use sqlx::{AnyConnection, Row};

/// Queues a job. Of those in one `lane` one runs at a time; an empty one is no lane.
pub async fn enqueue(c: &mut AnyConnection, now: Stamp, kind: &str, key: &str, (lane, crowd): (&str, &str)) -> Result<()> {
    sqlx::query(
        "INSERT INTO jobs (kind, key, lane, state, attempt, run_after, lease_owner, lease_until, stop_requested, created_at, crowd)
         VALUES ($1, $2, $4, 'queued', 0, $3, '', 0, 0, $3, $5) ON CONFLICT DO NOTHING",
    )
    .bind(kind)
    .bind(key)
    .bind(now.0)
    .bind(lane)
    .bind(crowd)
    .execute(c)
    .await?;
    Ok(())
}

pub async fn claim(c: &mut AnyConnection, now: Stamp, kind: &str, crowd: i64, owner: &str) -> Result<Option<Claim>> {
    let row = sqlx::query(
        "UPDATE jobs SET state = 'running', attempt = attempt + 1, lease_owner = $3, lease_until = $4
         WHERE id = (SELECT j.id FROM jobs AS j WHERE j.kind = $1 AND j.run_after <= $2
                     AND (j.state = 'queued' OR (j.state = 'running' AND j.lease_until <= $2))
                     AND (j.lane = '' OR NOT EXISTS (SELECT 1 FROM jobs AS b WHERE b.kind = $1 AND b.lane = j.lane AND b.id <> j.id
                                                      AND b.state = 'running' AND b.lease_until > $2))
                     AND (j.crowd = '' OR (SELECT COUNT(*) FROM jobs AS b WHERE b.kind = $1 AND b.crowd = j.crowd AND b.id <> j.id
                                            AND b.state = 'running' AND b.lease_until > $2) < $5)
                     ORDER BY j.id LIMIT 1)
         RETURNING id, key",
    )
    .bind(kind)
    .bind(now.0)
    .bind(owner)
    .bind(now.0 + LEASE)
    .bind(crowd)
    .fetch_optional(c)
    .await?;
    Ok(row.map(|row| Claim { id: row.get("id"), key: row.get("key"), owner: owner.to_owned() }))
}

pub async fn renew(c: &mut AnyConnection, now: Stamp, claim: &Claim) -> Result<Hold> {
    let row = sqlx::query(
        "UPDATE jobs SET lease_until = $3 WHERE id = $1 AND lease_owner = $2 RETURNING stop_requested",
    )
    .bind(claim.id)
    .bind(claim.owner.as_str())
    .bind(now.0 + LEASE)
    .fetch_optional(c)
    .await?;
    Ok(match row.map(|row| row.get::<i64, _>("stop_requested")) {
        None => Hold::Lost,
        Some(0) => Hold::Ours,
        Some(_) => Hold::StopRequested,
    })
}

pub async fn finish(c: &mut AnyConnection, claim: &Claim) -> Result<()> {
    sqlx::query("DELETE FROM jobs WHERE id = $1 AND lease_owner = $2")
        .bind(claim.id)
        .bind(claim.owner.as_str())
        .execute(c)
        .await?;
    Ok(())
}

/// Asks the worker to stop; `false` if there is no such job (any more).
pub async fn request_stop(c: &mut AnyConnection, kind: &str, key: &str) -> Result<bool> {
    let done = sqlx::query("UPDATE jobs SET stop_requested = 1 WHERE kind = $1 AND key = $2")
        .bind(kind)
        .bind(key)
        .execute(c)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes a job back that no worker has; `false` if one has it, or it is gone.
pub async fn withdraw(c: &mut AnyConnection, kind: &str, key: &str) -> Result<bool> {
    let done = sqlx::query("DELETE FROM jobs WHERE kind = $1 AND key = $2 AND state = 'queued'").bind(kind).bind(key).execute(c).await?;
    Ok(done.rows_affected() > 0)
}

pub async fn release_all(c: &mut AnyConnection) -> Result<u64> {
    let done = sqlx::query("UPDATE jobs SET state = 'queued', lease_owner = '', lease_until = 0 WHERE state = 'running'")
        .execute(c)
        .await?;
    Ok(done.rows_affected())
}
