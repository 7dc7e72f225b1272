//! Links that change a part of the page (`a[data-swap=ID]`): a row opens, a template ticks its boxes; and forms that ask for the page
//! otherwise (`form[data-swap]`), with what is typed in its other forms kept. Without it they lead to the page with that part changed.

use super::dom::{address, all, document, fields, listen, near, plain_click, window};
use super::page::{get_part, show, show_part};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, HtmlElement, HtmlFormElement, HtmlInputElement, KeyboardEvent, UrlSearchParams};

pub fn start() {
    listen("click", |event| {
        let Some(link) = near(&event, "a[data-swap]").filter(|_| plain_click(&event)) else { return };
        event.prevent_default();
        spawn_local(swap(link));
    });
    listen("keydown", |event| {
        // What is called a button is pressed by Space too.
        let space = event.dyn_ref::<KeyboardEvent>().is_some_and(|event| event.key() == " ");
        if let Some(link) = near(&event, "a[role=button]").filter(|_| space) {
            event.prevent_default();
            link.unchecked_ref::<HtmlElement>().click();
        }
    });
    listen("submit", |event| {
        let Some(form) = near(&event, "form[data-swap]").map(JsCast::unchecked_into::<HtmlFormElement>) else { return };
        if let (Some(fields), Some(action)) = (fields(&form), form.get_attribute("action")) {
            event.prevent_default();
            let query = String::from(fields.unchecked_into::<UrlSearchParams>().to_string());
            spawn_local(ask([&action, "?", &query].concat()));
        }
    });
}

/// The same page, asked for otherwise.
async fn ask(address: String) {
    match get_part(&address).await.filter(|answer| answer.response.ok()).and_then(|answer| answer.page) {
        Some(page) => show(&page, Some(&address)),
        None => drop(window().location().assign(&address)),
    }
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
