//! A menu at the end of a row: a disclosure, so that it works without script and by keyboard.

use super::icon;
use leptos::prelude::*;

/// `menu("Actions for 1.0", view)`; the items are links, buttons or small forms.
pub fn menu(label: impl Into<String>, items: impl IntoAny) -> AnyView {
    let label: String = label.into();
    view! {
        <details class="menu" name="menu">
            <summary class="button button--quiet" title=label>{icon("more")}</summary>
            <div class="menu__items">{items.into_any()}</div>
        </details>
    }
    .into_any()
}
