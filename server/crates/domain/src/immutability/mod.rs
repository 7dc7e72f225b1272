//! Immutable tags: the rules, and what they take. What a rule then keeps is judged in `policy::locks`.

mod sql;
#[cfg(test)]
mod tests;

use crate::Owner;
use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::identity::Principal;
use crate::policy::{self, locks::reaches};
use crate::selectors::Matcher;
use model::immutability::{Covered, ImmutableRule, MOST};
use model::project::Policy;
use model::selector::Selector;
use model::{Action, ImmutableRuleId};

/// The rules in force: a project's own, then the system's; of the system its own.
pub async fn rules(ctx: &Ctx, who: &Principal, owner: &Owner) -> Result<Vec<ImmutableRule>> {
    Ok(policy::of(ctx, who, owner, Action::ImmutableList).await?.immutable)
}

/// One rule of that owner's own.
pub async fn get(ctx: &Ctx, who: &Principal, owner: &Owner, id: ImmutableRuleId) -> Result<ImmutableRule> {
    let own = |rule: &ImmutableRule| rule.id == id && !rule.of_system;
    rules(ctx, who, owner).await?.into_iter().find(own).ok_or_else(|| missing(id))
}

fn missing(id: ImmutableRuleId) -> Error {
    Error::not_found("rule of immutable tags", id)
}

/// Refuses what is no rule, and one that is there already.
fn check(policy: &Policy, new: &ImmutableRule) -> Result<()> {
    new.check()?;
    Matcher::new(&new.selector)?;
    match policy.immutable.iter().any(|rule| rule.id != new.id && rule.selector.clauses == new.selector.clauses) {
        true => Err(Error::conflict("tags", "are taken by a rule with the same patterns: change that one")),
        false => Ok(()),
    }
}

/// Adds a rule. It holds from the next request on.
pub async fn create(ctx: &Ctx, who: &Principal, owner: &Owner, selector: Selector, disabled: bool) -> Result<ImmutableRuleId> {
    let event = Event::ImmutableRuleCreated { project: owner.project(), rule: selector.sentence() };
    policy::change(ctx, who, (owner, Action::ImmutableCreate), event, move |policy| {
        if policy.immutable.len() >= MOST {
            return Err(Error::Precondition(format!("there are {MOST} rules of immutable tags, as many as there may be: let one go first")));
        }
        let id = ImmutableRuleId(policy.numbered + 1);
        let new = ImmutableRule { id, selector: selector.clone(), disabled, of_system: false };
        check(policy, &new)?;
        policy.numbered = id.0;
        policy.immutable.push(new);
        Ok(id)
    })
    .await
}

/// Changes a rule's patterns, its switch, or both.
pub async fn update(ctx: &Ctx, who: &Principal, owner: &Owner, id: ImmutableRuleId, selector: Option<Selector>, disabled: Option<bool>) -> Result<()> {
    let said = selector.as_ref().map(Selector::sentence).unwrap_or_default();
    let event = Event::ImmutableRuleChanged { project: owner.project(), number: id.0, rule: said, disabled: disabled.unwrap_or(false) };
    policy::change(ctx, who, (owner, Action::ImmutableUpdate), event, move |policy| {
        let at = policy.immutable.iter().position(|rule| rule.id == id).ok_or_else(|| missing(id))?;
        let selector = selector.clone().unwrap_or_else(|| policy.immutable[at].selector.clone());
        let disabled = disabled.unwrap_or(policy.immutable[at].disabled);
        let new = ImmutableRule { id, selector, disabled, of_system: false };
        check(policy, &new)?;
        policy.immutable[at] = new;
        Ok(())
    })
    .await
}

/// Takes a rule away: its tags can be moved and removed again.
pub async fn delete(ctx: &Ctx, who: &Principal, owner: &Owner, id: ImmutableRuleId) -> Result<()> {
    let event = Event::ImmutableRuleDeleted { project: owner.project(), number: id.0 };
    policy::change(ctx, who, (owner, Action::ImmutableDelete), event, move |policy| {
        let before = policy.immutable.len();
        policy.immutable.retain(|rule| rule.id != id);
        if policy.immutable.len() == before { Err(missing(id)) } else { Ok(()) }
    })
    .await
}

/// Tags of one look, and most that are looked at in all.
const SLICE: i64 = 2000;
const MOST_TAGS: i64 = 100_000;

/// What a rule takes now.
pub async fn covered(ctx: &Ctx, who: &Principal, owner: &Owner, rule: &ImmutableRule) -> Result<Covered> {
    rule.check()?;
    let matcher = Matcher::new(&rule.selector)?;
    let rule = ImmutableRule { of_system: rule.of_system || *owner == Owner::System, ..rule.clone() };
    let mut c = ctx.db.read().await?;
    let repositories = match owner {
        Owner::Project(name) => {
            let mut proof = access::project(&mut c, ctx.now(), who, name, Action::ImmutableList).await?;
            let id = proof.project.id.0;
            sql::repositories(proof.conn(), Some(id)).await?
        }
        Owner::System => sql::repositories(access::system(&mut c, ctx.now(), who).await?.conn(), None).await?,
    };
    let (mut covered, mut looked) = (Covered::default(), 0);
    for (id, project, name) in repositories.into_iter().filter(|(_, project, name)| reaches(&rule, &matcher, project, name)) {
        let (mut after, before) = (String::new(), covered.tags);
        loop {
            let names = sql::tags(&mut c, id, &after, SLICE).await?;
            looked += names.len() as i64;
            for tag in names.iter().filter(|tag| matcher.takes_tag(tag) && !crate::policy::locks::is_machinery(tag)) {
                covered.tags += 1;
                if covered.examples.len() < 5 {
                    covered.examples.push(format!("{project}/{name}:{tag}"));
                }
            }
            let (full, last) = (names.len() as i64 == SLICE, names.into_iter().last());
            match last {
                Some(last) if full && looked < MOST_TAGS => after = last,
                _ => break,
            }
        }
        covered.repositories += i64::from(covered.tags > before);
        if looked >= MOST_TAGS {
            covered.more = true;
            break;
        }
    }
    Ok(covered)
}
