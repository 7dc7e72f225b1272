//! Keys that work on every page: Ctrl K, `/` and `?`. Without it the same places are reached by links and the Tab key.

use super::dom::{find, listen, near};
use super::jump;
use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, KeyboardEvent};

pub fn start() {
    listen("keydown", |event| {
        let Some(key) = event.dyn_ref::<KeyboardEvent>() else { return };
        let held = key.ctrl_key() || key.meta_key();
        // In a field these are letters.
        let typing = near(&event, "input, textarea, select").is_some();
        let done = match key.key().as_str() {
            "k" | "K" if held => jump::open(),
            "?" if !held && !typing => jump::show("keys"),
            "/" if !held && !typing => find("main [data-filter]").is_some_and(|field| {
                field.unchecked_ref::<HtmlInputElement>().select();
                field.focus().is_ok()
            }),
            _ => false,
        };
        if done {
            event.prevent_default();
        }
    });
}
