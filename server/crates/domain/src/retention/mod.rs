//! Tag retention: a project's policy says which artifacts stay; a run removes the others, with what hangs on them, to *Deleted*.
//!
//! Rules are or-combined ([`judge`]). What no rule takes stays, or goes as in Harbor: the policy says which. An artifact that stays keeps its
//! whole tree; what an index lists that stays, stays; an immutable tag wins, and the run says so. The job works repository by repository
//! ([`work`]) and judges each artifact again in the write that removes it.

mod judge;
mod sql;
#[cfg(test)]
mod tests;
mod work;

pub use work::run;

use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::identity::Principal;
use crate::jobs;
use crate::labels;
use crate::schedules::{self, Due, Kind};
use crate::policy::locks::Locks;
use crate::selectors::Matcher;
use judge::Judge;
use model::list::Query;
use model::retention::{Fate, MOST, RetentionPolicy, RetentionResult, RetentionRule, RetentionRun, RetentionTask, Sums, Uncovered};
use model::run::{RunStatus, Trigger};
use model::selector::Of;
use model::{Action, Page, ProjectId, ProjectName, RetentionId, RetentionRunId, Stamp};
use sqlx::AnyConnection;
use std::collections::HashSet;

pub(crate) use sql::purge_kept;

/// The kind of its job; the key is the run's number.
pub const JOB: &str = "retention";

/// What a policy is made from.
#[derive(Clone, Debug)]
pub struct Input {
    pub rules: Vec<RetentionRule>,
    /// `None`: as it is.
    pub uncovered: Option<Uncovered>,
    /// Six fields, UTC; empty for never. `None`: as it is.
    pub cron: Option<String>,
    /// The policy that was looked at, by when it was changed last, 0 where there was none: one that was changed since is left alone.
    pub seen: Option<Stamp>,
}

fn check(input: &Input, now: model::Stamp) -> Result<()> {
    if input.rules.len() > MOST {
        return Err(Error::invalid("rules", format!("must be at most {MOST}")));
    }
    let mut seen = HashSet::new();
    for (n, rule) in input.rules.iter().enumerate() {
        let of = |error: Error| match error {
            Error::Invalid(mut problems) if input.rules.len() > 1 => {
                problems.0.iter_mut().for_each(|problem| problem.message = format!("of rule {} {}", n + 1, problem.message));
                Error::Invalid(problems)
            }
            other => other,
        };
        rule.check().map_err(|problems| of(problems.into()))?;
        Matcher::new(&rule.selector).map_err(of)?;
        let same = (rule.selector.clauses.iter().map(ToString::to_string).collect::<Vec<_>>(), rule.takes_untagged(), rule.template, rule.number);
        if !seen.insert(same) {
            return Err(Error::conflict("rules", format!("hold the rule {:?} twice", rule.sentence())));
        }
    }
    match &input.cron {
        Some(cron) => schedules::checked(cron, now),
        None => Ok(()),
    }
}

/// The first rule that is about a label that is not there, by its place, with that label.
async fn without_label(c: &mut AnyConnection, project: ProjectId, rules: &[RetentionRule]) -> Result<Option<(usize, String)>> {
    for (n, rule) in rules.iter().enumerate().filter(|(_, rule)| !rule.disabled) {
        let names: Vec<&str> = rule.selector.clauses.iter().filter(|clause| clause.of == Of::Label).map(|clause| clause.value.as_str()).collect();
        if let Some(label) = labels::unknown(c, project, &names).await?.into_iter().next() {
            return Ok(Some((n, label)));
        }
    }
    Ok(None)
}

/// Refuses rules about labels that are not there: a name typed wrong would keep nothing.
async fn labels_are_there(c: &mut AnyConnection, project: ProjectId, rules: &[RetentionRule]) -> Result<()> {
    let Some((n, label)) = without_label(c, project, rules).await? else { return Ok(()) };
    let of = if rules.len() > 1 { format!("of rule {}: ", n + 1) } else { String::new() };
    Err(Error::invalid("label", format!("{of}{label} is neither a label of this project nor one for all: make it first, or write it as it is")))
}

fn none(project: &ProjectName) -> Error {
    Error::not_found("retention policy of", project)
}

/// The project that a policy belongs to, by its number. Who may not see it finds nothing.
pub async fn project_of(ctx: &Ctx, who: &Principal, id: RetentionId) -> Result<ProjectName> {
    access::signed_in(ctx, who).await?;
    let mut c = ctx.db.read().await?;
    let missing = || Error::not_found("retention policy", id);
    let name = sql::project_of(&mut c, id).await?.ok_or_else(missing)?;
    match access::project(&mut c, ctx.now(), who, &name, Action::RetentionRead).await {
        Err(Error::NotVisible(_)) => Err(missing()),
        Err(error) => Err(error),
        Ok(_) => Ok(name),
    }
}

/// A project's policy; `None` where it has none.
pub async fn get(ctx: &Ctx, who: &Principal, project: &ProjectName) -> Result<Option<RetentionPolicy>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::RetentionRead).await?;
    let id = proof.project.id;
    sql::of_project(proof.conn(), id).await
}

/// Makes a project's policy. It has one at most.
pub async fn create(ctx: &Ctx, who: &Principal, project: &ProjectName, input: Input) -> Result<RetentionId> {
    save(ctx, who, project, input, Save::New).await
}

/// Changes a project's policy.
pub async fn update(ctx: &Ctx, who: &Principal, project: &ProjectName, input: Input) -> Result<RetentionId> {
    save(ctx, who, project, input, Save::Change).await
}

/// Makes a project's policy where it has none, and changes it otherwise.
pub async fn set(ctx: &Ctx, who: &Principal, project: &ProjectName, input: Input) -> Result<RetentionId> {
    save(ctx, who, project, input, Save::Either).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Save {
    New,
    Change,
    Either,
}

async fn save(ctx: &Ctx, who: &Principal, project: &ProjectName, input: Input, how: Save) -> Result<RetentionId> {
    let (now, caller, project) = (ctx.now(), who.clone(), project.clone());
    let said: Vec<String> = input.rules.iter().map(|rule| format!("{}{}", rule.sentence(), if rule.disabled { " (disabled)" } else { "" })).collect();
    let event = Event::RetentionSet {
        project: project.to_string(), rules: said.join("; "), uncovered: input.uncovered.map(Uncovered::key).unwrap_or_default().to_owned(), cron: input.cron.clone(),
    };
    ctx.change(who, event, async move |c| {
        let right = if how == Save::New { Action::RetentionCreate } else { Action::RetentionUpdate };
        let mut proof = access::project(c, now, &caller, &project, right).await?;
        check(&input, now)?;
        let id = proof.project.id;
        labels_are_there(proof.conn(), id, &input.rules).await?;
        let before = sql::of_project(proof.conn(), id).await?;
        if before.is_none() && how == Save::Either {
            proof.require(Action::RetentionCreate)?;
        }
        let c = proof.conn();
        let policy = match (&before, how) {
            (Some(_), Save::New) => return Err(Error::conflict("scope", format!("is taken: {project} has a retention policy, change that one"))),
            (None, Save::Change) => return Err(none(&project)),
            (before, _) if input.seen.is_some_and(|seen| seen != before.as_ref().map_or(Stamp(0), |policy| policy.updated_at)) => {
                return Err(Error::Precondition("the policy was changed meanwhile: look at it again".to_owned()));
            }
            (Some(before), _) => {
                sql::update(c, now, before.id, &input.rules, input.uncovered.unwrap_or(before.uncovered)).await?;
                before.id
            }
            (None, _) => sql::insert(c, now, id, &input.rules, input.uncovered.unwrap_or_default())
                .await?
                .ok_or_else(|| Error::Unavailable("it was made at the same time".to_owned()))?,
        };
        if let Some(cron) = &input.cron {
            schedules::set(c, now, Kind::Retention, &policy.to_string(), Some(cron)).await?;
        }
        Ok(policy)
    })
    .await
}

/// Takes a project's policy away: nothing is removed any more. Its runs stay to be read as long as others.
pub async fn delete(ctx: &Ctx, who: &Principal, project: &ProjectName) -> Result<()> {
    let (now, caller, project) = (ctx.now(), who.clone(), project.clone());
    ctx.change(who, Event::RetentionDeleted { project: project.to_string() }, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::RetentionDelete).await?;
        let id = proof.project.id;
        let c = proof.conn();
        let policy = sql::of_project(c, id).await?.ok_or_else(|| none(&project))?;
        if sql::unsettled(c, policy.id).await?.is_some() {
            return Err(Error::Precondition("a run of it is under way: stop it first".to_owned()));
        }
        sql::delete(c, now, policy.id).await
    })
    .await
}

/// Starts a run. One at a time of a policy.
pub async fn start(ctx: &Ctx, who: &Principal, project: &ProjectName, dry_run: bool) -> Result<RetentionRunId> {
    let started = begin(ctx, who, project, Trigger::Manual, dry_run, None).await?;
    started.ok_or_else(|| Error::Internal("a run without a clock waited for one".to_owned()))
}

/// Starts the run whose clock is due. While one is under way it stays due, and while the server is read-only.
pub(crate) async fn start_due(ctx: &Ctx, due: &Due) -> Result<()> {
    let id = RetentionId(due.key.parse().unwrap_or_default());
    let (project, busy) = {
        let mut c = ctx.db.read().await?;
        (sql::project_of(&mut c, id).await?, sql::unsettled(&mut c, id).await?.is_some())
    };
    match project {
        // Its project is gone, and so is what it is for.
        None => ctx.db.write_content({ let (now, key) = (ctx.now(), due.key.clone()); async move |c| schedules::set(c, now, Kind::Retention, &key, None).await }).await,
        Some(_) if busy || ctx.configuration().read_only => Ok(()),
        Some(project) => begin(ctx, &Principal::system(), &project, Trigger::Schedule, false, Some(due.clone())).await.map(drop),
    }
}

async fn begin(ctx: &Ctx, who: &Principal, project: &ProjectName, trigger: Trigger, dry_run: bool, due: Option<Due>) -> Result<Option<RetentionRunId>> {
    if !dry_run && ctx.configuration().read_only {
        return Err(Error::Precondition("this server is read-only for now: nothing is removed, only a dry run can be made".to_owned()));
    }
    let (now, caller, project) = (ctx.now(), who.clone(), project.clone());
    let started = ctx
        .change(who, Event::RetentionStarted { project: project.to_string(), dry_run }, async move |c| {
            let mut proof = access::project(c, now, &caller, &project, Action::RetentionOperate).await?;
            let id = proof.project.id;
            let c = proof.conn();
            if let Some(due) = &due
                && !schedules::took(c, now, due).await?
            {
                return Ok(None);
            }
            let policy = sql::of_project(c, id).await?.ok_or_else(|| none(&project))?;
            if let Some(run) = sql::unsettled(c, policy.id).await? {
                return Err(Error::Precondition(format!("run {run} is still under way: wait for it, or stop it")));
            }
            let run = sql::insert_run(c, now, &policy, trigger, dry_run, &caller.name()).await?;
            jobs::enqueue(c, now, JOB, &run.to_string(), ("", "")).await?;
            Ok(Some(run))
        })
        .await?;
    ctx.local.work.notify_waiters();
    Ok(started)
}

/// Asks a run to stop; what it removed stays removed.
pub async fn stop(ctx: &Ctx, who: &Principal, project: &ProjectName, run: RetentionRunId) -> Result<()> {
    let (now, caller, project) = (ctx.now(), who.clone(), project.clone());
    ctx.change(who, Event::RetentionStopped { project: project.to_string(), run: run.0 }, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::RetentionOperate).await?;
        let id = proof.project.id;
        let c = proof.conn();
        let found = sql::get_run(c, id, run).await?.ok_or_else(|| Error::not_found("run", run))?;
        if found.status.settled() {
            return Err(Error::Precondition(format!("run {run} has ended")));
        }
        if !jobs::request_stop(c, JOB, &run.to_string()).await? {
            sql::end(c, now, run, RunStatus::Stopped, "").await?;
        }
        Ok(())
    })
    .await
}

/// Runs of a project's policy, newest first, and of those that it had before.
pub async fn runs(ctx: &Ctx, who: &Principal, project: &ProjectName, query: &Query) -> Result<Page<RetentionRun>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::RetentionList).await?;
    let id = proof.project.id;
    sql::runs(proof.conn(), id, query).await
}

/// A run as its page shows it.
pub struct Shown {
    pub run: RetentionRun,
    /// As they were when it was asked for, each with how many it kept.
    pub rules: Vec<(RetentionRule, i64)>,
    pub log: String,
}

/// Which of a run's results are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    pub fate: Option<Fate>,
    pub task: Option<i64>,
    /// The rule at this place kept it, or took it.
    pub rule: Option<u32>,
}

/// One run.
pub async fn get_run(ctx: &Ctx, who: &Principal, project: &ProjectName, run: RetentionRunId) -> Result<Shown> {
    let mut c = ctx.db.read().await?;
    let (c, run) = seen(ctx, &mut c, who, project, run).await?;
    let (rules, log) = sql::rules_and_log(c, run.id).await?;
    let kept = sql::kept_by(c, run.id, rules.len()).await?;
    Ok(Shown { run, rules: rules.into_iter().zip(kept).collect(), log })
}

async fn seen<'c>(
    ctx: &Ctx,
    c: &'c mut AnyConnection,
    who: &Principal,
    project: &ProjectName,
    run: RetentionRunId,
) -> Result<(&'c mut AnyConnection, RetentionRun)> {
    let missing = || Error::not_found("run", run);
    let id = access::project(&mut *c, ctx.now(), who, project, Action::RetentionRead).await?.project.id;
    let found = sql::get_run(c, id, run).await?.ok_or_else(missing)?;
    Ok((c, found))
}

/// A run's tasks: one a repository.
pub async fn tasks(ctx: &Ctx, who: &Principal, project: &ProjectName, run: RetentionRunId, query: &Query) -> Result<Page<RetentionTask>> {
    let mut c = ctx.db.read().await?;
    let (c, run) = seen(ctx, &mut c, who, project, run).await?;
    sql::tasks(c, run.id, query).await
}

/// What became of a run's artifacts.
pub async fn results(ctx: &Ctx, who: &Principal, project: &ProjectName, run: RetentionRunId, asked: &Asked, query: &Query) -> Result<Page<RetentionResult>> {
    let mut c = ctx.db.read().await?;
    let (c, run) = seen(ctx, &mut c, who, project, run).await?;
    let (rules, _) = sql::rules_and_log(c, run.id).await?;
    sql::results(c, run.id, &rules, asked, query).await
}

/// Why something became of an artifact, by the rules that took or kept it.
fn why(fate: Fate, by: i64, rules: &[RetentionRule], held: &str) -> String {
    let numbers: Vec<String> = (0..rules.len()).filter(|n| by & 1 << n != 0).map(|n| (n + 1).to_string()).collect();
    let named = match numbers.as_slice() {
        [] => String::new(),
        [one] => format!("rule {one}"),
        [all @ .., last] => format!("rules {} and {last}", all.join(", ")),
    };
    match fate {
        Fate::Kept => format!("kept by {named}"),
        Fate::Removed if named.is_empty() => "no rule takes it".to_owned(),
        Fate::Removed if numbers.len() == 1 => format!("{named} takes it and does not keep it"),
        Fate::Removed => format!("{named} take it and do not keep it"),
        Fate::Uncovered => "no rule takes it".to_owned(),
        Fate::Held => held.to_owned(),
    }
}

/// Most artifacts that a look ahead judges.
const FORESEEN: i64 = 200_000;

/// Most artifacts of which it asks whether an immutable tag keeps them.
const ASKED: usize = 2000;

/// What a policy would do now.
#[derive(Clone, Debug, Default)]
pub struct Foreseen {
    pub sums: Sums,
    pub repositories: i64,
    /// Repositories of which nothing would be left, the first few.
    pub emptied: Vec<String>,
    /// There are so many artifacts that not all were looked at.
    pub more: bool,
}

/// What a policy would do now, for who may change it.
pub async fn foresee(ctx: &Ctx, who: &Principal, project: &ProjectName, input: &Input) -> Result<Foreseen> {
    let now = ctx.now();
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, now, who, project, Action::RetentionUpdate).await?;
    check(input, now)?;
    let (id, row) = (proof.project.id, proof.project.clone());
    let c = proof.conn();
    labels_are_there(c, id, &input.rules).await?;
    let before = sql::of_project(c, id).await?.map(|policy| policy.uncovered);
    let judge = Judge::new(&input.rules, input.uncovered.or(before).unwrap_or_default(), now)?;
    let (mut foreseen, mut after, mut looked, mut asked) = (Foreseen::default(), 0, 0, 0);
    loop {
        let part = sql::repositories(c, id, after, 100).await?;
        let Some((last, _)) = part.last() else { break };
        after = *last;
        for (repository, name) in &part {
            if looked >= FORESEEN {
                foreseen.more = true;
                return Ok(foreseen);
            }
            let Some(mut judged) = judge.repository(c, *repository, name).await? else { continue };
            looked += judged.len() as i64;
            let held = judge::held_by_indexes(c, &judged).await?;
            judged.iter_mut().filter(|one| held.contains_key(&one.candidate.id)).for_each(|one| one.fate = Fate::Held);
            let locks = Locks::of(&row, &name.parse().map_err(|_| Error::Internal(format!("repository name {name:?} in the database")))?)?;
            if !locks.is_empty() {
                for one in judged.iter_mut().filter(|one| one.fate == Fate::Removed) {
                    asked += 1;
                    if asked > ASKED {
                        foreseen.more = true;
                        break;
                    }
                    if locks.over(c, &[one.candidate.id]).await?.is_some() {
                        one.fate = Fate::Held;
                    }
                }
            }
            let of = |fate: Fate| judged.iter().filter(|one| one.fate == fate).count() as i64;
            foreseen.repositories += 1;
            foreseen.sums.kept += of(Fate::Kept);
            foreseen.sums.removed += of(Fate::Removed);
            foreseen.sums.uncovered += of(Fate::Uncovered);
            foreseen.sums.held += of(Fate::Held);
            if !judged.is_empty() && of(Fate::Removed) == judged.len() as i64 && foreseen.emptied.len() < 5 {
                foreseen.emptied.push(name.clone());
            }
        }
    }
    Ok(foreseen)
}
