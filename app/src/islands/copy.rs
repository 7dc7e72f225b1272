//! Copies text (`button[data-copy]`): the attribute's, or what stands before the button. Over plain HTTP too, where browsers have no
//! clipboard for scripts. Without it the buttons are not shown; the text can be selected.

use super::dom::{document, listen, near, window};
use super::notice;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Element, HtmlDocument, HtmlTextAreaElement};

pub fn start() {
    listen("click", |event| {
        if let Some(button) = near(&event, "button[data-copy]") {
            spawn_local(copy(button));
        }
    });
}

async fn copy(button: Element) {
    let text = button.get_attribute("data-copy").filter(|text| !text.is_empty()).or_else(|| {
        let before = button.previous_element_sibling()?;
        before.get_attribute("title").or_else(|| before.text_content())
    });
    let done = match text {
        Some(text) => write(&text).await || write_by_selection(&button, &text),
        None => false,
    };
    // "Copy digest" was done: "Digest copied".
    let what = button.get_attribute("title").unwrap_or_default();
    let what = what.strip_prefix("Copy ").unwrap_or_default();
    notice::say(&if done { ["Copied: ", what].concat() } else { ["This browser does not let a page copy the ", what, ": select it instead."].concat() });
}

/// By the clipboard's own interface, where the page has one: over TLS, and on this machine.
async fn write(text: &str) -> bool {
    let navigator = window().navigator();
    match js_sys::Reflect::get(&navigator, &JsValue::from_str("clipboard")) {
        Ok(there) if there.is_object() => JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok(),
        _ => false,
    }
}

/// By selecting it in a field that nobody sees.
fn write_by_selection(button: &Element, text: &str) -> bool {
    let copied = || {
        let field: HtmlTextAreaElement = document().create_element("textarea").ok()?.unchecked_into();
        field.set_class_name("sr");
        field.set_value(text);
        button.parent_element()?.append_child(&field).ok()?;
        field.select();
        let done = document().unchecked_into::<HtmlDocument>().exec_command("copy").unwrap_or(false);
        field.remove();
        button.unchecked_ref::<web_sys::HtmlElement>().focus().ok()?;
        Some(done)
    };
    copied().unwrap_or(false)
}
