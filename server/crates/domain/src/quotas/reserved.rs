//! What uploads under way will add to a project that has a limit: each reserves what it holds, as it grows, and the reservation ends with it.
//!
//! It keeps bytes from being sent in vain. That a project never passes its limit is not its doing: as a manifest is placed, what the
//! project is made of then is counted in that transaction ([`crate::policy::push::fits`]).

use super::sql;
use crate::access::ProjectRow;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::policy;
use model::{Digest, ProjectId, Stamp};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// So long the reservation of an upload whose chunks come by themselves waits for the next, in ms. A client that is gone keeps nobody out for longer.
const WAITS: i64 = 60_000;

struct Held {
    project: ProjectId,
    bytes: i64,
    /// `None` while a request writes to it.
    until: Option<Stamp>,
}

/// What uploads hold, by their id.
#[derive(Default)]
pub struct Reservations(Mutex<HashMap<String, Held>>);

impl Reservations {
    /// The upload has ended.
    pub(crate) fn release(&self, id: &str) {
        self.all().remove(id);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// An upload into a project, while a request writes to it.
pub(crate) struct Growth<'a> {
    pub ctx: &'a Ctx,
    /// The project and its limit, where it has one.
    of: Option<(ProjectRow, i64)>,
    id: String,
    /// What it will be, where that is known: one that counts already costs nothing.
    digest: Option<&'a Digest>,
}

impl<'a> Growth<'a> {
    pub fn new(ctx: &'a Ctx, project: ProjectRow, id: &str, digest: Option<&'a Digest>) -> Growth<'a> {
        let of = project.policy.storage_limit.map(|limit| (project, limit));
        Growth { ctx, of, id: id.to_owned(), digest }
    }

    /// May the upload be `bytes` long? A refusal: the project is full. Only what came is reserved: who says much and sends nothing keeps nobody out.
    pub async fn may(&self, bytes: u64) -> Result<()> {
        self.judge(bytes, false).await
    }

    /// As [`Growth::may`], of bytes that came: they are reserved.
    pub async fn to(&self, bytes: u64) -> Result<()> {
        self.judge(bytes, true).await
    }

    async fn judge(&self, bytes: u64, came: bool) -> Result<()> {
        let Some((project, limit)) = &self.of else { return Ok(()) };
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let (model::quota::Quota { used, .. }, found) = sql::with_found(&mut *self.ctx.db.read().await?, project.id).await?;
        let refused = {
            let (now, mut all) = (self.ctx.now(), self.ctx.local.reservations.all());
            all.retain(|_, held| held.until.is_none_or(|until| until > now));
            let others = all.iter().filter(|(id, held)| held.project == project.id && **id != self.id).map(|(_, held)| held.bytes).sum::<i64>();
            let refused = policy::push::room(&project.name, used.saturating_add(others), (*limit, found), bytes).err();
            if refused.is_none() && came {
                all.insert(self.id.clone(), Held { project: project.id, bytes, until: None });
            }
            refused
        };
        match (refused, self.digest) {
            (None, _) => Ok(()),
            // What counts already adds nothing, if it is that long.
            (Some(refused), Some(digest)) => {
                let mut c = self.ctx.db.read().await?;
                let same = sql::counts(&mut c, project.id, digest).await? && bytes <= sql::blob_size(&mut c, digest).await?;
                if same { Ok(()) } else { Err(refused) }
            }
            (Some(refused), _) => Err(refused),
        }
    }

    /// More chunks are to come: what it holds stays reserved for a while.
    pub fn waits(self) {
        if let Some(held) = self.ctx.local.reservations.all().get_mut(&self.id) {
            held.until = Some(Stamp(self.ctx.now().0 + WAITS));
        }
    }
}

impl Drop for Growth<'_> {
    fn drop(&mut self) {
        let mut all = self.ctx.local.reservations.all();
        if all.get(&self.id).is_some_and(|held| held.until.is_none()) {
            all.remove(&self.id);
        }
    }
}
