//! Changes the theme at once; that it is kept is the form's doing (`islands::form`). Without it the page comes back in the other theme.

use super::dom::{document, listen, near};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

pub fn start() {
    listen("submit", |event| {
        let field = near(&event, "form[data-theme-switch]").and_then(|form| form.query_selector("[name=theme]").ok()?);
        if let (Some(field), Some(page)) = (field, document().document_element()) {
            let _ = page.set_attribute("data-theme", &field.unchecked_into::<HtmlInputElement>().value());
        }
    });
}
