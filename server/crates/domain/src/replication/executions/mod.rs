//! Executions of replication rules: started here, run by the worker of `replication`, watched by everybody who may.

pub(crate) mod sql;
mod uploads;
mod work;

pub use uploads::{RemoteBlob, forget_upload, note_upload, take_upload};
pub use work::{Progress, Work, WorkTask, close, note, open, pending, plan, settle, unchanged};

use crate::access;
use crate::ctx::Ctx;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::jobs;
use crate::replication::removals;
use model::replication::execution::{Execution, Task, TaskStatus};
use model::run::RunStatus;
use model::list::Query;
use model::{ArtifactId, ExecutionId, Page, RuleId, Stamp, TaskId};
use sqlx::AnyConnection;

/// The kind of its job; the key is the execution's id.
pub const JOB: &str = "replication";

/// What a stopped execution says.
pub const STOPPED: &str = "stopped by an administrator";

/// Executions of one rule that wait for the one before them; more are refused.
const WAITING: i64 = 10;

/// Executions of a rule run one after the other: two at once would send everything twice.
fn lane(rule: RuleId) -> String {
    format!("rule {rule}")
}

/// Checks that another execution of the rule may be queued; answers when the rule was changed last.
pub(super) async fn may_run(c: &mut AnyConnection, rule: RuleId) -> Result<Stamp> {
    let (enabled, changed) = sql::rule_state(c, rule).await?.ok_or_else(|| Error::not_found("replication rule", rule))?;
    if !enabled {
        return Err(Error::Precondition("the rule is disabled: enable it first".to_owned()));
    }
    let waiting = sql::waiting(c, rule).await?;
    if waiting >= WAITING {
        return Err(Error::Precondition(format!("{waiting} executions of this rule wait already: they run one after the other")));
    }
    Ok(changed)
}

/// Makes an execution's job.
pub(super) async fn enqueue(c: &mut AnyConnection, now: Stamp, rule: RuleId, id: ExecutionId) -> Result<()> {
    let crowd = sql::target_url(c, rule).await?;
    jobs::enqueue(c, now, JOB, &id.to_string(), (&lane(rule), &crowd)).await
}

/// Runs a rule now: for all it matches, or for one artifact.
pub async fn start(ctx: &Ctx, who: &Principal, rule: RuleId, artifact: Option<ArtifactId>) -> Result<ExecutionId> {
    let (now, caller) = (ctx.now(), who.clone());
    let id = ctx
        .change(who, Event::RuleExecuted { rule: rule.0, artifact: artifact.map(|id| id.0) }, async move |c| {
            let mut proof = access::system(c, now, &caller).await?;
            let c = proof.conn();
            may_run(c, rule).await?;
            if let Some(artifact) = artifact
                && !sql::artifact_exists(c, artifact).await?
            {
                return Err(Error::not_found("artifact", artifact));
            }
            let id = sql::insert(c, now, rule, artifact, &caller.name()).await?;
            enqueue(c, now, rule, id).await?;
            Ok(id)
        })
        .await?;
    ctx.local.work.notify_waiters();
    Ok(id)
}

/// Executions of a rule, or of all rules, newest first.
pub async fn list(
    ctx: &Ctx,
    who: &Principal,
    rule: Option<RuleId>,
    status: Option<RunStatus>,
    query: &Query,
) -> Result<Page<Execution>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::list(proof.conn(), rule, status, query).await
}

/// One execution.
pub async fn get(ctx: &Ctx, who: &Principal, id: ExecutionId) -> Result<Execution> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::get(proof.conn(), id).await?.ok_or_else(|| Error::not_found("execution", id))
}

/// Its tasks, one an artifact.
pub async fn tasks(ctx: &Ctx, who: &Principal, id: ExecutionId, status: Option<&[TaskStatus]>, query: &Query) -> Result<Page<Task>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::get(proof.conn(), id).await?.ok_or_else(|| Error::not_found("execution", id))?;
    sql::tasks(proof.conn(), id, status, query).await
}

/// A task with its log, which a person can read. A task of another execution is not found.
pub async fn task(ctx: &Ctx, who: &Principal, id: ExecutionId, task: TaskId) -> Result<(Task, String)> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::task(proof.conn(), id, task).await?.ok_or_else(|| Error::not_found("task", task))
}

/// Stops an execution: what is copied stays, what is under way ends, what waits does not start.
pub async fn stop(ctx: &Ctx, who: &Principal, id: ExecutionId) -> Result<()> {
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::ExecutionStopped { execution: id.0 }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        let c = proof.conn();
        let execution = sql::get(c, id).await?.ok_or_else(|| Error::not_found("execution", id))?;
        if execution.status.settled() {
            return Ok(());
        }
        if jobs::withdraw(c, JOB, &id.to_string()).await? {
            // No worker has it, so none need be asked.
            sql::settle(c, now, id, TaskStatus::Stopped).await?;
            return sql::set_status(c, id, RunStatus::Stopped, STOPPED, Some(now)).await;
        }
        jobs::request_stop(c, JOB, &id.to_string()).await?;
        Ok(())
    })
    .await?;
    ctx.local.work.notify_waiters();
    Ok(())
}

/// A new execution of what failed or was stopped in this one.
pub async fn retry(ctx: &Ctx, who: &Principal, id: ExecutionId) -> Result<ExecutionId> {
    let (now, caller) = (ctx.now(), who.clone());
    let again = ctx
        .change(who, Event::ExecutionRetried { execution: id.0 }, async move |c| {
            let mut proof = access::system(c, now, &caller).await?;
            let c = proof.conn();
            let execution = sql::get(c, id).await?.ok_or_else(|| Error::not_found("execution", id))?;
            if !execution.status.settled() {
                return Err(Error::Precondition("the execution is still running".to_owned()));
            }
            if may_run(c, execution.rule_id).await? > execution.started_at {
                return Err(Error::Precondition("the rule was changed since: what failed may go elsewhere by now, so run the rule".to_owned()));
            }
            let only = sql::only_artifact(c, id).await?;
            let again = sql::insert(c, now, execution.rule_id, only, &caller.name()).await?;
            let copied = sql::copy_failed(c, id, again).await?;
            // One that failed before it was planned is planned again.
            if copied == 0 && execution.total > 0 {
                return Err(Error::Precondition(match execution.failed {
                    0 => "nothing of it failed".to_owned(),
                    _ => "what failed has no place at the destination by this rule: change that, then run it".to_owned(),
                }));
            }
            if copied > 0 {
                sql::set_planned(c, again).await?;
                removals::set_planned(c, again).await?;
            }
            enqueue(c, now, execution.rule_id, again).await?;
            Ok(again)
        })
        .await?;
    ctx.local.work.notify_waiters();
    Ok(again)
}
