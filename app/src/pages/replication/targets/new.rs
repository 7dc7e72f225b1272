//! A new target registry: which kind it is says the address, what it asks for its form.

use super::{fields, forms, found, way};
use crate::pages::prelude::*;
use model::replication::provider::Provider;

pub async fn new(call: &Call) -> Shown {
    let provider = Provider::from_key(call.query("provider")).unwrap_or(Provider::Harbor);
    let with = vec![("provider", provider.key().to_owned())];
    let form = call.form::<forms::Create>().beside(call.form::<forms::Test>()).with(with);
    let kinds = Provider::ALL.into_iter().map(|kind| {
        let href = paths::with(&paths::target_new(), &[("provider", kind.key())]);
        view! { <a class="facet" href=href aria-current=(kind == provider).then_some("true")>{kind.label()}</a> }
    });
    let kinds = kinds.collect_view();
    let namespace = provider.profile().namespace;
    let namespace = (!namespace.is_empty()).then(|| view! { <p class="note">"Destination namespace of its rules: "{namespace}</p> });
    let page = Page::new("New target registry").way(way("New target registry"));
    Ok(page.purpose("Artifacts are pushed there by replication rules.").body(view! {
        <nav class="filter-bar" aria-label="Kind of registry">{kinds}</nav>
        <section class="card pad">
            {form.of(view! {
                {fields(&form, provider, None)}
                {namespace}
                {found(call.answer::<forms::Test>())}
                {buttons("Create target registry").beside(call.at::<forms::Test>(), "Test connection").cancel(paths::targets())}
            })}
        </section>
    }))
}
