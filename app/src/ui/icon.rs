//! Line icons of 16 px, drawn in the text's colour. Decoration only: the word stands beside.
//!
//! Their lines stand once in a document ([`sprite`]); each icon is a reference to them.

use leptos::prelude::*;

const ICONS: [(&str, &str); 21] = [
    ("wharf", "M2 12.5c1 .9 2 .9 3 0s2-.9 3 0 2 .9 3 0 2-.9 3 0M3 9.5V6h10v3.5M5.5 6V3.5h5V6M8 6v3.5"),
    ("project", "M2 4.5 8 2l6 2.5v7L8 14l-6-2.5zM2 4.5 8 7l6-2.5M8 7v7"),
    ("repository", "M3 3h10v10H3zM3 6.5h10M6 3v3.5"),
    ("member", "M8 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M3 13.5c.6-2.4 2.6-3.5 5-3.5s4.4 1.1 5 3.5"),
    ("robot", "M4 6h8v6H4zM8 6V3.5M6.3 8.7v.6M9.7 8.7v.6M2.5 8v2M13.5 8v2"),
    ("registry", "M3 3.5h10v3.5H3zM3 9h10v3.5H3zM5.5 5.2v.1M5.5 10.7v.1"),
    ("replicate", "M3 6.5h8.5L9 4M13 9.5H4.5L7 12"),
    ("trash", "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 8.5h6l.5-8.5"),
    ("settings", "M3 5h6M11 5h2M3 11h2M7 11h6M9 3.5v3M5.5 9.5v3"),
    ("check", "M3.5 8.5 6.5 11.5 12.5 5"),
    ("seal", "M8 2l1.7 1.2 2-.1.6 2 1.7 1.2-.7 1.9.7 1.9-1.7 1.2-.6 2-2-.1L8 14.4l-1.7-1.2-2 .1-.6-2L2 10.1l.7-1.9L2 6.3l1.7-1.2.6-2 2 .1zM5.7 8.2l1.6 1.6 3-3.2"),
    ("copy", "M6 6h7v7H6zM10 6V3H3v7h3"),
    ("more", "M4 8v.01M8 8v.01M12 8v.01"),
    ("warn", "M8 2.5 14 13H2zM8 6.5v3M8 11.3v.1"),
    ("open", "M6 3.5 10.5 8 6 12.5"),
    ("moon", "M12.5 9.5A5 5 0 0 1 6.5 3.5a5 5 0 1 0 6 6z"),
    ("menu", "M2.5 4.5h11M2.5 8h11M2.5 11.5h11"),
    ("clock", "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5v3.2l2 1.3"),
    ("layers", "M8 2.5 14 6 8 9.5 2 6zM2.5 9 8 12.5 13.5 9"),
    ("paper", "M4 2h5l3 3v9H4zM9 2v3h3M6 8h4M6 10.5h4"),
    ("key", "M9.5 9.5a3 3 0 1 0-3-3L2.5 10.5v3h3v-2h2v-2z"),
];

/// `icon("check")`. An unknown name draws nothing.
pub fn icon(name: &'static str) -> AnyView {
    view! { <svg class="icon" aria-hidden="true"><use href=format!("#i-{name}")></use></svg> }.into_any()
}

/// The lines of all icons, to stand first in the body.
pub fn sprite() -> AnyView {
    let symbols = ICONS.iter().map(|(name, lines)| view! {
        <symbol id=format!("i-{name}") viewBox="0 0 16 16"><path d=*lines></path></symbol>
    });
    view! { <svg class="sprite" aria-hidden="true">{symbols.collect_view()}</svg> }.into_any()
}
