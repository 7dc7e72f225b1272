//! A project: its repositories.

use super::{push_commands, stored};
use crate::pages::projects::way;
use crate::pages::prelude::*;

pub async fn list(call: &Call) -> Shown {
    let (name, f) = (call.project()?, call.filter(&["signed"]));
    let frame = domain::projects::frame(&call.ctx, &call.who, &name).await?;
    let unsigned = f.facet("signed") == "no";
    let found = domain::repositories::list_filtered(&call.ctx, &call.who, &name, &f.ask(), unsigned).await?;
    let project = frame.project;
    let access = if project.public { pill(Tone::Info, "", "Public") } else { pill(Tone::Neutral, "", "Private") };
    let signed = project.policy.require_signature.then(|| pill(Tone::Info, "seal", "Only signed images may be pulled"));
    let nothing = || empty("No repository yet", "A repository comes with its first push.", push_commands(&call.me, &format!("{name}/NAME")));
    let headings = view! {
        {heading(&f, "name", "Name", "")}
        {heading(&f, "artifacts", "Artifacts", "num")}
        {heading(&f, "stored", "Stored", "num")}
        {heading(&f, "pulls", "Pulls", "num p2")}
        {heading(&f, "updated", "Updated", "p2")}
    };
    let body = listing(&f, &found, nothing, headings, |repository| view! {
        <tr>
            <td><a href=paths::repository(&name, &repository.name)>{repository.name.to_string()}</a></td>
            <td class="num">{repository.artifact_count}</td>
            <td class="num">{bytes(repository.storage.stored)}</td>
            <td class="num p2">{repository.pull_count}</td>
            <td class="p2">{time(repository.updated_at, call.me.now)}</td>
        </tr>
    }.into_any());
    let facets = facet(&f, "signed", "no", "With unsigned artifacts");
    let waiting = domain::deletions::waiting(&call.ctx, &call.who, &name).await?.said(call.me.now);
    let used = project.quota.limit.map(|_| format!("{} used", project.quota.said())).unwrap_or_default();
    let said = [used, stored(project.storage), waiting].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
    let page = Page::new(name.to_string()).way(way(&name, "")).purpose(said);
    Ok(page.actions(view! { {access}{signed} }).body(view! {
        {crate::pages::quotas::warning(call, &name, &project.quota)}
        {filter_bar(&f, "Search by name", found.total, "repository", facets)}
        {body}
    }))
}
