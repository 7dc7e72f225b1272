//! The audit log, read: the events of the system, or of one project. Lists go by key, and look through a bounded number of rows at a time, so that
//! the log of a busy year answers as fast as that of a day; where a look found less than a page it says from where to look further.

mod purge;
mod sql;
#[cfg(test)]
mod tests;

pub use purge::{Purge, run, schedule as purge_schedule, set_schedule as set_purge_schedule, start as start_purge, type_of};
pub(crate) use purge::start_due;

use crate::access;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::events::Event;
use crate::identity::Principal;
use model::audit::{Entry, Outcome};
use model::{Action, ProjectName, Stamp};

/// Rows that one look goes through.
pub const LOOKED: i64 = 20_000;

/// Which rows are asked for; all of it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Whoever did it, by the whole name.
    pub actor: Option<String>,
    /// One of these kinds; none named: any.
    pub kinds: Vec<String>,
    /// Part of what is said of the thing, of the address or the actor; letters' case does not matter.
    pub text: String,
    pub outcome: Option<Outcome>,
    /// From then on, and until then.
    pub from: Option<Stamp>,
    pub to: Option<Stamp>,
}

/// What a look found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub items: Vec<Entry>,
    /// There are more: after this one.
    pub next: Option<i64>,
    /// Nothing more was found among the rows that were looked through; others lie below this one.
    pub further: Option<i64>,
}

/// Newest first, below the row `after`: of one project, or of everything for administrators.
pub async fn list(ctx: &Ctx, who: &Principal, project: Option<&ProjectName>, asked: &Asked, after: Option<i64>, limit: i64) -> Result<Found> {
    let mut c = ctx.db.read().await?;
    let (c, project) = seen(ctx, &mut c, who, project).await?;
    sql::list(c, project, asked, after, limit).await
}

/// As [`list`], by number of page as Harbor's clients ask: with how many there are.
pub async fn page(ctx: &Ctx, who: &Principal, project: Option<&ProjectName>, asked: &Asked, skip: i64, limit: i64, oldest_first: bool) -> Result<(Vec<Entry>, i64)> {
    let mut c = ctx.db.read().await?;
    let (c, project) = seen(ctx, &mut c, who, project).await?;
    sql::page(c, project, asked, (skip, limit), if oldest_first { "ASC" } else { "DESC" }).await
}

async fn seen<'c>(ctx: &Ctx, c: &'c mut sqlx::AnyConnection, who: &Principal, project: Option<&ProjectName>) -> Result<(&'c mut sqlx::AnyConnection, Option<i64>)> {
    let id = match project {
        Some(name) => Some(access::project(&mut *c, ctx.now(), who, name, Action::LogList).await?.project.id.0),
        None => {
            access::system(&mut *c, ctx.now(), who).await?;
            None
        }
    };
    Ok((c, id))
}

/// Every kind of event, in the order of the table.
pub fn kinds() -> &'static [&'static str] {
    Event::KINDS
}
