//! Sends forms, and puts what their answer changed in place: problems at their fields, a secret, what a test found. Without it the
//! browser sends them and shows the same answer as a page of its own.

use super::dom::{address, all, document, fields, find, listen, listen_on, near, window};
use super::notice;
use super::page::{self, Answer, is_of_another_build, show};
use std::cell::Cell;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, HtmlElement, HtmlFormElement, MouseEvent, SubmitEvent};

thread_local! {
    /// When the person left for another page: an answer that still comes changes nothing.
    static LEFT: Cell<f64> = const { Cell::new(f64::NEG_INFINITY) };
    /// How many answers are waited for, and how many came. The page does not renew itself meanwhile (`live`).
    static WAITING: Cell<u32> = const { Cell::new(0) };
    static ANSWERS: Cell<u32> = const { Cell::new(0) };
}

/// Forms that wait for an answer, and answers so far.
pub fn under_way() -> (u32, u32) {
    (WAITING.get(), ANSWERS.get())
}

/// How long a page may take to come, in ms. Then who left has stayed: the navigation was stopped, or was a download.
const LEAVING: f64 = 10_000.0;

pub fn is_leaving() -> bool {
    js_sys::Date::now() - LEFT.get() < LEAVING
}

pub fn start() {
    listen_on(&window(), "beforeunload", |_| LEFT.set(js_sys::Date::now()));
    listen("click", |event| {
        // The second click of a double click finds what the first one's answer has put there: another row, another act.
        let second = event.dyn_ref::<MouseEvent>().is_some_and(|click| click.detail() > 1);
        if second && near(&event, "form[method=post] button").is_some() {
            event.prevent_default();
        }
    });
    listen("submit", |event| {
        if event.default_prevented() {
            return;
        }
        let Some(form) = near(&event, "form[method=post]").and_then(|form| form.dyn_into::<HtmlFormElement>().ok()) else { return };
        let button = event.dyn_ref::<SubmitEvent>().and_then(SubmitEvent::submitter);
        // A button that asks first leads to a page.
        if button.as_ref().is_some_and(|button| button.get_attribute("formmethod").as_deref() == Some("get")) {
            return;
        }
        event.prevent_default();
        if form.has_attribute("aria-busy") {
            // Sent twice: once is enough.
            return;
        }
        LEFT.set(f64::NEG_INFINITY);
        spawn_local(send(form, button));
    });
}

async fn send(form: HtmlFormElement, button: Option<HtmlElement>) {
    let chosen = button.as_ref().and_then(|button| button.get_attribute("formaction"));
    let (Some(action), Some(fields)) = (chosen.or_else(|| form.get_attribute("action")), fields(&form)) else { return };
    let busy: Vec<&Element> = [Some::<&Element>(&form), button.as_deref()].into_iter().flatten().collect();
    busy.iter().for_each(|element| drop(element.set_attribute("aria-busy", "true")));
    WAITING.set(WAITING.get() + 1);
    let answer = page::post(&action, &fields).await;
    if !is_leaving() {
        match answer {
            None => say(&form, "The server could not be reached. What you typed is still here: try again."),
            Some(answer) => take(&form, answer).await,
        }
    }
    WAITING.set(WAITING.get() - 1);
    ANSWERS.set(ANSWERS.get().wrapping_add(1));
    busy.iter().for_each(|element| drop(element.remove_attribute("aria-busy")));
}

async fn take(form: &HtmlFormElement, answer: Answer) {
    if let Some(to) = answer.header("location").filter(|_| answer.response.status() == 204) {
        return done(form, &to).await;
    }
    let Some(page) = &answer.page else {
        let status = answer.response.status().to_string();
        if let Some(text) = &answer.text {
            return say(form, &["It was refused (", &status, "): ", text].concat());
        }
        return say(form, &["The answer (", &status, ") did not come from this server. What you typed is still here: try again."].concat());
    };
    let before = document().active_element();
    show(page, answer.header("content-location").as_deref());
    focus(answer.response.ok(), before);
}

/// Done: the page it leads to, or this one renewed where it leads here.
async fn done(form: &HtmlFormElement, to: &str) {
    if to.split('#').next() != Some(&address()) {
        let _ = window().location().assign(to);
        return;
    }
    let renewed = page::get_whole(to).await.filter(|answer| answer.response.ok());
    match renewed.as_ref().and_then(|answer| answer.page.as_ref()) {
        Some(page) if !is_of_another_build(page) => {
            // What was typed has been taken.
            form.reset();
            let before = document().active_element();
            show(page, None);
            focus(true, before);
        }
        _ => drop(window().location().reload()),
    }
}

/// Where a person goes on: at what is wrong, the first field of it if one is; where they were; where the page begins.
fn focus(fine: bool, before: Option<Element>) {
    let wrong = || find("main [aria-invalid=true]").or_else(|| find("main .form__problems")).or_else(|| find("main > [role=alert]"));
    let wrong = if fine { None } else { wrong() };
    let stays = before.is_some_and(|before| before.is_connected() && before.tag_name() != "BODY");
    let next = match wrong {
        Some(wrong) => Some(wrong),
        None if stays => None,
        None => find("main [autofocus]").or_else(|| find("main")),
    };
    if let Some(next) = next {
        let _ = next.focus();
    }
}

/// Says at the form what no answer of the server's says, and goes there.
fn say(form: &HtmlFormElement, text: &str) {
    // The forms of the top bar have no room for it.
    if form.closest("main").ok().flatten().is_none() {
        return notice::say(text);
    }
    all(form, ":scope > .form__problems").iter().for_each(|said| said.remove());
    if let Ok(line) = document().create_element("p") {
        line.set_class_name("form__problems");
        let _ = line.set_attribute("role", "alert");
        let _ = line.set_attribute("tabindex", "-1");
        let _ = form.prepend_with_node_1(&line);
        line.set_text_content(Some(text));
        let _ = line.unchecked_ref::<HtmlElement>().focus();
    }
}
