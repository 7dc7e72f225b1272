//! Replication rules: which artifacts go where. They belong to system administrators; a project shows those that touch
//! it.

mod select;
mod sql;

pub use select::Candidate;
pub(crate) use select::Collisions;
pub(crate) use sql::{candidates, get as by_id, sources, to};

use crate::access;
use crate::ctx::Ctx;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::pattern::Pattern;
use crate::selectors::Matcher;
use model::list::Query;
use model::replication::rule::{Preview, Rule, RuleInput};
use model::{Action, Page, ProjectName, RepositoryName, RuleId};

/// Examples that a preview shows.
const EXAMPLES: usize = 5;

/// Artifacts of one look.
pub(crate) const SLICE: i64 = 200;

fn check(input: &RuleInput) -> Result<()> {
    input.check()?;
    Matcher::new(&input.selector()).map(drop)
}

fn taken(input: &RuleInput) -> Error {
    Error::conflict("name", format!("is taken: a replication rule named {} exists", input.name))
}

fn no_target(input: &RuleInput) -> Error {
    Error::invalid("target_id", format!("names no target registry: there is none with id {}", input.target_id))
}

/// Makes a rule.
pub async fn create(ctx: &Ctx, who: &Principal, input: RuleInput) -> Result<Rule> {
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::RuleCreated { name: input.name.clone() }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        check(&input)?;
        let c = proof.conn();
        if !sql::target_exists(c, input.target_id).await? {
            return Err(no_target(&input));
        }
        let id = sql::insert(c, now, &input).await?.ok_or_else(|| taken(&input))?;
        sql::get(c, id).await?.ok_or_else(|| Error::not_found("replication rule", id))
    })
    .await
}

/// The rules.
pub async fn list(ctx: &Ctx, who: &Principal, query: &Query) -> Result<Page<Rule>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::list(proof.conn(), query).await
}

/// One rule.
pub async fn get(ctx: &Ctx, who: &Principal, id: RuleId) -> Result<Rule> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::get(proof.conn(), id).await?.ok_or_else(|| Error::not_found("replication rule", id))
}

/// The rules whose pattern reaches into the project: for its members, read-only.
pub async fn of_project(ctx: &Ctx, who: &Principal, project: &ProjectName) -> Result<Vec<Rule>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::RuleList).await?;
    let all = sql::list(proof.conn(), &Query::all(10_000)).await?;
    Ok(all.items.into_iter().filter(|rule| reaches(&rule.input.repositories, project)).collect())
}

/// The rules that take this repository: what *Replicate* on an artifact offers.
pub async fn of_repository(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
) -> Result<Vec<Rule>> {
    let all = list(ctx, who, &Query::all(10_000)).await?;
    let name = format!("{project}/{repository}");
    let takes = |rule: &Rule| rule.input.enabled && Matcher::new(&rule.input.selector()).is_ok_and(|matcher| matcher.takes_repository(&name));
    Ok(all.items.into_iter().filter(takes).collect())
}

/// Can the pattern match anything in the project? Its first component decides.
fn reaches(pattern: &str, project: &ProjectName) -> bool {
    let mut depth = 0;
    let end = pattern
        .char_indices()
        .find(|(_, ch)| {
            match ch {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            *ch == '/' && depth == 0
        })
        .map_or(pattern.len(), |(at, _)| at);
    let first = &pattern[..end];
    first.is_empty()
        || first.contains("**")
        || first.contains('/')
        || Pattern::compile("repositories", first).is_ok_and(|p| p.matches(project.as_str()))
}

/// Changes a rule; executions under way go on as they were planned.
pub async fn update(ctx: &Ctx, who: &Principal, id: RuleId, input: RuleInput) -> Result<Rule> {
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::RuleChanged { rule: id.0, name: input.name.clone() }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        let c = proof.conn();
        let missing = || Error::not_found("replication rule", id);
        sql::get(c, id).await?.ok_or_else(missing)?;
        check(&input)?;
        if !sql::target_exists(c, input.target_id).await? {
            return Err(no_target(&input));
        }
        if !sql::update(c, now, id, &input).await? {
            return Err(taken(&input));
        }
        sql::get(c, id).await?.ok_or_else(missing)
    })
    .await
}

/// Deletes a rule with its executions; while one runs it is refused.
pub async fn delete(ctx: &Ctx, who: &Principal, id: RuleId) -> Result<()> {
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::RuleDeleted { rule: id.0 }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        let c = proof.conn();
        let rule = sql::get(c, id).await?.ok_or_else(|| Error::not_found("replication rule", id))?;
        if sql::is_running(c, id).await? {
            return Err(Error::Precondition(format!("an execution of {} is running: stop it first", rule.input.name)));
        }
        sql::delete(c, id).await
    })
    .await
}

/// What a rule matches now: the first few, and how many in all.
pub async fn preview(ctx: &Ctx, who: &Principal, input: &RuleInput) -> Result<Preview> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    let (c, matcher) = (proof.conn(), Matcher::new(&input.selector())?);
    let sources = sources(c, &matcher).await?;
    let (mut preview, mut collisions) = (Preview::default(), Collisions::among(&sources, input));
    for source in &sources {
        let (mut after, mut any) = (0, false);
        loop {
            let (part, next) = candidates(c, &matcher, source, None, after, SLICE).await?;
            any |= !part.is_empty();
            preview.artifacts += part.len() as i64;
            for candidate in &part {
                foresee(&mut preview, &mut collisions, candidate, input);
            }
            let Some(next) = next else { break };
            after = next;
        }
        preview.repositories += i64::from(any);
    }
    Ok(preview)
}

fn foresee(preview: &mut Preview, collisions: &mut Collisions, candidate: &Candidate, input: &RuleInput) {
    let source = candidate.source();
    let there = model::replication::rule::destination(&source, &input.namespace, input.flatten);
    if let Ok(there) = &there
        && let Some(collision) = collisions.note(candidate, there)
    {
        preview.collided += 1;
        if preview.collisions.len() < EXAMPLES {
            preview.collisions.push(collision);
        }
    }
    if preview.examples.len() < EXAMPLES {
        let name = match candidate.tags.first() {
            Some(tag) => format!("{source}:{tag}"),
            None => format!("{source}@{}", candidate.digest.short()),
        };
        preview.examples.push((name, there.unwrap_or_else(|why| format!("cannot go there: {why}"))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reaches_the_projects_its_pattern_can_match() {
        let cosign: ProjectName = "cosign".parse().unwrap();
        for yes in ["", "**", "cosign/**", "c*/x", "{cosign,other}/**", "*/pause"] {
            assert!(reaches(yes, &cosign), "{yes}");
        }
        for no in ["other/**", "cosig/**", "{a,b}/**"] {
            assert!(!reaches(no, &cosign), "{no}");
        }
    }
}
