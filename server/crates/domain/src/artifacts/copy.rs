//! Copying an artifact within this server, with everything that hangs on it.

use super::graph::{self, Step};
use super::{Reference, pull, push, sql};
use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::manifest::{self, Merge, merge};
use crate::uploads;
use bytes::Bytes;
use futures_util::stream;
use model::{Action, Digest, ProjectName, RepositoryName, Tag};
use std::collections::HashSet;
use std::convert::Infallible;

/// A repository.
type Place<'a> = (&'a ProjectName, &'a RepositoryName);

/// Most manifests of one copy, and most bytes of them: one request writes them all.
const MOST: usize = 4096;
const BYTES: i64 = 32 << 20;

/// What is copied: the manifests in their order, and the tags of the artifact itself.
struct Plan {
    steps: Vec<Step>,
    tags: Vec<Tag>,
}

/// Copies what `reference` names to another repository, as a client that pulls and pushes does: the caller may pull it there and push
/// it here, and what a project demands of its pulls and pushes is demanded of each manifest; what is attached and may not be pulled
/// stays behind. The artifact comes last, with its tags: nobody sees it before what signs it, and what was broken off is finished by
/// asking again.
pub async fn copy(ctx: &Ctx, who: &Principal, from: Place<'_>, reference: &Reference, to: Place<'_>) -> Result<Digest> {
    for right in [Action::ArtifactCreate, Action::RepositoryPush] {
        access::may_again(ctx, who, to.0, to.1.as_str(), right).await?;
    }
    let digest = pull(ctx, who, from.0, from.1, reference, false).await?.digest;
    let _turn = ctx.local.copying.take().await?;
    let plan = plan(ctx, who, from, &digest, to).await?;
    let mut left = staying(ctx, who, from, &plan.steps).await?;
    let mut itself = None;
    for step in plan.steps {
        if step.digest == digest {
            itself = Some(step);
        } else if !left.contains(&step.id) && !put(ctx, who, from, to, &step, Vec::new()).await.map_err(vanished)? {
            // What lists it would miss it.
            left.extend(step.under.into_iter().chain([step.id]));
        }
    }
    if let Some(step) = itself {
        put(ctx, who, from, to, &step, plan.tags).await.map_err(vanished)?;
    }
    Ok(digest)
}

/// What is attached and may not be pulled, with all that hangs under it or is listed by it: looked for before anything is written, since
/// what an index lists is copied before the index.
async fn staying(ctx: &Ctx, who: &Principal, from: Place<'_>, steps: &[Step]) -> Result<HashSet<i64>> {
    let mut left = HashSet::new();
    for step in steps.iter().filter(|step| step.kind.is_some()) {
        match pull(ctx, who, from.0, from.1, &Reference::Digest(step.digest.clone()), false).await {
            Ok(_) => {}
            Err(Error::Policy(_) | Error::NotFound(_)) => {
                left.insert(step.id);
            }
            Err(error) => return Err(error),
        }
    }
    graph::hangs_on(&mut left, steps);
    Ok(left)
}

/// The caller pushed nothing: what a push would miss was deleted meanwhile.
fn vanished(error: Error) -> Error {
    match error {
        Error::Manifest { message, .. } => Error::Precondition(format!("what is copied was changed at the same time ({message}): look, and ask again")),
        other => other,
    }
}

async fn plan(ctx: &Ctx, who: &Principal, from: Place<'_>, digest: &Digest, to: Place<'_>) -> Result<Plan> {
    let named = Reference::Digest(digest.clone());
    let mut c = ctx.db.read().await?;
    let mut there = access::repository(&mut c, ctx.now(), who, to.0, to.1.as_str(), Action::RepositoryPush).await?;
    if sql::find(&mut there, to.1, &named).await?.is_some() {
        return Err(Error::conflict("to", format!("stands there already: {}/{}@{digest}", to.0, to.1)));
    }
    let mut here = access::repository(&mut c, ctx.now(), who, from.0, from.1.as_str(), Action::RepositoryPull).await?;
    let found = sql::found(&mut here, from.1, &named).await?;
    if found.is_accessory || found.is_list {
        return Err(Error::Policy(format!("{digest} is attached to another artifact: it is copied along with that")));
    }
    let c = here.conn();
    // A tag of cosign's, or a list's, on something that is none might name another's signature there.
    let tags = sql::tags_of(c, found.id).await?.into_iter().map(|tag| tag.name);
    let tags = tags.filter(|tag| manifest::machinery_subject(tag).is_none()).collect();
    let steps = graph::walk(c, found.repository_id, found.id, found.digest, MOST).await?;
    let ids: Vec<i64> = steps.iter().map(|step| step.id).collect();
    if ids.len() > MOST || sql::manifest_bytes(c, &ids).await? > BYTES {
        let most = format!("it has more than {MOST} manifests or {} MiB of them", BYTES >> 20);
        return Err(Error::Precondition(format!("{most}: copy it by a client, or by a replication rule to this server")));
    }
    Ok(Plan { steps, tags })
}

/// One manifest with its blobs; `false`: it is or belongs to what is attached, and the caller may not pull it.
async fn put(ctx: &Ctx, who: &Principal, from: Place<'_>, to: Place<'_>, step: &Step, tags: Vec<Tag>) -> Result<bool> {
    let pulled = match pull(ctx, who, from.0, from.1, &Reference::Digest(step.digest.clone()), false).await {
        Err(error) if step.attached && matches!(error, Error::Policy(_) | Error::NotFound(_)) => return Ok(false),
        pulled => pulled?,
    };
    let (blobs, found_by) = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::repository(&mut c, ctx.now(), who, from.0, from.1.as_str(), Action::RepositoryPull).await?;
        let found_by = if step.kind.is_some() { graph::machinery_tags(proof.conn(), step.id).await? } else { Vec::new() };
        (sql::blobs_here(proof.conn(), step.id).await?, found_by)
    };
    for (blob, _) in &blobs {
        // One that is not here any more is missed by the push, unless it may be elsewhere.
        uploads::mount(ctx, who, to.0, to.1, blob, Some((from.0.clone(), from.1.clone()))).await?;
    }
    if found_by.is_empty() {
        let named = Reference::Digest(step.digest.clone());
        push(ctx, who, to.0, to.1, &named, tags, Some(&pulled.media_type), pulled.content.to_vec()).await?;
        return Ok(true);
    }
    for tag in found_by {
        signature(ctx, who, to, &tag, &pulled.media_type, &pulled.content).await?;
    }
    Ok(true)
}

/// A signature under its tag: those that stand there stay in force.
async fn signature(ctx: &Ctx, who: &Principal, to: Place<'_>, tag: &Tag, media_type: &str, content: &[u8]) -> Result<()> {
    let _turn = ctx.local.writers.turn(format!("{}/{}:{tag}", to.0, to.1)).await;
    let at = Reference::Tag(tag.clone());
    let theirs = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::repository(&mut c, ctx.now(), who, to.0, to.1.as_str(), Action::RepositoryPush).await?;
        match sql::find(&mut proof, to.1, &at).await? {
            Some(found) => Some(sql::content(&mut proof, found.id).await?),
            None => None,
        }
    };
    let read = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap_or_default();
    let content = match theirs.map(|theirs| merge(tag, &read(content), &read(&theirs))) {
        Some(Merge::Nothing) => return Ok(()),
        None | Some(Merge::Ours) => content.to_vec(),
        Some(Merge::Both { config, manifest, .. }) => {
            let digest = crate::blobs::digest_of(model::Algorithm::Sha256, &config);
            let body = stream::iter([Ok::<_, Infallible>(Bytes::from(config))]);
            uploads::put(ctx, who, to.0, to.1, &digest, None, body).await?;
            manifest.to_string().into_bytes()
        }
    };
    push(ctx, who, to.0, to.1, &at, Vec::new(), Some(media_type), content).await.map(drop)
}
