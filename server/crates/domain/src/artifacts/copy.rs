//! Copying an artifact within this server, with everything that hangs on it.

use super::{GraphNode, Reference, graph, pull, push, sql};
use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::uploads;
use model::{Action, Digest, ProjectName, RepositoryName, Tag};

/// A repository.
type Place<'a> = (&'a ProjectName, &'a RepositoryName);

/// Copies what `reference` names to another repository, as a client that pulls and pushes does: the caller may pull it there and push
/// it here, and what a project demands of its pulls and pushes is demanded. The artifact comes last, with its tags: nobody sees it before
/// what signs it, and what was broken off is finished by asking again.
pub async fn copy(ctx: &Ctx, who: &Principal, from: Place<'_>, reference: &Reference, to: Place<'_>) -> Result<Digest> {
    access::may_again(ctx, who, to.0, to.1.as_str(), Action::ArtifactCreate).await?;
    access::may_again(ctx, who, to.0, to.1.as_str(), Action::RepositoryPush).await?;
    let digest = pull(ctx, who, from.0, from.1, reference, false).await?.digest;
    let named = Reference::Digest(digest.clone());
    let tags: Vec<Tag> = {
        let mut c = ctx.db.read().await?;
        let mut there = access::repository(&mut c, ctx.now(), who, to.0, to.1.as_str(), Action::RepositoryPush).await?;
        if sql::find(&mut there, to.1, &named).await?.is_some() {
            return Err(Error::conflict("from", format!("stands there already: {}/{}@{digest}", to.0, to.1)));
        }
        let mut here = access::repository(&mut c, ctx.now(), who, from.0, from.1.as_str(), Action::RepositoryPull).await?;
        let gone = || Error::not_found("artifact", format!("{}/{}@{digest}", from.0, from.1));
        let found = sql::find(&mut here, from.1, &named).await?.ok_or_else(gone)?;
        if found.is_accessory {
            return Err(Error::Policy(format!("{digest} is attached to another artifact: it is copied along with that")));
        }
        sql::tags_of(here.conn(), found.id).await?.into_iter().map(|tag| tag.name).collect()
    };
    let nodes = graph(ctx, who, from.0, from.1, &digest).await?;
    let (itself, others): (Vec<GraphNode>, Vec<GraphNode>) = nodes.into_iter().partition(|node| node.digest == digest);
    for node in others {
        let tags = node.tags.iter().filter_map(|tag| tag.parse().ok()).collect();
        put(ctx, who, from, to, node, tags).await?;
    }
    for node in itself {
        put(ctx, who, from, to, node, tags.clone()).await?;
    }
    Ok(digest)
}

async fn put(ctx: &Ctx, who: &Principal, from: Place<'_>, to: Place<'_>, node: GraphNode, tags: Vec<Tag>) -> Result<()> {
    for (blob, _) in &node.blobs {
        // One that may be elsewhere is missed by the push, if by anybody.
        uploads::mount(ctx, who, to.0, to.1, blob, Some((from.0.clone(), from.1.clone()))).await?;
    }
    push(ctx, who, to.0, to.1, &Reference::Digest(node.digest), tags, Some(&node.media_type), node.content).await?;
    Ok(())
}
