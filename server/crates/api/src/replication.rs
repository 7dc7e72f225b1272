//! Replication policies (our rules), their executions, tasks and logs.

use crate::call::{Call, Json, created, done, id, ok, text};
use crate::errors::{Answer, ApiError};
use crate::list::{self, Asks, page};
use crate::registries;
use axum::extract::Path;
use domain::replication::{executions, rules, targets};
use model::replication::execution::{Execution, Task};
use model::run::Status;
use model::replication::rule::{Carried, Rule, RuleInput, TagMode};
use model::replication::target::Target;
use model::{ExecutionId, RuleId, Stamp, TargetId, TaskId};
use serde::Deserialize;
use serde_json::{Value, json};

/// Harbor's "unset".
const NEVER: &str = "0001-01-01T00:00:00.000Z";

fn at(stamp: Option<Stamp>) -> String {
    stamp.map_or_else(|| NEVER.to_owned(), Stamp::rfc3339)
}

fn show(rule: Rule, target: Option<Target>) -> Value {
    let input = &rule.input;
    let mut filters = Vec::new();
    if !input.repositories.is_empty() {
        filters.push(json!({ "type": "name", "value": input.repositories }));
    }
    if !input.tags.is_empty() {
        filters.push(json!({ "type": "tag", "value": input.tags, "decoration": input.tag_mode.key() }));
    }
    if input.resource != Carried::Any {
        filters.push(json!({ "type": "resource", "value": input.resource.key() }));
    }
    let dest = target.map(registries::show).unwrap_or_else(|| json!({ "id": input.target_id, "name": rule.target_name }));
    json!({
        "id": rule.id, "name": input.name, "description": input.description,
        "src_registry": { "id": 0, "name": "Local", "type": "harbor" }, "dest_registry": dest,
        "dest_namespace": input.namespace, "dest_namespace_replace_count": input.flatten,
        "trigger": { "type": "manual", "trigger_settings": { "cron": "" } },
        "filters": filters, "replicate_deletion": false, "deletion": false, "override": input.overwrite,
        "enabled": input.enabled, "speed": input.speed, "copy_by_chunk": input.chunked, "single_active_replication": input.single_active,
        "creation_time": rule.created_at.rfc3339(), "update_time": rule.updated_at.rfc3339(),
    })
}

#[derive(Deserialize, Default)]
pub struct RegistryRef {
    #[serde(default)]
    id: i64,
}

#[derive(Deserialize)]
pub struct Filter {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    decoration: String,
}

#[derive(Deserialize, Default)]
pub struct Trigger {
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
pub struct Input {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    src_registry: Option<RegistryRef>,
    #[serde(default)]
    dest_registry: Option<RegistryRef>,
    #[serde(default)]
    dest_namespace: String,
    #[serde(default)]
    dest_namespace_replace_count: Option<i64>,
    #[serde(default)]
    trigger: Option<Trigger>,
    #[serde(default)]
    filters: Option<Vec<Filter>>,
    #[serde(default)]
    replicate_deletion: bool,
    #[serde(default)]
    deletion: bool,
    #[serde(default, rename = "override")]
    overwrite: bool,
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    speed: i64,
    #[serde(default)]
    copy_by_chunk: bool,
    #[serde(default)]
    single_active_replication: bool,
}

impl Input {
    /// What this server does not do yet is refused unless it is the neutral default: never stored and ignored.
    fn rule(self) -> Result<RuleInput, ApiError> {
        let not_here = |what: &str| Err(ApiError::bad(format!("{what} is not something this server does")));
        if self.src_registry.is_some_and(|registry| registry.id != 0) {
            return not_here("a pull-based rule (src_registry)");
        }
        if self.trigger.is_some_and(|trigger| !matches!(trigger.kind.as_str(), "" | "manual")) {
            return not_here("a trigger other than manual");
        }
        if self.replicate_deletion || self.deletion {
            return not_here("replicating deletions");
        }
        // Where a client says nothing: Harbor's default, which does nothing without a namespace.
        let flatten = self.dest_namespace_replace_count.unwrap_or(if self.dest_namespace.is_empty() { 0 } else { -1 });
        let mut input = RuleInput {
            name: self.name,
            description: self.description,
            target_id: TargetId(self.dest_registry.unwrap_or_default().id),
            repositories: String::new(),
            tag_mode: TagMode::Matches,
            tags: String::new(),
            namespace: self.dest_namespace,
            flatten,
            resource: Carried::Any,
            speed: self.speed,
            chunked: self.copy_by_chunk,
            single_active: self.single_active_replication,
            overwrite: self.overwrite,
            enabled: self.enabled,
        };
        let mut seen = std::collections::HashSet::new();
        for filter in self.filters.unwrap_or_default() {
            let kind = filter.kind.as_str();
            let value = match &filter.value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                _ => return not_here(&format!("a {kind} filter of this form")),
            };
            if !seen.insert(filter.kind.clone()) {
                return not_here(&format!("more than one {kind} filter (write {{a,b}} in one)"));
            }
            match kind {
                "name" if matches!(filter.decoration.as_str(), "" | "matches") => input.repositories = value,
                "name" => return not_here("a name filter that excludes"),
                "tag" => {
                    input.tags = value;
                    input.tag_mode = TagMode::from_key(&filter.decoration)
                        .ok_or_else(|| ApiError::bad("decoration must be matches or excludes"))?;
                }
                "resource" if filter.decoration == "excludes" => return not_here("a resource filter that excludes"),
                "resource" => {
                    let known = Carried::from_key(&value);
                    input.resource = known.ok_or_else(|| ApiError::bad(format!("resource {value:?}: there are artifact, image and chart")))?;
                }
                _ => return not_here(&format!("a {kind} filter")),
            }
        }
        Ok(input)
    }
}

pub async fn list(call: Call) -> Answer {
    let (query, _) = list::query(&call, &Asks { sorts: &[("name", "name"), ("creation_time", "created")], name: "name", keys: &[] })?;
    page(&call, rules::list(&call.ctx, &call.who, &query).await?, |rule| show(rule, None))
}

pub async fn create(call: Call, Json(input): Json<Input>) -> Answer {
    call.signed_in()?;
    let rule = rules::create(&call.ctx, &call.who, input.rule()?).await?;
    created(format!("/api/v2.0/replication/policies/{}", rule.id), None)
}

pub async fn get(call: Call, Path(text): Path<String>) -> Answer {
    let rule = rules::get(&call.ctx, &call.who, RuleId(id(&text)?)).await?;
    let target = targets::get(&call.ctx, &call.who, rule.input.target_id).await?;
    ok(show(rule, Some(target)))
}

pub async fn update(call: Call, Path(text): Path<String>, Json(input): Json<Input>) -> Answer {
    call.signed_in()?;
    rules::update(&call.ctx, &call.who, RuleId(id(&text)?), input.rule()?).await?;
    done()
}

pub async fn delete(call: Call, Path(text): Path<String>) -> Answer {
    rules::delete(&call.ctx, &call.who, RuleId(id(&text)?)).await?;
    done()
}

fn show_execution(execution: Execution) -> Value {
    json!({
        "id": execution.id, "policy_id": execution.rule_id, "status": execution.status.harbor(),
        "status_text": execution.status_text, "trigger": execution.trigger.key(),
        "start_time": execution.started_at.rfc3339(), "end_time": at(execution.ended_at),
        "total": execution.total, "unchanged": execution.unchanged,
        "succeed": execution.succeeded + execution.skipped, "failed": execution.failed,
        "in_progress": execution.in_progress, "stopped": execution.stopped,
    })
}

#[derive(Deserialize)]
pub struct Start {
    policy_id: i64,
}

pub async fn start(call: Call, Json(start): Json<Start>) -> Answer {
    call.signed_in()?;
    let id = executions::start(&call.ctx, &call.who, RuleId(start.policy_id), None).await?;
    created(format!("/api/v2.0/replication/executions/{id}"), None)
}

pub async fn executions(call: Call) -> Answer {
    let (query, q) = list::query(&call, &Asks { sorts: &[("start_time", "started"), ("id", "id")], name: "", keys: &["policy_id", "status"] })?;
    let rule = match call.param("policy_id").or(q.text("policy_id")?) {
        None => None,
        Some(text) => Some(RuleId(id(text)?)),
    };
    let status = match call.param("status").or(q.text("status")?) {
        None => None,
        Some(word) => Some(
            Status::ALL
                .into_iter()
                .find(|status| status.harbor() == word && *status != Status::Queued)
                .ok_or_else(|| ApiError::bad("status must be InProgress, Succeed, Failed or Stopped"))?,
        ),
    };
    if call.param("trigger").is_some_and(|trigger| trigger != "manual") {
        return Err(ApiError::bad("trigger: here executions are started by hand: manual"));
    }
    page(&call, executions::list(&call.ctx, &call.who, rule, status, &query).await?, show_execution)
}

pub async fn execution(call: Call, Path(text): Path<String>) -> Answer {
    ok(show_execution(executions::get(&call.ctx, &call.who, ExecutionId(id(&text)?)).await?))
}

/// A new execution of what failed or was stopped in this one.
pub async fn retry(call: Call, Path(text): Path<String>) -> Answer {
    let again = executions::retry(&call.ctx, &call.who, ExecutionId(id(&text)?)).await?;
    created(format!("/api/v2.0/replication/executions/{again}"), None)
}

pub async fn stop(call: Call, Path(text): Path<String>) -> Answer {
    executions::stop(&call.ctx, &call.who, ExecutionId(id(&text)?)).await?;
    done()
}

fn show_task(task: Task) -> Value {
    let named = |place: &str| match task.tags.is_empty() {
        true => format!("{place}@{}", task.digest),
        false => format!("{place}:[{}]", task.tags.join(",")),
    };
    json!({
        "id": task.id, "execution_id": task.execution_id, "status": task.status.harbor(), "job_id": task.id.to_string(),
        "operation": "copy", "resource_type": "artifact",
        "src_resource": named(&task.source), "dst_resource": named(&task.destination),
        "start_time": at(task.started_at), "end_time": at(task.ended_at),
    })
}

pub async fn tasks(call: Call, Path(text): Path<String>) -> Answer {
    for name in ["status", "resource_type"] {
        if call.param(name).is_some() {
            return Err(ApiError::bad(format!("{name}: this list cannot be asked for it")));
        }
    }
    let (query, _) = list::query(&call, &Asks { sorts: &[("id", "id")], name: "", keys: &[] })?;
    page(&call, executions::tasks(&call.ctx, &call.who, ExecutionId(id(&text)?), &query).await?, show_task)
}

pub async fn log(call: Call, Path((execution, task)): Path<(String, String)>) -> Answer {
    let found = executions::task(&call.ctx, &call.who, ExecutionId(id(&execution)?), TaskId(id(&task)?)).await?;
    text(found.1)
}
