//! One target registry: its connection, settings and end.

use super::{fields, forms, found, way};
use crate::pages::prelude::*;

pub async fn edit(call: &Call) -> Shown {
    let target = domain::replication::targets::get(&call.ctx, &call.who, call.param("id", "target registry")?).await?;
    let with = || vec![("id", target.id.to_string())];
    let kind = vec![("id", target.id.to_string()), ("provider", target.provider.key().to_owned())];
    let removal = match target.rule_count {
        0 => ask(paths::delete_of(&paths::target(target.id)), "Delete target registry…"),
        1 => view! { <p class="note">"1 replication rule uses it: delete that first."</p> }.into_any(),
        n => view! { <p class="note">{format!("{n} replication rules use it: delete them first.")}</p> }.into_any(),
    };
    let form = call.form::<forms::Update>().beside(call.form::<forms::Test>()).with(kind);
    let pills = view! {
        {pill(Tone::Neutral, "", target.provider.label())}
        {target_health(target.healthy)}
        {(!target.verify_certificate).then(|| pill(Tone::Bad, "warn", "Certificate not verified"))}
    };
    Ok(Page::new(&target.name).way(way(&target.name)).purpose(&target.url).actions(pills).body(view! {
        <section class="card pad">
            <h2>{icon("registry")}"Connection"</h2>
            {found(call.answer::<forms::Probe>())}
            {call.button::<forms::Probe>(with(), "Test the stored connection")}
        </section>
        <section class="card pad">
            <h2>"Settings"</h2>
            {form.of(view! {
                {fields(&form, target.provider, Some(&target))}
                {found(call.answer::<forms::Test>())}
                {buttons("Save target registry").beside(call.at::<forms::Test>(), "Test connection").cancel(paths::targets())}
            })}
        </section>
        <section class="card pad"><h2>"Delete"</h2>{removal}</section>
    }))
}
