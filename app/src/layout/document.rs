//! The document around a page.

use super::{Page, keys, side, top};
use crate::Call;
use crate::ui::icon;
use axum::http::request::Parts;
use leptos::nonce::Nonce;
use leptos::prelude::*;

/// Starts the islands (`app::islands`); its tag carries the nonce of this response's policy.
const LOADER: &str = include_str!("loader.js");

/// What is fetched ahead when the pointer rests on a link to it: pages that are read, never those that ask to change something
/// ("Speculation Rules", WICG).
const AHEAD: &str = r#"{"prefetch":[{"where":{"and":[
{"href_matches":["/projects","/projects/*","/admin/*"]},
{"not":{"href_matches":["/*/new","/*/edit","/*/delete","/*/settings"]}},
{"not":{"selector_matches":"[download]"}}]},"eagerness":"moderate"}]}"#;

/// From page to page the browser fades, where a person does not mind (CSS View Transitions 2). It stands in the document because a
/// browser that has not read it in time says so on its console. The policy allows it by its hash: an island parses pages that have another
/// nonce than the document they are put into.
const FADE: &str = "@media (prefers-reduced-motion:no-preference){@view-transition{navigation:auto}}";

/// Of [`FADE`], for `style-src` (CSP 3, 2.3.1).
pub const FADE_HASH: &str = "sha256-SX7UqyxGVDSLzV90icKkPuaEGi8NcinaZfagIyBzAuY=";

/// The whole document, as text.
pub fn document(call: &Call, page: Page, folder: &'static str, parts: &Parts) -> String {
    let nonce = parts.extensions.get::<Nonce>().map(ToString::to_string);
    let files = (!folder.is_empty()).then(|| view! {
        <link rel="stylesheet" href=format!("{folder}/wharf.css")/>
        <link rel="icon" href=format!("{folder}/favicon.svg") type="image/svg+xml"/>
        <link rel="modulepreload" href=format!("{folder}/wharf.js") nonce=nonce.clone()/>
        <link rel="preload" href=format!("{folder}/wharf_bg.wasm") r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
        <script type="module" nonce=nonce.clone()>{LOADER}</script>
    });
    let title = format!("{} · Wharf", page.title);
    let live = page.live.then_some("");
    let theme = (!call.me.theme.is_empty()).then(|| call.me.theme.clone());
    let page = page.view();
    let html = view! {
        <html lang="en" data-theme=theme data-release=folder>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <title>{title}</title>
                <style>{FADE}</style>
                {files}
                <script type="speculationrules" nonce=nonce>{AHEAD}</script>
            </head>
            <body>
                <a class="skip" href="#main">"Skip to the page"</a>
                {top::bar(call)}
                {keys::dialogs()}
                <div class="frame">
                    {side::navigation(call)}
                    <main id="main" tabindex="-1" data-live=live>
                        {said(call)}
                        {page}
                    </main>
                </div>
            </body>
        </html>
    };
    // Leptos marks where a browser could take the text over. Nothing is taken over here, and no text holds this: `<` is escaped.
    format!("<!DOCTYPE html>{}", html.to_html().replace("<!>", ""))
}

/// What is said once: that a form was done, or what is wrong with one that no longer stands on this page.
fn said(call: &Call) -> AnyView {
    let wrong = call.posted().and_then(|posted| posted.outcome.as_ref().err()).filter(|_| !call.answer_is_shown());
    let wrong = wrong.map(|error| view! { <p class="notice__text notice__text--bad" role="alert">{error.to_string()}</p> });
    let done = (!call.me.flash.is_empty()).then(|| view! { <p class="notice__text">{call.me.flash.clone()}</p> });
    let set = call.ctx.configuration();
    let note = |text: String| view! { <p class="note note--warn">{icon("warn")}<span>{text}</span></p> };
    let read_only = set.read_only.then(|| note("This server is read-only for now: nothing is pushed, made, changed or deleted.".to_owned()));
    let banner = (!set.banner_message.is_empty()).then(|| note(set.banner_message.clone()));
    let standing = (banner.is_some() || read_only.is_some()).then(|| view! { <div class="standing">{banner}{read_only}</div> });
    view! { {standing}<div class="notice" role="status" data-keep="">{done}</div>{wrong} }.into_any()
}
