//! Where one can go: a page for those without script, the same list in a dialog (`layout::keys`) for those with it.

pub mod api;

use crate::layout::{crumbs, head};
use crate::paths;
use crate::ui::{Filter, filter_bar, load};
use api::Place;
use leptos::prelude::*;

#[component]
pub fn Jump() -> impl IntoView {
    let filter = Filter::here(&[]);
    let data = Resource::new(move || filter.get().q, api::jump);
    load(data, move |found, _| {
        let f = Filter { path: paths::jump(), ..filter.get_untracked() };
        let body = if found.is_empty() {
            crate::ui::empty::no_match(f.path.clone())
        } else {
            view! { <section class="card">{list(found.clone())}</section> }.into_any()
        };
        view! {
            {crumbs(vec![("Jump to".into(), String::new())])}
            {head("Jump to", "Projects, repositories (as project/…), pages and actions.", ().into_any())}
            {filter_bar(&f, "Part of a name", found.len() as i64, "place", ().into_any())}
            {body}
        }
        .into_any()
    })
}

/// The places as links.
pub fn list(found: Vec<Place>) -> AnyView {
    let rows = found
        .into_iter()
        .map(|place| view! { <li><a href=place.href><span>{place.label}</span><span class="muted">{place.kind}</span></a></li> })
        .collect_view();
    view! { <ul class="jump__list">{rows}</ul> }.into_any()
}
