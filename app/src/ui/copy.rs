//! Text to take along: digests, commands, secrets. The button needs script and hides without.

use super::icon;
use leptos::prelude::*;

/// A button that copies `text`; what it copies is said, and so is that it did.
pub fn copy_button(text: String, what: &'static str) -> AnyView {
    let said = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    let copy = move |_| {
        let _ = window().navigator().clipboard().write_text(&text);
        said.set(true);
        set_timeout(move || said.set(false), std::time::Duration::from_secs(2));
    };
    #[cfg(not(feature = "hydrate"))]
    let copy = move |_: leptos::ev::MouseEvent| {
        let _ = &text;
        said.set(true);
    };
    view! {
        <button type="button" class="copy js" title=format!("Copy {what}") on:click=copy>
            {move || if said.get() { icon("check") } else { icon("copy") }}
            <span class="sr" aria-live="polite">
                {move || if said.get() { format!("{what} copied") } else { format!("Copy {what}") }}
            </span>
        </button>
    }
    .into_any()
}

/// A digest, shortened in the middle, with its copy button.
pub fn digest(digest: &str) -> AnyView {
    let (full, short) = (digest.to_owned(), model::digest::short(digest));
    view! {
        <span class="digest">
            <code title=full.clone()>{short}</code>
            {copy_button(full, "digest")}
        </span>
    }
    .into_any()
}

/// A command on a line of its own, to be copied.
pub fn code_line(command: impl Into<String>) -> AnyView {
    let command: String = command.into();
    view! {
        <div class="code-line">
            <code>{command.clone()}</code>
            {copy_button(command, "command")}
        </div>
    }
    .into_any()
}
