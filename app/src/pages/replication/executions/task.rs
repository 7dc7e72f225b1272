//! One task of an execution: its log.

use crate::pages::prelude::*;
use model::{ExecutionId, RuleId, TaskId};

pub async fn task(call: &Call) -> Shown {
    let rule = call.param::<RuleId>("id", "replication rule")?;
    let (execution, id) = (call.param::<ExecutionId>("execution", "execution")?, call.param::<TaskId>("task", "task")?);
    let (task, log) = domain::replication::executions::task(&call.ctx, &call.who, execution, id).await?;
    let title = format!("Task {id}");
    let way = vec![
        ("Replication".into(), paths::rules()),
        (format!("Rule {rule}"), paths::rule(rule)),
        (format!("Execution {execution}"), paths::execution(rule, execution)),
        (title.clone(), String::new()),
    ];
    let log = if log.is_empty() { "Nothing yet.".to_owned() } else { log };
    let page = Page::new(title).way(way).purpose(format!("{} → {}", task.source, task.destination)).actions(super::show::status(&task));
    Ok(page.live(!task.status.settled()).body(view! {
        {(!task.error.is_empty()).then(|| view! { <p class="note note--bad">{task.error.clone()}</p> })}
        <section><h2>"Log"</h2><pre class="log card pad">{log}</pre></section>
    }))
}
