//! Repositories: they come with their first push, and go when they are deleted.

mod sql;

use crate::access;
use crate::ctx::Ctx;
use crate::deletions::parked;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::{Principal, Who};
use crate::policy;
use model::list::Query;
use model::repository::Repository;
use model::{Action, Digest, Page, ProjectName, RepositoryName, Stamp};

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
    ctx.change(who, Event::RepositoryDescribed { project: project.to_string(), repository: name.to_string() }, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::RepositoryUpdate).await?;
        problems.clone().check()?;
        if sql::describe(&mut proof, now, &name, &description).await? {
            return Ok(());
        }
        Err(Error::not_found("repository", format!("{project}/{name}")))
    })
    .await
}

/// May the caller delete it, and is it there?
pub async fn may_delete(ctx: &Ctx, who: &Principal, project: &ProjectName, name: &RepositoryName) -> Result<()> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::RepositoryDelete).await?;
    sql::get(&mut proof, name).await?.map(drop).ok_or_else(|| Error::not_found("repository", format!("{project}/{name}")))
}

/// Why an immutable tag keeps the repository, for who may delete it.
pub async fn locked(ctx: &Ctx, who: &Principal, project: &ProjectName, name: &RepositoryName) -> Result<Option<String>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project_seen(&mut c, ctx.now(), who, project, Action::RepositoryDelete).await?;
    let Some(repository) = sql::get(&mut proof, name).await? else { return Ok(None) };
    match policy::delete::repository(&mut proof, (name, repository.id.0)).await {
        Err(Error::Locked(why)) => Ok(Some(why)),
        other => other.map(|()| None),
    }
}

/// Deletes a repository with all of its artifacts, tags and accessories. For a while it can be brought back.
pub async fn delete(ctx: &Ctx, who: &Principal, project: &ProjectName, name: &RepositoryName) -> Result<()> {
    let (now, caller, project, name, window) = (ctx.now(), who.clone(), project.clone(), name.clone(), ctx.settings.recycle);
    ctx.change(who, Event::RepositoryDeleted { project: project.to_string(), repository: name.to_string() }, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::RepositoryDelete).await?;
        let repository = sql::get(&mut proof, &name)
            .await?
            .ok_or_else(|| Error::not_found("repository", format!("{project}/{name}")))?;
        policy::delete::repository(&mut proof, (&name, repository.id.0)).await?;
        parked::park(&mut proof, now, repository.id.0, &name, caller.name(), Stamp(now.0 + window)).await
    })
    .await?;
    if window == 0 {
        crate::deletions::dismantle(ctx).await;
    }
    Ok(())
}

/// Repositories that the caller sees whose path holds `text`, by name.
pub async fn search(ctx: &Ctx, who: &Principal, text: &str, limit: i64) -> Result<Vec<(ProjectName, RepositoryName)>> {
    let mut c = ctx.db.read().await?;
    let standing = access::standing(&mut c, ctx.now(), who).await?;
    sql::search(&mut c, &Seen::of(who, standing.sees_all()), text, limit).await
}

/// Repositories of all projects that the caller sees, and whether their project is public.
pub async fn list_everywhere(ctx: &Ctx, who: &Principal, query: &Query) -> Result<Page<(Repository, bool)>> {
    let mut c = ctx.db.read().await?;
    let standing = access::standing(&mut c, ctx.now(), who).await?;
    sql::list_everywhere(&mut c, &Seen::of(who, standing.sees_all()).listed(), query).await
}

/// As [`list_everywhere`], of those that hold a blob and that the caller may pull from.
pub async fn list_holding(ctx: &Ctx, who: &Principal, digest: &Digest, query: &Query) -> Result<Page<(Repository, bool)>> {
    let mut c = ctx.db.read().await?;
    let standing = access::standing(&mut c, ctx.now(), who).await?;
    let seen = Seen::of(who, standing.sees_all());
    sql::list_holding(&mut c, &seen, digest, query).await
}

/// Which repositories a caller is shown in lists over all projects.
pub(crate) struct Seen {
    pub all: bool,
    pub member: i64,
    pub robot: i64,
    /// The scope of a token: nothing else is shown by it.
    pub ceiling: Option<Vec<String>>,
    /// The right that a robot account must have.
    pub right: Action,
}

impl Seen {
    pub fn of(who: &Principal, all: bool) -> Seen {
        let (member, robot) = match &who.who {
            Who::User { id, .. } => (id.0, 0),
            Who::Robot { id, .. } => (0, id.0),
            Who::Anonymous | Who::System => (0, 0),
        };
        let ceiling = who.ceiling.as_ref().filter(|_| !who.may_list_all());
        let names = ceiling.map(|scopes| scopes.iter().filter(|scope| scope.access.pull));
        let ceiling = names.map(|scopes| scopes.map(|scope| format!("{}/{}", scope.project.0, scope.repository)).collect());
        Seen { all, member, robot, ceiling, right: Action::RepositoryPull }
    }

    /// What may be listed, for the API's lists.
    fn listed(self) -> Seen {
        Seen { right: Action::RepositoryList, ..self }
    }
}

/// Full names of the repositories the caller may pull from, in byte order, after `last`: `/v2/_catalog`.
pub async fn catalog(ctx: &Ctx, who: &Principal, last: &str, limit: i64) -> Result<Vec<String>> {
    if who.is_anonymous() {
        return Err(Error::Unauthenticated);
    }
    let mut c = ctx.db.read().await?;
    let standing = access::standing(&mut c, ctx.now(), who).await?;
    let all = standing.admin || standing.may(who, Action::CatalogRead);
    sql::catalog(&mut c, &Seen::of(who, all), last, limit).await
}
