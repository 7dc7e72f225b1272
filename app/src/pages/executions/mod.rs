//! An execution, live; and one task's log.

pub mod api;

use super::param;
use crate::layout::{crumbs, head};
use crate::layout::toast::again;
use crate::paths;
use crate::ui::pill::{execution_status, task_status};
use crate::ui::{Filter, digest, empty, facts, icon, load, one_button, pager, time};
use leptos::prelude::*;
use model::execution::duration;
use model::stamp::bytes;
use model::{ExecutionId, RuleId, TaskId};

#[component]
pub fn Show() -> impl IntoView {
    let (rule, id) = (param::<RuleId>("rule", "replication rule"), param::<ExecutionId>("id", "execution"));
    let filter = Filter::here(&[]);
    let data = Resource::new(
        move || (rule(), id(), filter.get(), again()),
        |(rule, id, f, _)| async move { api::get(rule?, id?, f.after).await },
    );
    let (stop, retry) = (ServerAction::<api::Stop>::new(), ServerAction::<api::Retry>::new());
    let source = expect_context::<crate::session::MeSource>().0;
    crate::live::poll(
        move || data.get_untracked().is_some_and(|found| found.is_ok_and(|page| !page.execution.status.settled())),
        move || {
            data.refetch();
            source.refetch();
        },
    );
    load(data, move |found, me| {
        let (f, execution, rule) = (filter.get_untracked(), found.execution.clone(), found.rule.clone());
        let settled = execution.status.settled();
        let done = execution.succeeded + execution.skipped;
        let percent = match execution.bytes_total {
            0 if settled => 100,
            0 => 0,
            total => (execution.bytes_done * 100 / total).clamp(0, 100),
        };
        let actions = if settled {
            let again = execution.failed + execution.stopped > 0 || (execution.total == 0 && execution.status == model::execution::Status::Failed);
            again.then(|| {
                one_button(retry, vec![("id", execution.id.to_string())], "button button--primary", "Retry what failed", "")
            }).into_any()
        } else {
            view! {
                <a class="button" href="">"Refresh"</a>
                {one_button(stop, vec![("rule", rule.id.to_string()), ("id", execution.id.to_string())], "button", "Stop", "")}
            }.into_any()
        };
        let rows = found.tasks.items.iter().map(|task| {
            let carried: Vec<&str> = task.accessories.iter().map(|kind| kind.label()).collect();
            let carried = match carried.len() {
                0 => view! { <span class="muted">"none"</span> }.into_any(),
                n => view! { <span title=carried.join(", ")>{icon("layers")}{format!(" {n}: {}", carried.join(", "))}</span> }.into_any(),
            };
            let error = (!task.error.is_empty()).then(|| view! { <span class="task-error">{task.error.clone()}</span> });
            let tags = if task.tags.is_empty() { "untagged".to_owned() } else { task.tags.join(", ") };
            view! {
                <tr class="tall">
                    <td>
                        <a href=paths::task(rule.id, execution.id, task.id)>{format!("{} → {}", task.source, task.destination)}</a>
                        <span class="tree__of">{tags}</span>{error}
                    </td>
                    <td class="p2">{digest(&task.digest)}</td>
                    <td>{task_status(task.status)}</td>
                    <td class="p2 wrap">{carried}</td>
                    <td class="num p2">{bytes(task.bytes_done)}" of "{bytes(task.bytes_total)}</td>
                </tr>
            }
        }).collect_view();
        let table = if found.tasks.items.is_empty() {
            let text = if settled { execution.status_text.clone() } else { "What matches is being looked up.".to_owned() };
            empty("No artifact", text, ().into_any())
        } else {
            view! {
                <div class="card scroll"><table>
                    <thead><tr>
                        <th scope="col">"Artifact"</th><th scope="col" class="p2">"Digest"</th><th scope="col">"Status"</th>
                        <th scope="col" class="p2">"Accessories carried"</th><th scope="col" class="num p2">"Sent"</th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table></div>
                {pager(&f, found.tasks.next.clone())}
            }.into_any()
        };
        let why = (!execution.status_text.is_empty()).then(|| view! { <p class="note">{execution.status_text.clone()}</p> });
        view! {
            {crumbs(vec![
                ("Replication".into(), paths::rules()),
                (rule.input.name.clone(), paths::rule(rule.id)),
                (format!("Execution {}", execution.id), String::new()),
            ])}
            {head(format!("Execution {}", execution.id), super::rules::sentence(&rule), actions)}
            <div class="progress" role="group" aria-label="Progress">
                <span aria-live="polite">{execution_status(execution.status)}</span>
                <span>{format!("{done} of {}", model::stamp::count(execution.total, "artifact"))}</span>
                <progress max="100" value=percent.to_string()>{format!("{percent} %")}</progress>
                <span>{format!("{} of {}", bytes(execution.bytes_done), bytes(execution.bytes_total))}</span>
            </div>
            {why}
            {facts(vec![
                ("Started", time(execution.started_at, me.now)),
                ("Duration", duration(execution.duration_ms(me.now)).into_any()),
                ("Copied", execution.succeeded.to_string().into_any()),
                ("Skipped: stands there", execution.skipped.to_string().into_any()),
                ("Failed", execution.failed.to_string().into_any()),
                ("Stopped", execution.stopped.to_string().into_any()),
            ])}
            {table}
        }.into_any()
    })
}

#[component]
pub fn Task() -> impl IntoView {
    let (rule, execution, id) = (
        param::<RuleId>("rule", "replication rule"),
        param::<ExecutionId>("id", "execution"),
        param::<TaskId>("task", "task"),
    );
    let data = Resource::new(
        move || (rule(), execution(), id()),
        |(rule, execution, id)| async move {
            let (task, log) = api::get_task(execution?, id?).await?;
            Ok((rule?, task, log))
        },
    );
    crate::live::poll(
        move || data.get_untracked().is_some_and(|found| found.is_ok_and(|(_, task, _)| !task.status.settled())),
        move || data.refetch(),
    );
    load(data, move |(rule, task, log), _| view! {
        {crumbs(vec![
            ("Replication".into(), paths::rules()),
            (format!("Rule {rule}"), paths::rule(rule)),
            (format!("Execution {}", task.execution_id), paths::execution(rule, task.execution_id)),
            (format!("Task {}", task.id), String::new()),
        ])}
        {head(format!("Task {}", task.id), format!("{} → {}", task.source, task.destination), task_status(task.status))}
        {(!task.error.is_empty()).then(|| view! { <p class="note note--bad">{task.error.clone()}</p> })}
        <section><h2>"Log"</h2><pre class="log card pad">{if log.is_empty() { "Nothing yet.".to_owned() } else { log }}</pre></section>
    }.into_any())
}
