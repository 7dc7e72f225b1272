//! The jump list in a dialog: opens it, asks as one types, walks through what was found. Without it the link in the top bar leads to
//! the same list as a page.

use super::dom::{all, document, find, listen, near, plain_click};
use super::page::get_part;
use std::cell::Cell;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Event, HtmlDialogElement, HtmlInputElement, KeyboardEvent};

thread_local! {
    /// Questions so far, and the one whose answer is shown: the last.
    static ASKED: Cell<u32> = const { Cell::new(0) };
    static ANSWERED: Cell<u32> = const { Cell::new(0) };
    /// Enter was pressed: once the answer is there, its first place is meant.
    static GO: Cell<bool> = const { Cell::new(false) };
}

pub fn start() {
    listen("click", |event| {
        let opener = near(&event, "a[data-opens=jump]").filter(|_| plain_click(&event));
        if opener.is_some() && open() {
            event.prevent_default();
        }
        // A place that was chosen closes the dialog; a click beside it does by itself (`closedby`).
        if let Some(dialog) = near(&event, "#jump a").and_then(|_| dialog("jump")) {
            dialog.close();
        }
    });
    listen("input", |event| {
        if near(&event, "#jump input").is_some() {
            spawn_local(ask());
        }
    });
    listen("submit", |event| {
        if near(&event, "#jump form").is_some() {
            event.prevent_default();
            GO.set(true);
            if ASKED.get() == ANSWERED.get() {
                go();
            }
        }
    });
    listen("keydown", |event| {
        if near(&event, "#jump").is_some() {
            walk(&event);
        }
    });
}

pub fn dialog(id: &str) -> Option<HtmlDialogElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

fn go() {
    if let Some(first) = find("#jump .jump__list a").filter(|_| GO.take()) {
        first.click();
    }
}

/// Opens a dialog that may be open already, and no other beside it.
pub fn show(id: &str) -> bool {
    if let Some(other) = find("dialog[open]").filter(|other| other.id() != id) {
        other.unchecked_into::<HtmlDialogElement>().close();
    }
    dialog(id).is_some_and(|dialog| dialog.open() || dialog.show_modal().is_ok())
}

/// Opens the list.
pub fn open() -> bool {
    let open = show("jump");
    if open {
        find("#jump input").map(JsCast::unchecked_into::<HtmlInputElement>).iter().for_each(HtmlInputElement::select);
        spawn_local(ask());
    }
    open
}

async fn ask() {
    let number = ASKED.get().wrapping_add(1);
    ASKED.set(number);
    GO.set(false);
    let Some(field) = find("#jump input").map(JsCast::unchecked_into::<HtmlInputElement>) else { return };
    let Some(address) = field.form().and_then(|form| form.get_attribute("action")) else { return };
    let query = String::from(js_sys::encode_uri_component(&field.value()));
    let answer = get_part(&[&address, "?q=", &query].concat()).await;
    let Some(found) = find("#jump [data-found]").filter(|_| ASKED.get() == number) else { return };
    found.set_text_content(None);
    let page = answer.and_then(|answer| answer.page);
    let list = page.as_ref().and_then(|page| page.query_selector("main .jump__list").ok()?);
    match list.and_then(|list| document().import_node_with_deep(&list, true).ok()) {
        Some(list) => drop(found.append_child(&list)),
        None => {
            if let Ok(note) = document().create_element("p") {
                note.set_class_name("jump__note");
                note.set_text_content(Some(if page.is_some() { "Nothing matches." } else { "The server could not be reached." }));
                let _ = found.append_child(&note);
            }
        }
    }
    ANSWERED.set(number);
    go();
}

/// The arrows walk from the field through the places.
fn walk(event: &Event) {
    let step = match event.unchecked_ref::<KeyboardEvent>().key().as_str() {
        "ArrowDown" => 1,
        "ArrowUp" => -1,
        _ => return,
    };
    let Some(dialog) = dialog("jump") else { return };
    let stops = all(&dialog, "input, a");
    let active = document().active_element();
    let here = stops.iter().position(|stop| stop.is_same_node(active.as_deref())).unwrap_or_default();
    let next = (here as i32 + step).rem_euclid(stops.len().max(1) as i32);
    if let Some(next) = stops.get(next as usize) {
        let _ = next.focus();
    }
    event.prevent_default();
}
