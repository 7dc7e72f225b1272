//! Rules of immutable tags: a project's as Harbor's clients know them, and the system's, which are ours.

use crate::answers::{Answer, Created, Done, Listed, Shown};
use crate::call::{Call, Json, id, truth};
use crate::errors::{ApiError, by};
use crate::list::{self, Asks, page};
use crate::selectors::{self, Pattern, Scopes};
use axum::extract::Path;
use domain::Owner;
use domain::immutability;
use model::immutability::ImmutableRule;
use model::selector::Selector;
use model::{ImmutableRuleId, Page};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Members as this API calls them.
const NAMES: &[(&str, &str)] = &[("repositories", "scope_selectors.repository"), ("tags", "tag_selectors"), ("further", "tag_selectors")];

#[derive(Serialize, ToSchema)]
#[schema(as = ImmutableRule)]
pub struct Rule {
    id: i64,
    priority: i64,
    disabled: bool,
    /// `immutable`.
    action: &'static str,
    /// `immutable_template`.
    template: &'static str,
    params: BTreeMap<String, String>,
    tag_selectors: Vec<Pattern>,
    scope_selectors: Scopes,
}

impl From<ImmutableRule> for Rule {
    fn from(rule: ImmutableRule) -> Rule {
        let (scope_selectors, tag_selectors) = selectors::written(&rule.selector);
        Rule {
            id: rule.id.0, priority: 0, disabled: rule.disabled, action: "immutable", template: "immutable_template", params: BTreeMap::new(),
            tag_selectors, scope_selectors,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ImmutableRuleReq)]
pub struct Input {
    #[serde(default)]
    disabled: Option<bool>,
    #[serde(default)]
    action: String,
    #[serde(default)]
    template: String,
    #[serde(default)]
    tag_selectors: Vec<Pattern>,
    #[serde(default)]
    scope_selectors: Scopes,
}

impl Input {
    fn template_and_action(&self) -> Result<(), ApiError> {
        for (field, said, is) in [("action", &self.action, "immutable"), ("template", &self.template, "immutable_template")] {
            if !said.is_empty() && said != is {
                return Err(ApiError::bad(format!("{field} {said:?} is not known here; there is {is}")));
            }
        }
        Ok(())
    }

    fn read(&self) -> Result<Selector, ApiError> {
        self.template_and_action()?;
        selectors::read(&self.scope_selectors, &self.tag_selectors)
    }
}

async fn listed(call: Call, owner: Owner) -> Answer<Listed<Rule>> {
    let (query, q) = list::query(&call, &Asks { sorts: &[("id", "id")], name: "", keys: &["id", "disabled"], columns: &[] })?;
    let (id, disabled) = (q.text("id")?, q.text("disabled")?.and_then(truth));
    let mut rules = immutability::rules(&call.ctx, &call.who, &owner).await?;
    // The system's are listed by themselves: numbers are given apart.
    rules.retain(|rule| !rule.of_system && id.is_none_or(|id| id == rule.id.to_string()) && disabled.is_none_or(|disabled| disabled == rule.disabled));
    if query.sort == "-id" {
        rules.reverse();
    }
    let (number, size) = list::window(&call)?;
    let total = rules.len() as i64;
    let skip = usize::try_from((number - 1).saturating_mul(size)).unwrap_or(usize::MAX);
    let items = rules.into_iter().skip(skip).take(usize::try_from(size).unwrap_or_default()).collect();
    page(&call, Page { items, total, next: None }, Rule::from)
}

async fn changed(call: Call, owner: Owner, rule: &str, input: Input) -> Answer<Done> {
    if input.disabled.is_none() && input.tag_selectors.is_empty() && input.scope_selectors.is_empty() {
        return Err(ApiError::bad("the body changes nothing: it has neither patterns nor disabled"));
    }
    // Only switched.
    input.template_and_action()?;
    let selector = if input.tag_selectors.is_empty() && input.scope_selectors.is_empty() { None } else { Some(input.read()?) };
    immutability::update(&call.ctx, &call.who, &owner, ImmutableRuleId(id(rule)?), selector, input.disabled).await.map_err(by(NAMES))?;
    Ok(Done)
}

async fn gone(call: Call, owner: Owner, rule: &str) -> Answer<Done> {
    immutability::delete(&call.ctx, &call.who, &owner, ImmutableRuleId(id(rule)?)).await?;
    Ok(Done)
}

pub async fn list(call: Call, Path(project): Path<String>) -> Answer<Listed<Rule>> {
    let owner = Owner::Project(call.project(&project).await?);
    listed(call, owner).await
}

pub async fn create(call: Call, Path(project): Path<String>, Json(input): Json<Input>) -> Answer<Created> {
    let owner = Owner::Project(call.project(&project).await?);
    let made = immutability::create(&call.ctx, &call.who, &owner, input.read()?, input.disabled.unwrap_or(false)).await.map_err(by(NAMES))?;
    Ok(Created(format!("/api/v2.0/projects/{project}/immutabletagrules/{made}")))
}

pub async fn get(call: Call, Path((project, rule)): Path<(String, String)>) -> Answer<Shown<Rule>> {
    let owner = Owner::Project(call.project(&project).await?);
    Ok(Shown(immutability::get(&call.ctx, &call.who, &owner, ImmutableRuleId(id(&rule)?)).await?.into()))
}

pub async fn update(call: Call, Path((project, rule)): Path<(String, String)>, Json(input): Json<Input>) -> Answer<Done> {
    let owner = Owner::Project(call.project(&project).await?);
    changed(call, owner, &rule, input).await
}

pub async fn delete(call: Call, Path((project, rule)): Path<(String, String)>) -> Answer<Done> {
    let owner = Owner::Project(call.project(&project).await?);
    gone(call, owner, &rule).await
}

pub async fn list_of_system(call: Call) -> Answer<Listed<Rule>> {
    listed(call, Owner::System).await
}

pub async fn create_in_system(call: Call, Json(input): Json<Input>) -> Answer<Created> {
    let made = immutability::create(&call.ctx, &call.who, &Owner::System, input.read()?, input.disabled.unwrap_or(false)).await.map_err(by(NAMES))?;
    Ok(Created(format!("/api/v2.0/system/immutabletagrules/{made}")))
}

pub async fn get_of_system(call: Call, Path(rule): Path<String>) -> Answer<Shown<Rule>> {
    Ok(Shown(immutability::get(&call.ctx, &call.who, &Owner::System, ImmutableRuleId(id(&rule)?)).await?.into()))
}

pub async fn update_of_system(call: Call, Path(rule): Path<String>, Json(input): Json<Input>) -> Answer<Done> {
    changed(call, Owner::System, &rule, input).await
}

pub async fn delete_of_system(call: Call, Path(rule): Path<String>) -> Answer<Done> {
    gone(call, Owner::System, &rule).await
}
