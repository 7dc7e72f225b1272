//! Where one can go: a page, whose list is also shown in a dialog (`islands::jump`).

use crate::session::Me;
use crate::pages::prelude::*;
use domain::artifacts::Reference;
use model::artifact::From;

/// A page that one can jump to.
struct Hit {
    label: String,
    /// What kind of thing it is: "Project", "Repository", "Page", "Action".
    kind: &'static str,
    href: String,
}

/// Most projects and repositories in the list.
const FOUND: i64 = 8;

pub async fn show(call: &Call) -> Shown {
    let f = ListAddress { path: paths::jump(), ..call.filter(&[]) };
    let found = find(call, &f.q).await?;
    let total = found.len() as i64;
    let rows = found.into_iter().map(|place| view! {
        <li><a href=place.href><span>{place.label}</span><span class="muted">{place.kind}</span></a></li>
    });
    let rows = rows.collect_view();
    let body = match total {
        0 => no_match(f.path.clone()),
        _ => view! { <section class="card"><ul class="jump__list">{rows}</ul></section> }.into_any(),
    };
    let page = Page::new("Jump to").way(vec![("Jump to".into(), String::new())]);
    Ok(page.purpose("Projects, repositories by any part of their path, artifacts by their reference, pages and actions.").body(view! {
        {filter_bar(&f, "Part of a name", total, "place", ())}
        {body}
    }))
}

/// What matches `q`: the artifact that it names, projects, repositories by any part of their path, then pages and actions.
async fn find(call: &Call, q: &str) -> Result<Vec<Hit>, UiError> {
    let artifact = pasted(call, q).await;
    let q = q.trim().to_lowercase();
    let query = model::list::Query { search: q.clone(), ..model::list::Query::all(FOUND) };
    let mut all = Vec::new();
    let found = domain::projects::list(&call.ctx, &call.who, &query, &Default::default()).await?;
    all.extend(found.items.into_iter().map(|project| Hit {
        label: project.name.to_string(),
        kind: "Project",
        href: paths::project(&project.name),
    }));
    if !q.is_empty() {
        let found = domain::repositories::search(&call.ctx, &call.who, &q, FOUND).await?;
        all.extend(found.into_iter().map(|(project, name)| Hit {
            label: format!("{project}/{name}"),
            kind: "Repository",
            href: paths::repository(&project, &name),
        }));
    }
    all.extend(places(&call.me).into_iter().filter(|place| place.label.to_lowercase().contains(&q)));
    Ok(artifact.into_iter().chain(all).collect())
}

/// The artifact that a reference names as clients write it, with or without our address and the command before it:
/// `docker pull registry.example/project/repository:tag@sha256:…`.
async fn pasted(call: &Call, q: &str) -> Option<Hit> {
    let text = q.split_whitespace().last()?;
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.strip_prefix(call.me.registry.as_str()).map_or(text, |rest| rest.trim_start_matches('/'));
    let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
    let (name, tag) = name.rsplit_once(':').map_or((name, None), |(name, tag)| (name, Some(tag)));
    // The digest says which, whatever the tag names by now.
    let reference: Reference = digest.or(tag)?.parse().ok()?;
    let (project, name) = model::name::split_full(name).ok()?;
    let found = domain::artifacts::page(&call.ctx, &call.who, &project, &name, &reference, From::default()).await.ok()?.artifact;
    Some(Hit {
        label: format!("{project}/{name}{}", if digest.is_some() { format!("@{}", found.digest.short()) } else { format!(":{}", tag.unwrap_or_default()) }),
        kind: "Artifact",
        href: paths::artifact(&project, &name, &found.digest),
    })
}

/// The pages and actions that do not depend on data.
fn places(me: &Me) -> Vec<Hit> {
    let mut all = vec![("Projects", "Page", paths::projects())];
    if me.user.is_some() {
        all.push(("Your account", "Page", paths::account()));
    } else {
        all.push(("Sign in", "Page", paths::sign_in()));
    }
    if me.makes_projects {
        all.push(("New project", "Action", paths::project_new()));
    }
    if me.admin() {
        all.extend([
            ("Users", "Page", paths::users()),
            ("Robot accounts", "Page", paths::robots()),
            ("Registries", "Page", paths::targets()),
            ("Replication", "Page", paths::rules()),
            ("Labels", "Page", paths::labels()),
            ("Quotas", "Page", paths::quotas()),
            ("Policy", "Page", paths::system_policy()),
            ("Audit log", "Page", paths::audit()),
            ("Garbage collection", "Page", paths::collections()),
            ("Storage", "Page", paths::storage()),
            ("Failed sign-ins", "Page", paths::knocking()),
            ("Settings", "Page", paths::settings()),
            ("New user", "Action", paths::user_new()),
            ("New robot account", "Action", paths::robot_new()),
            ("New target registry", "Action", paths::target_new()),
            ("New replication rule", "Action", paths::rule_new()),
        ]);
    }
    all.into_iter().map(|(label, kind, href)| Hit { label: label.into(), kind, href }).collect()
}
