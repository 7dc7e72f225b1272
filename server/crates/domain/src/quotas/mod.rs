//! Quotas: how much a project may hold, set by system administrators. What is pushed past it is refused by [`crate::policy::push`]; what it counts
//! is what living artifacts are made of ([`Quota::used`]).

mod reserved;
pub(crate) mod sql;
#[cfg(test)]
mod tests;

pub use reserved::Reservations;
pub(crate) use reserved::Growth;

use crate::access;
use crate::ctx::Ctx;
use crate::deletions::{self, parked};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::identity::Principal;
use crate::projects::{self, Filter};
use model::list::Query;
use model::project::Project;
use model::quota;
use model::{Page, ProjectId};

/// Every project with its quota, for administrators.
pub async fn list(ctx: &Ctx, who: &Principal, query: &Query, filter: &Filter) -> Result<Page<Project>> {
    access::administrator(ctx, who).await?;
    projects::list(ctx, who, query, filter).await
}

/// One project's, by its number, for administrators. `NotFound`.
pub async fn get(ctx: &Ctx, who: &Principal, id: ProjectId) -> Result<Project> {
    access::administrator(ctx, who).await?;
    let name = projects::name_of(ctx, who, id).await?;
    Ok(projects::frame(ctx, who, &name).await?.project)
}

/// Sets how much a project may hold; below what it holds, nothing is removed and nothing more is taken. `NotFound`.
pub async fn set(ctx: &Ctx, who: &Principal, id: ProjectId, limit: Option<i64>) -> Result<()> {
    quota::check(limit).map_err(|message| Error::invalid("limit", message))?;
    let project = get(ctx, who, id).await?.name;
    let (now, caller) = (ctx.now(), who.clone());
    let said = if limit.is_some() { quota::written(limit) } else { "none".to_owned() };
    ctx.change(who, Event::QuotaSet { project: project.to_string(), limit: said }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        match sql::set(proof.conn(), now, id, limit).await? {
            true => Ok(()),
            false => Err(Error::not_found("project", &project)),
        }
    })
    .await
}

/// Deletions are kept while living and deleted together are under twice the limit, or what there was as it was set; past that the oldest go, and the log
/// says so. Answers how many went.
pub async fn make_room(ctx: &Ctx) -> Result<u64> {
    if !ctx.configuration().quota_per_project_enable {
        return Ok(0);
    }
    let (now, mut all) = (ctx.now(), 0);
    for project in sql::crowded(&mut *ctx.db.read().await?, now, None).await? {
        let one = async move |c: &mut sqlx::AnyConnection| {
            if sql::crowded(c, now, Some(project)).await?.is_empty() {
                return Ok(false);
            }
            let Some(oldest) = sql::oldest(c, now, project).await? else { return Ok(false) };
            // A repository is taken apart in slices once it is over.
            parked::end(c, now, oldest).await.map(|()| true)
        };
        let mut gone = 0;
        while ctx.db.write_content(one).await? {
            gone += 1;
        }
        if gone > 0 {
            let name = projects::name_of(ctx, &Principal::system(), project).await?;
            let event = Event::DeletionsGaveWay { project: name.to_string(), deletions: gone };
            ctx.change(&Principal::system(), event, async |_| Ok(())).await?;
        }
        all += gone.unsigned_abs();
    }
    if all > 0 {
        let over = async move |c: &mut sqlx::AnyConnection| deletions::sql::forget_over(c, now).await;
        while ctx.db.write_content(over).await? > 0 {}
        deletions::dismantle(ctx).await;
    }
    Ok(all)
}
