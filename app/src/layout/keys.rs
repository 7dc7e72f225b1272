//! Keys that work on every page, and the two dialogs they open. Without script the link in the top bar leads to the same
//! places, as a page.

use crate::error::UiError;
use crate::pages::jump::{self, api::Place};
use crate::paths;
use leptos::ev::{KeyboardEvent, MouseEvent, SubmitEvent};
use leptos::html::Dialog;
use leptos::prelude::*;

/// The list of places, as a dialog.
#[derive(Clone, Copy)]
pub struct JumpDialog {
    dialog: NodeRef<Dialog>,
    found: Action<String, Result<Vec<Place>, UiError>>,
}

impl Default for JumpDialog {
    fn default() -> JumpDialog {
        JumpDialog { dialog: NodeRef::new(), found: Action::new(|q: &String| jump::api::jump(q.clone())) }
    }
}

impl JumpDialog {
    /// Opens it, with every place that needs no name.
    pub fn open(self) -> bool {
        self.found.dispatch(String::new());
        open(self.dialog)
    }

    /// For the link that leads to the page: opens the dialog instead, where there is script.
    pub fn open_instead(self, event: &MouseEvent) {
        if self.open() {
            event.prevent_default();
        }
    }
}

/// Opens a dialog; false where there is no script to do it.
fn open(dialog: NodeRef<Dialog>) -> bool {
    #[cfg(feature = "hydrate")]
    return dialog.get_untracked().is_some_and(|dialog| dialog.open() || dialog.show_modal().is_ok());
    #[cfg(not(feature = "hydrate"))]
    dialog.get_untracked().is_some()
}

const KEYS: [(&str, &str); 5] = [
    ("Ctrl K", "Jump to a project, repository, page or action"),
    ("/", "Go to the filter of a list"),
    ("?", "Show these keys"),
    ("Esc", "Close a dialog"),
    ("↑ ↓", "Walk through what was found"),
];

/// The two dialogs and the keys. Stands once in the document.
#[component]
pub fn Keys() -> impl IntoView {
    let places = expect_context::<JumpDialog>();
    let help = NodeRef::<Dialog>::new();
    #[cfg(feature = "hydrate")]
    script::listen(places, help);
    let list = move || match places.found.value().get() {
        Some(Ok(all)) if !all.is_empty() => jump::list(all),
        Some(Ok(_)) => view! { <p class="jump__note">"Nothing matches."</p> }.into_any(),
        Some(Err(error)) => view! { <p class="jump__note" role="alert">{error.to_string()}</p> }.into_any(),
        None => ().into_any(),
    };
    let keys = KEYS.map(|(key, words)| view! { <dt><kbd>{key}</kbd></dt><dd>{words}</dd> }).collect_view();
    view! {
        <dialog class="jump" node_ref=places.dialog aria-label="Jump to" on:keydown=walk on:click=move |event| leave(&event, places.dialog)>
            <form method="get" action=paths::jump() on:submit=go_first>
                <input type="text" name="q" aria-label="Jump to" placeholder="Project, project/repository, page or action"
                    autocomplete="off" on:input=move |event| drop(places.found.dispatch(event_target_value(&event)))/>
            </form>
            <div aria-live="polite">{list}</div>
        </dialog>
        <dialog class="keys" node_ref=help aria-labelledby="keys-title">
            <h2 id="keys-title">"Keys"</h2>
            <dl class="keys__list">{keys}</dl>
            <form method="dialog"><button type="submit" class="button">"Close"</button></form>
        </dialog>
    }
}

/// The arrows walk from the field through the places.
fn walk(event: KeyboardEvent) {
    #[cfg(feature = "hydrate")]
    script::walk(&event);
    let _ = event;
}

/// Enter in the field goes to the first place.
fn go_first(event: SubmitEvent) {
    #[cfg(feature = "hydrate")]
    script::go_first(&event);
    let _ = event;
}

/// A place that was chosen closes the dialog, and so does a click beside it.
fn leave(event: &MouseEvent, dialog: NodeRef<Dialog>) {
    #[cfg(feature = "hydrate")]
    script::leave(event, dialog);
    let _ = (event, dialog);
}

#[cfg(feature = "hydrate")]
mod script {
    use super::{JumpDialog, open};
    use leptos::ev::{KeyboardEvent, MouseEvent, SubmitEvent};
    use leptos::html::Dialog;
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement};

    fn target(event: &web_sys::Event) -> Option<Element> {
        event.target()?.dyn_into().ok()
    }

    fn find(selector: &str) -> Option<HtmlElement> {
        document().query_selector(selector).ok()??.dyn_into().ok()
    }

    pub fn listen(places: JumpDialog, help: NodeRef<Dialog>) {
        let handle = window_event_listener(leptos::ev::keydown, move |event| {
            let held = event.ctrl_key() || event.meta_key();
            let typing = target(&event).is_some_and(|at| at.matches("input, textarea, select").unwrap_or_default());
            let done = match event.key().as_str() {
                "k" | "K" if held => places.open(),
                "?" if !held && !typing => open(help),
                "/" if !held && !typing => find("main [data-filter]").is_some_and(|field| field.focus().is_ok()),
                _ => false,
            };
            if done {
                event.prevent_default();
            }
        });
        on_cleanup(move || handle.remove());
    }

    pub fn walk(event: &KeyboardEvent) {
        let step: i32 = match event.key().as_str() {
            "ArrowDown" => 1,
            "ArrowUp" => -1,
            _ => return,
        };
        let Ok(all) = document().query_selector_all(".jump[open] input, .jump[open] a") else { return };
        let all: Vec<HtmlElement> = (0..all.length()).filter_map(|n| all.get(n)?.dyn_into().ok()).collect();
        let active = document().active_element();
        let here = all.iter().position(|at| active.as_ref().is_some_and(|active| at.is_same_node(Some(active))));
        let next = (here.unwrap_or_default() as i32 + step).rem_euclid(all.len().max(1) as i32);
        if let Some(next) = all.get(next as usize) {
            let _ = next.focus();
        }
        event.prevent_default();
    }

    pub fn go_first(event: &SubmitEvent) {
        event.prevent_default();
        if let Some(link) = find(".jump[open] .jump__list a") {
            link.click();
        }
    }

    pub fn leave(event: &MouseEvent, dialog: NodeRef<Dialog>) {
        let chosen = target(event).is_some_and(|at| at.matches("dialog, a, a *").unwrap_or_default());
        if let Some(dialog) = dialog.get_untracked().filter(|_| chosen) {
            dialog.close();
        }
    }
}
