//! Server functions of executions.

use crate::answer::Answer;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use crate::server::Call;
use crate::wire::{FormBody, Query};
use leptos::prelude::*;
use model::execution::{Execution, Task};
use model::rule::Rule;
use model::{ArtifactId, ExecutionId, Page, RuleId, TaskId};
use serde::{Deserialize, Serialize};

/// An execution with its rule and tasks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExecutionPage {
    pub rule: Rule,
    pub execution: Execution,
    pub tasks: Page<Task>,
}

#[server(prefix = "/fn", endpoint = "execution", protocol = Query)]
pub async fn get(rule: RuleId, id: ExecutionId, after: String) -> Result<ExecutionPage, UiError> {
    let call = Call::here()?;
    let (ctx, who) = (&call.ctx, &call.who);
    let execution = call.read(domain::executions::get(ctx, who, id).await)?;
    if execution.rule_id != rule {
        return Err(UiError::NotFound(format!("execution {id}")));
    }
    let query = model::list::Query::portal(None, None, after.parse().ok());
    let rule = call.read(domain::rules::get(ctx, who, rule).await)?;
    let tasks = call.read(domain::executions::tasks(ctx, who, id, &query).await)?;
    Ok(ExecutionPage { rule, execution, tasks })
}

#[server(prefix = "/fn", endpoint = "task", protocol = Query)]
pub async fn get_task(execution: ExecutionId, id: TaskId) -> Result<(Task, String), UiError> {
    let call = Call::here()?;
    call.read(domain::executions::task(&call.ctx, &call.who, execution, id).await)
}

#[cfg(feature = "ssr")]
async fn start(rule: RuleId, artifact: Option<ArtifactId>) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::executions::start(&call.ctx, &call.who, rule, artifact).await;
    call.answer(done.map(|id| Answer::done(paths::execution(rule, id), "Replication has started.")))
}

#[server(prefix = "/fn", endpoint = "rule/execute", protocol = FormBody)]
pub async fn execute(rule: RuleId) -> Result<Answer, UiError> {
    start(rule, None).await
}

#[server(prefix = "/fn", endpoint = "artifact/replicate", protocol = FormBody)]
pub async fn replicate(rule: RuleId, artifact: ArtifactId) -> Result<Answer, UiError> {
    start(rule, Some(artifact)).await
}

#[server(prefix = "/fn", endpoint = "execution/stop", protocol = FormBody)]
pub async fn stop(rule: RuleId, id: ExecutionId) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::executions::stop(&call.ctx, &call.who, id).await;
    call.answer(done.map(|()| Answer::done(paths::execution(rule, id), "The execution is stopping.")))
}

#[server(prefix = "/fn", endpoint = "execution/retry", protocol = FormBody)]
pub async fn retry(id: ExecutionId) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let rule = call.read(domain::executions::get(&call.ctx, &call.who, id).await)?.rule_id;
    let done = domain::executions::retry(&call.ctx, &call.who, id).await;
    call.answer(done.map(|again| Answer::done(paths::execution(rule, again), "What failed is tried again.")))
}
