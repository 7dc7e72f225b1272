//! The tags of an artifact.

use super::{Reference, sql};
use crate::access;
use crate::ctx::Ctx;
use crate::db::{Conditions, Listing, named};
use crate::error::Result;
use crate::identity::Principal;
use crate::policy::locks::Locks;
use model::artifact::TagView;
use model::list::Query;
use model::{Action, Page, ProjectName, RepositoryName};

static LIST: Listing = Listing {
    from: "tags AS t",
    columns: "t.id AS id, t.name AS name, t.pushed_at AS pushed_at, t.pulled_at AS pulled_at",
    sorts: &[("name", "t.name"), ("pushed", "t.pushed_at"), ("pulled", "COALESCE(t.pulled_at, 0)"), ("id", "t.id")],
    descending: false,
    keys: &[("id", "t.id"), ("pushed", "t.pushed_at"), ("pulled", "COALESCE(t.pulled_at, 0)")],
};

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
    let all = query.search.is_empty() && query.names.is_none();
    let known = if all { Some(sql::tag_count(c, found.id).await?) } else { None };
    let of = |w: &mut Conditions| {
        let n = w.bind(found.id);
        w.and(format!("t.artifact_id = {n}"));
        named(w, query, "LOWER(t.name)", "t.name");
    };
    let mut page = LIST.fetch_of(c, query, known, of, sql::view).await?;
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
