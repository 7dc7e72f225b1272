//! Live progress: asks again while something is unsettled. Nothing without script; the page then has a refresh link.

#[cfg(feature = "hydrate")]
use leptos::prelude::*;

/// Asks again every second while `unsettled` says so and the page is looked at.
pub fn poll(unsettled: impl Fn() -> bool + Send + Sync + 'static, again: impl Fn() + Send + Sync + 'static) {
    #[cfg(feature = "hydrate")]
    let (unsettled, again) = (std::sync::Arc::new(unsettled), std::sync::Arc::new(again));
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        let (unsettled, again) = (unsettled.clone(), again.clone());
        let tick = move || {
            if unsettled() && !document().hidden() {
                again();
            }
        };
        if let Ok(handle) = set_interval_with_handle(tick, std::time::Duration::from_secs(1)) {
            on_cleanup(move || handle.clear());
        }
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (unsettled, again);
}
