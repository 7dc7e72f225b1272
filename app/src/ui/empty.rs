//! Nothing here yet, nothing that matches, or a page that cannot be shown.

use crate::error::UiError;
use leptos::prelude::*;

/// What this is, and what to do.
pub fn empty(title: impl Into<String>, text: impl Into<String>, more: AnyView) -> AnyView {
    let (title, text): (String, String) = (title.into(), text.into());
    view! { <div class="empty card"><h2>{title}</h2><p>{text}</p>{more}</div> }.into_any()
}

/// Nothing matches: the way back to everything.
pub fn no_match(clear: String) -> AnyView {
    empty("Nothing matches", "Change the filter, or look at everything again.", view! { <a class="button" href=clear>"Clear the filter"</a> }.into_any())
}

/// A page that cannot be shown: what failed, and the way on.
pub fn failed(error: &UiError) -> AnyView {
    #[cfg(feature = "ssr")]
    crate::server::note_status(error);
    let (title, way): (&str, AnyView) = match error {
        UiError::SignIn => ("Sign in first", view! { <a class="button button--primary" href=crate::paths::sign_in()>"Sign in"</a> }.into_any()),
        UiError::NotFound(_) => ("Not found", view! { <a class="button" href=crate::paths::projects()>"All projects"</a> }.into_any()),
        UiError::Forbidden(_) => ("Not allowed", view! { <a class="button" href=crate::paths::projects()>"All projects"</a> }.into_any()),
        UiError::Refused(_) => ("Not possible", ().into_any()),
        UiError::Busy(_) => ("Busy", view! { <a class="button" href="">"Try again"</a> }.into_any()),
        UiError::Broken(_) | UiError::Call(_) => ("Something broke", view! { <a class="button" href="">"Try again"</a> }.into_any()),
    };
    let text = error.to_string();
    let text = text[..1].to_uppercase() + &text[1..] + ".";
    view! { <div class="empty card" role="alert"><h1>{title}</h1><p>{text}</p>{way}</div> }.into_any()
}
