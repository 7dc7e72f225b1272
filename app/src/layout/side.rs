//! The side navigation: of the product, or of the project one is in.

use crate::paths;
use crate::session::MeSource;
use crate::ui::icon;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use model::ProjectName;

fn entry(href: String, sign: &'static str, words: &'static str, here: &str, exact: bool) -> AnyView {
    let current = if exact { here == href || here.starts_with(&format!("{href}/repositories")) } else { here.starts_with(&href) };
    view! { <li><a href=href aria-current=current.then_some("page")>{icon(sign)}{words}</a></li> }.into_any()
}

/// The project whose pages these are, from the address.
fn project_in(path: &str) -> Option<ProjectName> {
    let name = path.strip_prefix("/projects/")?.split('/').next()?;
    if name == "new" { None } else { name.parse().ok() }
}

#[component]
pub fn SideNav() -> impl IntoView {
    let me = expect_context::<MeSource>().0;
    let path = use_location().pathname;
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let me = me.await.unwrap_or_default();
                let admin = me.user.as_ref().is_some_and(|user| user.admin);
                let known = me.user.is_some();
                view! {
                    {move || {
                        let path = path.get();
                        let lists = lists(&path, admin, known);
                        view! {
                            <details class="side-narrow">
                                <summary class="button">{icon("menu")}"Menu"</summary>
                                <nav aria-label="Menu">{lists}</nav>
                            </details>
                        }
                    }}
                    <nav class="side" aria-label="Main">{move || lists(&path.get(), admin, known)}</nav>
                }
            })}
        </Suspense>
    }
}

fn lists(path: &str, admin: bool, known: bool) -> AnyView {
    let project = project_in(path).map(|project| {
        let own = paths::project(&project);
        let signed_in = known.then(|| {
            view! {
                {entry(paths::members(&project), "member", "Members", path, false)}
                {entry(paths::project_robots(&project), "robot", "Robot accounts", path, false)}
                {entry(paths::project_replication(&project), "replicate", "Replication", path, false)}
                {entry(paths::deletions(&project), "trash", "Deleted", path, false)}
                {entry(paths::project_settings(&project), "settings", "Configuration", path, false)}
            }
        });
        view! {
            <h2>{project.to_string()}</h2>
            <ul>{entry(own, "repository", "Repositories", path, true)}{signed_in}</ul>
        }
    });
    let administration = admin.then(|| {
        view! {
            <h2>"Administration"</h2>
            <ul>
                {entry(paths::users(), "member", "Users", path, false)}
                {entry(paths::robots(), "robot", "Robot accounts", path, false)}
                {entry(paths::targets(), "registry", "Registries", path, false)}
                {entry(paths::rules(), "replicate", "Replication", path, false)}
                {entry(paths::collections(), "trash", "Garbage collection", path, false)}
            </ul>
        }
    });
    let all = path == "/projects" || path == "/" || path == "/projects/new";
    view! {
        <ul>
            <li><a href=paths::projects() aria-current=all.then_some("page")>{icon("project")}"Projects"</a></li>
        </ul>
        {project}
        {administration}
    }
    .into_any()
}
