//! The browser's entry: the islands of `app` and nothing else.

use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the script once the wasm is there.
#[wasm_bindgen(start)]
pub fn start() {
    app::islands::start();
}
