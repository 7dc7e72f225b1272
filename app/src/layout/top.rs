//! The top bar: home, theme, account.

use crate::answer::Answer;
use crate::error::UiError;
use crate::paths;
use crate::session::MeSource;
use crate::ui::form::Sent;
use crate::ui::icon;
use crate::wire::FormBody;
use leptos::prelude::*;

/// Keeps the theme in a cookie, so that the first paint is right.
#[server(prefix = "/fn", endpoint = "theme", protocol = FormBody)]
pub async fn set_theme(theme: String) -> Result<Answer, UiError> {
    let call = crate::server::Call::here()?;
    let theme = if theme == "light" || theme == "dark" { theme } else { String::new() };
    call.set_cookie("theme", &theme, if theme.is_empty() { 0 } else { 31_536_000 });
    Ok(Answer::done(call.page().unwrap_or_else(|| "/".to_owned()), ""))
}

#[server(prefix = "/fn", endpoint = "sign-out", protocol = FormBody)]
pub async fn sign_out() -> Result<Answer, UiError> {
    let call = crate::server::Call::here()?;
    call.door()?.leave().await.map_err(|error| call.error(error))?;
    Ok(Answer::done(paths::sign_in(), "Signed out."))
}

#[component]
pub fn TopBar() -> impl IntoView {
    let me = expect_context::<MeSource>().0;
    let jump = expect_context::<crate::layout::keys::JumpDialog>();
    let (theme, leave) = (ServerAction::<SetTheme>::new(), ServerAction::<SignOut>::new());
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        for answer in [theme.value().get(), leave.value().get()].into_iter().flatten() {
            if let Ok(Answer::Done { to, .. }) = answer {
                let _ = window().location().set_href(&to);
            }
        }
    });
    view! {
        <header class="top">
            <a class="top__logo" href=paths::projects()>{icon("wharf")}"Wharf"</a>
            <span class="top__grow"></span>
            <a class="button button--quiet" href=paths::jump() on:click=move |event| jump.open_instead(&event)>
                "Jump to "<kbd class="top__key">"Ctrl K"</kbd>
            </a>
            <Suspense>
                {move || Suspend::new(async move {
                    let me = me.await.unwrap_or_default();
                    let other = if me.theme == "dark" { "light" } else { "dark" };
                    let account = match me.user {
                        None => view! { <a class="button" href=paths::sign_in()>"Sign in"</a> }.into_any(),
                        Some(user) => view! {
                            <details class="menu">
                                <summary class="button button--quiet">{icon("member")}{user.name.clone()}</summary>
                                <div class="menu__items">
                                    <a href=paths::account()>"Your account"</a>
                                    <Sent action=leave>
                                        <button type="submit">"Sign out"</button>
                                    </Sent>
                                </div>
                            </details>
                        }
                        .into_any(),
                    };
                    view! {
                        <Sent action=theme>
                            <input type="hidden" name="theme" value=other/>
                            <button type="submit" class="button button--quiet" title=format!("Change to the {other} theme")>
                                {icon("moon")}
                                <span class="sr">{format!("Change to the {other} theme")}</span>
                            </button>
                        </Sent>
                        {account}
                    }
                })}
            </Suspense>
        </header>
    }
}
