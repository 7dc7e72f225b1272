//! Deletions that can be undone: for a while a deleted artifact is kept with everything that went along, its manifests in rows
//! of their own and its blobs where they lie.
//!
//! *Undo* places the manifests again as a push does, an index after what it lists, with what they were attached to. So what stands afterwards is what
//! a push would have made, whatever else was pushed in between. When the window is over the next collection of garbage
//! forgets the rows, and from then on nothing keeps the blobs.

pub(crate) mod sql;
#[cfg(test)]
mod tests;

use crate::access;
use crate::accessories;
use crate::artifacts::{Placing, place};
use crate::manifest::{self, Manifest};
use crate::ctx::{Act, Ctx};
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::points::point;
use model::deletion::{Deletion, Restored};
use model::list::Query;
use model::{Action, DeletionId, Page, ProjectName, RepositoryName, Stamp, Tag};

/// A project's deletions that can still be undone, newest first, for who may push there. What is over is not shown.
pub async fn list(ctx: &Ctx, who: &Principal, project: &ProjectName, query: &Query) -> Result<Page<Deletion>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::RepositoryPush).await?;
    sql::list(&mut proof, ctx.now(), query).await
}

/// Brings a deleted artifact back with its tree. Tags that name something else by now stay where they are, and are answered.
pub async fn restore(ctx: &Ctx, who: &Principal, project: &ProjectName, id: DeletionId) -> Result<Restored> {
    let (now, caller, project, sparse) = (ctx.now(), who.clone(), project.clone(), ctx.settings.sparse);
    ctx.change(who, Act::new("artifact.restore", format!("{project} deletion {id}")), async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::ArtifactDelete).await?;
        proof.require(Action::RepositoryPush)?;
        let deletion = find(&mut proof, now, id).await?;
        let repository = deletion.repository.clone();
        // Who deleted a blob by itself meanwhile took it out of the repository, and no more.
        for blob in sql::blobs(proof.conn(), id).await? {
            crate::uploads::link_known(&mut proof, now, &repository, &blob).await?;
        }
        let mut restored = Restored { digest: deletion.digest, repository: repository.clone(), artifacts: deletion.artifacts, taken: Vec::new() };
        for position in 0.. {
            let Some(kept) = sql::kept(proof.conn(), id, position).await? else { break };
            one(&mut proof, now, &repository, deletion.repository_id, sparse, kept, &mut restored.taken).await?;
        }
        sql::forget(proof.conn(), id).await?;
        point!("deletion.undone");
        Ok(restored)
    })
    .await
}

/// Places one manifest again.
async fn one(
    proof: &mut access::Authorized<'_>,
    now: Stamp,
    repository: &RepositoryName,
    repository_id: i64,
    sparse: crate::Sparse,
    kept: sql::Kept,
    taken: &mut Vec<Tag>,
) -> Result<()> {
    // A child that stayed, and is there: nothing of it was undone.
    if kept.tags.is_empty() && kept.accessories.is_empty() && crate::artifacts::sql::artifact_id(proof.conn(), repository_id, &kept.digest).await?.is_some() {
        return Ok(());
    }
    let mut tags = Vec::new();
    for tag in kept.tags.iter().filter_map(|tag| tag.parse::<Tag>().ok()) {
        match sql::tagged(proof, repository, &tag).await? {
            Some(digest) if digest != kept.digest => taken.push(tag),
            _ => tags.push(tag),
        }
    }
    let placing = Placing {
        digest: kept.digest.clone(),
        manifest: Manifest::parse(&kept.content, Some(&kept.media_type))?,
        content: kept.content.clone(),
        lists: manifest::is_referrers_list(&Manifest::parse(&kept.content, Some(&kept.media_type))?, &tags),
        tags,
        was_list: kept.is_list,
        recognised: kept.accessories.first().map(|accessory| accessory.recognised.clone()),
    };
    let artifact = place(proof, now, repository, sparse, &placing).await?;
    sql::remember(proof.conn(), artifact, &kept).await?;
    for accessory in &kept.accessories {
        let c = proof.conn();
        accessories::sql::attach(c, now, repository_id, artifact, &accessory.recognised).await?;
        accessories::sql::settle(c, artifact).await?;
        accessories::sql::recount_signatures(c, repository_id, accessory.recognised.subject.as_str()).await?;
    }
    // What it is attached to may be here by now, or not yet.
    let project = proof.project.id.0;
    crate::artifacts::sql::relist(proof.conn(), project, repository_id, &[artifact]).await
}

/// Deletes for good what was kept for an undo.
pub async fn purge(ctx: &Ctx, who: &Principal, project: &ProjectName, id: DeletionId) -> Result<()> {
    let (now, caller, project) = (ctx.now(), who.clone(), project.clone());
    ctx.change(who, Act::new("deletion.purge", format!("{project} {id}")), async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::ArtifactDelete).await?;
        find(&mut proof, now, id).await?;
        sql::forget(proof.conn(), id).await
    })
    .await
}

async fn find(proof: &mut access::Authorized<'_>, now: Stamp, id: DeletionId) -> Result<Deletion> {
    sql::get(proof, now, id).await?.ok_or_else(|| Error::not_found("deletion", id))
}
