//! The worker's side: what to do, and what was done. These functions are for the job that holds the execution's lease;
//! the right was checked when it was started, and the rule is read again when it runs.

use super::sql;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::replication::rules::{self, Candidate, Selector};
use model::accessory::Kind;
use model::replication::execution::TaskStatus;
use model::run::Status;
use model::replication::rule::{Rule, destination};
use model::{ExecutionId, TaskId};

/// An execution to run.
pub struct Work {
    pub id: ExecutionId,
    pub rule: Rule,
    only: Option<model::ArtifactId>,
    /// All its tasks are made.
    planned: bool,
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
    ctx.db
        .write(async move |c| {
            let Some(execution) = sql::get(c, id).await? else { return Ok(None) };
            if execution.status.settled() {
                return Ok(None);
            }
            let rule = rules::by_id(c, execution.rule_id).await?;
            let Some(rule) = rule else { return Ok(None) };
            sql::set_status(c, id, Status::Running, "", None).await?;
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
    let found: Vec<Candidate> = {
        let selector = Selector::new(&work.rule.input)?;
        rules::select(&mut *ctx.db.read().await?, &selector, work.only).await?
    };
    if work.only.is_some() && found.is_empty() {
        return Err(Error::Precondition("the rule does not match this artifact".to_owned()));
    }
    for part in found.chunks(SLICE) {
        let (part, input) = (part.to_vec(), work.rule.input.clone());
        let made = async move |c: &mut sqlx::AnyConnection| {
            for candidate in &part {
                let source = candidate.source();
                let there = destination(&source, &input.namespace, input.flatten);
                sql::insert_task(c, id, candidate, &source, there).await?;
            }
            Ok(())
        };
        ctx.db.write_content(made).await?;
    }
    ctx.db.write_content(async move |c| sql::set_planned(c, id).await).await
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
pub async fn close(ctx: &Ctx, id: ExecutionId, whole: Option<(Status, String)>) -> Result<()> {
    let now = ctx.now();
    ctx.db
        .write(async move |c| {
            let Some(execution) = sql::get(c, id).await? else { return Ok(()) };
            let (status, text) = match whole.clone() {
                Some(whole) => whole,
                None if execution.total == 0 => (Status::Succeeded, "the rule matches no artifact".to_owned()),
                None if execution.failed == 0 && execution.stopped == 0 => (Status::Succeeded, String::new()),
                None if execution.succeeded + execution.skipped == 0 => (Status::Failed, String::new()),
                None => (Status::PartlyFailed, String::new()),
            };
            sql::set_status(c, id, status, &text, Some(now)).await
        })
        .await
}
