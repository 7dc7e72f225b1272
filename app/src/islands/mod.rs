//! What runs in the browser. Each file is one island: it listens on the document, knows elements by their attributes
//! (`data-copy`, `data-swap`, …) and says in its head what happens without it. None knows a page, a form or a type of the product, so
//! a new page needs nothing here, and the wasm does not grow with the portal.
//!
//! They are not Leptos' `#[island]`s: none has a view of its own, everything they show is HTML of the server's, and the
//! reactive half of Leptos would be nine tenths of the wasm (`server/docs/decisions.md`).

mod copy;
mod dom;
mod eye;
mod form;
mod jump;
mod keys;
mod live;
mod menu;
mod morph;
mod notice;
mod page;
mod preview;
mod restore;
mod suggest;
mod swap;
mod theme;

/// Starts them all. None waits for another: one that fails leaves the others.
pub fn start() {
    restore::start();
    theme::start();
    form::start();
    preview::start();
    swap::start();
    copy::start();
    eye::start();
    jump::start();
    keys::start();
    menu::start();
    suggest::start();
    notice::start();
    live::start();
    // What needs them is shown from now on (`.js` in `style/_base.scss`).
    if let Some(page) = dom::document().document_element() {
        let _ = page.set_attribute("data-awake", "");
    }
}
