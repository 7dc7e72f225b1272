//! An execution: how far it is, and what became of each artifact.

use super::forms::{AllowRemovals, Retry, Stop};
use crate::pages::replication::rules::sentence;
use crate::pages::prelude::*;
use model::replication::execution::{Execution, Task, TaskStatus};
use model::run::{RunStatus, duration};
use model::stamp::{bytes, count};
use model::{ExecutionId, RuleId};

pub async fn show(call: &Call) -> Shown {
    let (rule, id) = (call.param::<RuleId>("id", "replication rule")?, call.param::<ExecutionId>("execution", "execution")?);
    let (ctx, who, f) = (&call.ctx, &call.who, call.filter(&[]));
    let execution = domain::replication::executions::get(ctx, who, id).await?;
    if execution.rule_id != rule {
        return Err(UiError::NotFound(format!("execution {id}")));
    }
    let rule = domain::replication::rules::get(ctx, who, rule).await?;
    let tasks = domain::replication::executions::tasks(ctx, who, id, None, &f.ask_page()).await?;
    let settled = execution.status.settled();
    let nothing = || {
        match (settled, execution.unchanged) {
            (false, _) => empty("No artifact yet", "What matches is being looked up.".to_owned(), ()),
            (true, 0) => empty("No artifact", execution.status_text.clone(), ()),
            (true, n) => empty("Nothing had to be copied", format!("{} that matched: already there.", model::stamp::count(n, "artifact")), ()),
        }
    };
    let headings = view! {
        <th scope="col">"Artifact"</th><th scope="col" class="p2">"Digest"</th><th scope="col">"Status"</th>
        <th scope="col" class="p2">"Accessories carried"</th><th scope="col" class="num p2">"Sent"</th>
    };
    let body = listing(&f, &tasks, nothing, headings, |task| row(rule.id, id, task));
    let class = if execution.removals_left > 0 { "note note--warn" } else { "note" };
    let asks = (execution.removals_left > 0).then(|| ask(paths::removals(rule.id, id), "Remove them there…"));
    let why = (!execution.status_text.is_empty()).then(|| view! { <p class=class><span>{execution.status_text.clone()}</span>{asks}</p> });
    let title = format!("Execution {id}");
    let way = vec![("Replication".into(), paths::rules()), (rule.input.name.clone(), paths::rule(rule.id)), (title.clone(), String::new())];
    let page = Page::new(title).way(way).purpose(sentence(&rule)).actions(action(call, &execution)).live(!settled);
    Ok(page.body(view! {
        {progress(&execution)}
        {why}
        {facts(vec![
            ("Started", time(execution.started_at, call.me.now)),
            ("Duration", duration(execution.duration_ms(call.me.now)).into_any()),
            (if rule.input.removes { "Copied or removed" } else { "Copied" }, execution.succeeded.into_any()),
            (if rule.input.removes { "Left as it is" } else { "Skipped: already there" }, execution.skipped.into_any()),
            ("Failed", execution.failed.into_any()),
            ("Stopped", execution.stopped.into_any()),
        ])}
        {body}
    }))
}

/// *Stop* while it runs, *Retry* where something failed.
fn action(call: &Call, execution: &Execution) -> Option<AnyView> {
    let id = ("id", execution.id.to_string());
    if !execution.status.settled() {
        return Some(call.button::<Stop>(vec![("rule", execution.rule_id.to_string()), id], "Stop").into_render());
    }
    let nothing = execution.total == 0 && execution.status == RunStatus::Failed;
    let again = execution.failed + execution.stopped > 0 || nothing;
    again.then(|| call.button::<Retry>(vec![id], "Retry what failed").primary().into_render())
}

/// Of what an execution left the first so many.
const NAMED: usize = 20;

/// Before more than a tenth is removed there.
pub async fn removals(call: &Call) -> Shown {
    let (rule, id) = (call.param::<RuleId>("id", "replication rule")?, call.param::<ExecutionId>("execution", "execution")?);
    let execution = domain::replication::executions::get(&call.ctx, &call.who, id).await?;
    if execution.rule_id != rule || execution.removals_left == 0 {
        return Err(UiError::NotFound(format!("what execution {id} left")));
    }
    let rule = domain::replication::rules::get(&call.ctx, &call.who, rule).await?;
    let gone = domain::replication::removals::left(&call.ctx, &call.who, id, NAMED).await?;
    let left = execution.removals_left;
    let way = vec![
        ("Replication".into(), paths::rules()), (rule.input.name.clone(), paths::rule(rule.id)),
        (format!("Execution {id}"), paths::execution(rule.id, id)), ("Remove there".into(), String::new()),
    ];
    let names = gone.iter().map(|one| {
        let tags = if one.tags.is_empty() { "untagged".to_owned() } else { one.tags.join(", ") };
        view! { <li><code>{format!("{}@{}", one.destination, model::digest::short(&one.digest))}</code>{format!(" ({tags}), from {}", one.source)}</li> }
    });
    let names = view! { <ul class="reasons">{names.collect_view()}</ul> };
    let form = call.form::<AllowRemovals>().with(vec![("id", id.to_string())]);
    let says = vec![
        "The rule runs again, and removes them there; if more is gone here by then, it asks again. What others tagged there, or attached something to, stays.".to_owned(),
        format!("{} put {} there that were deleted here. The first of them:", rule.input.name, count(left, "artifact")),
    ];
    let page = Page::new(format!("Remove {} at {}?", count(left, "artifact"), rule.target_name)).way(way).purpose(sentence(&rule));
    Ok(page.body(confirm(&form, says, names, "Remove there", paths::execution(rule.id, id))))
}

fn progress(execution: &Execution) -> AnyView {
    let percent = match execution.bytes_total {
        0 if execution.status.settled() => 100,
        0 => 0,
        total => (execution.bytes_done * 100 / total).clamp(0, 100),
    };
    let done = execution.succeeded + execution.skipped;
    view! {
        <div class="progress" role="group" aria-label="Progress">
            <span aria-live="polite">{run_status(execution.status)}</span>
            <span>{format!("{done} of {}", count(execution.total, "artifact"))}</span>
            <progress max="100" value=percent.to_string() aria-label="Bytes sent">{format!("{percent} %")}</progress>
            <span>{format!("{} of {}", bytes(execution.bytes_done), bytes(execution.bytes_total))}</span>
        </div>
    }
    .into_any()
}

/// How a task stands; one that removes has words of its own.
pub(super) fn status(task: &Task) -> AnyView {
    match task.status {
        TaskStatus::Succeeded if task.removes => pill(Tone::Ok, "check", "Removed").into_any(),
        TaskStatus::Skipped if task.removes => pill(Tone::Neutral, "", "Kept there").into_any(),
        other => task_status(other).into_any(),
    }
}

fn row(rule: RuleId, execution: ExecutionId, task: &Task) -> AnyView {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for kind in &task.accessories {
        match kinds.iter_mut().find(|(label, _)| *label == kind.label()) {
            Some((_, n)) => *n += 1,
            None => kinds.push((kind.label(), 1)),
        }
    }
    let words: Vec<String> = kinds.iter().map(|(label, n)| if *n == 1 { (*label).to_owned() } else { format!("{n} × {label}") }).collect();
    let carried = match task.accessories.len() {
        _ if task.removes => ().into_any(),
        0 => view! { <span class="muted">"none"</span> }.into_any(),
        n => view! { <span>{icon("layers")}{format!(" {n}: {}", words.join(", "))}</span> }.into_any(),
    };
    let error = (!task.error.is_empty()).then(|| view! { <span class="task-error">{task.error.clone()}</span> });
    let sent = if task.removes { String::new() } else { format!("{} of {}", bytes(task.bytes_done), bytes(task.bytes_total)) };
    let what = if task.removes { format!("{} deleted here: remove from {}", task.source, task.destination) } else { format!("{} → {}", task.source, task.destination) };
    let tags = if task.tags.is_empty() { "untagged".to_owned() } else { task.tags.join(", ") };
    view! {
        <tr class="tall" data-key=task.id.to_string()>
            <td>
                <a href=paths::task(rule, execution, task.id)>{what}</a>
                <span class="tree__of">{tags}</span>{error}
            </td>
            <td class="p2">{digest(&task.digest)}</td>
            <td>{status(task)}</td>
            <td class="p2 wrap">{carried}</td>
            <td class="num p2">{sent}</td>
        </tr>
    }
    .into_any()
}
