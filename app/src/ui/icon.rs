//! Line icons of 16 px, drawn in the text's colour. Decoration only: the word stands beside. Their lines are in
//! `style/ui/_icon.scss`, so that a page names them and does not carry them.

use leptos::prelude::*;

/// `icon("check")`, one of the names in the style sheet.
pub fn icon(name: &'static str) -> AnyView {
    view! { <i class=format!("icon icon--{name}")></i> }.into_any()
}
