//! Pages that are older than they look. One that was fetched ahead is renewed in place as it is shown: somebody else may have changed
//! something since. A page that the browser kept whole and shows again (Back) may be of a session that has ended since: it is asked for anew before
//! anybody sees it. Without it there is what every page says, `no-store`: browsers keep such pages out of that cache, or drop them
//! from it when a cookie of theirs goes.

use super::dom::{address, document, listen_on, window};
use super::page::{get_whole, show};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::PageTransitionEvent;

pub fn start() {
    if was_fetched_ahead() {
        spawn_local(renew());
    }
    listen_on(&window(), "pageshow", |event| {
        if event.dyn_ref::<PageTransitionEvent>().is_some_and(PageTransitionEvent::persisted) {
            if let Some(body) = document().body() {
                body.set_hidden(true);
            }
            let _ = window().location().reload();
        }
    });
}

/// "Navigation Timing" 2: how the page came.
fn was_fetched_ahead() -> bool {
    let entry = window().performance().and_then(|performance| performance.get_entries_by_type("navigation").get(0).dyn_into::<js_sys::Object>().ok());
    let way = entry.and_then(|entry| js_sys::Reflect::get(&entry, &JsValue::from_str("deliveryType")).ok());
    way.and_then(|way| way.as_string()).is_some_and(|way| way == "navigational-prefetch")
}

async fn renew() {
    let here = address();
    let answer = get_whole(&here).await;
    match answer.as_ref().and_then(|answer| answer.page.as_ref()) {
        Some(page) if answer.as_ref().is_some_and(|answer| answer.response.ok() && !answer.response.redirected()) && address() == here => show(page, None),
        // The session is over, or the thing is gone: the page says so itself.
        Some(_) => drop(window().location().reload()),
        None => {}
    }
}
