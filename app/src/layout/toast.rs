//! What is said once, after something was done: by cookie without script, by signal with it.

use leptos::prelude::*;

/// The message of the moment.
#[derive(Clone, Copy)]
pub struct Said(pub RwSignal<String>);

/// Goes to `to` and says `say` there. For forms, when script runs.
#[cfg(feature = "hydrate")]
pub fn go(to: &str, say: &str) {
    // Signing in and out change what every page shows, and a theme what the document is: those load anew.
    let here = window().location().pathname().unwrap_or_default();
    if here == crate::paths::sign_in() || to == crate::paths::sign_in() || say.is_empty() {
        let _ = window().location().set_href(to);
        return;
    }
    if let Some(said) = use_context::<Said>() {
        said.0.set(say.to_owned());
    }
    let search = window().location().search().unwrap_or_default();
    if format!("{here}{search}") == to {
        if let Some(again) = use_context::<Again>() {
            again.0.update(|n| *n += 1);
        }
    } else {
        leptos_router::hooks::use_navigate()(to, Default::default());
    }
}

/// Counts up when a form changed something on the page it stands on, so that the page asks again.
#[derive(Clone, Copy)]
pub struct Again(pub RwSignal<u64>);

/// For a resource's source: changes when the page has to ask again.
pub fn again() -> u64 {
    use_context::<Again>().map_or(0, |again| again.0.get())
}

/// The line itself.
#[component]
pub fn Toast() -> impl IntoView {
    let said = expect_context::<Said>().0;
    let me = expect_context::<crate::session::MeSource>().0;
    view! {
        <div class="toast" role="status">
            <Suspense>
                {move || Suspend::new(async move {
                    let flash = me.await.unwrap_or_default().flash;
                    view! {
                        {move || {
                            let text = match said.get() {
                                text if text.is_empty() => flash.clone(),
                                text => text,
                            };
                            (!text.is_empty()).then(|| view! { <p class="toast__text">{text}</p> })
                        }}
                    }
                })}
            </Suspense>
        </div>
    }
}
