//! How full a project is, as a picture with its words.

use leptos::prelude::*;
use model::quota::Quota;

/// A part in percent, as a bar that stands beside its words.
pub fn bar(percent: i64, class: &'static str) -> AnyView {
    let width = percent.clamp(0, 100);
    view! {
        <svg class=class viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
            <rect class="fill__track" width="100" height="8"></rect><rect class="fill__used" width=width height="8"></rect>
        </svg>
    }
    .into_any()
}

/// A bar of what is used of the limit, and the words beside it; without a limit the words alone.
pub fn used(quota: &Quota) -> AnyView {
    let words = quota.said();
    let Some(percent) = quota.percent() else { return view! { <span class="fill">{words}</span> }.into_any() };
    let tone = match percent {
        100.. => "fill fill--bad",
        _ if quota.is_short() => "fill fill--warn",
        _ => "fill",
    };
    view! {
        <span class=tone>
            {bar(percent, "")}
            <span>{words}<span class="fill__part">{format!(" ({percent} %)")}</span></span>
        </span>
    }
    .into_any()
}
