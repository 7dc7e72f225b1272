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
use model::replication::rule::destination;
use model::{Digest, ExecutionId, TaskId};
use sqlx::AnyConnection;
use std::collections::HashMap;

pub(crate) use sql::{forget_rule, set_planned};
use sql::Without;

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
    /// Its tags name it there. A task that failed set none for certain.
    pub tagged: bool,
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
        .write_content(async move |c| {
            match put.artifact {
                true => sql::put(c, now, (rule, &url), &task, &put.attached).await?,
                false => sql::more(c, (rule, &url), &task, &put.attached).await?,
            }
            match put.tagged {
                true => sql::set_tags(c, (rule, &url), &task).await,
                false => Ok(()),
            }
        })
        .await
}

/// Makes the tasks that remove, unless they are made: of a rule that removes, and of an execution of all that it matches.
pub async fn plan(ctx: &Ctx, work: &Work) -> Result<()> {
    let (id, input) = (work.id, &work.rule.input);
    if !input.removes || work.of_one() {
        return Ok(());
    }
    if sql::is_planned(&mut *ctx.db.read().await?, id).await? {
        return Ok(());
    }
    // Made by a run that was cut; none of them has begun.
    ctx.db.write_content(async move |c| sql::drop_tasks(c, id).await).await?;
    let (rule, places) = (work.rule.id, Places::of(ctx, work).await?);
    let (fresh, all) = count(ctx, work, &places).await?;
    // What may go goes; the others too, if they are few.
    let asks = fresh.saturating_mul(PART) > all;
    let mut after = None;
    loop {
        let (part, next) = look(ctx, work, &places, after).await?;
        let (going, staying): (Vec<Without>, Vec<Without>) = part.into_iter().partition(|one| one.may_go || !asks);
        let of = |all: Vec<Without>| all.into_iter().map(|one| one.gone).collect::<Vec<Gone>>();
        let (going, staying, url) = (of(going), of(staying), work.rule.target_url.clone());
        ctx.db
            .write_content(async move |c| {
                sql::ask(c, (rule, &url), id, &staying).await?;
                sql::insert_tasks(c, (rule, &url), id, &going).await
            })
            .await?;
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let left = if asks { fresh } else { 0 };
    ctx.db
        .write_content(async move |c| {
            sql::leave(c, id, left).await?;
            set_planned(c, id).await
        })
        .await
}

/// How much of what the rule put there is gone here without anybody having been asked, and how much it put there.
async fn count(ctx: &Ctx, work: &Work, places: &Places) -> Result<(i64, i64)> {
    let all = sql::count(&mut *ctx.db.read().await?, (work.rule.id, &work.rule.target_url)).await?;
    let (mut fresh, mut after) = (0, None);
    loop {
        let (part, next) = look(ctx, work, places, after).await?;
        fresh += part.iter().filter(|one| !one.may_go).count() as i64;
        match next {
            Some(next) => after = Some(next),
            None => return Ok((fresh, all)),
        }
    }
}

/// The next that are gone, and after which of them to go on.
async fn look(ctx: &Ctx, work: &Work, places: &Places, after: Option<(String, String)>) -> Result<(Vec<Without>, Option<(String, String)>)> {
    let mut c = ctx.db.read().await?;
    let rows = sql::without_source(&mut c, (work.rule.id, &work.rule.target_url), after, SLICE).await?;
    let next = (rows.len() as i64 == SLICE).then(|| rows.last().map(|row| (row.gone.destination.clone(), row.gone.digest.clone()))).flatten();
    let mut gone = Vec::new();
    for row in rows {
        if !places.hold(&mut c, &row.gone.destination, &row.gone.digest).await? {
            gone.push(row);
        }
    }
    Ok((gone, next))
}

/// The repositories whose artifacts this server puts at a place of a target, by the place: by the rule itself, and by every other that is enabled.
pub struct Places(HashMap<String, Vec<i64>>);

impl Places {
    /// Of the target of an execution's rule.
    pub async fn of(ctx: &Ctx, work: &Work) -> Result<Places> {
        let mut c = ctx.db.read().await?;
        let mut places = HashMap::<String, Vec<i64>>::new();
        for input in rules::to(&mut c, &work.rule).await? {
            for source in rules::sources(&mut c, &Matcher::new(&input.selector())?).await? {
                if let Ok(there) = destination(&source.name(), &input.namespace, input.flatten) {
                    places.entry(there).or_default().push(source.id);
                }
            }
        }
        Ok(Places(places))
    }

    /// Does anything still put this digest there?
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
    let (were, stay) = if left == 1 { ("was", "it stays") } else { ("were", "they stay") };
    format!("{what} that this rule put there {were} deleted here. That is more than a tenth of what it put there: {stay} there until somebody says otherwise.")
}

/// Is what a task would remove still gone here, and noted as the rule's? Answers the tags that name it as the rule
/// set them last, and what went along.
pub async fn still_gone(ctx: &Ctx, work: &Work, places: &Places, task: &WorkTask) -> Result<Option<(Vec<String>, Vec<Digest>)>> {
    let mut c = ctx.db.read().await?;
    let Some((gone, attached)) = sql::noted(&mut c, (work.rule.id, &work.rule.target_url), task).await? else { return Ok(None) };
    if sql::is_there(&mut c, &gone).await? || places.hold(&mut c, &gone.destination, &gone.digest).await? {
        return Ok(None);
    }
    let tags = sql::tags_of(&mut c, (work.rule.id, &work.rule.target_url), task).await?;
    Ok(Some((tags, attached.iter().filter_map(|digest| digest.parse().ok()).collect())))
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
    let (places, mut found, mut after) = (Places::of(ctx, &work).await?, Vec::new(), None);
    loop {
        let (part, next) = look(ctx, &work, &places, after).await?;
        found.extend(part.into_iter().filter(|one| one.asked == id.0 && !one.may_go).map(|one| one.gone));
        match next {
            Some(next) if found.len() < limit => after = Some(next),
            _ => break,
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// A new execution of the rule, which may remove what this one left, and nothing else that is more than a tenth.
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
            if sql::allow(c, execution.rule_id, id).await? == 0 {
                return Err(Error::Precondition("nothing of what it left is gone still: run the rule again".to_owned()));
            }
            executions::enqueue(c, now, execution.rule_id, again).await?;
            Ok(again)
        })
        .await?;
    ctx.local.work.notify_waiters();
    Ok(again)
}
