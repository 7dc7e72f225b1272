//! Uploads of blobs: started, continued where they broke, finished, cancelled; and mounts, which need no bytes.
//!
//! An upload belongs to a repository and to the account that started it: its id alone opens nothing.

mod linked;
mod pending;
mod publish;
mod sql;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use sql::some_blobs;
pub use linked::{blob, mount, unlink_blob};
pub use pending::Pending;
pub use write::{InUse, room};
pub(crate) use sql::{link_known, repository_id};

use crate::access::{self, Authorized, ProjectRow};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::points::point;
use crate::policy;
use crate::quotas::Growth;
use bytes::Bytes;
use futures_util::Stream;
use model::{Action, Digest, ProjectName, RepositoryName, Stamp};
use pending::Started;
use publish::publish;
pub(crate) use write::to_its_end;
use write::{UploadTurn, unknown, write};

/// An unfinished upload is kept this long, in ms.
const UPLOAD_LIFE: i64 = 24 * 3_600_000;
/// Unfinished uploads a person, or the robot accounts of a project, may have at once, of those that it touched within [`BUSY`].
const PER_OWNER: i64 = 1000;
/// So long an unfinished upload counts as being worked on, in ms; one without bytes is kept no longer.
const BUSY: i64 = 3_600_000;
pub use crate::manifest::MAX_BLOB;

async fn push_right<'c>(
    c: &'c mut sqlx::AnyConnection,
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
) -> Result<Authorized<'c>> {
    access::repository_again(c, ctx, who, project, repository.as_str(), Action::RepositoryPush).await
}

/// Starts an upload; answers its id.
pub async fn start(ctx: &Ctx, who: &Principal, project: &ProjectName, repository: &RepositoryName) -> Result<String> {
    access::may_again(ctx, who, project, repository.as_str(), Action::RepositoryPush).await?;
    room(ctx, 0).await?;
    let id = ctx.random.id();
    if !ctx.local.uploads_pending.open(ctx.now(), &id, started(who, project, repository)) {
        return Err(too_many());
    }
    Ok(id)
}

fn too_many() -> Error {
    Error::TooMany { what: "unfinished uploads of this account, or of its project's robot accounts: finish or cancel some", seconds: 60 }
}

fn started(who: &Principal, project: &ProjectName, repository: &RepositoryName) -> Started {
    Started { project: project.clone(), repository: repository.clone(), principal: who.key(), owner: pending::owner(who, project) }
}

/// The upload, if it is the caller's and of this repository: how many bytes it holds.
pub async fn received(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    id: &str,
) -> Result<i64> {
    received_into(ctx, who, project, repository, id).await.map(|(received, _)| received)
}

/// As [`received`], with the project that it goes into.
async fn received_into(ctx: &Ctx, who: &Principal, project: &ProjectName, repository: &RepositoryName, id: &str) -> Result<(i64, ProjectRow)> {
    if ctx.local.uploads_pending.has(ctx.now(), id, &started(who, project, repository)) {
        return access::may_again(ctx, who, project, repository.as_str(), Action::RepositoryPush).await.map(|project| (0, project));
    }
    let mut c = ctx.db.read().await?;
    let mut proof = push_right(&mut c, ctx, who, project, repository).await?;
    let received = sql::received(&mut proof, ctx.now(), id, repository.as_str(), &who.key()).await?.ok_or_else(unknown)?;
    Ok((received, proof.project))
}

/// Adds bytes at the end. `start` is where the client says they begin, `length` how many it says they are. Answers how
/// many bytes the upload holds now. When the client's stream breaks, what arrived is kept: it goes on from there.
pub async fn append<E: std::fmt::Display>(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    id: &str,
    start: Option<u64>,
    length: Option<u64>,
    body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
) -> Result<i64> {
    let own = own_turn(ctx, who, project, repository, id).await?;
    let growth = Growth::new(ctx, own.into, id, None);
    let (turn, length_now, broken) = write(&growth, own.turn, own.received as u64, start, length, body, false).await?;
    if let Some(full @ Error::Policy(_)) = broken {
        return given_up(ctx, id, own.row, turn, full).await;
    }
    note_received(ctx, who, project, repository, id, length_now as i64, turn, own.row).await?;
    match broken {
        None => {
            growth.waits();
            Ok(length_now as i64)
        }
        Some(error) => Err(error),
    }
}

/// An upload that the project's policy refuses ends: nobody could go on with it, and what it holds would lie about.
async fn given_up<T>(ctx: &Ctx, id: &str, row: bool, turn: UploadTurn, full: Error) -> Result<T> {
    discard(ctx, id, row).await?;
    drop(turn);
    Err(full)
}

/// The caller's turn at an upload of theirs.
struct Own {
    turn: UploadTurn,
    received: i64,
    into: ProjectRow,
    /// It has a row; else it is pending.
    row: bool,
}

async fn own_turn(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    id: &str,
) -> Result<Own> {
    // The turn comes first: another request may be adding to it. Whose upload it is is asked before anything is done.
    let turn = ctx.local.uploads_in_use.take(id);
    let row = !ctx.local.uploads_pending.has(ctx.now(), id, &started(who, project, repository));
    let received = received_into(ctx, who, project, repository, id).await;
    match (turn, received) {
        (Some(turn), Ok((received, into))) => Ok(Own { turn, received, into, row }),
        // What it holds by then only the other knows.
        (None, Ok(_)) => Err(Error::Unavailable("another request is writing to this upload: ask how far it is once that has ended".to_owned())),
        (turn, Err(error)) => {
            if let Some(mut turn) = turn {
                turn.keep = true;
            }
            Err(error)
        }
    }
}

/// Notes how many bytes an upload holds, and gives the turn back; with its first bytes it gets a row.
async fn note_received(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    id: &str,
    received: i64,
    mut turn: UploadTurn,
    row: bool,
) -> Result<()> {
    turn.keep = true;
    if !row && received == 0 {
        return Ok(());
    }
    let (ctx, who, project, repository, id) =
        (ctx.clone(), who.clone(), project.clone(), repository.clone(), id.to_owned());
    to_its_end(async move {
        let (ctx2, name) = (ctx.clone(), id.clone());
        let noted = async move |c: &mut sqlx::AnyConnection| {
            let now = ctx2.now();
            if !row {
                let mut proof = push_right(c, &ctx2, &who, &project, &repository).await?;
                if sql::open_count(&mut proof, &who, Stamp(now.0 + UPLOAD_LIFE - BUSY), PER_OWNER).await? >= PER_OWNER {
                    return Err(too_many());
                }
                sql::insert(&mut proof, now, &name, repository.as_str(), &who.key(), UPLOAD_LIFE).await?;
            }
            // One that expired meanwhile is gone.
            if sql::set_received(c, now, &name, received, UPLOAD_LIFE).await? { Ok(()) } else { Err(unknown()) }
        };
        ctx.db.write_content(noted).await?;
        ctx.local.uploads_pending.close(&id);
        point!("upload.noted");
        drop(turn);
        Ok(())
    })
    .await
}

/// Takes the rest of the bytes and makes the upload the blob `digest`. Wrong content ends the upload.
pub async fn finish<E: std::fmt::Display>(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    id: &str,
    digest: &Digest,
    start: Option<u64>,
    length: Option<u64>,
    body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
) -> Result<()> {
    let own = own_turn(ctx, who, project, repository, id).await?;
    if let Err(blocked) = policy::blocked::blob(&own.into, digest) {
        return given_up(ctx, id, own.row, own.turn, blocked).await;
    }
    let growth = Growth::new(ctx, own.into, id, Some(digest));
    let (turn, total, broken) = write(&growth, own.turn, own.received as u64, start, length, body, true).await?;
    if let Some(full @ Error::Policy(_)) = broken {
        return given_up(ctx, id, own.row, turn, full).await;
    }
    if let Some(error) = broken {
        // What arrived stays.
        note_received(ctx, who, project, repository, id, total as i64, turn, own.row).await?;
        return Err(error);
    }
    publish(ctx, who, project, repository, id, digest, total, turn, own.row).await
}

/// A whole blob in one request.
pub async fn put<E: std::fmt::Display>(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    digest: &Digest,
    length: Option<u64>,
    body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
) -> Result<()> {
    let into = access::may_again(ctx, who, project, repository.as_str(), Action::RepositoryPush).await?;
    policy::blocked::blob(&into, digest)?;
    let id = ctx.random.id();
    let growth = Growth::new(ctx, into, &id, Some(digest));
    let turn = ctx.local.uploads_in_use.take(&id).ok_or_else(unknown)?;
    let written = write(&growth, turn, 0, None, length, body, true).await;
    let (turn, total) = match written {
        Ok((turn, total, None)) => (turn, total),
        Ok((_, _, Some(error))) | Err(error) => {
            ctx.blobs.discard(&id).await?;
            return Err(error);
        }
    };
    publish(ctx, who, project, repository, &id, digest, total, turn, false).await
}

async fn discard(ctx: &Ctx, id: &str, row: bool) -> Result<()> {
    if row {
        let row = id.to_owned();
        ctx.db.write_content(async move |c| sql::delete(c, &row).await).await?;
    }
    ctx.local.uploads_pending.close(id);
    ctx.local.reservations.release(id);
    ctx.blobs.discard(id).await?;
    Ok(())
}

/// Gives an upload up.
pub async fn cancel(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    id: &str,
) -> Result<()> {
    let own = own_turn(ctx, who, project, repository, id).await?;
    discard(ctx, id, own.row).await
}

/// Removes uploads that were left behind.
pub async fn sweep(ctx: &Ctx) -> Result<usize> {
    let now = ctx.now();
    ctx.local.uploads_pending.sweep(now);
    let expired = sql::expired(&mut *ctx.db.read().await?, now).await?;
    // One that is being written to has more time.
    let ids: Vec<String> = expired.into_iter().filter(|id| !ctx.local.uploads_in_use.busy(id)).collect();
    let rows = ids.clone();
    let forgotten = async move |c: &mut sqlx::AnyConnection| {
        let mut gone = Vec::new();
        for id in &rows {
            if sql::delete_expired(c, now, id).await? {
                gone.push(id.clone());
            }
        }
        Ok(gone)
    };
    let ids = ctx.db.write_content(forgotten).await?;
    for id in &ids {
        ctx.local.uploads_in_use.forget(id);
        ctx.blobs.discard(id).await?;
    }
    // Bytes without a row: of a request that was cut while it sent a whole blob, or of a project that was deleted.
    let mut strays = 0;
    for id in ctx.blobs.stale_uploads(std::time::Duration::from_millis(UPLOAD_LIFE as u64)).await? {
        if !ctx.local.uploads_in_use.busy(&id) && !sql::known(&mut *ctx.db.read().await?, &id).await? {
            ctx.local.uploads_in_use.forget(&id);
            ctx.blobs.discard(&id).await?;
            strays += 1;
        }
    }
    Ok(ids.len() + strays)
}
