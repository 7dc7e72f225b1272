//! Saving, previewing, switching and deleting the rules of a policy.

use super::place;
use crate::answer::act;
use crate::{Answer, UiError};
use domain::immutability::{self, Owner};
use model::ImmutableRuleId;
use model::immutability::ImmutableRule;
use model::selector::Selector;
use serde::Deserialize;

/// Of a project by its name; an empty one is the system.
fn owner(project: &str) -> Result<Owner, UiError> {
    match project {
        "" => Ok(Owner::System),
        name => name.parse().map(Owner::Project).map_err(|_| UiError::NotFound(format!("project {name}"))),
    }
}

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
        let owner = owner(&form.project)?;
        match form.id {
            0 => drop(immutability::create(&call.ctx, &call.who, &owner, selector, form.disabled).await?),
            id => immutability::update(&call.ctx, &call.who, &owner, ImmutableRuleId(id), Some(selector), form.disabled).await?,
        }
        Ok(Answer::done(place(&owner), "The rule was saved."))
    }
}

act! {
    /// What the form would keep now.
    "/fn/immutable-rule/preview" PreviewImmutable(Fields)
    |form, call| {
        let owner = owner(&form.0.project)?;
        let rule = ImmutableRule { id: ImmutableRuleId(0), selector: form.0.selector(), disabled: false, of_system: owner == Owner::System };
        Ok(Answer::Covered(immutability::covered(&call.ctx, &call.who, &owner, &rule).await?))
    }
}

act! {
    "/fn/immutable-rule/switch" SwitchImmutable { #[serde(default)] project: String, id: ImmutableRuleId, disabled: bool }
    |form, call| {
        let owner = owner(&form.project)?;
        immutability::update(&call.ctx, &call.who, &owner, form.id, None, form.disabled).await?;
        Ok(Answer::done(place(&owner), if form.disabled { "The rule is disabled." } else { "The rule is in force." }))
    }
}

act! {
    "/fn/immutable-rule/delete" DeleteImmutable { #[serde(default)] project: String, id: ImmutableRuleId }
    |form, call| {
        let owner = owner(&form.project)?;
        immutability::delete(&call.ctx, &call.who, &owner, form.id).await?;
        Ok(Answer::done(place(&owner), "The rule was deleted."))
    }
}
