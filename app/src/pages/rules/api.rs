//! Server functions of replication rules.

use crate::answer::Answer;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use crate::server::Call;
use crate::wire::{FormBody, Query};
use leptos::prelude::*;
use model::execution::Execution;
use model::rule::Rule;
#[cfg(feature = "ssr")]
use model::rule::{RuleInput, TagMode};
use model::target::Target;
use model::{Page, ProjectName, RuleId};
use serde::{Deserialize, Serialize};

#[server(prefix = "/fn", endpoint = "rules", protocol = Query)]
pub async fn list(q: String, sort: String, after: String) -> Result<Page<Rule>, UiError> {
    let call = Call::here()?;
    let query = model::list::Query::portal(Some(q), Some(sort), after.parse().ok());
    call.read(domain::rules::list(&call.ctx, &call.who, &query).await)
}

#[server(prefix = "/fn", endpoint = "rules/of-project", protocol = Query)]
pub async fn of_project(project: ProjectName) -> Result<Vec<Rule>, UiError> {
    let call = Call::here()?;
    call.read(domain::rules::of_project(&call.ctx, &call.who, &project).await)
}

/// A rule with its executions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RulePage {
    pub rule: Rule,
    pub executions: Page<Execution>,
}

#[server(prefix = "/fn", endpoint = "rule", protocol = Query)]
pub async fn get(id: RuleId, after: String) -> Result<RulePage, UiError> {
    let call = Call::here()?;
    let query = model::list::Query::portal(None, None, after.parse().ok());
    let rule = call.read(domain::rules::get(&call.ctx, &call.who, id).await)?;
    let executions = call.read(domain::executions::list(&call.ctx, &call.who, Some(id), None, &query).await)?;
    Ok(RulePage { rule, executions })
}

/// What the form needs: the targets, and the rule that is changed (0: a new one).
#[server(prefix = "/fn", endpoint = "rules/form", protocol = Query)]
pub async fn form(id: i64) -> Result<(Option<Rule>, Vec<Target>), UiError> {
    let call = Call::here()?;
    let rule = match id {
        0 => None,
        id => Some(call.read(domain::rules::get(&call.ctx, &call.who, RuleId(id)).await)?),
    };
    let targets = domain::targets::list(&call.ctx, &call.who, &model::list::Query::all(1000)).await;
    Ok((rule, call.read(targets)?.items))
}

/// What stands in the form, as text.
#[cfg(feature = "ssr")]
#[allow(clippy::too_many_arguments)]
fn input(
    name: String,
    description: String,
    target_id: String,
    repositories: String,
    tag_mode: String,
    tags: String,
    namespace: String,
    flatten: String,
    overwrite: bool,
    enabled: bool,
) -> Result<RuleInput, Answer> {
    let mut problems = model::Problems::new();
    let target = target_id.parse::<i64>().unwrap_or(0);
    if target == 0 {
        problems.add("target_id", "must be chosen");
    }
    let mode = TagMode::from_key(&tag_mode);
    if mode.is_none() {
        problems.add("tag_mode", "must be matching or excluding");
    }
    problems.check().map_err(Answer::Wrong)?;
    Ok(RuleInput {
        name: name.trim().to_owned(),
        description,
        target_id: model::TargetId(target),
        repositories: repositories.trim().to_owned(),
        tag_mode: mode.unwrap_or_default(),
        tags: tags.trim().to_owned(),
        namespace: namespace.trim().trim_matches('/').to_owned(),
        flatten: flatten.parse().unwrap_or(0),
        overwrite,
        enabled,
    })
}

/// Makes a rule, or changes the one with `id`.
#[server(prefix = "/fn", endpoint = "rule/save", protocol = FormBody)]
pub async fn save(
    #[server(default)] id: i64,
    name: String,
    description: String,
    #[server(default)] target_id: String,
    repositories: String,
    tag_mode: String,
    tags: String,
    namespace: String,
    flatten: String,
    #[server(default)] overwrite: bool,
    #[server(default)] enabled: bool,
) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let input = input(name, description, target_id, repositories, tag_mode, tags, namespace, flatten, overwrite, enabled);
    let input = match input {
        Ok(input) => input,
        Err(answer) => return Ok(answer),
    };
    let done = match id {
        0 => domain::rules::create(&call.ctx, &call.who, input).await,
        id => domain::rules::update(&call.ctx, &call.who, RuleId(id), input).await,
    };
    call.answer(done.map(|r| Answer::done(paths::rule(r.id), format!("Replication rule {} was saved.", r.input.name))))
}

/// What the form would match now.
#[server(prefix = "/fn", endpoint = "rule/preview", protocol = FormBody)]
pub async fn preview(
    #[server(default)] id: i64,
    name: String,
    description: String,
    #[server(default)] target_id: String,
    repositories: String,
    tag_mode: String,
    tags: String,
    namespace: String,
    flatten: String,
    #[server(default)] overwrite: bool,
    #[server(default)] enabled: bool,
) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let _ = id;
    // A preview needs no target yet.
    let target = if target_id.is_empty() { "1".to_owned() } else { target_id };
    let input = input(name, description, target, repositories, tag_mode, tags, namespace, flatten, overwrite, enabled);
    let input = match input {
        Ok(input) => input,
        Err(answer) => return Ok(answer),
    };
    call.answer(domain::rules::preview(&call.ctx, &call.who, &input).await.map(Answer::Preview))
}

#[server(prefix = "/fn", endpoint = "rule/delete", protocol = FormBody)]
pub async fn delete(id: RuleId) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::rules::delete(&call.ctx, &call.who, id).await;
    call.answer(done.map(|()| Answer::done(paths::rules(), "The replication rule was deleted.")))
}
