//! Deletions that can be undone: for a while a deleted artifact is kept with everything that went along, its manifests in rows
//! of their own and its blobs where they lie; a tag that was removed or moved is remembered; a repository is set aside ([`parked`]).
//!
//! *Undo* places the manifests again as a push does, an index after what it lists, with what they were attached to. So what stands afterwards is what
//! a push would have made, whatever else was pushed in between. When the window is over the next collection of garbage
//! forgets the rows, and from then on nothing keeps the blobs.

pub(crate) mod sql;
#[cfg(test)]
mod tests;

pub(crate) use sql::parked;

use crate::access;
use crate::accessories;
use crate::aside;
use crate::artifacts::{TagUndo, Placing, place, set_tag};
use crate::manifest::{self, Manifest};
use crate::ctx::{Ctx, Settings};
use crate::db::Script;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::points::point;
use crate::policy;
use model::deletion::{Deletion, Restored, Undoable, What};
use model::list::Query;
use model::{Action, DeletionId, Digest, Page, ProjectName, RepositoryName, Stamp, Tag};
use std::collections::HashSet;
use std::sync::Arc;

/// A project's deletions that can still be undone, newest first, for who may push there. What is over is not shown.
pub async fn list(ctx: &Ctx, who: &Principal, project: &ProjectName, query: &Query) -> Result<Page<Deletion>> {
    list_by(ctx, who, project, query, None).await
}

/// As [`list`], of those that somebody deleted: by the whole name, as the list says it.
pub async fn list_by(ctx: &Ctx, who: &Principal, project: &ProjectName, query: &Query, by: Option<&str>) -> Result<Page<Deletion>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project_seen(&mut c, ctx.now(), who, project, Action::RepositoryPush).await?;
    sql::list(&mut proof, ctx.now(), query, by).await
}

/// What a project's deletions keep, for who may list them; nothing for others.
pub async fn waiting(ctx: &Ctx, who: &Principal, project: &ProjectName) -> Result<Undoable> {
    let (mut c, now) = (ctx.db.read().await?, ctx.now());
    match access::project_seen(&mut c, now, who, project, Action::RepositoryPush).await {
        Ok(mut proof) => {
            let project = proof.project.id.0;
            sql::waiting(proof.conn(), now, Some(project)).await
        }
        Err(error) if error.is_refusal() => Ok(Undoable::default()),
        Err(error) => Err(error),
    }
}

/// What all deletions keep, for administrators.
pub async fn all_waiting(ctx: &Ctx, who: &Principal) -> Result<Undoable> {
    let (mut c, now) = (ctx.db.read().await?, ctx.now());
    let mut proof = access::system(&mut c, now, who).await?;
    sql::waiting(proof.conn(), now, None).await
}

/// Undoes a deletion: an artifact with its tree, a tag, or a repository. Tags of an artifact that name something else by now stay
/// where they are, and are answered.
pub async fn restore(ctx: &Ctx, who: &Principal, project: &ProjectName, id: DeletionId) -> Result<Restored> {
    // To its end, whether the client waits or not: what came back in parts is nobody's until all of it is there.
    let (ctx, who, project) = (ctx.clone(), who.clone(), project.clone());
    crate::uploads::to_its_end(async move { brought_back(&ctx, &who, &project, id).await }).await
}

async fn brought_back(ctx: &Ctx, who: &Principal, project: &ProjectName, id: DeletionId) -> Result<Restored> {
    // All manifests of a deletion are in memory meanwhile: one undo at a time. Who undoes much waits behind himself.
    let (own, all) = &ctx.local.undoing;
    let turns = (own.take().await?, all.clone().lock_owned().await);
    let prepared = Arc::new(prepare(ctx, who, project, id).await?);
    children_first(ctx, who, project, &prepared).await?;
    let (now, caller, project, settings) = (ctx.now(), who.clone(), project.clone(), ctx.settings.clone());
    ctx.change(who, Event::DeletionUndone { project: project.to_string(), deletion: id.0 }, async move |c| {
        // They go along: a client that leaves does not free them early.
        let _turns = &turns;
        let mut proof = access::project(c, now, &caller, &project, Action::RepositoryPush).await?;
        let deletion = to_undo(&mut proof, now, id).await?;
        let held = policy::push::held(&mut proof).await?;
        // What was attached may go beyond the limit, as it did when it came.
        let mut attached = false;
        let repository = deletion.repository.clone();
        let mut restored = Restored {
            what: deletion.what, digest: deletion.digest.clone(), repository: repository.clone(), artifacts: deletion.artifacts, taken: Vec::new(),
        };
        match deletion.what {
            What::Repository => {
                if !parked::unpark(&mut proof, now, deletion.repository_id, &repository).await? {
                    return Err(parked::taken(&repository));
                }
                attached = crate::artifacts::sql::has_accessories(proof.conn(), deletion.repository_id).await?;
            }
            What::Tag | What::Moved => tag_back(&mut proof, now, &caller, &settings, &deletion).await?,
            What::Artifact => {
                let Some((_, manifests)) = prepared.as_ref().as_ref().filter(|(seen, _)| *seen == deletion) else {
                    return Err(Error::Unavailable("it was changed at the same time".to_owned()));
                };
                attached = manifests.iter().any(|(kept, _)| !kept.accessories.is_empty());
                let mut there = HashSet::new();
                if manifests.len() <= SLICE {
                    let blobs = sql::blobs(proof.conn(), id).await?;
                    link_blobs(&mut proof, now, &repository, &blobs).await?;
                } else {
                    let before: Vec<&Digest> = before(&deletion, manifests).iter().map(|(kept, _)| &kept.digest).collect();
                    there = crate::artifacts::sql::standing(proof.conn(), deletion.repository_id, &before).await?;
                }
                for (kept, manifest) in manifests.iter().filter(|(kept, _)| !there.contains(kept.digest.as_str())) {
                    one(&mut proof, now, &repository, deletion.repository_id, settings.sparse, (kept, manifest), &mut restored.taken).await?;
                }
            }
        }
        policy::push::fits(&mut proof, held, attached).await?;
        sql::forget(proof.conn(), id).await?;
        point!("deletion.undone");
        Ok(restored)
    })
    .await
}

/// Manifests of one write of an undo, and blobs.
const SLICE: usize = 64;
const BLOBS: usize = 256;

/// Of an undo that is large, all but the last comes back before in writes of its own, which others pass: what an index lists stands before the
/// index. An undo that is broken off is asked for again; what is there by then is skipped.
async fn children_first(ctx: &Ctx, who: &Principal, project: &ProjectName, prepared: &Arc<Option<(Deletion, Vec<(sql::KeptManifest, Manifest)>)>>) -> Result<()> {
    let Some((deletion, manifests)) = prepared.as_ref() else { return Ok(()) };
    if manifests.len() <= SLICE {
        return Ok(());
    }
    let (now, id, settings) = (ctx.now(), deletion.id, ctx.settings.clone());
    let into = access::may_again(ctx, who, project, deletion.repository.as_str(), Action::RepositoryPush).await?;
    // Nothing of what will not fit comes back in part.
    policy::push::whole(&mut *ctx.db.read().await?, &into, id).await?;
    let blobs = Arc::new(sql::blobs(&mut *ctx.db.read().await?, id).await?);
    for first in (0..blobs.len()).step_by(BLOBS) {
        let (who, project, repository, blobs) = (who.clone(), project.clone(), deletion.repository.clone(), blobs.clone());
        let linked = async move |c: &mut sqlx::AnyConnection| {
            let mut proof = access::project(c, now, &who, &project, Action::RepositoryPush).await?;
            to_undo(&mut proof, now, id).await?;
            let held = policy::push::held(&mut proof).await?;
            link_blobs(&mut proof, now, &repository, &blobs[first..blobs.len().min(first + BLOBS)]).await?;
            policy::push::fits(&mut proof, held, true).await
        };
        ctx.db.write_content(linked).await?;
    }
    let itself = before(deletion, manifests).len();
    for first in (0..itself).step_by(SLICE) {
        let (who, project, prepared) = (who.clone(), project.clone(), prepared.clone());
        let sparse = settings.sparse;
        let placed = async move |c: &mut sqlx::AnyConnection| {
            let mut proof = access::project(c, now, &who, &project, Action::RepositoryPush).await?;
            let deletion = to_undo(&mut proof, now, id).await?;
            let manifests = prepared.as_ref().as_ref().map(|(_, manifests)| manifests.as_slice()).unwrap_or_default();
            for (kept, manifest) in &manifests[first..itself.min(first + SLICE)] {
                // Tags that name something else by now are told by the undo itself.
                one(&mut proof, now, &deletion.repository, deletion.repository_id, sparse, (kept, manifest), &mut Vec::new()).await?;
            }
            Ok(())
        };
        ctx.db.write_content(placed).await?;
    }
    Ok(())
}

/// What stands before the artifact itself, which comes with the undo, as does what comes after it.
fn before<'a>(deletion: &Deletion, manifests: &'a [(sql::KeptManifest, Manifest)]) -> &'a [(sql::KeptManifest, Manifest)] {
    let itself = manifests.iter().position(|(kept, _)| Some(&kept.digest) == deletion.digest.as_ref());
    &manifests[..itself.unwrap_or(manifests.len())]
}

/// Who deleted a blob by itself meanwhile took it out of the repository, and no more.
async fn link_blobs(proof: &mut access::Authorized<'_>, now: Stamp, repository: &RepositoryName, blobs: &[Digest]) -> Result<()> {
    for blob in blobs {
        crate::uploads::link_known(proof, now, repository, blob).await?;
    }
    Ok(())
}

/// The deletion, for who may undo it. Who may not learns nothing of it.
async fn to_undo(proof: &mut access::Authorized<'_>, now: Stamp, id: DeletionId) -> Result<Deletion> {
    let found = sql::get(proof, now, id).await?;
    proof.require(found.as_ref().map_or(Action::ArtifactDelete, |found| right_to_undo(found.what)))?;
    found.ok_or_else(|| Error::not_found("deletion", id))
}

/// The manifests of an artifact's deletion, parsed: nothing is parsed while others wait for the writer. A deletion's rows never
/// change. `None` for whom it is refused, which is told, and noted, by the write.
async fn prepare(ctx: &Ctx, who: &Principal, project: &ProjectName, id: DeletionId) -> Result<Option<(Deletion, Vec<(sql::KeptManifest, Manifest)>)>> {
    let (mut c, now) = (ctx.db.read().await?, ctx.now());
    let Ok(mut proof) = access::project_seen(&mut c, now, who, project, Action::RepositoryPush).await else { return Ok(None) };
    let Ok(deletion) = to_undo(&mut proof, now, id).await else { return Ok(None) };
    if deletion.what != What::Artifact {
        return Ok(None);
    }
    let mut all = Vec::new();
    for position in 0.. {
        let Some(kept) = sql::kept(proof.conn(), id, position).await? else { break };
        all.push(kept);
    }
    // Others read meanwhile.
    drop(c);
    let mut prepared = Vec::new();
    for kept in all {
        let length = kept.content.len();
        let parse = move || Manifest::parse(&kept.content, Some(&kept.media_type)).map(|manifest| (kept, manifest));
        prepared.push(aside::run(length, parse).await?);
    }
    Ok(Some((deletion, prepared)))
}

/// What it takes to make a deletion final.
pub fn right_to_purge(what: What) -> Action {
    match what {
        What::Artifact => Action::ArtifactDelete,
        What::Tag | What::Moved => Action::TagDelete,
        What::Repository => Action::RepositoryDelete,
    }
}

/// What it takes to undo a deletion, beside seeing it.
pub fn right_to_undo(what: What) -> Action {
    match what {
        What::Artifact => Action::ArtifactDelete,
        What::Tag | What::Moved => Action::TagCreate,
        What::Repository => Action::RepositoryDelete,
    }
}

/// Sets a tag as it was. One that names something else is moved back only where moving it was the deletion.
async fn tag_back(proof: &mut access::Authorized<'_>, now: Stamp, who: &Principal, settings: &Settings, deletion: &Deletion) -> Result<()> {
    let name = deletion.tags.first().and_then(|tag| tag.parse::<Tag>().ok());
    let (Some(tag), Some(digest)) = (name, &deletion.digest) else { return Err(Error::not_found("deletion", deletion.id)) };
    let artifact = crate::artifacts::sql::artifact_id(proof.conn(), deletion.repository_id, digest).await?.ok_or_else(|| {
        Error::Precondition(format!("{} is not there any more: bring it back first", digest.short()))
    })?;
    let there = sql::tagged(proof, &deletion.repository, &tag).await?;
    if let Some(other) = there.filter(|other| other != digest && deletion.what == What::Tag) {
        return Err(Error::conflict("tag", format!("{tag} names {} by now: move it by hand if you want it back", other.short())));
    }
    let project = proof.project.id.0;
    let moves = TagUndo::of(settings, now, who);
    set_tag(proof, now, (&deletion.repository, deletion.repository_id), &tag, artifact, moves.as_ref()).await?;
    crate::artifacts::sql::relist(proof.conn(), project, deletion.repository_id, &[artifact]).await
}

/// Places one manifest again.
async fn one(
    proof: &mut access::Authorized<'_>,
    now: Stamp,
    repository: &RepositoryName,
    repository_id: i64,
    sparse: crate::Sparse,
    (kept, manifest): (&sql::KeptManifest, &Manifest),
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
        lists: manifest::is_referrers_list(manifest, &tags),
        manifest: manifest.clone(),
        content: kept.content.clone(),
        tags,
        was_list: kept.is_list,
        moves: None,
        attributes: String::new(),
        recognised: kept.accessories.first().map(|accessory| accessory.recognised.clone()),
    };
    let artifact = place(proof, now, repository, sparse, &placing).await?;
    let c = proof.conn();
    sql::remember(c, artifact, kept).await?;
    let mut script = Script::default();
    for accessory in &kept.accessories {
        accessories::sql::add_attached(&mut script, now, repository_id, artifact, &accessory.recognised);
    }
    accessories::sql::add_marks(&mut script, &[artifact]);
    script.run(c).await?;
    accessories::sql::settle(c, artifact).await?;
    accessories::sql::settle_words(c, &[artifact]).await?;
    accessories::sql::recount_signatures(c, repository_id, kept.accessories.iter().map(|accessory| accessory.recognised.subject.as_str())).await?;
    // What it is attached to may be here by now, or not yet.
    let project = proof.project.id.0;
    crate::artifacts::sql::relist(proof.conn(), project, repository_id, &[artifact]).await
}

/// Deletes for good what was kept for an undo.
pub async fn purge(ctx: &Ctx, who: &Principal, project: &ProjectName, id: DeletionId) -> Result<()> {
    let (now, caller, project) = (ctx.now(), who.clone(), project.clone());
    let parked = ctx
        .change(who, Event::DeletionPurged { project: project.to_string(), deletion: id.0 }, async move |c| {
            let mut proof = access::project(c, now, &caller, &project, Action::RepositoryRead).await?;
            let found = sql::get(&mut proof, now, id).await?;
            proof.require(right_to_purge(found.as_ref().map_or(What::Artifact, |found| found.what)))?;
            let found = found.ok_or_else(|| Error::not_found("deletion", id))?;
            if found.what == What::Repository {
                parked::end(proof.conn(), now, id).await?;
                return Ok(true);
            }
            sql::forget(proof.conn(), id).await?;
            Ok(false)
        })
        .await?;
    if parked {
        dismantle(ctx).await;
    }
    Ok(())
}

/// Takes apart what nobody can bring back, to its end, whether the caller waits or not. What is left is for the next purge: the deletion
/// itself is done.
pub(crate) async fn dismantle(ctx: &Ctx) {
    let ctx = ctx.clone();
    let done = crate::uploads::to_its_end(async move { parked::dismantle(&ctx).await }).await;
    if let Err(error) = done {
        tracing::warn!(%error, "a deleted repository is not taken apart yet");
    }
}

/// Most that are undone, or made final, in one step.
pub const AT_ONCE: usize = 100;

/// Some that a project can still undo, by number: what a page asks about before it deletes them for good.
pub async fn some(ctx: &Ctx, who: &Principal, project: &ProjectName, ids: &[DeletionId]) -> Result<Vec<Deletion>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project_seen(&mut c, ctx.now(), who, project, Action::RepositoryPush).await?;
    let mut all = Vec::new();
    for id in ids.iter().take(AT_ONCE) {
        all.extend(sql::get(&mut proof, ctx.now(), *id).await?);
    }
    Ok(all)
}
