//! All replication rules.

use super::sentence;
use crate::pages::replication::executions::forms::Execute;
use crate::pages::prelude::*;
use model::replication::rule::Rule;

pub async fn list(call: &Call) -> Shown {
    let f = call.filter(&[]);
    let found = domain::replication::rules::list(&call.ctx, &call.who, &f.ask()).await?;
    let nothing = || {
        let targets = view! { <a class="button" href=paths::targets()>"Target registries"</a> };
        empty("No replication rule yet", "A rule says which artifacts go where. It needs a target registry first.", targets)
    };
    let headings = view! {
        {heading(&f, "name", "Rule", "")}
        <th scope="col">"Last execution"</th>
        <th scope="col" class="num p2">"Executions"</th>
        {actions_heading()}
    };
    let body = listing(&f, &found, nothing, headings, |rule| row(call, rule));
    let purpose = "Rules that copy artifacts, with everything attached to them, to other registries.";
    let new = view! { <a class="button button--primary" href=paths::rule_new()>"New replication rule"</a> };
    Ok(Page::new("Replication").purpose(purpose).actions(new).body(view! {
        {filter_bar(&f, "Search by name", found.total, "replication rule", ())}
        {body}
    }))
}

fn row(call: &Call, rule: &Rule) -> AnyView {
    let last = match &rule.last_execution {
        Some(last) => view! {
            <a href=paths::execution(rule.id, last.id)>{run_status(last.status)}</a>" "{time(last.started_at, call.me.now)}
        }.into_any(),
        None => view! { <span class="muted">"never run"</span> }.into_any(),
    };
    let run = if rule.input.enabled {
        let with = vec![("rule", rule.id.to_string())];
        call.button::<Execute>(with, "Replicate").small().more(format!("by {}", rule.input.name)).into_render()
    } else {
        pill(Tone::Neutral, "", "Disabled")
    };
    view! {
        <tr class="tall">
            <td><a href=paths::rule(rule.id)>{rule.input.name.clone()}</a><span class="tree__of">{sentence(rule)}</span></td>
            <td>{last}</td>
            <td class="num p2">{rule.execution_count}</td>
            <td class="row-end">{run}</td>
        </tr>
    }
    .into_any()
}
