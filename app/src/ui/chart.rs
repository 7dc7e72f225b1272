//! Bars over time, as a picture with its words.

use leptos::prelude::*;

/// One bar: how high it is, and what it says to whoever points at it.
pub struct Bar {
    pub value: i64,
    pub words: String,
}

/// Bars from the left to the right, the highest as high as the picture; `said` is what one sees in it, `ends` stand below its ends.
pub fn chart(title: &'static str, said: String, bars: &[Bar], ends: (String, String)) -> AnyView {
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1);
    let column = |(n, bar): (usize, &Bar)| {
        // What is not nothing is seen.
        let height = if bar.value > 0 { (bar.value.saturating_mul(100) / most).max(1) } else { 0 };
        let x = n * 10;
        view! {
            <g>
                <title>{bar.words.clone()}</title>
                <rect class="chart__room" x=x width="10" height="100"></rect>
                <rect class="chart__bar" x=x + 1 y=100 - height width="8" height=height></rect>
            </g>
        }
    };
    let view_box = format!("0 0 {} 100", bars.len() * 10);
    view! {
        <figure class="chart">
            <figcaption><strong>{title}</strong>" "<span>{said.clone()}</span></figcaption>
            <svg viewBox=view_box preserveAspectRatio="none" role="img" aria-label=format!("{title}: {said}")>
                {bars.iter().enumerate().map(column).collect_view()}
            </svg>
            <p class="chart__ends" aria-hidden="true"><span>{ends.0}</span><span>{ends.1}</span></p>
        </figure>
    }
    .into_any()
}
