//! Text to take along: digests, commands, secrets. The button needs script (`islands::copy`) and hides without.

use super::icon;
use leptos::prelude::*;

/// A button that copies `text`; `what` names it.
pub fn copy_button(text: String, what: &'static str) -> AnyView {
    button(text, what, false)
}

fn button(text: String, what: &'static str, focus: bool) -> AnyView {
    let title = format!("Copy {what}");
    view! { <button type="button" class="copy js" title=title data-copy=text autofocus=focus>{icon("copy")}</button> }.into_any()
}

/// A button that copies what stands before it: its title if it has one, else its text.
fn copy_before(what: &'static str) -> AnyView {
    copy_button(String::new(), what)
}

/// A digest, shortened in the middle, with its copy button.
pub fn digest(digest: &str) -> AnyView {
    let (full, short) = (digest.to_owned(), model::digest::short(digest));
    view! { <span class="digest"><code title=full>{short}</code>{copy_before("digest")}</span> }.into_any()
}

/// A command on a line of its own, to be copied.
pub fn code_line(command: impl Into<String>) -> AnyView {
    let command: String = command.into();
    view! { <div class="code-line"><code>{command}</code>{copy_before("command")}</div> }.into_any()
}

/// A secret, to be copied first of all: the focus is there.
pub fn secret_line(secret: String) -> AnyView {
    view! { <div class="secret__value"><code id="secret">{secret}</code>{button(String::new(), "secret", true)}</div> }.into_any()
}
