//! The document, in fewer words.

use wasm_bindgen::prelude::*;
use web_sys::{Document, Element, Event, EventTarget, FormData, HtmlElement, HtmlFormElement, UrlSearchParams, Window};

pub fn window() -> Window {
    // There is one wherever this runs.
    js_sys::global().unchecked_into()
}

pub fn document() -> Document {
    window().document().unwrap_throw()
}

/// Calls `act` for each `name` that reaches the document.
pub fn listen(name: &str, act: impl Fn(Event) + 'static) {
    listen_on(&document(), name, act);
}

pub fn listen_on(target: &EventTarget, name: &str, act: impl Fn(Event) + 'static) {
    let act = Closure::<dyn Fn(Event)>::new(act);
    let _ = target.add_event_listener_with_callback(name, act.as_ref().unchecked_ref());
    // It listens as long as the document is there.
    act.forget();
}

/// Calls `act` every `ms` milliseconds.
pub fn every(ms: i32, act: impl Fn() + 'static) {
    let act = Closure::<dyn Fn()>::new(act);
    let _ = window().set_interval_with_callback_and_timeout_and_arguments_0(act.as_ref().unchecked_ref(), ms);
    act.forget();
}

/// The nearest element of the event's that `selector` means.
pub fn near(event: &Event, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok()?
}

pub fn find(selector: &str) -> Option<HtmlElement> {
    document().query_selector(selector).ok()?.map(JsCast::unchecked_into)
}

/// All that `selector` means within `root`, in the order of the document.
pub fn all(root: &Element, selector: &str) -> Vec<HtmlElement> {
    let Ok(found) = root.query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|n| found.get(n)).map(JsCast::unchecked_into).collect()
}

/// Path and query of the page.
pub fn address() -> String {
    let location = window().location();
    location.pathname().unwrap_or_default() + &location.search().unwrap_or_default()
}

/// Did the click mean the link itself, and not a tab or window of its own?
pub fn plain_click(event: &Event) -> bool {
    event.dyn_ref::<web_sys::MouseEvent>().is_none_or(|click| {
        click.button() == 0 && !click.ctrl_key() && !click.meta_key() && !click.shift_key() && !click.alt_key()
    })
}

/// The fields as the browser would send them.
pub fn fields(form: &HtmlFormElement) -> Option<JsValue> {
    let data = FormData::new_with_form(form).ok()?;
    UrlSearchParams::new_with_str_sequence_sequence(&data).ok().map(JsValue::from)
}
