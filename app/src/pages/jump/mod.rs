//! Where one can go: a page, whose list is also shown in a dialog (`islands::jump`).

use crate::session::Me;
use crate::pages::prelude::*;

/// A page that one can jump to.
struct Place {
    label: String,
    /// What kind of thing it is: "Project", "Repository", "Page", "Action".
    kind: &'static str,
    href: String,
}

/// Most projects and repositories in the list.
const FOUND: i64 = 8;

pub async fn show(call: &Call) -> Shown {
    let f = Filter { path: paths::jump(), ..call.filter(&[]) };
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
    Ok(page.purpose("Projects, repositories (as project/…), pages and actions.").body(view! {
        {filter_bar(&f, "Part of a name", total, "place", ())}
        {body}
    }))
}

/// What matches `q`: of `project/repository` the repositories of that project, else projects; then pages and actions.
async fn find(call: &Call, q: &str) -> Result<Vec<Place>, UiError> {
    let q = q.trim().to_lowercase();
    let search = |text: &str| model::list::Query { search: text.to_owned(), ..model::list::Query::all(FOUND) };
    let mut all = Vec::new();
    if let Some((project, rest)) = q.split_once('/') {
        let Ok(project) = project.parse() else { return Ok(all) };
        match domain::repositories::list(&call.ctx, &call.who, &project, &search(rest)).await {
            Ok(found) => all.extend(found.items.into_iter().map(|repository| Place {
                label: format!("{project}/{}", repository.name),
                kind: "Repository",
                href: paths::repository(&project, &repository.name),
            })),
            // A project that is not there, or not for these eyes, has nothing to jump to.
            Err(domain::Error::NotFound(_) | domain::Error::NotVisible(_) | domain::Error::Unauthenticated) => {}
            Err(error) => return Err(error.into()),
        }
        return Ok(all);
    }
    let found = domain::projects::list(&call.ctx, &call.who, &search(&q), &Default::default()).await?;
    all.extend(found.items.into_iter().map(|project| Place {
        label: project.name.to_string(),
        kind: "Project",
        href: paths::project(&project.name),
    }));
    all.extend(places(&call.me).into_iter().filter(|place| place.label.to_lowercase().contains(&q)));
    Ok(all)
}

/// The pages and actions that do not depend on data.
fn places(me: &Me) -> Vec<Place> {
    let mut all = vec![("Projects", "Page", paths::projects())];
    if me.user.is_some() {
        all.extend([("Your account", "Page", paths::account()), ("New project", "Action", paths::project_new())]);
    } else {
        all.push(("Sign in", "Page", paths::sign_in()));
    }
    if me.admin() {
        all.extend([
            ("Users", "Page", paths::users()),
            ("Robot accounts", "Page", paths::robots()),
            ("Registries", "Page", paths::targets()),
            ("Replication", "Page", paths::rules()),
            ("Garbage collection", "Page", paths::collections()),
            ("New user", "Action", paths::user_new()),
            ("New robot account", "Action", paths::robot_new()),
            ("New target registry", "Action", paths::target_new()),
            ("New replication rule", "Action", paths::rule_new()),
        ]);
    }
    all.into_iter().map(|(label, kind, href)| Place { label: label.into(), kind, href }).collect()
}
