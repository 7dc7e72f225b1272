//! Saving, previewing, switching and deleting the rules of a policy.

use super::place;
use crate::answer::act;
use crate::{Answer, UiError};
use crate::pages::owner;
use crate::paths;
use domain::Owner;
use domain::blocks;
use domain::immutability;
use domain::retention::{self, Input};
use model::immutability::ImmutableRule;
use model::retention::{RetentionRule, Template, Uncovered};
use model::selector::Selector;
use model::{Digest, ImmutableRuleId, ProjectName, RetentionRunId, Stamp};
use serde::Deserialize;

/// What the form of a rule sends.
#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    project: String,
    /// 0 for a new one.
    #[serde(default)]
    id: i64,
    repository_mode: String,
    repositories: String,
    tag_mode: String,
    tags: String,
    #[serde(default)]
    disabled: bool,
}

impl Fields {
    fn selector(&self) -> Selector {
        let excludes = |mode: &str| mode == "excludes";
        Selector::simple((&self.repositories, excludes(&self.repository_mode)), (&self.tags, excludes(&self.tag_mode)), None)
    }
}

act! {
    /// Makes a rule, or changes the one with `id`.
    "/fn/immutable-rule/save" SaveImmutable(Fields)
    |form, call| {
        let (form, selector) = (&form.0, form.0.selector());
        let owner = owner::read(&form.project)?;
        match form.id {
            0 => drop(immutability::create(&call.ctx, &call.who, &owner, selector, form.disabled).await?),
            id => immutability::update(&call.ctx, &call.who, &owner, ImmutableRuleId(id), Some(selector), Some(form.disabled)).await?,
        }
        Ok(Answer::done(place(&owner), "The rule was saved."))
    }
}

act! {
    /// What the form would keep now.
    "/fn/immutable-rule/preview" PreviewImmutable(Fields)
    |form, call| {
        let owner = owner::read(&form.0.project)?;
        let rule = ImmutableRule { id: ImmutableRuleId(0), selector: form.0.selector(), disabled: false, of_system: owner == Owner::System };
        Ok(Answer::Covered(immutability::covered(&call.ctx, &call.who, &owner, &rule).await?))
    }
}

act! {
    "/fn/immutable-rule/switch" SwitchImmutable { #[serde(default)] project: String, id: ImmutableRuleId, disabled: bool }
    |form, call| {
        let owner = owner::read(&form.project)?;
        immutability::update(&call.ctx, &call.who, &owner, form.id, None, Some(form.disabled)).await?;
        Ok(Answer::done(place(&owner), if form.disabled { "The rule is disabled." } else { "The rule is in force." }))
    }
}

act! {
    "/fn/immutable-rule/delete" DeleteImmutable { #[serde(default)] project: String, id: ImmutableRuleId }
    |form, call| {
        let owner = owner::read(&form.project)?;
        immutability::delete(&call.ctx, &call.who, &owner, form.id).await?;
        Ok(Answer::done(place(&owner), "The rule was deleted."))
    }
}

act! {
    "/fn/block/create" Block { #[serde(default)] project: String, digest: String, reason: String }
    |form, call| {
        let (owner, digest) = (owner::read(&form.project)?, digest(&form.digest)?);
        blocks::create(&call.ctx, &call.who, &owner, digest, &form.reason).await?;
        Ok(Answer::done(paths::block(&place(&owner), form.digest.trim()), "It is blocked: nobody is served it from now on, nor what contains it."))
    }
}

act! {
    "/fn/block/lift" LiftBlock { #[serde(default)] project: String, digest: Digest }
    |form, call| {
        let owner = owner::read(&form.project)?;
        blocks::lift(&call.ctx, &call.who, &owner, &form.digest).await?;
        Ok(Answer::done(paths::block(&place(&owner), form.digest.as_str()), "The block was lifted."))
    }
}

act! {
    /// Deletes what a blocked digest is and is held by.
    "/fn/block/purge" PurgeBlocked { #[serde(default)] project: String, digest: Digest }
    |form, call| {
        let owner = owner::read(&form.project)?;
        let done = blocks::purge(&call.ctx, &call.who, &owner, &form.digest).await?;
        let deleted = match done.deleted.len() {
            0 => "Nothing was deleted.".to_owned(),
            1 => "One artifact was deleted; it can be brought back from Deleted once the block is lifted.".to_owned(),
            n => format!("{n} artifacts were deleted; they can be brought back from Deleted once the block is lifted."),
        };
        let said = match done.kept.first() {
            None => deleted,
            Some((name, why)) => model::digest::short(&format!("{} stayed, such as {name}: {why}. {deleted}", done.kept.len())),
        };
        Ok(Answer::done(paths::block(&place(&owner), form.digest.as_str()), said))
    }
}

/// A digest as it was typed or pasted.
fn digest(text: &str) -> Result<Digest, UiError> {
    text.trim().parse::<Digest>().map_err(|what| UiError::at("digest", what))
}

/// What the form of a rule of retention sends.
#[derive(Deserialize)]
struct RuleFields {
    project: ProjectName,
    /// Which rule, from 0; empty for a new one.
    #[serde(default)]
    place: String,
    /// When the policy was changed last, as it was looked at; 0 where there was none.
    #[serde(default)]
    seen: i64,
    repository_mode: String,
    repositories: String,
    template: String,
    number: String,
    tag_mode: String,
    tags: String,
    #[serde(default)]
    untagged: bool,
    #[serde(default)]
    label: String,
    #[serde(default)]
    without_label: String,
    #[serde(default)]
    uncovered: String,
    #[serde(default)]
    disabled: bool,
}

impl RuleFields {
    fn rule(&self) -> Result<RetentionRule, UiError> {
        let template = Template::by_name(&self.template).ok_or_else(|| UiError::at("template", "must be one of those listed"))?;
        let number = match (template.unit(), self.number.trim()) {
            ("", _) => 0,
            (_, text) => text.parse().map_err(|_| UiError::at("number", "must be a whole number"))?,
        };
        let excludes = |mode: &str| mode == "excludes";
        // A rule that excludes says it the other way round, as Harbor's do.
        let untagged = self.untagged != excludes(&self.tag_mode);
        let selector = Selector::simple((&self.repositories, excludes(&self.repository_mode)), (&self.tags, excludes(&self.tag_mode)), Some(untagged))
            .labelled(&self.label, &self.without_label);
        Ok(RetentionRule { selector, template, number, disabled: self.disabled })
    }

    /// The policy with this rule in its place.
    async fn input(&self, call: &crate::Call) -> Result<Input, UiError> {
        let policy = retention::get(&call.ctx, &call.who, &self.project).await?;
        let mut rules = policy.as_ref().map(|policy| policy.rules.clone()).unwrap_or_default();
        let rule = self.rule()?;
        match self.place.parse::<usize>() {
            Ok(place) if place < rules.len() => rules[place] = rule,
            Ok(_) => return Err(UiError::NotFound("this rule".to_owned())),
            Err(_) => rules.push(rule),
        }
        let uncovered = match self.uncovered.as_str() {
            "" => None,
            text => Some(Uncovered::from_key(text).ok_or_else(|| UiError::at("uncovered", "must be one of those listed"))?),
        };
        Ok(Input { rules, uncovered, cron: None, seen: Some(Stamp(self.seen)) })
    }
}

act! {
    /// Makes a rule of retention, or changes the one at `place`.
    "/fn/retention/save-rule" SaveRetentionRule(RuleFields)
    |form, call| {
        let input = form.0.input(call).await?;
        retention::set(&call.ctx, &call.who, &form.0.project, input).await?;
        Ok(Answer::done(paths::policy(&form.0.project), "The rule was saved."))
    }
}

act! {
    /// What the policy would do with the typed rule.
    "/fn/retention/preview" PreviewRetention(RuleFields)
    |form, call| {
        let input = form.0.input(call).await?;
        Ok(Answer::Foreseen(retention::foresee(&call.ctx, &call.who, &form.0.project, &input).await?))
    }
}

act! {
    /// Moves, switches or deletes a rule.
    "/fn/retention/change-rule" ChangeRetentionRule { project: ProjectName, place: usize, seen: i64, act: String }
    |form, call| {
        let missing = || UiError::NotFound("this rule".to_owned());
        let policy = retention::get(&call.ctx, &call.who, &form.project).await?.ok_or_else(missing)?;
        let (mut rules, place) = (policy.rules, form.place);
        let rule = rules.get_mut(place).ok_or_else(missing)?;
        let said = match form.act.as_str() {
            "enable" => { rule.disabled = false; "The rule is in force." }
            "disable" => { rule.disabled = true; "The rule is disabled." }
            "delete" => { rules.remove(place); "The rule was deleted." }
            "up" if place > 0 => { rules.swap(place, place - 1); "The rule was moved." }
            "down" if place + 1 < rules.len() => { rules.swap(place, place + 1); "The rule was moved." }
            _ => return Err(UiError::wrong("that cannot be done with this rule".to_owned())),
        };
        retention::update(&call.ctx, &call.who, &form.project, Input { rules, uncovered: None, cron: None, seen: Some(Stamp(form.seen)) }).await?;
        Ok(Answer::done(paths::policy(&form.project), said))
    }
}

act! {
    /// What becomes of the rest, and when it runs by itself.
    "/fn/retention/set" SetRetention { project: ProjectName, seen: i64, uncovered: String, when: String, cron: String }
    |form, call| {
        let policy = retention::get(&call.ctx, &call.who, &form.project).await?.ok_or_else(|| UiError::NotFound("a retention policy".to_owned()))?;
        let uncovered = Uncovered::from_key(&form.uncovered).ok_or_else(|| UiError::at("uncovered", "must be one of those listed"))?;
        let cron = match (form.when.as_str(), form.cron.trim()) {
            ("Custom", "") => return Err(UiError::at("cron", "must have six fields")),
            ("Custom", cron) => cron.to_owned(),
            (word, _) => model::schedule::pattern(word).ok_or_else(|| UiError::at("when", "must be one of those listed"))?.to_owned(),
        };
        let input = Input { rules: policy.rules, uncovered: Some(uncovered), cron: Some(cron), seen: Some(Stamp(form.seen)) };
        retention::update(&call.ctx, &call.who, &form.project, input).await?;
        Ok(Answer::done(paths::policy(&form.project), "The policy was saved."))
    }
}

act! {
    "/fn/retention/start" StartRetention { project: ProjectName, #[serde(default)] dry_run: bool }
    |form, call| {
        let run = retention::start(&call.ctx, &call.who, &form.project, form.dry_run).await?;
        Ok(Answer::done(paths::retention_run(&form.project, run), "The run has started."))
    }
}

act! {
    "/fn/retention/stop" StopRetention { project: ProjectName, run: RetentionRunId }
    |form, call| {
        retention::stop(&call.ctx, &call.who, &form.project, form.run).await?;
        Ok(Answer::done(paths::retention_run(&form.project, form.run), "The run is stopping."))
    }
}
