//! Saving, previewing and deleting replication rules.

use crate::answer::act;
use crate::{Answer, UiError, paths};
use domain::replication::rules;
use model::accessory::Kind;
use model::selector::{Clause, Carried};
use model::replication::rule::{RuleInput, TagMode};
use model::{Problems, RuleId, TargetId};
use serde::Deserialize;

/// What the form of a rule sends.
#[derive(Deserialize)]
struct Fields {
    /// 0 for a new one.
    #[serde(default)]
    id: i64,
    name: String,
    description: String,
    #[serde(default)]
    target_id: String,
    repositories: String,
    tag_mode: String,
    tags: String,
    namespace: String,
    flatten: String,
    #[serde(default)]
    resource: String,
    /// One a line.
    #[serde(default)]
    further: String,
    #[serde(default)]
    accepts: Vec<String>,
    #[serde(default)]
    speed: String,
    #[serde(default)]
    chunked: bool,
    #[serde(default)]
    overwrite: bool,
    #[serde(default)]
    removes: bool,
    #[serde(default)]
    enabled: bool,
}

impl Fields {
    fn input(self) -> Result<RuleInput, UiError> {
        let mut problems = Problems::new();
        let target = self.target_id.parse::<i64>().unwrap_or(0);
        if target == 0 {
            problems.add("target_id", "must be chosen");
        }
        let mode = TagMode::from_key(&self.tag_mode);
        if mode.is_none() {
            problems.add("tag_mode", "must be matching or excluding");
        }
        let resource = Carried::from_key(&self.resource);
        if resource.is_none() {
            problems.add("resource", "must be everything, images or Helm charts");
        }
        let speed = match self.speed.trim() {
            "" => Some(-1),
            text => text.parse::<i64>().ok(),
        };
        if speed.is_none() {
            problems.add("speed", "must be a number of KB a second, or empty");
        }
        let flatten = self.flatten.trim().parse::<i64>().ok();
        if flatten.is_none() {
            problems.add("flatten", "must be a number of path components, or -1 for all");
        }
        let further = Clause::all(&self.further).unwrap_or_else(|what| {
            problems.add("further", what);
            Vec::new()
        });
        problems.check().map_err(UiError::Wrong)?;
        Ok(RuleInput {
            name: self.name.trim().to_owned(),
            description: self.description,
            target_id: TargetId(target),
            repositories: self.repositories.trim().to_owned(),
            tag_mode: mode.unwrap_or_default(),
            tags: self.tags.trim().to_owned(),
            namespace: self.namespace.trim().trim_matches('/').to_owned(),
            flatten: flatten.unwrap_or(0),
            resource: resource.unwrap_or_default(),
            further,
            accepts: Kind::ALL.into_iter().filter(|kind| self.accepts.iter().any(|key| key == kind.key())).collect(),
            speed: speed.unwrap_or(-1),
            chunked: self.chunked,
            single_active: false,
            overwrite: self.overwrite,
            removes: self.removes,
            enabled: self.enabled,
        })
    }
}

act! {
    /// Makes a rule, or changes the one with `id`.
    "/fn/rule/save" Save(Fields)
    |form, call| {
        let id = RuleId(form.0.id);
        let input = form.0.input()?;
        let rule = match id.0 {
            0 => rules::create(&call.ctx, &call.who, input).await?,
            _ => {
                let before = rules::get(&call.ctx, &call.who, id).await?;
                rules::update(&call.ctx, &call.who, id, input.keeping(&before.input)).await?
            }
        };
        Ok(Answer::done(paths::rule(rule.id), format!("Replication rule {} was saved.", rule.input.name)))
    }
}

act! {
    /// What the form would match now.
    "/fn/rule/preview" Preview(Fields)
    |form, call| {
        let mut fields = form.0;
        // A preview needs no target yet.
        if fields.target_id.is_empty() {
            fields.target_id = "1".to_owned();
        }
        Ok(Answer::Preview(rules::preview(&call.ctx, &call.who, &fields.input()?).await?))
    }
}

act! {
    "/fn/rule/delete" Delete { id: RuleId }
    |form, call| {
        rules::delete(&call.ctx, &call.who, form.id).await?;
        Ok(Answer::done(paths::rules(), "The replication rule was deleted."))
    }
}
