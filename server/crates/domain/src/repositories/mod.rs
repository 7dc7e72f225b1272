//! Repositories: they come with their first push, and go when they are deleted.

mod sql;

use crate::access;
use crate::ctx::{Act, Ctx};
use crate::error::{Error, Result};
use crate::identity::{Principal, Who};
use model::list::Query;
use model::repository::Repository;
use model::{Action, Page, ProjectName, RepositoryName};

/// The repositories of a project.
pub async fn list(ctx: &Ctx, who: &Principal, project: &ProjectName, query: &Query) -> Result<Page<Repository>> {
    list_filtered(ctx, who, project, query, false).await
}

/// As [`list`]; with `unsigned` only those that hold an artifact without a signature.
pub async fn list_filtered(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    query: &Query,
    unsigned: bool,
) -> Result<Page<Repository>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::RepositoryList).await?;
    sql::list(&mut proof, query, unsigned).await
}

/// One repository.
pub async fn get(ctx: &Ctx, who: &Principal, project: &ProjectName, name: &RepositoryName) -> Result<Repository> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::RepositoryRead).await?;
    sql::get(&mut proof, name).await?.ok_or_else(|| Error::not_found("repository", format!("{project}/{name}")))
}

/// Sets a repository's description, shown as plain text.
pub async fn describe(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    name: &RepositoryName,
    description: String,
) -> Result<()> {
    let mut problems = model::Problems::new();
    problems.text("description", &description, 10_240);
    let (now, caller, project, name) = (ctx.now(), who.clone(), project.clone(), name.clone());
    ctx.change(who, Act::new("repository.update", format!("{project}/{name}")), async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::RepositoryUpdate).await?;
        problems.clone().check()?;
        if sql::describe(&mut proof, now, &name, &description).await? {
            return Ok(());
        }
        Err(Error::not_found("repository", format!("{project}/{name}")))
    })
    .await
}

/// Deletes a repository with all of its artifacts, tags and accessories.
pub async fn delete(ctx: &Ctx, who: &Principal, project: &ProjectName, name: &RepositoryName) -> Result<()> {
    let (now, caller, project, name) = (ctx.now(), who.clone(), project.clone(), name.clone());
    ctx.change(who, Act::new("repository.delete", format!("{project}/{name}")), async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::RepositoryDelete).await?;
        let repository = sql::get(&mut proof, &name)
            .await?
            .ok_or_else(|| Error::not_found("repository", format!("{project}/{name}")))?;
        sql::delete(&mut proof, repository.id).await
    })
    .await
}

/// Full names of the repositories the caller may pull from, in byte order, after `last`: `/v2/_catalog`.
pub async fn catalog(ctx: &Ctx, who: &Principal, last: &str, limit: i64) -> Result<Vec<String>> {
    if who.is_anonymous() {
        return Err(Error::Unauthenticated);
    }
    let mut c = ctx.db.read().await?;
    let standing = access::standing(&mut c, ctx.now(), who).await?;
    let all = standing.admin || standing.may(who, Action::CatalogRead);
    let member = match &who.who {
        Who::User { id, .. } => id.0,
        _ => 0,
    };
    let robot = match &who.who {
        Who::Robot { id, .. } => id.0,
        _ => 0,
    };
    sql::catalog(&mut c, all, member, robot, last, limit).await
}
