//! What is said for a moment: shows it, and takes it away when the person clicks it or presses Esc. Without it what was said after a
//! form leaves by itself after a while (`style/ui/_notice.scss`).

use super::dom::{document, find, listen, near, window};
use web_sys::KeyboardEvent;
use wasm_bindgen::JsCast;

pub fn start() {
    listen("click", |event| {
        // Who marks its text to take it along keeps it.
        let marks = window().get_selection().ok().flatten().is_some_and(|marked| !marked.is_collapsed());
        if let Some(said) = near(&event, ".notice > .notice__text").filter(|_| !marks) {
            said.remove();
        }
    });
    listen("keydown", |event| {
        if event.dyn_ref::<KeyboardEvent>().is_some_and(|event| event.key() == "Escape") {
            clear();
        }
    });
}

fn clear() {
    if let Some(notice) = find(".notice") {
        notice.set_text_content(None);
    }
}

/// Says it; a screen reader reads it out.
pub fn say(text: &str) {
    clear();
    if let (Some(notice), Ok(line)) = (find(".notice"), document().create_element("p")) {
        line.set_class_name("notice__text");
        line.set_text_content(Some(text));
        let _ = notice.append_child(&line);
    }
}
