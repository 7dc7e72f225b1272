//! Every route of the portal on one screen, and the document around them.

use crate::layout::keys::{JumpDialog, Keys};
use crate::layout::side::SideNav;
use crate::layout::toast::{Again, Said, Toast};
use crate::layout::top::TopBar;
use crate::pages::{account, artifacts, collections, deletions, executions, jump, members, projects, repositories, robots, rules, sign_in, targets, users};
use crate::session::MeSource;
use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

/// The document. The script tags carry the nonce of this response's policy; a page that answers a form has none.
#[cfg(feature = "ssr")]
pub fn shell(folder: &'static str) -> impl IntoView {
    use leptos::nonce::use_nonce;
    use leptos_meta::MetaTags;
    let theme = use_context::<axum::http::request::Parts>()
        .and_then(|parts| {
            let cookies = parts.headers.get("cookie")?.to_str().ok()?.to_owned();
            cookies.split(';').find_map(|pair| pair.trim().strip_prefix("theme=").map(str::to_owned))
        })
        .filter(|theme| theme == "light" || theme == "dark");
    let answers = use_context::<crate::server::FormAnswer>().is_some();
    let nonce = use_nonce();
    let scripts = (!folder.is_empty() && !answers).then(|| {
        let (js, wasm) = (format!("{folder}/wharf.js"), format!("{folder}/wharf_bg.wasm"));
        view! {
            <link rel="modulepreload" href=js.clone() nonce=nonce.clone()/>
            <link rel="preload" href=wasm.clone() r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
            <script type="module" nonce=nonce.clone()>
                {format!("import init, {{ hydrate }} from {js:?}; await init({{ module_or_path: {wasm:?} }}); hydrate();")}
            </script>
        }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                {(!folder.is_empty()).then(|| view! {
                    <link rel="stylesheet" href=format!("{folder}/wharf.css")/>
                    <link rel="icon" href=format!("{folder}/favicon.svg") type="image/svg+xml"/>
                })}
                {scripts}
                <MetaTags/>
            </head>
            <body><App/></body>
        </html>
    }
}

/// The portal.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_context(MeSource::ask());
    provide_context(Said(RwSignal::new(String::new())));
    provide_context(Again(RwSignal::new(0)));
    provide_context(JumpDialog::default());
    view! {
        <Router>
            <a class="skip" href="#main">"Skip to the page"</a>
            <TopBar/>
            <Keys/>
            <div class="frame">
                <SideNav/>
                <main id="main" tabindex="-1">
                    <Toast/>
                    <Routes fallback=not_found>
                        <Route path=path!("/") view=projects::List ssr=SsrMode::Async/>
                        <Route path=path!("/sign-in") view=sign_in::SignInPage ssr=SsrMode::Async/>
                        <Route path=path!("/account") view=account::Account ssr=SsrMode::Async/>
                        <Route path=path!("/jump") view=jump::Jump ssr=SsrMode::Async/>
                        <Route path=path!("/projects") view=projects::List ssr=SsrMode::Async/>
                        <Route path=path!("/projects/new") view=projects::New ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project") view=repositories::List ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/members") view=members::List ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/members/new") view=members::New ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/members/:id") view=members::Edit ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/robots") view=robots::ProjectList ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/robots/new") view=robots::ProjectNew ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/robots/:id") view=robots::Show ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/replication") view=rules::OfProject ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/deleted") view=deletions::List ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/settings") view=projects::Settings ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/repositories/:repository") view=artifacts::List ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/repositories/:repository/settings") view=repositories::Settings ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/repositories/:repository/artifacts/:digest") view=artifacts::Show ssr=SsrMode::Async/>
                        <Route path=path!("/projects/:project/repositories/:repository/artifacts/:digest/delete") view=artifacts::Delete ssr=SsrMode::Async/>
                        <Route path=path!("/admin/users") view=users::List ssr=SsrMode::Async/>
                        <Route path=path!("/admin/users/new") view=users::New ssr=SsrMode::Async/>
                        <Route path=path!("/admin/users/:id") view=users::Show ssr=SsrMode::Async/>
                        <Route path=path!("/admin/robots") view=robots::SystemList ssr=SsrMode::Async/>
                        <Route path=path!("/admin/robots/new") view=robots::SystemNew ssr=SsrMode::Async/>
                        <Route path=path!("/admin/robots/:id") view=robots::Show ssr=SsrMode::Async/>
                        <Route path=path!("/admin/registries") view=targets::List ssr=SsrMode::Async/>
                        <Route path=path!("/admin/registries/new") view=targets::New ssr=SsrMode::Async/>
                        <Route path=path!("/admin/registries/:id") view=targets::Edit ssr=SsrMode::Async/>
                        <Route path=path!("/admin/replication") view=rules::List ssr=SsrMode::Async/>
                        <Route path=path!("/admin/replication/new") view=rules::New ssr=SsrMode::Async/>
                        <Route path=path!("/admin/replication/:id") view=rules::Show ssr=SsrMode::Async/>
                        <Route path=path!("/admin/replication/:id/edit") view=rules::Edit ssr=SsrMode::Async/>
                        <Route path=path!("/admin/replication/:rule/executions/:id") view=executions::Show ssr=SsrMode::Async/>
                        <Route path=path!("/admin/replication/:rule/executions/:id/tasks/:task") view=executions::Task ssr=SsrMode::Async/>
                        <Route path=path!("/admin/garbage") view=collections::List ssr=SsrMode::Async/>
                        <Route path=path!("/admin/garbage/:id") view=collections::Show ssr=SsrMode::Async/>
                    </Routes>
                </main>
            </div>
        </Router>
    }
}

fn not_found() -> AnyView {
    crate::ui::empty::failed(&crate::error::UiError::NotFound("this page".to_owned()))
}
