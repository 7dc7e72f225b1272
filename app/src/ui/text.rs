//! Times, sizes and facts.

use leptos::prelude::*;
use model::Stamp;

/// A time in words, with the exact one behind it.
pub fn time(at: Stamp, now: Stamp) -> AnyView {
    view! { <time datetime=at.rfc3339() title=at.readable()>{at.relative(now)}</time> }.into_any()
}

/// As [`time`], or a word where there is none.
pub fn when(at: Option<Stamp>, now: Stamp, none: &'static str) -> AnyView {
    match at {
        Some(at) => time(at, now),
        None => view! { <span class="muted">{none}</span> }.into_any(),
    }
}

/// A size in decimal units, with the exact number of bytes behind it.
pub fn bytes(n: i64) -> AnyView {
    view! { <span class="num" title=format!("{n} bytes")>{model::stamp::bytes(n)}</span> }.into_any()
}

/// A list of facts: name and value.
pub fn facts(rows: Vec<(&'static str, AnyView)>) -> AnyView {
    let rows = rows.into_iter().map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> }).collect_view();
    view! { <dl class="facts card">{rows}</dl> }.into_any()
}
