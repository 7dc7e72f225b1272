//! A page that cannot be shown.

use crate::UiError;
use leptos::prelude::*;

/// A page that cannot be shown: its title, what failed, and the way on.
pub fn failed(error: &UiError, request_id: &str) -> (&'static str, AnyView) {
    let again = || view! { <a class="button" href="">"Try again"</a> }.into_any();
    let projects = || view! { <a class="button" href=crate::paths::projects()>"All projects"</a> }.into_any();
    let (title, way) = match error {
        UiError::SignIn => ("Sign in first", view! { <a class="button button--primary" href=crate::paths::sign_in()>"Sign in"</a> }.into_any()),
        UiError::NotFound(_) => ("Not found", projects()),
        UiError::Forbidden(_) => ("Not allowed", projects()),
        UiError::Wrong(_) | UiError::Unread(_) => ("Not possible", ().into_any()),
        UiError::TooMany { .. } | UiError::Busy(_) => ("Busy", again()),
        UiError::Broken(_) => ("Something broke", again()),
    };
    let mut text = error.to_string();
    if let UiError::Broken(_) = error {
        text = format!("{text} (request {request_id})");
    }
    let mut letters = text.chars();
    let text: String = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    let view = view! { <div class="empty card" role="alert"><h1>{title}</h1><p>{format!("{text}.")}</p>{way}</div> };
    (title, view.into_any())
}
