//! What happens day by day: pulls and pushes of repositories and projects, and what projects hold. It is written beside requests, in batches.

mod sql;
#[cfg(test)]
mod tests;

use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::Principal;
use model::activity::{Busy, Day, MOST};
use model::{Action, ProjectName, RepositoryName, Stamp};

pub(crate) use sql::{note_pulls, purge};

/// Repositories, and projects, of one write.
const BATCH: i64 = 256;

/// The last days up to today, each of them, the oldest first: of a project, or of one of its repositories.
pub async fn days(ctx: &Ctx, who: &Principal, project: &ProjectName, repository: Option<&RepositoryName>, days: i64) -> Result<Vec<Day>> {
    if !(1..=MOST).contains(&days) {
        return Err(Error::invalid("days", format!("must be 1 to {MOST}")));
    }
    let repository = match repository {
        Some(name) => Some(crate::repositories::get(ctx, who, project, name).await?.id),
        None => None,
    };
    let (mut c, today) = (ctx.db.read().await?, Day::of(ctx.now()));
    let first = today - days + 1;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::RepositoryList).await?;
    let (id, c) = (proof.project.id, proof.conn());
    // On a day without a row a project held what it had held before.
    let (mut noted, mut held, now) = match repository {
        Some(repository) => (sql::of_repository(c, repository, first).await?, None, None),
        None => (sql::of_project(c, id, first).await?, sql::held_before(c, id, first).await?, sql::held(c, id).await?),
    };
    let mut all = Vec::new();
    for number in first..=today {
        let mut day = noted.remove(&number).unwrap_or(Day { number, ..Day::default() });
        held = day.stored.or(held);
        day.stored = if number == today { now } else { held };
        all.push(day);
    }
    Ok(all)
}

/// Its repositories that were busy in the last days, most pulls first, then most pushes.
pub async fn busiest(ctx: &Ctx, who: &Principal, project: &ProjectName, days: i64, limit: i64) -> Result<Vec<Busy>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::RepositoryList).await?;
    let id = proof.project.id;
    sql::busiest(proof.conn(), id, Day::of(ctx.now()) - days + 1, limit).await
}

/// Puts the pushes that are not in their day yet into it: the day of the repository's last push.
pub async fn flush(ctx: &Ctx) -> Result<()> {
    loop {
        let pending = sql::pending(&mut *ctx.db.read().await?, BATCH).await?;
        if pending.is_empty() {
            return Ok(());
        }
        let (now, full) = (ctx.now(), pending.len() as i64 == BATCH);
        ctx.db.write_content(async move |c| sql::note_pushes(c, now, &pending).await).await?;
        if !full {
            return Ok(());
        }
    }
}

/// Notes what every project holds now.
pub async fn note_stored(ctx: &Ctx) -> Result<()> {
    let (today, mut after) = (Day::of(ctx.now()), 0);
    loop {
        let part = sql::projects(&mut *ctx.db.read().await?, after, BATCH).await?;
        let Some(last) = part.last().copied() else { return Ok(()) };
        after = last;
        ctx.db.write_content(async move |c| sql::note_stored(c, today, &part).await).await?;
    }
}

/// Rows before this day are past their time.
pub(crate) fn oldest(now: Stamp) -> i64 {
    Day::of(now) - MOST
}
