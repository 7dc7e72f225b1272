//! Immutable tags: the rules with what each keeps now, the form of one, and its end.

use super::{forms, place, way};
use crate::Answer;
use crate::pages::owner;
use crate::pages::prelude::*;
use domain::Owner;
use domain::immutability;
use model::ImmutableRuleId;
use model::immutability::{Covered, ImmutableRule, MOST};
use model::selector::{Of, is_all};
use model::stamp::count;

/// The rules, on the policy's page.
pub async fn section(call: &Call, owner: &Owner) -> Result<AnyView, UiError> {
    let rules = immutability::rules(&call.ctx, &call.who, owner).await?;
    let own = rules.iter().filter(|rule| !rule.of_system || *owner == Owner::System).count();
    let mut rows = Vec::new();
    for rule in &rules {
        let covered = immutability::covered(&call.ctx, &call.who, owner, rule).await?;
        rows.push(row(call, owner, rule, &covered));
    }
    let new = (own < MOST).then(|| view! { <a class="button" href=paths::immutable_new(&place(owner))>"New rule"</a> });
    let body = match rows.is_empty() {
        true => view! { <p>"No tag is immutable yet: whoever may push may move every tag."</p> }.into_any(),
        false => {
            let headings = view! { <th scope="col">"Rule"</th><th scope="col">"Keeps now"</th><th scope="col" class="p2">"State"</th>{actions_heading()} };
            table("", headings, rows)
        }
    };
    Ok(view! {
        <section class="stack" id="immutable">
            <h2>"Immutable tags"</h2>
            <p class="note">"A tag that a rule takes is neither moved nor removed, and what it names is not deleted, by anybody. Its signatures stay too; \
                further signatures and attestations can always be added."</p>
            {body}<div class="form__buttons">{new}</div>
        </section>
    }
    .into_any())
}

fn row(call: &Call, owner: &Owner, rule: &ImmutableRule, covered: &Covered) -> AnyView {
    let foreign = rule.of_system && *owner != Owner::System;
    let id = ("id", rule.id.to_string());
    let whose = owner::field(owner);
    let actions = (!foreign).then(|| {
        let with = vec![("project", whose), id, ("disabled", (!rule.disabled).to_string())];
        let switch = call.button::<forms::SwitchImmutable>(with, if rule.disabled { "Enable" } else { "Disable" }).quiet();
        view! {
            <span class="row-actions">
                {switch.more(format!("the rule for {}", rule.selector.sentence())).into_render()}
                <a class="button button--quiet button--small" href=paths::immutable(&place(owner), rule.id)>
                    "Edit"<span class="sr">" "{rule.selector.sentence()}</span>
                </a>
            </span>
        }
    });
    let state = match (rule.disabled, foreign) {
        (true, _) => pill(Tone::Neutral, "", "Disabled"),
        (false, true) => pill(Tone::Info, "lock", "Of the system"),
        (false, false) => pill(Tone::Ok, "lock", "In force"),
    };
    view! {
        <tr class="tall" data-key=format!("{}{}", if foreign { "s" } else { "" }, rule.id)>
            <td>{sentence(rule)}</td>
            <td>{keeps(covered)}</td>
            <td class="p2">{state}</td>
            <td class="row-end">{actions}</td>
        </tr>
    }
    .into_any()
}

/// `In every repository, tags matching v*`.
fn sentence(rule: &ImmutableRule) -> AnyView {
    let part = |of: Of, all: &'static str, what: &'static str| match rule.selector.first(of) {
        (pattern, false) if is_all(pattern) => all.into_any(),
        (pattern, excludes) => {
            let how = if excludes { "other than" } else { "matching" };
            view! { {format!("{what} {how} ")}<code>{pattern.to_owned()}</code> }.into_any()
        }
    };
    view! { "In "{part(Of::Repository, "every repository", "repositories")}", "{part(Of::Tag, "every tag", "tags")} }.into_any()
}

fn keeps(covered: &Covered) -> AnyView {
    if covered.tags == 0 {
        return view! { <span class="muted">"nothing"</span> }.into_any();
    }
    let least = if covered.more { "at least " } else { "" };
    let examples = covered.examples.join(", ");
    let rest = if covered.tags > covered.examples.len() as i64 { ", …" } else { "" };
    view! {
        {format!("{least}{} in {}", count(covered.tags, "tag"), count(covered.repositories, "repository"))}
        <span class="tree__of">{examples}{rest}</span>
    }
    .into_any()
}

pub async fn new(call: &Call) -> Shown {
    let owner = owner::of(call)?;
    // Who may not see them makes none either.
    immutability::rules(&call.ctx, &call.who, &owner).await?;
    page(call, owner, None)
}

pub async fn edit(call: &Call) -> Shown {
    let (owner, id) = (owner::of(call)?, call.param::<ImmutableRuleId>("id", "rule of immutable tags")?);
    let rule = immutability::get(&call.ctx, &call.who, &owner, id).await?;
    page(call, owner, Some(rule))
}

fn page(call: &Call, owner: Owner, rule: Option<ImmutableRule>) -> Shown {
    let (title, id) = match &rule {
        None => ("New rule of immutable tags", 0),
        Some(rule) => ("Rule of immutable tags", rule.id.0),
    };
    let whose = owner::field(&owner);
    let modes = || vec![("matches".to_owned(), "matching".to_owned()), ("excludes".to_owned(), "other than".to_owned())];
    let first = |of: Of| rule.as_ref().map_or(("", false), |rule| rule.selector.first(of));
    let mode = |of: Of| if first(of).1 { "excludes" } else { "matches" };
    let over = match owner {
        Owner::System => "Patterns over project/repository: * within a component, ** across them, {a,b} alternatives. Empty: all.",
        Owner::Project(_) => "Patterns over the repository's name in this project: * within a component, ** across them. Empty: all.",
    };
    let form = call.form::<forms::SaveImmutable>().beside(call.form::<forms::PreviewImmutable>());
    let form = form.with(vec![("project", whose), ("id", id.to_string())]).preview(call.at::<forms::PreviewImmutable>());
    let disabled = rule.as_ref().is_some_and(|rule| rule.disabled);
    let end = rule.as_ref().map(|rule| view! {
        <section class="card pad"><h2>"Delete this rule"</h2>{ask(paths::delete_of(&paths::immutable(&place(&owner), rule.id)), "Delete rule…")}</section>
    });
    let body = form.of(view! {
        <div class="sentence">
            <div class="form--row">
                {form.choice("repository_mode", "In repositories", modes()).value(mode(Of::Repository))}
                {form.text("repositories", "the repository pattern").value(first(Of::Repository).0).placeholder("**").help(over)}
            </div>
            <div class="form--row">
                {form.choice("tag_mode", "tags", modes()).value(mode(Of::Tag))}
                {form.text("tags", "the tag pattern").value(first(Of::Tag).0).placeholder("v*, release-*").help("Several are separated by commas. Empty: every tag.")}
            </div>
            <p>"stay as they are."</p>
        </div>
        {preview(call)}
        {form.tick("disabled", "Disabled: it keeps nothing for now").ticked(disabled)}
        {buttons("Save rule").beside(call.at::<forms::PreviewImmutable>(), "Show what it keeps").cancel(place(&owner))}
    });
    Ok(Page::new(title).way(way(&owner, title)).body(view! { <section class="card pad">{body}</section>{end} }))
}

fn preview(call: &Call) -> AnyView {
    let body = match call.answer::<forms::PreviewImmutable>() {
        Some(Answer::Covered(covered)) if covered.tags == 0 => view! { <p class="note note--warn">"It keeps nothing now."</p> }.into_any(),
        Some(Answer::Covered(covered)) => view! { <p class="note">"It keeps "{keeps(covered)}</p> }.into_any(),
        _ => ().into_any(),
    };
    view! { <div id="preview" class="preview" aria-live="polite">{body}</div> }.into_any()
}

pub async fn delete(call: &Call) -> Shown {
    let (owner, id) = (owner::of(call)?, call.param::<ImmutableRuleId>("id", "rule of immutable tags")?);
    let rule = immutability::get(&call.ctx, &call.who, &owner, id).await?;
    let covered = immutability::covered(&call.ctx, &call.who, &owner, &rule).await?;
    let whose = owner::field(&owner);
    let form = call.form::<forms::DeleteImmutable>().with(vec![("project", whose), ("id", id.to_string())]);
    let says = match covered.tags {
        0 => vec!["It keeps nothing now.".to_owned()],
        n => vec![format!("Whoever may push can move {} again then, and whoever may delete can delete what they name, unless another rule keeps them.", count(n, "tag"))],
    };
    let page = Page::new("Delete this rule?").way(way(&owner, "Delete rule")).purpose(rule.selector.sentence());
    Ok(page.body(confirm(&form, says, (), "Delete rule", paths::immutable(&place(&owner), rule.id))))
}
