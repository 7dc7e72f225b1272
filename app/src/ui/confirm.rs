//! Asking before something is destroyed: a page of its own says what goes with it, and has one dangerous button.

use super::form::{Form, buttons};
use leptos::prelude::*;

/// The body of such a page: what goes, in sentences; what else is asked for; the button and the way back.
pub fn confirm(form: &Form, says: Vec<String>, fields: impl IntoAny, button: &'static str, back: String) -> AnyView {
    let says = says.into_iter().map(|sentence| view! { <p>{sentence}</p> }).collect_view();
    let fields = fields.into_any();
    view! { <section class="card pad">{says}{form.of(view! { {fields}{buttons(button).danger().cancel(back)} })}</section> }.into_any()
}

/// A button that leads to such a page.
pub fn ask(href: String, words: &'static str) -> AnyView {
    view! { <a class="button button--danger" href=href>{words}</a> }.into_any()
}
