//! Nothing here yet, or nothing that matches.

use leptos::prelude::*;

/// What this is, and what to do.
pub fn empty(title: impl Into<String>, text: impl Into<String>, more: impl IntoAny) -> AnyView {
    let (title, text): (String, String) = (title.into(), text.into());
    view! { <div class="empty card"><h2>{title}</h2><p>{text}</p>{more.into_any()}</div> }.into_any()
}

/// Nothing matches: the way back to everything.
pub fn no_match(clear: String) -> AnyView {
    empty("Nothing matches", "Change the filter, or look at everything again.", view! { <a class="button" href=clear>"Clear the filter"</a> })
}
