//! Follows what is typed into a form (`form[data-preview]`): sends it to the address of its preview, in silence, and puts what `#preview` holds
//! in place. Without it a button of the form asks for the same.

use super::dom::{fields, listen, near};
use super::form::under_way;
use super::page::{post, show_part};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlFormElement;

pub fn start() {
    listen("change", |event| {
        if let Some(form) = near(&event, "form[data-preview]") {
            spawn_local(preview(form.unchecked_into()));
        }
    });
}

async fn preview(form: HtmlFormElement) {
    let (Some(action), Some(fields)) = (form.get_attribute("data-preview"), fields(&form)) else { return };
    let before = under_way();
    let answer = post(&action, &fields).await;
    if let (Some(page), true) = (answer.and_then(|answer| answer.page), under_way() == before) {
        // Of what is wrong the page shows no preview: then none stands here either.
        show_part(&page, "preview");
    }
}
