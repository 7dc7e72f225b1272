//! The replication rules that take something of a project, to be read.

use super::sentence;
use crate::pages::projects::way;
use crate::pages::prelude::*;

pub async fn of_project(call: &Call) -> Shown {
    let project = call.project()?;
    let rules = domain::replication::rules::of_project(&call.ctx, &call.who, &project).await?;
    let admin = call.me.admin();
    let body = if rules.is_empty() {
        let text = "System administrators make replication rules; those that take something of this project are shown here.";
        empty("No rule reaches this project", text, ())
    } else {
        let headings = view! { <th scope="col">"Rule"</th><th scope="col">"Last execution"</th><th scope="col" class="p2">"State"</th> };
        let rows = rules.iter().map(|rule| {
            let href = admin.then(|| paths::rule(rule.id));
            view! {
                <tr class="tall">
                    <td><a href=href>{rule.input.name.clone()}</a><span class="tree__of">{sentence(rule)}</span></td>
                    <td>{rule.last_execution.as_ref().map(|last| run_status(last.status))}</td>
                    <td class="p2">{if rule.input.enabled { "enabled" } else { "disabled" }}</td>
                </tr>
            }
            .into_any()
        });
        table("", headings, rows.collect())
    };
    let purpose = format!("Rules that take something of {project}. System administrators change them.");
    Ok(Page::new("Replication").way(way(&project, "Replication")).purpose(purpose).body(body))
}
