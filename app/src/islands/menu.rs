//! Closes an open menu (`details.menu`) on Esc and on a click beside it. Without it a menu closes by its own button, and when another
//! opens (`name`, HTML 4.11.1).

use super::dom::{all, document, listen};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent, Node};

pub fn start() {
    listen("click", |event| {
        let at = event.target().and_then(|target| target.dyn_into::<Node>().ok());
        for menu in open().into_iter().filter(|menu| !menu.contains(at.as_ref())) {
            let _ = menu.remove_attribute("open");
        }
    });
    listen("keydown", |event| {
        if event.dyn_ref::<KeyboardEvent>().is_some_and(|event| event.key() == "Escape") {
            for menu in open() {
                let _ = menu.remove_attribute("open");
                if let Ok(Some(button)) = menu.query_selector("summary") {
                    let _ = button.unchecked_into::<HtmlElement>().focus();
                }
            }
        }
    });
}

fn open() -> Vec<HtmlElement> {
    document().body().map(|body| all(AsRef::<Element>::as_ref(&body), "details.menu[open]")).unwrap_or_default()
}
