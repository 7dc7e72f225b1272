//! Uploads under way at a target registry: a large blob goes on where a killed or cut-off worker left it.
//!
//! One execution at a time counts on a row, because two senders would mix their bytes at registries that do not lock
//! an upload.

use super::sql;
use crate::ctx::Ctx;
use crate::error::Result;
use model::{Digest, ExecutionId, TargetId};

/// How long a row is worth keeping, in milliseconds: registries sweep what lies unfinished for days.
const LEFT_UPLOAD_LIFE: i64 = 2 * 24 * 3600 * 1000;

/// Where a blob goes at a target.
#[derive(Clone, Debug)]
pub struct RemoteBlob {
    pub target: TargetId,
    /// The repository's name there.
    pub repository: String,
    pub digest: Digest,
}

/// The place where an upload of this blob was left, if no other execution is at it; it is `execution`'s from now on.
pub async fn take_upload(ctx: &Ctx, execution: ExecutionId, blob: &RemoteBlob) -> Result<Option<String>> {
    let (now, blob) = (ctx.now(), blob.clone());
    ctx.db
        .write(async move |c| {
            sql::sweep_uploads(c, now.0 - LEFT_UPLOAD_LIFE).await?;
            let Some((owner, location)) = sql::upload(c, &blob).await? else { return Ok(None) };
            let free = owner == execution || sql::get(c, owner).await?.is_none_or(|owner| owner.status.settled());
            if !free {
                return Ok(None);
            }
            sql::own_upload(c, execution, &blob).await?;
            Ok(Some(location))
        })
        .await
}

/// Notes where an upload of this blob goes, before its first byte is sent.
pub async fn note_upload(ctx: &Ctx, execution: ExecutionId, blob: &RemoteBlob, location: &str) -> Result<()> {
    let (now, blob, location) = (ctx.now(), blob.clone(), location.to_owned());
    ctx.db.write(async move |c| sql::set_upload(c, now, execution, &blob, &location).await).await
}

/// The blob arrived, or the place is good for nothing.
pub async fn forget_upload(ctx: &Ctx, blob: &RemoteBlob) -> Result<()> {
    let blob = blob.clone();
    ctx.db.write(async move |c| sql::delete_upload(c, &blob).await).await
}
