//! Links that change a part of the page (`a[data-swap=ID]`): a row opens, a template ticks its boxes. Without it they lead to the
//! page with that part changed.

use super::dom::{address, all, document, listen, near, plain_click, window};
use super::page::{get_part, show_part};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, HtmlInputElement};

pub fn start() {
    listen("click", |event| {
        let Some(link) = near(&event, "a[data-swap]").filter(|_| plain_click(&event)) else { return };
        event.prevent_default();
        spawn_local(swap(link));
    });
}

async fn swap(link: Element) {
    let (Some(href), Some(id)) = (link.get_attribute("href"), link.get_attribute("data-swap")) else { return };
    let before = address();
    let page = get_part(&href).await.filter(|answer| answer.response.ok() && !answer.response.redirected()).and_then(|answer| answer.page);
    let Some(page) = page else { return drop(window().location().assign(&href)) };
    if address() != before {
        return;
    }
    show_part(&page, &id);
    // In this part the server's word counts, not what was ticked before.
    if let Some(part) = document().get_element_by_id(&id) {
        for field in all(&part, "input") {
            let field: HtmlInputElement = field.unchecked_into();
            field.set_checked(field.default_checked());
        }
    }
    if link.has_attribute("data-address") {
        let _ = window().history().and_then(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(&href)));
    }
}
