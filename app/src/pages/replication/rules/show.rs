//! One replication rule, with its executions.

use super::{sentence, way};
use crate::pages::replication::executions::forms::{Execute, Retry};
use crate::pages::prelude::*;
use model::RuleId;
use model::replication::execution::Execution;
use model::run::duration;

pub async fn show(call: &Call) -> Shown {
    let (id, f) = (call.param::<RuleId>("id", "replication rule")?, call.filter(&[]));
    let rule = domain::replication::rules::get(&call.ctx, &call.who, id).await?;
    let found = domain::replication::executions::list(&call.ctx, &call.who, Some(id), None, &f.ask_page()).await?;
    let unsettled = found.items.iter().any(|execution| !execution.status.settled());
    let headings = view! {
        <th scope="col">"Execution"</th><th scope="col">"Status"</th><th scope="col" class="p2">"Trigger"</th>
        <th scope="col" class="p2">"Started"</th><th scope="col" class="num p2">"Duration"</th>
        <th scope="col" class="num">"Success"</th><th scope="col" class="num">"Artifacts"</th>{actions_heading()}
    };
    let nothing = || empty("Not run yet", "Press Replicate: this page then shows how it goes.", ());
    let body = listing(&f, &found, nothing, headings, |execution| row(call, id, execution));
    let run = if rule.input.enabled {
        call.button::<Execute>(vec![("rule", id.to_string())], "Replicate").primary().into_render()
    } else {
        pill(Tone::Neutral, "", "Disabled")
    };
    let actions = view! { <a class="button" href=paths::rule_edit(id)>"Edit"</a>{run} };
    let page = Page::new(&rule.input.name).way(way(&rule.input.name)).purpose(sentence(&rule)).actions(actions).live(unsettled);
    let mut said = vec![
        ("Target", view! { <a href=paths::target(rule.input.target_id)>{rule.target_name.clone()}</a> }.into_any()),
        ("URL", view! { <code>{rule.target_url.clone()}</code> }.into_any()),
        ("Deleted here", if rule.input.removes { "removed there" } else { "stays there" }.into_any()),
        ("Tags there", if rule.input.overwrite { "replaced" } else { "kept where they differ" }.into_any()),
        ("May stay behind", match rule.input.accepts.iter().map(|kind| kind.label()).collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "nothing".to_owned(),
            kinds => kinds,
        }.into_any()),
    ];
    if !rule.input.description.is_empty() {
        said.push(("Description", rule.input.description.clone().into_any()));
    }
    Ok(page.body(view! {
        {facts(said)}
        <section><h2>"Executions"</h2>{body}</section>
        <section class="card pad">
            <h2>"Delete this rule"</h2>
            {ask(paths::delete_of(&paths::rule(id)), "Delete replication rule…")}
        </section>
    }))
}

fn row(call: &Call, rule: RuleId, execution: &Execution) -> AnyView {
    let settled = execution.status.settled();
    let retry = (settled && execution.failed + execution.stopped > 0)
        .then(|| call.button::<Retry>(vec![("id", execution.id.to_string())], "Retry what failed").small().into_render());
    view! {
        <tr data-key=execution.id.to_string()>
            <td><a href=paths::execution(rule, execution.id)>{format!("Execution {}", execution.id)}</a></td>
            <td>{run_status(execution.status)}</td>
            <td class="p2">{execution.trigger.label()}</td>
            <td class="p2">{time(execution.started_at, call.me.now)}</td>
            <td class="num p2">{duration(execution.duration_ms(call.me.now))}</td>
            <td class="num">{settled.then(|| format!("{} %", execution.success_rate()))}</td>
            <td class="num">{execution.total}</td>
            <td class="row-end">{retry}</td>
        </tr>
    }
    .into_any()
}
