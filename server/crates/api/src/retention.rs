//! Tag retention, as Harbor's clients know it. What no rule takes is removed, as there, unless `uncovered` says `keep`.

use crate::answers::{Answer, Created, Done, Listed, Shown, Text, Time};
use crate::call::{Call, Json, id};
use crate::errors::{ApiError, by};
use crate::list::{self, As, Asks, page};
use crate::runs::word;
use crate::selectors::{self, Pattern, Scopes};
use axum::extract::Path;
use domain::retention::{self, Asked, Input};
use model::retention::{Fate, RetentionPolicy, RetentionRule, RetentionRun, RetentionTask, Template, Uncovered};
use model::{ProjectId, ProjectName, RetentionId, RetentionRunId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Members as this API calls them.
const NAMES: &[(&str, &str)] = &[
    ("repositories", "rules.scope_selectors.repository"), ("tags", "rules.tag_selectors"), ("further", "rules.tag_selectors"), ("label", "rules.tag_selectors"),
    ("number", "rules.params"), ("cron", "trigger.settings.cron"), ("scope", "scope.ref"),
];

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = RetentionRule)]
pub struct Rule {
    /// Its place, from 1.
    #[serde(default)]
    id: i64,
    #[serde(default)]
    priority: i64,
    #[serde(default)]
    disabled: bool,
    /// `retain`.
    #[serde(default)]
    action: String,
    #[serde(default)]
    template: String,
    /// The template's number, by its name.
    #[serde(default)]
    #[schema(value_type = Object)]
    params: BTreeMap<String, Value>,
    #[serde(default)]
    tag_selectors: Vec<Pattern>,
    #[serde(default)]
    scope_selectors: Scopes,
}

impl Rule {
    fn read(&self) -> Result<RetentionRule, ApiError> {
        if !matches!(self.action.as_str(), "" | "retain") {
            return Err(ApiError::bad(format!("rules.action {:?} is not known here; there is retain", self.action)));
        }
        let known = || Template::ALL.map(Template::harbor).join(", ");
        let template = Template::by_name(&self.template).ok_or_else(|| ApiError::bad(format!("rules.template {:?} must be one of {}", self.template, known())))?;
        let number = match (template.unit(), self.params.get(template.harbor())) {
            ("", _) => 0,
            (_, Some(value)) => whole(value).ok_or_else(|| ApiError::bad(format!("rules.params.{} must be a whole number", template.harbor())))?,
            (_, None) => return Err(ApiError::bad(format!("rules.params.{} is required", template.harbor()))),
        };
        Ok(RetentionRule { selector: selectors::read_with_labels(&self.scope_selectors, &self.tag_selectors)?, template, number, disabled: self.disabled })
    }

    fn written((n, rule): (usize, RetentionRule)) -> Rule {
        let (scope_selectors, tag_selectors) = selectors::written(&rule.selector);
        let number = || (rule.template.harbor().to_owned(), Value::from(rule.number));
        Rule {
            id: n as i64 + 1, priority: 0, disabled: rule.disabled, action: "retain".to_owned(), template: rule.template.harbor().to_owned(),
            params: (!rule.template.unit().is_empty()).then(number).into_iter().collect(), tag_selectors, scope_selectors,
        }
    }
}

/// A whole number, also as some clients write it: `10.0`, `"10"`.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64().or_else(|| other.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e15).map(|n| n as i64)),
    }
}

#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = RetentionRuleTrigger)]
pub struct Trigger {
    /// `Schedule`.
    #[serde(default)]
    kind: String,
    /// `cron`: six fields, the first of them 0, in UTC; empty for never.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
    #[serde(default)]
    #[schema(value_type = Object)]
    references: Map<String, Value>,
}

/// Whose policy it is.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = RetentionPolicyScope)]
pub struct Scope {
    /// `project`.
    #[serde(default)]
    level: String,
    /// The project's number.
    #[serde(default, rename = "ref")]
    project: i64,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = RetentionPolicy)]
pub struct Policy {
    #[serde(default)]
    id: i64,
    /// `or`: what any rule keeps stays.
    #[serde(default)]
    algorithm: String,
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(default)]
    trigger: Option<Trigger>,
    #[serde(default)]
    scope: Option<Scope>,
    /// What becomes of artifacts that no rule takes: `remove` (unless told), or `keep`.
    #[serde(default)]
    uncovered: Option<String>,
}

impl Policy {
    fn input(&self, otherwise: Option<Uncovered>) -> Result<Input, ApiError> {
        if !matches!(self.algorithm.as_str(), "" | "or") {
            return Err(ApiError::bad(format!("algorithm {:?} is not known here; there is or", self.algorithm)));
        }
        let uncovered = match self.uncovered.as_deref() {
            None | Some("") => otherwise,
            Some(text) => Some(Uncovered::from_key(text).ok_or_else(|| ApiError::bad("uncovered must be keep or remove"))?),
        };
        let cron = match &self.trigger {
            None => None,
            Some(trigger) if !matches!(trigger.kind.as_str(), "" | "Schedule") => {
                return Err(ApiError::bad(format!("trigger.kind {:?} is not known here; there is Schedule", trigger.kind)));
            }
            Some(trigger) => match trigger.settings.get("cron") {
                None => Some(String::new()),
                Some(Value::String(cron)) => Some(cron.trim().to_owned()),
                Some(_) => return Err(ApiError::bad("trigger.settings.cron must be text")),
            },
        };
        let rules = self.rules.iter().map(Rule::read).collect::<Result<_, _>>()?;
        Ok(Input { rules, uncovered, cron, seen: None })
    }

    fn written(policy: RetentionPolicy) -> Policy {
        let cron = policy.schedule.as_ref().map(|schedule| schedule.cron.clone()).unwrap_or_default();
        let mut settings = Map::from_iter([("cron".to_owned(), Value::from(cron))]);
        if let Some(next) = policy.schedule.and_then(|schedule| schedule.next) {
            settings.insert("next_scheduled_time".to_owned(), Value::from(next.rfc3339()));
        }
        Policy {
            id: policy.id.0,
            algorithm: "or".to_owned(),
            rules: policy.rules.into_iter().enumerate().map(Rule::written).collect(),
            trigger: Some(Trigger { kind: "Schedule".to_owned(), settings, references: Map::new() }),
            scope: Some(Scope { level: "project".to_owned(), project: policy.project_id.0 }),
            uncovered: Some(policy.uncovered.key().to_owned()),
        }
    }
}

/// The project of the policy that a path names.
async fn project(call: &Call, policy: &str) -> Result<(RetentionId, ProjectName), ApiError> {
    let policy = RetentionId(id(policy)?);
    Ok((policy, retention::project_of(&call.ctx, &call.who, policy).await?))
}

pub async fn create(call: Call, Json(policy): Json<Policy>) -> Answer<Created> {
    call.signed_in()?;
    let scope = policy.scope.clone().unwrap_or_default();
    if !matches!(scope.level.as_str(), "" | "project") || scope.project <= 0 {
        return Err(ApiError::bad("scope must be {\"level\":\"project\",\"ref\":<number of the project>}"));
    }
    let project = domain::projects::name_of(&call.ctx, &call.who, ProjectId(scope.project)).await?;
    let made = retention::create(&call.ctx, &call.who, &project, policy.input(Some(Uncovered::Remove))?).await.map_err(by(NAMES))?;
    Ok(Created(format!("/api/v2.0/retentions/{made}")))
}

pub async fn get(call: Call, Path(policy): Path<String>) -> Answer<Shown<Policy>> {
    let (id, project) = project(&call, &policy).await?;
    let found = retention::get(&call.ctx, &call.who, &project).await?;
    Ok(Shown(Policy::written(found.ok_or_else(|| ApiError::not_found(format!("retention policy {id} was not found")))?)))
}

pub async fn update(call: Call, Path(policy): Path<String>, Json(new): Json<Policy>) -> Answer<Done> {
    let (_, project) = project(&call, &policy).await?;
    let stays = domain::projects::frame(&call.ctx, &call.who, &project).await?.project.id.0;
    if new.scope.as_ref().is_some_and(|scope| !matches!(scope.level.as_str(), "" | "project") || !matches!(scope.project, 0) && scope.project != stays) {
        return Err(ApiError::bad(format!("scope: a policy stays with its project, {stays}: leave it as it is, or out")));
    }
    retention::update(&call.ctx, &call.who, &project, new.input(None)?).await.map_err(by(NAMES))?;
    Ok(Done)
}

pub async fn delete(call: Call, Path(policy): Path<String>) -> Answer<Done> {
    let (_, project) = project(&call, &policy).await?;
    retention::delete(&call.ctx, &call.who, &project).await?;
    Ok(Done)
}

#[derive(Deserialize, Default, ToSchema)]
#[schema(as = RetentionStart)]
pub struct Start {
    #[serde(default)]
    dry_run: bool,
}

pub async fn start(call: Call, Path(policy): Path<String>, Json(start): Json<Start>) -> Answer<Created> {
    let (id, project) = project(&call, &policy).await?;
    let run = retention::start(&call.ctx, &call.who, &project, start.dry_run).await?;
    Ok(Created(format!("/api/v2.0/retentions/{id}/executions/{run}")))
}

#[derive(Serialize, ToSchema)]
#[schema(as = RetentionExecution)]
pub struct Run {
    id: i64,
    policy_id: i64,
    start_time: Time,
    end_time: Time,
    status: &'static str,
    trigger: &'static str,
    dry_run: bool,
    /// Artifacts of each kind, and bytes.
    kept: i64,
    removed: i64,
    uncovered: i64,
    held: i64,
    freed: i64,
    /// What went wrong; empty for nothing.
    error: String,
}

impl From<RetentionRun> for Run {
    fn from(run: RetentionRun) -> Run {
        Run {
            id: run.id.0, policy_id: run.policy_id.0, start_time: run.started_at.into(), end_time: run.ended_at.into(), status: word(run.status),
            trigger: run.trigger.label(), dry_run: run.dry_run, kept: run.sums.kept, removed: run.sums.removed, uncovered: run.sums.uncovered,
            held: run.sums.held, freed: run.sums.bytes, error: run.error,
        }
    }
}

pub async fn runs(call: Call, Path(policy): Path<String>) -> Answer<Listed<Run>> {
    let (_, project) = project(&call, &policy).await?;
    let columns = &[("id", "id", As::Number), ("start_time", "started", As::Moment)];
    let (query, _) = list::query(&call, &Asks { sorts: &[("id", "id")], name: "", keys: &[], columns })?;
    page(&call, retention::runs(&call.ctx, &call.who, &project, &query).await?, Run::from)
}

#[derive(Deserialize, Default, ToSchema)]
#[schema(as = RetentionAction)]
pub struct Act {
    /// `stop`.
    #[serde(default)]
    action: String,
}

pub async fn act(call: Call, Path((policy, run)): Path<(String, String)>, Json(act): Json<Act>) -> Answer<Done> {
    let (_, project) = project(&call, &policy).await?;
    if act.action != "stop" {
        return Err(ApiError::bad(format!("action {:?} is not known here; there is stop", act.action)));
    }
    retention::stop(&call.ctx, &call.who, &project, RetentionRunId(id(&run)?)).await?;
    Ok(Done)
}

/// One repository's part of a run.
#[derive(Serialize, ToSchema)]
#[schema(as = RetentionExecutionTask)]
pub struct Task {
    id: i64,
    execution_id: i64,
    repository: String,
    job_id: String,
    status: &'static str,
    status_code: i64,
    status_revision: i64,
    start_time: Time,
    end_time: Time,
    /// Artifacts that were judged, and those that stay.
    total: i64,
    retained: i64,
}

fn task(run: i64, task: RetentionTask) -> Task {
    let sums = task.sums;
    let code = if task.status.settled() { 3 } else { 2 };
    Task {
        id: task.id, execution_id: run, repository: task.repository.to_string(), job_id: task.id.to_string(), status: word(task.status), status_code: code,
        status_revision: 0, start_time: task.started_at.into(), end_time: task.ended_at.into(), total: sums.kept + sums.removed + sums.uncovered + sums.held,
        retained: sums.kept + sums.uncovered + sums.held,
    }
}

pub async fn tasks(call: Call, Path((policy, run)): Path<(String, String)>) -> Answer<Listed<Task>> {
    let (_, project) = project(&call, &policy).await?;
    let run = RetentionRunId(id(&run)?);
    let sorts = &[("id", "id"), ("repository", "repository")];
    let (query, _) = list::query(&call, &Asks { sorts, name: "", keys: &[], columns: &[("id", "id", As::Number)] })?;
    page(&call, retention::tasks(&call.ctx, &call.who, &project, run, &query).await?, |found| task(run.0, found))
}

/// Lines of a task's log, at most.
const LINES: i64 = 10_000;

/// What became of a repository's artifacts, a line each.
pub async fn log(call: Call, Path((policy, run, task)): Path<(String, String, String)>) -> Answer<Text> {
    let (_, project) = project(&call, &policy).await?;
    let asked = Asked { task: Some(id(&task)?), ..Asked::default() };
    let query = model::list::Query::all(LINES);
    let found = retention::results(&call.ctx, &call.who, &project, RetentionRunId(id(&run)?), &asked, &query).await?;
    let mut text = String::new();
    for one in &found.items {
        let word = if one.fate == Fate::Removed { "DEL" } else { "RETAIN" };
        let tags = if one.tags.is_empty() { "(untagged)".to_owned() } else { one.tags.join(",") };
        text.push_str(&format!("{} {word} {} {tags}: {}\n", one.pushed_at.rfc3339(), one.digest, one.why));
    }
    if found.total > LINES {
        text.push_str(&format!("… and {} more\n", found.total - LINES));
    }
    Ok(Text(text))
}

#[derive(Serialize, ToSchema)]
#[schema(as = RetentionMetadata)]
pub struct Metadata {
    templates: Vec<TemplateMetadata>,
    scope_selectors: Vec<SelectorMetadata>,
    tag_selectors: Vec<SelectorMetadata>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RetentionRuleMetadata)]
pub struct TemplateMetadata {
    rule_template: &'static str,
    display_text: &'static str,
    action: &'static str,
    params: Vec<ParamMetadata>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RetentionRuleParamMetadata)]
pub struct ParamMetadata {
    #[serde(rename = "type")]
    kind: &'static str,
    unit: &'static str,
    required: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RetentionSelectorMetadata)]
pub struct SelectorMetadata {
    display_text: &'static str,
    kind: &'static str,
    decorations: Vec<&'static str>,
}

/// What rules are made of.
pub async fn metadata(call: Call) -> Answer<Shown<Metadata>> {
    call.signed_in()?;
    let params = |template: Template| match template.unit() {
        "artifact" => vec![ParamMetadata { kind: "int", unit: "COUNT", required: true }],
        "day" => vec![ParamMetadata { kind: "int", unit: "DAYS", required: true }],
        _ => Vec::new(),
    };
    let templates = Template::ALL.into_iter().map(|template| TemplateMetadata {
        rule_template: template.harbor(), display_text: template.label(), action: "retain", params: params(template),
    });
    Ok(Shown(Metadata {
        templates: templates.collect(),
        scope_selectors: vec![SelectorMetadata { display_text: "Repositories", kind: "doublestar", decorations: vec!["repoMatches", "repoExcludes"] }],
        tag_selectors: vec![
            SelectorMetadata { display_text: "Tags", kind: "doublestar", decorations: vec!["matches", "excludes"] },
            SelectorMetadata { display_text: "Labels", kind: selectors::LABEL.0, decorations: selectors::LABEL.1.to_vec() },
        ],
    }))
}
