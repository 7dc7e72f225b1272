//! A page that the browser kept whole and shows again (Back) may be of a session that has ended since: it is asked for anew before
//! anybody sees it. Without it there is what every page says, `no-store`: browsers keep such pages out of that cache, or drop them
//! from it when a cookie of theirs goes.

use super::dom::{document, listen_on, window};
use wasm_bindgen::JsCast;
use web_sys::PageTransitionEvent;

pub fn start() {
    listen_on(&window(), "pageshow", |event| {
        if event.dyn_ref::<PageTransitionEvent>().is_some_and(PageTransitionEvent::persisted) {
            if let Some(body) = document().body() {
                body.set_hidden(true);
            }
            let _ = window().location().reload();
        }
    });
}
