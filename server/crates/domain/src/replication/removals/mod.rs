//! Removing at a destination what was deleted here: of a rule that says so, only what it put there itself, and more than a tenth of that only when
//! somebody who was asked said yes.
//!
//! What a rule puts there is noted as it arrives, whether it removes or not, so that the switch holds for what came before it.

mod sql;
#[cfg(test)]
mod tests;

use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::identity::Principal;
use crate::replication::executions::{self, Work, WorkTask};
use crate::replication::rules;
use crate::selectors::Matcher;
use model::replication::rule::{RuleInput, destination};
use model::{Digest, ExecutionId, TaskId};
use sqlx::AnyConnection;
use std::collections::HashMap;

pub(crate) use sql::{forget_rule, set_planned};

/// What is gone, of one look.
const SLICE: i64 = 200;

/// Part of what a rule put there that goes without a question: one of so many.
const PART: i64 = 10;

/// What a task put at its destination.
#[derive(Clone, Debug, Default)]
pub struct Put {
    /// The artifact itself, which was not there.
    pub artifact: bool,
    /// All that hangs on it there, by the copy.
    pub attached: Vec<Digest>,
}

/// Something that a rule put at its destination, and that is gone here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    pub source: String,
    pub destination: String,
    pub digest: String,
    pub tags: Vec<String>,
}

/// Notes what a task put there. Of an artifact that stood there before, which is somebody else's, nothing is noted.
pub async fn note(ctx: &Ctx, work: &Work, task: &WorkTask, put: &Put) -> Result<()> {
    let (now, rule, url, task, put) = (ctx.now(), work.rule.id, work.rule.target_url.clone(), task.clone(), put.clone());
    ctx.db
        .write_content(async move |c| match put.artifact {
            true => sql::put(c, now, (rule, &url), &task, &put.attached).await,
            false => sql::more(c, (rule, &url), &task, &put.attached).await,
        })
        .await
}

/// Makes the tasks that remove, unless they are made: of a rule that removes, and of an execution of all that it matches.
pub async fn plan(ctx: &Ctx, work: &Work) -> Result<()> {
    let (id, input) = (work.id, &work.rule.input);
    if !input.removes || work.of_one() {
        return Ok(());
    }
    let (planned, allowed) = sql::state(&mut *ctx.db.read().await?, id).await?;
    if planned {
        return Ok(());
    }
    // Made by a run that was cut; none of them has begun.
    ctx.db.write_content(async move |c| sql::drop_tasks(c, id).await).await?;
    let places = Places::of(&mut *ctx.db.read().await?, input).await?;
    let (gone, all) = count(ctx, work, &places).await?;
    if gone.saturating_mul(PART) > all && gone > allowed {
        return ctx.db.write_content(async move |c| sql::leave(c, id, gone).await).await;
    }
    let mut after = None;
    loop {
        let (part, next) = look(ctx, work, &places, after).await?;
        ctx.db.write_content(async move |c| sql::insert_tasks(c, id, &part).await).await?;
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    ctx.db.write_content(async move |c| set_planned(c, id).await).await
}

/// How much of what the rule put there is gone here, and how much it put there.
async fn count(ctx: &Ctx, work: &Work, places: &Places) -> Result<(i64, i64)> {
    let all = sql::count(&mut *ctx.db.read().await?, (work.rule.id, &work.rule.target_url)).await?;
    let (mut gone, mut after) = (0, None);
    loop {
        let (part, next) = look(ctx, work, places, after).await?;
        gone += part.len() as i64;
        match next {
            Some(next) => after = Some(next),
            None => return Ok((gone, all)),
        }
    }
}

/// The next that are gone, and after which of them to go on.
async fn look(ctx: &Ctx, work: &Work, places: &Places, after: Option<(String, String)>) -> Result<(Vec<Gone>, Option<(String, String)>)> {
    let mut c = ctx.db.read().await?;
    let rows = sql::without_source(&mut c, (work.rule.id, &work.rule.target_url), after, SLICE).await?;
    let next = (rows.len() as i64 == SLICE).then(|| rows.last().map(|row| (row.destination.clone(), row.digest.clone()))).flatten();
    let mut gone = Vec::new();
    for row in rows {
        if !places.hold(&mut c, &row.destination, &row.digest).await? {
            gone.push(row);
        }
    }
    Ok((gone, next))
}

/// The repositories whose artifacts a rule puts at a place, by the place.
struct Places(HashMap<String, Vec<i64>>);

impl Places {
    async fn of(c: &mut AnyConnection, input: &RuleInput) -> Result<Places> {
        let mut places = HashMap::<String, Vec<i64>>::new();
        for source in rules::sources(c, &Matcher::new(&input.selector())?).await? {
            if let Ok(there) = destination(&source.name(), &input.namespace, input.flatten) {
                places.entry(there).or_default().push(source.id);
            }
        }
        Ok(Places(places))
    }

    /// Does the rule still put this digest there, from another repository?
    async fn hold(&self, c: &mut AnyConnection, to: &str, digest: &str) -> Result<bool> {
        match self.0.get(to) {
            Some(repositories) => sql::is_held(c, repositories, digest).await,
            None => Ok(false),
        }
    }
}

/// What an execution says that left so many.
pub(crate) fn asks(left: i64) -> String {
    let what = model::stamp::count(left, "artifact");
    format!("{what} that this rule put there {} deleted here: more than a tenth, so nothing was removed there until somebody says so", if left == 1 { "was" } else { "were" })
}

/// Is what a task would remove still gone here, and noted as the rule's? Answers the tags that the rule set there, and what went along.
pub async fn still_gone(ctx: &Ctx, work: &Work, task: &WorkTask) -> Result<Option<(Vec<String>, Vec<Digest>)>> {
    let mut c = ctx.db.read().await?;
    let Some((gone, attached)) = sql::noted(&mut c, (work.rule.id, &work.rule.target_url), task).await? else { return Ok(None) };
    let places = Places::of(&mut c, &work.rule.input).await?;
    if sql::is_there(&mut c, &gone).await? || places.hold(&mut c, &gone.destination, &gone.digest).await? {
        return Ok(None);
    }
    Ok(Some((gone.tags, attached.iter().filter_map(|digest| digest.parse().ok()).collect())))
}

/// It stands there no more.
pub async fn forget(ctx: &Ctx, work: &Work, task: &WorkTask) -> Result<()> {
    let (rule, url, task) = (work.rule.id, work.rule.target_url.clone(), task.clone());
    ctx.db.write_content(async move |c| sql::forget(c, (rule, &url), &task).await).await
}

/// A task that removes nothing: why.
pub async fn keep(ctx: &Ctx, task: TaskId, why: &str) -> Result<()> {
    let (now, why) = (ctx.now(), why.to_owned());
    ctx.db.write_content(async move |c| sql::keep(c, now, task, &why).await).await
}

/// What an execution left because it was more than a tenth, the first of it, for who is asked.
pub async fn left(ctx: &Ctx, who: &Principal, id: ExecutionId, limit: usize) -> Result<Vec<Gone>> {
    let work = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::system(&mut c, ctx.now(), who).await?;
        let execution = executions::sql::get(proof.conn(), id).await?.ok_or_else(|| Error::not_found("execution", id))?;
        let rule = rules::by_id(proof.conn(), execution.rule_id).await?.ok_or_else(|| Error::not_found("replication rule", execution.rule_id))?;
        Work::of(id, rule)
    };
    let places = Places::of(&mut *ctx.db.read().await?, &work.rule.input).await?;
    let (mut part, _) = look(ctx, &work, &places, None).await?;
    part.truncate(limit);
    Ok(part)
}

/// A new execution of the rule, which removes as much as this one left, and no more.
pub async fn allow(ctx: &Ctx, who: &Principal, id: ExecutionId) -> Result<ExecutionId> {
    let (now, caller) = (ctx.now(), who.clone());
    let left = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::system(&mut c, now, who).await?;
        executions::sql::get(proof.conn(), id).await?.ok_or_else(|| Error::not_found("execution", id))?.removals_left
    };
    let again = ctx
        .change(who, Event::RemovalsAllowed { execution: id.0, removals: left }, async move |c| {
            let mut proof = access::system(c, now, &caller).await?;
            let c = proof.conn();
            let execution = executions::sql::get(c, id).await?.ok_or_else(|| Error::not_found("execution", id))?;
            if execution.removals_left == 0 {
                return Err(Error::Precondition("this execution left nothing to be removed".to_owned()));
            }
            let changed = executions::may_run(c, execution.rule_id).await?;
            if changed > execution.started_at {
                return Err(Error::Precondition("the rule was changed since: run it again, and look at what it would remove".to_owned()));
            }
            let again = executions::sql::insert(c, now, execution.rule_id, None, &caller.name()).await?;
            sql::allow(c, again, execution.removals_left).await?;
            executions::enqueue(c, now, execution.rule_id, again).await?;
            Ok(again)
        })
        .await?;
    ctx.local.work.notify_waiters();
    Ok(again)
}
