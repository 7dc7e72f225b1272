//! The top bar: home, jump list, theme, account.

use crate::pages::account::forms::{SignOut, Theme};
use crate::ui::icon;
use crate::{Answer, Call, paths};
use leptos::prelude::*;

pub fn bar(call: &Call) -> AnyView {
    let other = if call.me.theme == "dark" { "light" } else { "dark" };
    let (leave, switch) = (call.at::<SignOut>(), call.at::<Theme>());
    // Without script a change of theme would take away a page that is shown once.
    let once = matches!(call.posted().map(|posted| &posted.outcome), Some(Ok(Answer::Secret(_))));
    let next = if call.path() == paths::sign_in() { call.query("next") } else { &call.page };
    let account = match &call.me.user {
        None => view! { <a class="button" href=paths::sign_in_for(next)>"Sign in"</a> }.into_any(),
        Some(user) => view! {
            <details class="menu" name="menu">
                <summary class="button button--quiet">{icon("member")}{user.name.clone()}</summary>
                <div class="menu__items">
                    <a href=paths::account()>"Your account"</a>
                    <form method="post" action=leave><button type="submit">"Sign out"</button></form>
                </div>
            </details>
        }
        .into_any(),
    };
    view! {
        <header class="top">
            <a class="top__logo" href=paths::projects()>{icon("wharf")}"Wharf"</a>
            <span class="top__grow"></span>
            <a class="button button--quiet" href=paths::jump() data-opens="jump">"Jump to "<kbd class="top__key">"Ctrl K"</kbd></a>
            <form method="post" action=switch data-theme-switch="" class=once.then_some("js")>
                <input type="hidden" name="theme" value=other/>
                <button type="submit" class="button button--quiet" title=format!("Change to the {other} theme")>{icon("moon")}</button>
            </form>
            {account}
        </header>
    }
    .into_any()
}
