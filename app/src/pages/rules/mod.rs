//! Replication rules, and the executions of one.

pub mod api;
mod form;

pub use form::{Edit, New};

use super::executions::api::{Execute, Retry};
use super::param;
use crate::layout::{crumbs, head};
use crate::layout::toast::again;
use crate::paths;
use crate::ui::pill::execution_status;
use crate::ui::{Filter, Tone, empty, facts, filter_bar, heading, load, one_button, pager, pill, time};
use leptos::prelude::*;
use model::execution::duration;
use model::rule::{Rule, TagMode};
use model::{ProjectName, RuleId};

fn way(last: &str) -> AnyView {
    crumbs(vec![("Replication".into(), paths::rules()), (last.to_owned(), String::new())])
}

/// The rule as a sentence.
pub fn sentence(rule: &Rule) -> String {
    let input = &rule.input;
    let what = if input.repositories.is_empty() { "every repository".to_owned() } else { input.repositories.clone() };
    let tags = match (input.tags.as_str(), input.tag_mode) {
        ("", _) => String::new(),
        (tags, TagMode::Matches) => format!(", tagged {tags},"),
        (tags, TagMode::Excludes) => format!(", not tagged {tags},"),
    };
    let to = if input.namespace.is_empty() { String::new() } else { format!(" under {}", input.namespace) };
    format!("Push {what}{tags} to {}{to}, when I click.", rule.target_name)
}

#[component]
pub fn List() -> impl IntoView {
    let filter = Filter::here(&[]);
    let data = Resource::new(move || (filter.get(), again()), |(f, _)| api::list(f.q, f.sort, f.after));
    let execute = ServerAction::<Execute>::new();
    load(data, move |page, me| {
        let f = filter.get_untracked();
        let rows = page.items.iter().map(|rule| {
            let last = match &rule.last_execution {
                Some(last) => view! {
                    <a href=paths::execution(rule.id, last.id)>{execution_status(last.status)}</a>" "{time(last.started_at, me.now)}
                }.into_any(),
                None => view! { <span class="muted">"never run"</span> }.into_any(),
            };
            let run = if rule.input.enabled {
                let with = vec![("rule", rule.id.to_string())];
                one_button(execute, with, "button button--small", "Replicate", format!("by {}", rule.input.name))
            } else {
                pill(Tone::Neutral, "", "Disabled")
            };
            view! {
                <tr class="tall">
                    <td><a href=paths::rule(rule.id)>{rule.input.name.clone()}</a>
                        <span class="tree__of">{sentence(rule)}</span></td>
                    <td>{last}</td>
                    <td class="num p2">{rule.execution_count}</td>
                    <td class="row-end">{run}</td>
                </tr>
            }
        }).collect_view();
        let body = if page.items.is_empty() && f.narrows() {
            crate::ui::empty::no_match(f.path.clone())
        } else if page.items.is_empty() {
            empty("No replication rule yet", "A rule says which artifacts go where. It needs a target registry first.", view! {
                <a class="button" href=paths::targets()>"Target registries"</a>
            }.into_any())
        } else {
            view! {
                <div class="card scroll"><table>
                    <thead><tr>
                        {heading(&f, "name", "Rule", "")}
                        <th scope="col">"Last execution"</th>
                        <th scope="col" class="num p2">"Executions"</th>
                        <th scope="col" class="row-end"><span class="sr">"Actions"</span></th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table></div>
                {pager(&f, page.next.clone())}
            }.into_any()
        };
        view! {
            {head("Replication", "Rules that copy artifacts, with everything attached to them, to other registries.", view! {
                <a class="button button--primary" href=paths::rule_new()>"New replication rule"</a>
            }.into_any())}
            {filter_bar(&f, "Search by name", page.total, "replication rule", ().into_any())}
            {body}
        }.into_any()
    })
}

#[component]
pub fn Show() -> impl IntoView {
    let (id, filter) = (param::<RuleId>("id", "replication rule"), Filter::here(&[]));
    let data = Resource::new(
        move || (id(), filter.get(), again()),
        |(id, f, _)| async move { api::get(id?, f.after).await },
    );
    let (execute, retry, delete) =
        (ServerAction::<Execute>::new(), ServerAction::<Retry>::new(), ServerAction::<api::Delete>::new());
    crate::live::poll(
        move || data.get_untracked().is_some_and(|found| {
            found.is_ok_and(|page| page.executions.items.iter().any(|execution| !execution.status.settled()))
        }),
        move || data.refetch(),
    );
    load(data, move |found, me| {
        let (f, rule) = (filter.get_untracked(), found.rule.clone());
        let rows = found.executions.items.iter().map(|execution| {
            let may_retry = execution.status.settled() && execution.failed + execution.stopped > 0;
            view! {
                <tr>
                    <td><a href=paths::execution(rule.id, execution.id)>{format!("Execution {}", execution.id)}</a></td>
                    <td>{execution_status(execution.status)}</td>
                    <td class="p2">{execution.trigger.clone()}</td>
                    <td class="p2">{time(execution.started_at, me.now)}</td>
                    <td class="num p2">{duration(execution.duration_ms(me.now))}</td>
                    <td class="num">{if execution.status.settled() { format!("{} %", execution.success_rate()) } else { String::new() }}</td>
                    <td class="num">{execution.total}</td>
                    <td class="row-end">{may_retry.then(|| {
                        one_button(retry, vec![("id", execution.id.to_string())], "button button--small", "Retry what failed", "")
                    })}</td>
                </tr>
            }
        }).collect_view();
        let table = if found.executions.items.is_empty() {
            empty("Not run yet", "Press Replicate: this page then shows how it goes.", ().into_any())
        } else {
            view! {
                <div class="card scroll"><table>
                    <thead><tr>
                        <th scope="col">"Execution"</th><th scope="col">"Status"</th><th scope="col" class="p2">"Trigger"</th>
                        <th scope="col" class="p2">"Started"</th><th scope="col" class="num p2">"Duration"</th>
                        <th scope="col" class="num">"Success"</th><th scope="col" class="num">"Artifacts"</th>
                        <th scope="col" class="row-end"><span class="sr">"Actions"</span></th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table></div>
                {pager(&f, found.executions.next.clone())}
            }.into_any()
        };
        let run = if rule.input.enabled {
            one_button(execute, vec![("rule", rule.id.to_string())], "button button--primary", "Replicate", "")
        } else {
            pill(Tone::Neutral, "", "Disabled")
        };
        view! {
            {way(&rule.input.name)}
            {head(rule.input.name.clone(), sentence(&rule), view! {
                <a class="button" href=paths::rule_edit(rule.id)>"Edit"</a>{run}
            }.into_any())}
            {facts(vec![
                ("Target", view! { <a href=paths::target(rule.input.target_id)>{rule.target_name.clone()}</a> }.into_any()),
                ("URL", view! { <code>{rule.target_url.clone()}</code> }.into_any()),
                ("Tags there", if rule.input.overwrite { "replaced" } else { "kept where they differ" }.into_any()),
                ("Description", view! { {rule.input.description.clone()} }.into_any()),
            ])}
            <section><h2>"Executions"</h2>{table}</section>
            <section class="card pad">
                <h2>"Delete this rule"</h2>
                <p class="note">"Its executions and their logs go with it; what was replicated stays."</p>
                {one_button(delete, vec![("id", rule.id.to_string())], "button button--danger", "Delete replication rule", "")}
            </section>
        }.into_any()
    })
}

#[component]
pub fn OfProject() -> impl IntoView {
    let project = param::<ProjectName>("project", "project");
    let data = Resource::new(project, |project| async move {
        let project = project?;
        Ok((project.clone(), api::of_project(project).await?))
    });
    load(data, move |(project, rules), me| {
        let admin = me.user.as_ref().is_some_and(|user| user.admin);
        let rows = rules.iter().map(|rule| view! {
            <tr class="tall">
                <td>{if admin {
                    view! { <a href=paths::rule(rule.id)>{rule.input.name.clone()}</a> }.into_any()
                } else {
                    view! { <span>{rule.input.name.clone()}</span> }.into_any()
                }}<span class="tree__of">{sentence(rule)}</span></td>
                <td>{rule.last_execution.as_ref().map(|last| execution_status(last.status))}</td>
                <td class="p2">{if rule.input.enabled { "enabled" } else { "disabled" }}</td>
            </tr>
        }).collect_view();
        let body = if rules.is_empty() {
            empty("No rule reaches this project",
                "System administrators make replication rules; those that take something of this project are shown here.", ().into_any())
        } else {
            view! {
                <div class="card scroll"><table>
                    <thead><tr><th scope="col">"Rule"</th><th scope="col">"Last execution"</th><th scope="col" class="p2">"State"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table></div>
            }.into_any()
        };
        view! {
            {super::projects::way(&project, "Replication")}
            {head("Replication", format!("Rules that take something of {project}. System administrators change them."), ().into_any())}
            {body}
        }.into_any()
    })
}

