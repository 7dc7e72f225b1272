//! Deletions that can be undone: for a while a deleted artifact is kept with everything that went along, its manifests in rows
//! of their own and its blobs where they lie.
//!
//! *Undo* places the manifests again in the order in which they were pushed, as a push does. So what stands afterwards is what
//! a push would have made, whatever else was pushed in between. When the window is over the next collection of garbage
//! forgets the rows, and from then on nothing keeps the blobs.

pub(crate) mod sql;
#[cfg(test)]
mod tests;

use crate::access;
use crate::accessories::{self, Recognised, is_fallback_index};
use crate::artifacts::{Manifest, Placing, place};
use crate::ctx::{Act, Ctx};
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::points::point;
use model::deletion::{Deletion, Restored};
use model::list::Query;
use model::{Action, DeletionId, Page, ProjectName, Stamp, Tag};
use std::sync::Arc;

/// A project's deletions that can still be undone, newest first, for who may push there. What is over is not shown.
pub async fn list(ctx: &Ctx, who: &Principal, project: &ProjectName, query: &Query) -> Result<Page<Deletion>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::RepositoryPush).await?;
    sql::list(&mut proof, ctx.now(), query).await
}

/// A manifest that comes back, and what it was.
struct Back {
    kept: sql::Kept,
    placing: Placing,
    /// Tags that named it, parsed.
    tags: Vec<Tag>,
}

async fn judge(ctx: &Ctx, kept: sql::Kept) -> Result<Back> {
    let manifest = Manifest::parse(&kept.content, Some(&kept.media_type))?;
    let tags: Vec<Tag> = kept.tags.iter().filter_map(|tag| tag.parse().ok()).collect();
    // cosign names its signatures by tag: one whose tag had moved on is known by the tag that it had.
    let mut known_as = tags.clone();
    if let Some(subject) = &kept.superseded {
        known_as.extend(["sig", "att", "sbom"].iter().filter_map(|suffix| format!("{}.{suffix}", subject.tag_stem()).parse::<Tag>().ok()));
    }
    let recognised: Option<Recognised> = accessories::recognise(ctx, &manifest, &known_as).await?;
    let fallback = recognised.is_none() && tags.iter().any(|tag| is_fallback_index(&manifest, tag));
    let placing = Placing {
        digest: kept.digest.clone(), manifest, content: kept.content.clone(), tags: Vec::new(), recognised, fallback,
    };
    Ok(Back { kept, placing, tags })
}

/// Brings a deleted artifact back with its tree. Tags that name something else by now stay where they are, and are answered.
pub async fn restore(ctx: &Ctx, who: &Principal, project: &ProjectName, id: DeletionId) -> Result<Restored> {
    let (deletion, kept) = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactDelete).await?;
        let found = find(&mut proof, ctx.now(), id).await?;
        (found, sql::kept(&mut proof, id).await?)
    };
    let mut back = Vec::new();
    for one in kept {
        back.push(judge(ctx, one).await?);
    }
    let back = Arc::new(back);
    let (now, caller, project, sparse) = (ctx.now(), who.clone(), project.clone(), ctx.settings.sparse);
    let act = Act::new("artifact.restore", format!("{project}/{}@{}", deletion.repository, deletion.digest));
    ctx.change(who, act, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::ArtifactDelete).await?;
        proof.require(Action::RepositoryPush)?;
        let deletion = find(&mut proof, now, id).await?;
        let repository = deletion.repository.clone();
        let mut restored = Restored { digest: deletion.digest.clone(), repository, artifacts: back.len() as i64, taken: Vec::new() };
        for one in back.iter() {
            let mut placing = one.placing.clone();
            for tag in &one.tags {
                match sql::tagged(&mut proof, &deletion.repository, tag).await? {
                    Some(digest) if digest != placing.digest => restored.taken.push(tag.clone()),
                    _ => placing.tags.push(tag.clone()),
                }
            }
            let artifact = place(&mut proof, now, &deletion.repository, sparse, &placing).await?;
            let c = proof.conn();
            sql::remember(c, artifact, &one.kept).await?;
            // Its tag moved on before it was deleted, or since.
            if (one.kept.superseded.is_some() || placing.tags.len() < one.tags.len())
                && let Some(subject) = accessories::sql::supersede(c, artifact).await?
            {
                accessories::sql::recount_signatures(c, deletion.repository_id, &subject).await?;
            }
        }
        sql::forget(proof.conn(), id).await?;
        point!("deletion.undone");
        Ok(restored)
    })
    .await
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
