//! Blocks: a digest that is served by no door, in a project or everywhere, as long as its block stands. What that means is judged by
//! [`crate::policy`]; here blocks are made and lifted, what they hold is found, and taken away.

mod sql;
#[cfg(test)]
mod tests;

use crate::Owner;
use crate::access;
use crate::artifacts::{self, Reference};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::identity::Principal;
use crate::policy;
use model::block::{Block, Holder, MOST, Purged, REASON};
use model::{Action, Digest, ProjectName, RepositoryName};
use std::collections::BTreeMap;

/// The blocks in force: a project's own and the system's; of the system its own. The last comes first.
pub async fn list(ctx: &Ctx, who: &Principal, owner: &Owner) -> Result<Vec<Block>> {
    let mut all = policy::of(ctx, who, owner, Action::ArtifactBlock).await?.blocked;
    all.sort_by_key(|block| std::cmp::Reverse(block.at));
    Ok(all)
}

/// The block of a digest, where there is one: the system's before a project's own.
pub async fn get(ctx: &Ctx, who: &Principal, owner: &Owner, digest: &Digest) -> Result<Option<Block>> {
    let mut all: Vec<Block> = list(ctx, who, owner).await?.into_iter().filter(|block| block.digest == *digest).collect();
    all.sort_by_key(|block| !block.of_system);
    Ok(all.into_iter().next())
}

/// Blocks a digest, whether it is there or not. It holds from the next request on.
pub async fn create(ctx: &Ctx, who: &Principal, owner: &Owner, digest: Digest, reason: &str) -> Result<()> {
    let reason = reason.trim().to_owned();
    let mut problems = model::Problems::new();
    problems.text("reason", &reason, REASON);
    if reason.is_empty() {
        problems.add("reason", "is required: clients that are refused read it");
    }
    let event = Event::ArtifactBlocked { project: owner.project(), digest: digest.to_string(), reason: reason.clone() };
    let (by, at) = (who.name(), ctx.now());
    policy::change(ctx, who, (owner, Action::ArtifactBlock), event, move |policy| {
        problems.clone().check()?;
        if policy.blocked.iter().any(|block| block.digest == digest) {
            return Err(Error::conflict("digest", "is blocked already: lift that block to give another reason"));
        }
        if policy.blocked.len() >= MOST {
            return Err(Error::Precondition(format!("there are {MOST} blocks, as many as there may be: purge what they hold, and lift some")));
        }
        policy.blocked.push(Block { digest: digest.clone(), reason: reason.clone(), by: by.clone(), at, of_system: false });
        Ok(())
    })
    .await
}

/// Lifts the owner's own block. A project cannot lift the system's.
pub async fn lift(ctx: &Ctx, who: &Principal, owner: &Owner, digest: &Digest) -> Result<()> {
    let (event, digest) = (Event::ArtifactUnblocked { project: owner.project(), digest: digest.to_string() }, digest.clone());
    policy::change(ctx, who, (owner, Action::ArtifactBlock), event, move |policy| {
        let before = policy.blocked.len();
        policy.blocked.retain(|block| block.digest != digest);
        if policy.blocked.len() == before { Err(Error::not_found("block", &digest)) } else { Ok(()) }
    })
    .await
}

/// Artifacts that are looked for.
const HOLDERS: usize = 500;

/// The artifacts that a digest is, or that hold it, in a project or in all: at most 500.
pub async fn holders(ctx: &Ctx, who: &Principal, owner: &Owner, digest: &Digest) -> Result<Vec<Holder>> {
    holding(ctx, who, owner, digest, HOLDERS).await
}

/// Those that were deleted and can be brought back: who fetched them is asked of the log all the same. At most 500.
pub async fn deleted_holders(ctx: &Ctx, who: &Principal, owner: &Owner, digest: &Digest) -> Result<Vec<(ProjectName, RepositoryName, Digest)>> {
    let (mut c, now) = (ctx.db.read().await?, ctx.now());
    match owner {
        Owner::Project(name) => {
            let mut proof = access::project_seen(&mut c, now, who, name, Action::ArtifactBlock).await?;
            let id = proof.project.id.0;
            sql::deleted(proof.conn(), now, Some(id), digest, HOLDERS).await
        }
        Owner::System => sql::deleted(access::system(&mut c, now, who).await?.conn(), now, None, digest, HOLDERS).await,
    }
}

async fn holding(ctx: &Ctx, who: &Principal, owner: &Owner, digest: &Digest, most: usize) -> Result<Vec<Holder>> {
    let mut c = ctx.db.read().await?;
    match owner {
        Owner::Project(name) => {
            let mut proof = access::project_seen(&mut c, ctx.now(), who, name, Action::ArtifactBlock).await?;
            let id = proof.project.id.0;
            sql::holders(proof.conn(), Some(id), digest, most).await
        }
        Owner::System => sql::holders(access::system(&mut c, ctx.now(), who).await?.conn(), None, digest, most).await,
    }
}

/// Deletes what a blocked digest is or is held by, one artifact after the other, as a person would: what is deleted lies under Deleted, and what an immutable
/// tag keeps stays, and is answered. Of what is listed by an index the index goes. Only what is blocked is purged.
pub async fn purge(ctx: &Ctx, who: &Principal, owner: &Owner, digest: &Digest) -> Result<Purged> {
    if get(ctx, who, owner, digest).await?.is_none() {
        return Err(Error::Precondition(format!("{digest} is not blocked: block it first, so that nobody pushes it again meanwhile")));
    }
    let (mut done, mut kept) = (Purged::default(), BTreeMap::new());
    loop {
        let before = done.deleted.len();
        // What is listed goes with what lists it, or after it: it is tried again as long as anything goes.
        let mut all = holding(ctx, who, owner, digest, HOLDERS + kept.len()).await?;
        all.sort_by_key(|holder| holder.listed);
        for holder in all {
            let name = format!("{}/{}@{}", holder.project, holder.repository, holder.digest);
            let reference = Reference::Digest(holder.digest);
            match artifacts::delete(ctx, who, &holder.project, &holder.repository, &reference).await {
                Ok(_) => {
                    kept.remove(&name);
                    done.deleted.push(name);
                }
                // It went along with another.
                Err(Error::NotFound(_)) => drop(kept.remove(&name)),
                Err(error @ (Error::Locked(_) | Error::Precondition(_) | Error::Forbidden { .. } | Error::NotVisible(_))) => drop(kept.insert(name, error.to_string())),
                Err(error) => return Err(error),
            }
        }
        if done.deleted.len() == before {
            break;
        }
    }
    done.kept = kept.into_iter().collect();
    Ok(done)
}
