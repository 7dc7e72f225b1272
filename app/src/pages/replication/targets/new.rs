//! A new target registry.

use super::{fields, forms, found, way};
use crate::pages::prelude::*;

pub async fn new(call: &Call) -> Shown {
    let form = call.form::<forms::Create>().beside(call.form::<forms::Test>());
    let page = Page::new("New target registry").way(way("New target registry"));
    Ok(page.purpose("Artifacts are pushed there by replication rules.").body(view! {
        <section class="card pad">
            {form.of(view! {
                {fields(&form, None)}
                {found(call.answer::<forms::Test>())}
                {buttons("Create target registry").beside(call.at::<forms::Test>(), "Test connection").cancel(paths::targets())}
            })}
        </section>
    }))
}
