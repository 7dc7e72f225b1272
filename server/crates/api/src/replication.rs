//! Replication policies (our rules), their executions, tasks and logs.

use crate::answers::{Answer, Created, Done, Listed, Shown, Text, Time};
use crate::call::{Call, Json, id};
use crate::errors::{ApiError, by};
use crate::list::{self, As, Asks, TIMES, page};
use crate::registries::Registry;
use axum::extract::Path;
use domain::replication::{executions, removals, rules, targets};
use model::replication::execution::{self, TaskStatus};
use model::list::{Holds, Query};
use model::run::RunStatus;
use model::accessory::Kind;
use model::selector::{Clause, Of, Carried};
use model::replication::rule::{Rule, RuleInput, TagMode};
use model::replication::target::Target;
use model::{ExecutionId, Page, RuleId, TargetId, TaskId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

const SORTS: &[(&str, &str)] = &[("name", "name"), ("creation_time", "created"), ("update_time", "updated"), ("id", "id")];
const COLUMNS: &[(&str, &str, As)] = &[
    ("id", "id", As::Number), ("enabled", "enabled", As::Truth), ("dest_registry_id", "target", As::Number), ("description", "description", As::Text),
    TIMES[0], TIMES[1],
];

/// Members as this API calls them.
const NAMES: &[(&str, &str)] = &[("target_id", "dest_registry"), ("namespace", "dest_namespace"), ("flatten", "dest_namespace_replace_count"), ("repositories",
    "filters: name"), ("tags", "filters: tag"), ("further", "filters")];

/// A replication rule.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplicationPolicy)]
pub struct Policy {
    id: i64,
    name: String,
    description: String,
    src_registry: Local,
    dest_registry: Registry,
    dest_namespace: String,
    dest_namespace_replace_count: i64,
    trigger: Trigger,
    filters: Vec<Filter>,
    replicate_deletion: bool,
    deletion: bool,
    #[serde(rename = "override")]
    overwrite: bool,
    enabled: bool,
    speed: i64,
    copy_by_chunk: bool,
    single_active_replication: bool,
    /// Ours, not Harbor's: kinds of what is attached that may stay behind where the destination takes none.
    accept_missing: Vec<String>,
    creation_time: Time,
    update_time: Time,
}

/// This server, as Harbor names it among registries.
#[derive(Serialize, ToSchema)]
pub struct Local {
    id: i64,
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl Policy {
    fn new(rule: Rule, target: Target) -> Policy {
        let input = rule.input;
        let filter = |kind: &str, value: String, decoration: &str| {
            (!value.is_empty()).then(|| Filter { kind: kind.to_owned(), value: value.into(), decoration: decoration.to_owned() })
        };
        let tags = filter("tag", input.tags, input.tag_mode.key());
        let resource = filter("resource", input.resource.key().to_owned(), "");
        Policy {
            id: rule.id.0, name: input.name, description: input.description,
            src_registry: Local { id: 0, name: "Local", kind: "harbor" }, dest_registry: target.into(),
            dest_namespace: input.namespace, dest_namespace_replace_count: input.flatten,
            trigger: Trigger { kind: "manual".to_owned(), trigger_settings: Some(TriggerSettings { cron: String::new() }) },
            filters: filter("name", input.repositories, "").into_iter().chain(tags).chain(resource).chain(written(input.further)).collect(),
            accept_missing: input.accepts.iter().map(|kind| kind.key().to_owned()).collect(),
            replicate_deletion: input.removes, deletion: input.removes, overwrite: input.overwrite, enabled: input.enabled, speed: input.speed,
            copy_by_chunk: input.chunked, single_active_replication: input.single_active,
            creation_time: rule.created_at.into(), update_time: rule.updated_at.into(),
        }
    }
}

#[derive(Deserialize, Default, ToSchema)]
pub struct RegistryRef {
    #[serde(default)]
    id: i64,
}

/// What of all a rule is about.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = ReplicationFilter)]
pub struct Filter {
    /// name, tag, resource or label.
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    value: Value,
    /// matches or excludes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    decoration: String,
}

impl Filter {
    /// As this server understands it.
    fn read(self) -> Result<Vec<Clause>, ApiError> {
        let not_here = |what: String| Err(ApiError::bad(format!("filters: {what} is not something this server does")));
        let of = match self.kind.as_str() {
            "name" => Of::Repository,
            "tag" => Of::Tag,
            "resource" => Of::Resource,
            "label" => Of::Label,
            "" => return Err(ApiError::bad("filters: type is required: name, tag, resource or label")),
            kind => return not_here(format!("a {kind} filter")),
        };
        let mode = TagMode::from_key(&self.decoration).ok_or_else(|| ApiError::bad("filters: decoration must be matches or excludes"))?;
        let clause = |value: String| {
            let clause = Clause { of, excludes: mode == TagMode::Excludes, value };
            clause.check().map(|()| clause).map_err(|what| ApiError::bad(format!("filters: {what}")))
        };
        let value = match self.value {
            // Names of labels, all of which it carries.
            Value::Array(names) if of == Of::Label && !names.is_empty() => {
                let name = |name: Value| name.as_str().map(str::to_owned).ok_or_else(|| ApiError::bad("filters: the value of a label filter must be names of labels"));
                return names.into_iter().map(|value| clause(name(value)?)).collect();
            }
            Value::String(text) if text.is_empty() || text != text.trim() => {
                return Err(ApiError::bad(format!("filters: a {} filter needs a value without spaces around it; leave it out for all", self.kind)));
            }
            Value::String(text) => text,
            Value::Null => return Err(ApiError::bad(format!("filters: a {} filter needs a value; leave it out for all", self.kind))),
            _ => return not_here(format!("a {} filter of this form", self.kind)),
        };
        Ok(vec![clause(value)?])
    }
}

/// As Harbor's clients read them: labels of one sense in one filter.
fn written(clauses: Vec<Clause>) -> Vec<Filter> {
    let (labels, others): (Vec<Clause>, Vec<Clause>) = clauses.into_iter().partition(|clause| clause.of == Of::Label);
    let sense = |excludes: bool| {
        let names: Vec<Value> = labels.iter().filter(|clause| clause.excludes == excludes).map(|clause| clause.value.clone().into()).collect();
        let decoration = if excludes { "excludes" } else { "matches" };
        (!names.is_empty()).then(|| Filter { kind: "label".to_owned(), value: names.into(), decoration: decoration.to_owned() })
    };
    others.into_iter().map(Filter::from).chain([false, true].into_iter().filter_map(sense)).collect()
}

impl From<Clause> for Filter {
    fn from(filter: Clause) -> Filter {
        let decoration = if filter.excludes { "excludes" } else if filter.of == Of::Tag { "matches" } else { "" };
        Filter { kind: filter.of.key().to_owned(), value: filter.value.into(), decoration: decoration.to_owned() }
    }
}

/// What starts a rule: here a person does, `manual`.
#[derive(Serialize, Deserialize, Default, ToSchema)]
#[schema(as = ReplicationTrigger)]
pub struct Trigger {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    trigger_settings: Option<TriggerSettings>,
}

#[derive(Serialize, Deserialize, Default, ToSchema)]
#[schema(as = ReplicationTriggerSettings)]
pub struct TriggerSettings {
    #[serde(default)]
    cron: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ReplicationPolicyInput)]
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
    /// Ours, not Harbor's: cosign-signature, notation-signature, attestation, sbom, report, other.
    #[serde(default)]
    accept_missing: Vec<String>,
}

impl Input {
    /// What this server does not do yet is refused unless it is the neutral default: never stored and ignored.
    fn rule(self) -> Result<RuleInput, ApiError> {
        let not_here = |what: &str| Err(ApiError::bad(format!("{what} is not something this server does")));
        if self.src_registry.is_some_and(|registry| registry.id != 0) {
            return not_here("a pull-based rule (src_registry)");
        }
        if let Some(trigger) = &self.trigger {
            if !matches!(trigger.kind.as_str(), "" | "manual") {
                return not_here("a trigger other than manual");
            }
            if trigger.trigger_settings.as_ref().is_some_and(|settings| !settings.cron.is_empty()) {
                return not_here("a schedule (trigger.trigger_settings.cron)");
            }
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
            further: Vec::new(),
            accepts: Vec::new(),
            speed: self.speed,
            chunked: self.copy_by_chunk,
            single_active: self.single_active_replication,
            overwrite: self.overwrite,
            // Harbor's newer name, and its older one.
            removes: self.replicate_deletion || self.deletion,
            enabled: self.enabled,
        };
        for kind in &self.accept_missing {
            let known = Kind::ALL.into_iter().find(|known| known.key() == kind);
            input.accepts.push(known.ok_or_else(|| ApiError::bad(format!("accept_missing: {kind:?} is no kind of accessory")))?);
        }
        for filter in self.filters.unwrap_or_default() {
            for Clause { of, excludes, value } in filter.read()? {
                // The first of a kind stands in the form.
                match of {
                    Of::Repository if input.repositories.is_empty() && !excludes => input.repositories = value,
                    Of::Tag if input.tags.is_empty() => {
                        input.tags = value;
                        input.tag_mode = if excludes { TagMode::Excludes } else { TagMode::Matches };
                    }
                    Of::Resource if input.resource == Carried::Any && !excludes => input.resource = Carried::from_key(&value).unwrap_or_default(),
                    _ => input.further.push(Clause { of, excludes, value }),
                }
            }
        }
        Ok(input)
    }
}

pub async fn list(call: Call) -> Answer<Listed<Policy>> {
    let (query, _) = list::query(&call, &Asks { sorts: SORTS, name: "name", keys: &[], columns: COLUMNS })?;
    let found = rules::list(&call.ctx, &call.who, &query).await?;
    let ids = found.items.iter().map(|rule| rule.input.target_id.0).collect();
    let named = Query { conditions: vec![("id".to_owned(), Holds::Number(ids))], ..Query::all(found.items.len() as i64) };
    let targets = targets::list(&call.ctx, &call.who, &named).await?.items;
    // A target that rules use is not deleted.
    let with_target = |rule: Rule| targets.iter().find(|target| target.id == rule.input.target_id).cloned().map(|target| Policy::new(rule, target));
    let found = Page { items: found.items.into_iter().filter_map(with_target).collect(), total: found.total, next: None };
    page(&call, found, |policy| policy)
}

pub async fn create(call: Call, Json(input): Json<Input>) -> Answer<Created> {
    call.signed_in()?;
    let rule = rules::create(&call.ctx, &call.who, input.rule()?).await.map_err(by(NAMES))?;
    Ok(Created(format!("/api/v2.0/replication/policies/{}", rule.id)))
}

pub async fn get(call: Call, Path(text): Path<String>) -> Answer<Shown<Policy>> {
    let rule = rules::get(&call.ctx, &call.who, RuleId(id(&text)?)).await?;
    let target = targets::get(&call.ctx, &call.who, rule.input.target_id).await?;
    Ok(Shown(Policy::new(rule, target)))
}

pub async fn update(call: Call, Path(text): Path<String>, Json(input): Json<Input>) -> Answer<Done> {
    call.signed_in()?;
    rules::update(&call.ctx, &call.who, RuleId(id(&text)?), input.rule()?).await.map_err(by(NAMES))?;
    Ok(Done)
}

pub async fn delete(call: Call, Path(text): Path<String>) -> Answer<Done> {
    rules::delete(&call.ctx, &call.who, RuleId(id(&text)?)).await?;
    Ok(Done)
}

/// One run of a rule.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplicationExecution)]
pub struct Execution {
    id: i64,
    policy_id: i64,
    /// InProgress, Succeed, Failed or Stopped.
    status: &'static str,
    status_text: String,
    trigger: &'static str,
    start_time: Time,
    end_time: Time,
    total: i64,
    /// Artifacts that stood there already, of which no task tells.
    unchanged: i64,
    /// Artifacts that this rule put at its destination and that were deleted here, more than a tenth: they stay there until somebody allows it.
    removals_left: i64,
    succeed: i64,
    failed: i64,
    in_progress: i64,
    stopped: i64,
}

impl From<execution::Execution> for Execution {
    fn from(execution: execution::Execution) -> Execution {
        Execution {
            id: execution.id.0, policy_id: execution.rule_id.0, status: execution.status.harbor(), status_text: execution.status_text,
            trigger: execution.trigger.key(), start_time: execution.started_at.into(), end_time: execution.ended_at.into(),
            total: execution.total, unchanged: execution.unchanged, removals_left: execution.removals_left, succeed: execution.succeeded + execution.skipped,
            failed: execution.failed, in_progress: execution.in_progress, stopped: execution.stopped,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = StartReplication)]
pub struct Start {
    policy_id: i64,
}

pub async fn start(call: Call, Json(start): Json<Start>) -> Answer<Created> {
    call.signed_in()?;
    let id = executions::start(&call.ctx, &call.who, RuleId(start.policy_id), None).await?;
    Ok(Created(format!("/api/v2.0/replication/executions/{id}")))
}

pub async fn executions(call: Call) -> Answer<Listed<Execution>> {
    let (query, q) = list::query(&call, &Asks { sorts: &[("start_time", "started"), ("id", "id")], name: "", keys: &["policy_id", "status", "trigger"],
        columns: &[("id", "id", As::Number), ("start_time", "started", As::Moment), ("end_time", "ended", As::Moment)] })?;
    let rule = match list::one(&call, &q, "policy_id")? {
        None => None,
        Some(text) => Some(RuleId(id(text)?)),
    };
    let status = match list::one(&call, &q, "status")? {
        None => None,
        Some(word) => Some(
            RunStatus::ALL
                .into_iter()
                .find(|status| status.harbor() == word && *status != RunStatus::Queued)
                .ok_or_else(|| ApiError::bad("status must be InProgress, Succeed, Failed or Stopped"))?,
        ),
    };
    match list::one(&call, &q, "trigger")? {
        None | Some("manual") => {}
        // Harbor's others: nothing here was started so.
        Some("scheduled" | "event_based") => return page(&call, Page::<execution::Execution>::empty(), Execution::from),
        Some(_) => return Err(ApiError::bad("trigger must be manual, scheduled or event_based")),
    }
    page(&call, executions::list(&call.ctx, &call.who, rule, status, &query).await?, Execution::from)
}

pub async fn execution(call: Call, Path(text): Path<String>) -> Answer<Shown<Execution>> {
    Ok(Shown(executions::get(&call.ctx, &call.who, ExecutionId(id(&text)?)).await?.into()))
}

/// A new execution of what failed or was stopped in this one.
pub async fn retry(call: Call, Path(text): Path<String>) -> Answer<Created> {
    let again = executions::retry(&call.ctx, &call.who, ExecutionId(id(&text)?)).await?;
    Ok(Created(format!("/api/v2.0/replication/executions/{again}")))
}

/// A new execution of the rule, which removes at the destination what this one left.
pub async fn allow_removals(call: Call, Path(text): Path<String>) -> Answer<Created> {
    let again = removals::allow(&call.ctx, &call.who, ExecutionId(id(&text)?)).await?;
    Ok(Created(format!("/api/v2.0/replication/executions/{again}")))
}

pub async fn stop(call: Call, Path(text): Path<String>) -> Answer<Done> {
    executions::stop(&call.ctx, &call.who, ExecutionId(id(&text)?)).await?;
    Ok(Done)
}

/// What tasks carry, by Harbor's word.
const RESOURCE: &str = "artifact";

/// One artifact of a run.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplicationTask)]
pub struct Task {
    id: i64,
    execution_id: i64,
    status: &'static str,
    job_id: String,
    operation: &'static str,
    resource_type: &'static str,
    src_resource: String,
    dst_resource: String,
    start_time: Time,
    end_time: Time,
}

impl From<execution::Task> for Task {
    fn from(task: execution::Task) -> Task {
        let named = |place: &str| match task.tags.is_empty() {
            true => format!("{place}@{}", task.digest),
            false => format!("{place}:[{}]", task.tags.join(",")),
        };
        Task {
            id: task.id.0, execution_id: task.execution_id.0, status: task.status.harbor(), job_id: task.id.to_string(),
            operation: if task.removes { "deletion" } else { "copy" },
            resource_type: RESOURCE, src_resource: named(&task.source), dst_resource: named(&task.destination),
            start_time: task.started_at.into(), end_time: task.ended_at.into(),
        }
    }
}

pub async fn tasks(call: Call, Path(text): Path<String>) -> Answer<Listed<Task>> {
    let sorts = &[("id", "id"), ("start_time", "started"), ("end_time", "ended")];
    let (query, q) = list::query(&call, &Asks { sorts, name: "", keys: &["status", "resource_type"], columns: &[] })?;
    let words = match call.param("status") {
        Some(word) if q.is("status").is_none() => Some(vec![word.to_owned()]),
        Some(_) => return Err(ApiError::bad("status is given twice: by itself, and in q")),
        None => q.values("status")?,
    };
    if let Some(word) = words.iter().flatten().find(|word| !TaskStatus::ALL.into_iter().any(|status| status.harbor() == *word)) {
        let known: std::collections::BTreeSet<&str> = TaskStatus::ALL.into_iter().map(TaskStatus::harbor).collect();
        return Err(ApiError::bad(format!("status {word:?} must be one of {}", known.into_iter().collect::<Vec<_>>().join(", "))));
    }
    let status = words.map(|words| TaskStatus::ALL.into_iter().filter(|status| words.iter().any(|word| word == status.harbor())).collect::<Vec<_>>());
    let mut found = executions::tasks(&call.ctx, &call.who, ExecutionId(id(&text)?), status.as_deref(), &query).await?;
    // Harbor's other kinds: nothing here was carried so.
    if list::one(&call, &q, "resource_type")?.is_some_and(|kind| kind != RESOURCE) {
        found = Page::empty();
    }
    page(&call, found, Task::from)
}

pub async fn log(call: Call, Path((execution, task)): Path<(String, String)>) -> Answer<Text> {
    let found = executions::task(&call.ctx, &call.who, ExecutionId(id(&execution)?), TaskId(id(&task)?)).await?;
    Ok(Text(found.1))
}
