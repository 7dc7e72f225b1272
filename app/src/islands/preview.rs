//! Follows what is typed into a form (`form[data-preview]`): sends it to the address of its preview, in silence, and puts what `#preview` holds
//! in place. Without it a button of the form asks for the same.

use super::dom::{every, fields, find, listen, near};
use super::form::under_way;
use super::page::{post, show_part};
use std::cell::RefCell;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlFormElement;

/// How long after a key it is asked, in ms.
const PAUSE: i32 = 350;

thread_local! {
    /// The form that was typed into, and how many looks until it is asked about.
    static TYPED: RefCell<Option<(HtmlFormElement, u8)>> = const { RefCell::new(None) };
}

pub fn start() {
    for name in ["input", "change"] {
        listen(name, move |event| {
            if let Some(form) = near(&event, "form[data-preview]") {
                // What stands there is of before: it is dimmed until the answer comes.
                if let Some(old) = find("#preview") {
                    let _ = old.set_attribute("aria-busy", "true");
                }
                TYPED.set(Some((form.unchecked_into(), if name == "change" { 0 } else { 1 })));
            }
        });
    }
    every(PAUSE, || match TYPED.take() {
        Some((form, 0)) => spawn_local(preview(form)),
        Some((form, looks)) => TYPED.set(Some((form, looks - 1))),
        None => {}
    });
}

async fn preview(form: HtmlFormElement) {
    let (Some(action), Some(fields)) = (form.get_attribute("data-preview"), fields(&form)) else { return };
    let before = under_way();
    let answer = post(&action, &fields).await;
    if let Some(old) = find("#preview") {
        let _ = old.remove_attribute("aria-busy");
    }
    if let (Some(page), true) = (answer.and_then(|answer| answer.page), under_way() == before) {
        // Of what is wrong the page shows no preview: then none stands here either.
        show_part(&page, "preview");
    }
}
