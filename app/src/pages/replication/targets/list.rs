//! Where artifacts are replicated to.

use crate::pages::prelude::*;

pub async fn list(call: &Call) -> Shown {
    let f = call.filter(&[]);
    let found = domain::replication::targets::list(&call.ctx, &call.who, &f.ask()).await?;
    let what = "A target registry is where replication rules push to: another Wharf or Harbor, or any OCI registry.";
    let headings = view! {
        {heading(&f, "name", "Name", "")}
        <th scope="col">"Health"</th>
        <th scope="col">"URL"</th>
        <th scope="col" class="p2">"Provider"</th>
        <th scope="col" class="num p2">"Rules"</th>
    };
    let body = listing(&f, &found, || empty("No target registry yet", what, ()), headings, |target| view! {
        <tr>
            <td><a href=paths::target(target.id)>{target.name.clone()}</a></td>
            <td>{target_health(target.healthy)}" "
                {(!target.verify_certificate).then(|| pill(Tone::Bad, "warn", "Certificate not verified"))}</td>
            <td><code>{target.url.clone()}</code></td>
            <td class="p2">{target.provider.label()}</td>
            <td class="num p2">{target.rule_count}</td>
        </tr>
    }.into_any());
    let new = view! { <a class="button button--primary" href=paths::target_new()>"New target registry"</a> };
    Ok(Page::new("Registries").purpose("Where artifacts are replicated to.").actions(new).body(view! {
        {filter_bar(&f, "Search by name", found.total, "target registry", ())}
        {body}
    }))
}
