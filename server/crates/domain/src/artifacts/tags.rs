//! The tags of an artifact.

use super::{Reference, sql};
use crate::access;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::identity::Principal;
use crate::policy::locks::Locks;
use model::artifact::TagView;
use model::list::Query;
use model::{Action, Page, ProjectName, RepositoryName};

/// The tags of an artifact, by name unless told: a page of them, and how many there are.
pub async fn tags(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    query: &Query,
) -> Result<Page<TagView>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::TagList).await?;
    let found = sql::found(&mut proof, repository, reference).await?;
    let c = proof.conn();
    let mut page = sql::tags(c, found.id, query).await?;
    Locks::of(&proof.project, repository)?.mark(&mut page.items);
    Ok(page)
}

/// Does this tag name it?
pub async fn names(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    tag: &model::Tag,
) -> Result<bool> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::TagList).await?;
    let found = sql::found(&mut proof, repository, reference).await?;
    let named = sql::find(&mut proof, repository, &Reference::Tag(tag.clone())).await?;
    Ok(named.is_some_and(|named| named.id == found.id))
}
