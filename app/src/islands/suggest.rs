//! Offers what may be meant as one types (`input[data-suggest=ID]`): asks for the page with the field's value in its address, and
//! takes the list `ID` out of it. Without it the name is typed whole.

use super::dom::{listen, near, window};
use super::page::{get_part, show_part};
use std::cell::Cell;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;

thread_local! {
    static ASKED: Cell<u32> = const { Cell::new(0) };
}

pub fn start() {
    listen("input", |event| {
        if let Some(field) = near(&event, "input[data-suggest]") {
            spawn_local(suggest(field.unchecked_into()));
        }
    });
}

async fn suggest(field: HtmlInputElement) {
    let number = ASKED.get().wrapping_add(1);
    ASKED.set(number);
    let Some(list) = field.get_attribute("data-suggest") else { return };
    let value = String::from(js_sys::encode_uri_component(&field.value()));
    let path = window().location().pathname().unwrap_or_default();
    let answer = get_part(&[&path, "?", &field.name(), "=", &value].concat()).await;
    if let (Some(page), true) = (answer.and_then(|answer| answer.page), ASKED.get() == number) {
        show_part(&page, &list);
    }
}
