//! Changes the theme at once, and has it kept in silence: the page stays as it is, with all that stands on it. Without it the page comes
//! back in the other theme.

use super::dom::{document, fields, listen, near};
use super::page::post;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{HtmlFormElement, HtmlInputElement};

pub fn start() {
    listen("submit", |event| {
        let Some(form) = near(&event, "form[data-theme-switch]").map(JsCast::unchecked_into::<HtmlFormElement>) else { return };
        event.prevent_default();
        if let (Some(fields), Some(address)) = (fields(&form), form.get_attribute("action")) {
            spawn_local(async move { drop(post(&address, &fields).await) });
        }
        let field = form.query_selector("[name=theme]").ok().flatten();
        let button = form.query_selector("button").ok().flatten();
        let (Some(field), Some(button), Some(page)) = (field, button, document().document_element()) else { return };
        let theme = field.unchecked_ref::<HtmlInputElement>().value();
        let other = if theme == "dark" { "light" } else { "dark" };
        let _ = page.set_attribute("data-theme", &theme);
        let _ = field.set_attribute("value", other);
        let _ = button.set_attribute("title", &["Change to the ", other, " theme"].concat());
    });
}
