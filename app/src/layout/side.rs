//! The side navigation: of the product, or of the project one is in. On a narrow screen the same element opens over the page
//! (`popover`, HTML 6.12), without script.

use crate::ui::icon;
use crate::{Call, paths};
use leptos::prelude::*;
use model::ProjectName;

fn entry(href: String, sign: &'static str, words: &'static str, current: bool) -> AnyView {
    view! { <li><a href=href aria-current=current.then_some("page")>{icon(sign)}{words}</a></li> }.into_any()
}

/// The project whose pages these are, from the address.
fn project_in(path: &str) -> Option<ProjectName> {
    let name = path.strip_prefix("/projects/")?.split('/').next()?;
    if name == "new" { None } else { name.parse().ok() }
}

pub fn navigation(call: &Call) -> AnyView {
    let path = call.path();
    let under = |href: String, sign, words| {
        let current = path.strip_prefix(&href).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        entry(href, sign, words, current)
    };
    let all = entry(paths::projects(), "project", "Projects", matches!(path, "/" | "/projects" | "/projects/new"));
    let project = project_in(path).map(|project| {
        let own = paths::project(&project);
        let first = path == own || path.starts_with(&format!("{own}/repositories/"));
        let more = call.me.user.is_some().then(|| view! {
            {under(paths::members(&project), "member", "Members")}
            {under(paths::project_robots(&project), "robot", "Robot accounts")}
            {under(paths::project_replication(&project), "replicate", "Replication")}
            {under(paths::project_labels(&project), "label", "Labels")}
            {under(paths::policy(&project), "lock", "Policy")}
            {under(paths::project_activity(&project), "chart", "Activity")}
            {under(paths::project_storage(&project), "layers", "Storage")}
            {under(paths::deletions(&project), "trash", "Deleted")}
            {under(paths::project_audit(&project), "paper", "Log")}
            {under(paths::project_settings(&project), "settings", "Configuration")}
        });
        view! { <h2>{project.to_string()}</h2><ul>{entry(own, "repository", "Repositories", first)}{more}</ul> }
    });
    let administration = call.me.admin().then(|| view! {
        <h2>"Administration"</h2>
        <ul>
            {under(paths::users(), "member", "Users")}
            {under(paths::robots(), "robot", "Robot accounts")}
            {under(paths::targets(), "registry", "Registries")}
            {under(paths::rules(), "replicate", "Replication")}
            {under(paths::labels(), "label", "Labels")}
            {under(paths::system_policy(), "lock", "Policy")}
            {under(paths::collections(), "trash", "Garbage collection")}
            {under(paths::quotas(), "layers", "Quotas")}
            {under(paths::storage(), "layers", "Storage")}
            {under(paths::audit(), "paper", "Audit log")}
            {under(paths::knocking(), "key", "Failed sign-ins")}
            {under(paths::settings(), "settings", "Settings")}
        </ul>
    });
    view! {
        <button type="button" class="button side-opener" popovertarget="side">{icon("menu")}"Menu"</button>
        <nav id="side" class="side" aria-label="Main" popover="auto"><ul>{all}</ul>{project}{administration}</nav>
    }
    .into_any()
}
