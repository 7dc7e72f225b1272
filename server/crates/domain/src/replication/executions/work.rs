//! The worker's side: what to do, and what was done. These functions are for the job that holds the execution's lease;
//! the right was checked when it was started, and the rule is read again when it runs.

use super::sql;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::replication::removals;
use crate::replication::rules::{self, Candidate, Collisions};
use crate::selectors::Matcher;
use model::accessory::Kind;
use model::replication::execution::TaskStatus;
use model::run::RunStatus;
use model::replication::rule::{Rule, RuleInput, destination};
use model::{ExecutionId, Stamp, TaskId};

/// An execution to run.
pub struct Work {
    pub id: ExecutionId,
    pub rule: Rule,
    only: Option<model::ArtifactId>,
    /// All its tasks are made.
    planned: bool,
}

impl Work {
    /// An execution of all that its rule takes.
    pub(in crate::replication) fn of(id: ExecutionId, rule: Rule) -> Work {
        Work { id, rule, only: None, planned: true }
    }

    /// Is it about one artifact alone?
    pub fn of_one(&self) -> bool {
        self.only.is_some()
    }
}

/// Tasks of one write, and of one look.
const SLICE: usize = 200;

/// One artifact to copy.
#[derive(Clone, Debug)]
pub struct WorkTask {
    pub id: TaskId,
    /// `project/repository` here, and there.
    pub source: String,
    pub destination: String,
    pub digest: String,
    pub tags: Vec<String>,
    /// It is to be removed there.
    pub removes: bool,
}

/// How far a task is.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub status: Option<TaskStatus>,
    pub bytes_done: i64,
    pub bytes_total: i64,
    pub accessories: Vec<Kind>,
    pub error: String,
    /// Lines to add to the log.
    pub log: String,
}

/// Reads what the job is about and marks it running. `None`: the execution is gone or settled.
pub async fn open(ctx: &Ctx, key: &str) -> Result<Option<Work>> {
    let Ok(id) = key.parse::<ExecutionId>() else { return Ok(None) };
    let now = ctx.now();
    ctx.db
        .write(async move |c| {
            let Some(execution) = sql::get(c, id).await? else { return Ok(None) };
            if execution.status.settled() {
                return Ok(None);
            }
            let rule = rules::by_id(c, execution.rule_id).await?;
            let Some(rule) = rule else { return Ok(None) };
            // It was disabled while this waited.
            if !rule.input.enabled {
                sql::settle(c, now, id, TaskStatus::Stopped).await?;
                sql::set_status(c, id, RunStatus::Stopped, "the rule was disabled before this began", Some(now)).await?;
                return Ok(None);
            }
            sql::set_status(c, id, RunStatus::Running, "", None).await?;
            // What a killed worker left half done starts again; blobs that arrived stand there.
            sql::reset_running(c, id).await?;
            let only = sql::only_artifact(c, id).await?;
            Ok(Some(Work { id, rule, only, planned: sql::is_planned(c, id).await? }))
        })
        .await
}

/// Makes the tasks, unless they are made, in slices that pushes pass. A plan that was cut begins anew.
pub async fn plan(ctx: &Ctx, work: &Work) -> Result<()> {
    let id = work.id;
    if work.planned {
        return Ok(());
    }
    while ctx.db.write_content(async move |c| sql::drop_tasks(c, id, SLICE as i64).await).await? > 0 {}
    let (matcher, input) = (Matcher::new(&work.rule.input.selector())?, &work.rule.input);
    let sources = rules::sources(&mut *ctx.db.read().await?, &matcher).await?;
    let (mut collisions, mut made) = (Collisions::among(&sources, input), 0);
    for source in &sources {
        // Of one artifact alone it is asked as of all whether another has its place.
        let there = destination(&source.name(), &input.namespace, input.flatten);
        let only = work.only.filter(|_| !there.is_ok_and(|there| collisions.is_shared(&there)));
        let mut after = 0;
        loop {
            let (part, next) = {
                let mut c = ctx.db.read().await?;
                rules::candidates(&mut c, &matcher, source, only, after, rules::SLICE).await?
            };
            let all = part.into_iter().map(|candidate| planned(candidate, input, &mut collisions));
            let planned: Vec<Planned> = all.filter(|(candidate, ..)| work.only.is_none_or(|only| candidate.id == only)).collect();
            made += planned.len();
            if !planned.is_empty() {
                let now = ctx.now();
                ctx.db.write_content(async move |c| insert(c, now, id, &planned).await).await?;
            }
            let Some(next) = next else { break };
            after = next;
        }
    }
    if work.only.is_some() && made == 0 {
        return Err(Error::Precondition("the rule does not match this artifact".to_owned()));
    }
    ctx.db.write_content(async move |c| sql::set_planned(c, id).await).await
}

/// An artifact, where it comes from, and where it goes or why it cannot.
type Planned = (Candidate, String, std::result::Result<String, String>);

fn planned(candidate: Candidate, input: &RuleInput, collisions: &mut Collisions) -> Planned {
    let source = candidate.source();
    let there = destination(&source, &input.namespace, input.flatten);
    let there = there.and_then(|there| match collisions.note(&candidate, &there) {
        Some(collision) => Err(collision),
        None => Ok(there),
    });
    (candidate, source, there)
}

async fn insert(c: &mut sqlx::AnyConnection, now: Stamp, id: ExecutionId, planned: &[Planned]) -> Result<()> {
    for (candidate, source, there) in planned {
        sql::insert_task(c, now, id, candidate, source, there.clone()).await?;
    }
    Ok(())
}

/// Some of the tasks that are left to do.
pub async fn pending(ctx: &Ctx, work: &Work) -> Result<Vec<WorkTask>> {
    sql::pending(&mut *ctx.db.read().await?, work.id, SLICE as i64).await
}

/// What a task would copy is there already: it is counted, and nothing more is kept of it.
pub async fn unchanged(ctx: &Ctx, execution: ExecutionId, task: TaskId) -> Result<()> {
    ctx.db.write_content(async move |c| sql::unchanged(c, execution, task).await).await
}

/// Notes how far a task is.
pub async fn note(ctx: &Ctx, task: TaskId, progress: Progress) -> Result<()> {
    let now = ctx.now();
    ctx.db.write_content(async move |c| sql::note(c, now, task, &progress).await).await
}

/// What was not finished when the worker stopped.
pub async fn settle(ctx: &Ctx, id: ExecutionId, status: TaskStatus) -> Result<()> {
    let now = ctx.now();
    ctx.db.write_content(async move |c| sql::settle(c, now, id, status).await).await
}

/// Ends an execution: its status follows from its tasks, or from what stopped or failed it as a whole.
pub async fn close(ctx: &Ctx, id: ExecutionId, whole: Option<(RunStatus, String)>) -> Result<()> {
    let now = ctx.now();
    ctx.db
        .write(async move |c| {
            let Some(execution) = sql::get(c, id).await? else { return Ok(()) };
            let (status, text) = match whole.clone() {
                Some(whole) => whole,
                None if execution.removals_left > 0 => (RunStatus::PartlyFailed, removals::asks(execution.removals_left)),
                None if execution.total == 0 => (RunStatus::Empty, "the rule matches no artifact: see what its patterns match".to_owned()),
                None if execution.failed == 0 && execution.stopped == 0 => (RunStatus::Succeeded, String::new()),
                None if execution.succeeded + execution.skipped + execution.partly == 0 => (RunStatus::Failed, String::new()),
                None => (RunStatus::PartlyFailed, String::new()),
            };
            sql::set_status(c, id, status, &text, Some(now)).await
        })
        .await
}
