//! The two dialogs that keys open (`islands::jump`, `islands::keys`). Without script they stay closed, and the link in the top bar
//! leads to the same places, as a page.

use crate::paths;
use leptos::prelude::*;

const KEYS: [(&str, &str); 5] = [
    ("Ctrl K", "Jump to a project, repository, page or action"),
    ("/", "Go to the filter of a list"),
    ("?", "Show these keys"),
    ("Esc", "Close a dialog"),
    ("↑ ↓", "Walk through what was found"),
];

pub fn dialogs() -> AnyView {
    let keys = KEYS.map(|(key, words)| view! { <dt><kbd>{key}</kbd></dt><dd>{words}</dd> }).collect_view();
    view! {
        <dialog id="jump" class="jump" aria-label="Jump to" closedby="any">
            <form method="get" action=paths::jump()>
                <input type="text" name="q" aria-label="Jump to" placeholder="Project, project/repository, page or action" autocomplete="off"/>
            </form>
            <div data-found="" aria-live="polite"></div>
        </dialog>
        <dialog id="keys" class="keys" aria-labelledby="keys-title" closedby="any">
            <h2 id="keys-title">"Keys"</h2>
            <dl class="keys__list">{keys}</dl>
            <form method="dialog"><button type="submit" class="button">"Close"</button></form>
        </dialog>
    }
    .into_any()
}
