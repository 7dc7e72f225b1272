//! Renews a page on which something is under way (`main[data-live]`), once a second, in place. Without it the page has a link for that.

use super::dom::{address, document, every, find, window};
use super::form::{is_leaving, under_way};
use super::morph::morph;
use super::notice;
use super::page::{get_part, is_of_another_build};
use std::cell::Cell;
use wasm_bindgen_futures::spawn_local;

/// Longest pause between two tries while the server does not answer, in seconds.
const LONGEST: u32 = 30;

/// The pause after which the person is told, once.
const TOLD: u32 = 4;

thread_local! {
    static ASKING: Cell<bool> = const { Cell::new(false) };
    /// Seconds until the next try, and how long the pause is after another failure.
    static PAUSE: Cell<(u32, u32)> = const { Cell::new((0, 1)) };
}

pub fn start() {
    every(1000, || {
        let (left, next) = PAUSE.get();
        if left > 0 {
            PAUSE.set((left - 1, next));
        } else if find("main[data-live]").is_some() && !document().hidden() && !ASKING.get() && under_way().0 == 0 {
            ASKING.set(true);
            spawn_local(renew());
        }
    });
}

async fn renew() {
    let (here, before) = (address(), under_way());
    let answer = get_part(&here).await;
    ASKING.set(false);
    // What was asked for before a form was answered, or before the person went on, is old.
    if is_leaving() || address() != here || under_way() != before {
        return;
    }
    let page = answer.as_ref().and_then(|answer| answer.page.as_ref());
    match (answer.as_ref(), page) {
        (Some(answer), Some(page)) if answer.response.ok() && !answer.response.redirected() && !is_of_another_build(page) => {
            PAUSE.set((0, 1));
            if let (Some(old), Ok(Some(new))) = (find("main"), page.query_selector("main")) {
                morph(&old, &new, true);
                document().set_title(&page.title());
            }
        }
        // The session is over, the thing is gone, or the server is a newer one: the page says so itself.
        (Some(_), Some(_)) => drop(window().location().reload()),
        _ => {
            let (_, pause) = PAUSE.get();
            PAUSE.set((pause, (pause * 2).min(LONGEST)));
            if pause == TOLD {
                notice::say("The server does not answer: what stands here is of a while ago.");
            }
        }
    }
}
