//! The head of a page: where one is, the title with one line of purpose, and what one can do.

use leptos::prelude::*;
use leptos_meta::Title;

/// `head("Members", "Who may do what in cosign.", actions)`
pub fn head(title: impl Into<String>, purpose: impl Into<String>, actions: AnyView) -> AnyView {
    let (title, purpose): (String, String) = (title.into(), purpose.into());
    view! {
        <Title text=format!("{title} · Wharf")/>
        <header class="head">
            <div class="head__text">
                <h1>{title}</h1>
                {(!purpose.is_empty()).then(|| view! { <p>{purpose}</p> })}
            </div>
            <div class="head__actions">{actions}</div>
        </header>
    }
    .into_any()
}

/// The way here: words and addresses; the last has none.
pub fn crumbs(way: Vec<(String, String)>) -> AnyView {
    let items = way
        .into_iter()
        .map(|(words, href)| {
            if href.is_empty() {
                view! { <li aria-current="page">{words}</li> }.into_any()
            } else {
                view! { <li><a href=href>{words}</a></li> }.into_any()
            }
        })
        .collect_view();
    view! { <nav class="crumbs" aria-label="Where you are"><ol>{items}</ol></nav> }.into_any()
}
