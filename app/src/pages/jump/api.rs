//! The server function of the jump list.

use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
use crate::wire::Query;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A page that one can jump to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub label: String,
    /// What kind of thing it is: "Project", "Repository", "Page", "Action".
    pub kind: String,
    pub href: String,
}

/// Most projects and repositories in the list.
#[cfg(feature = "ssr")]
const FOUND: i64 = 8;

/// What matches `q`: of `project/repository` the repositories of that project, else projects; then pages and actions.
#[server(prefix = "/fn", endpoint = "jump", protocol = Query)]
pub async fn jump(q: String) -> Result<Vec<Place>, UiError> {
    let call = crate::server::Call::here()?;
    let q = q.trim().to_lowercase();
    let (project, rest) = q.split_once('/').map_or((q.as_str(), None), |(project, rest)| (project, Some(rest)));
    let mut all = Vec::new();
    let search = |text: &str| model::list::Query { search: text.to_owned(), ..model::list::Query::all(FOUND) };
    if let Some(rest) = rest {
        if let Ok(project) = project.parse() {
            match domain::repositories::list(&call.ctx, &call.who, &project, &search(rest)).await {
                Ok(found) => all.extend(found.items.into_iter().map(|repository| Place {
                    label: format!("{project}/{}", repository.name),
                    kind: "Repository".into(),
                    href: paths::repository(&project, &repository.name),
                })),
                // A project that is not there, or not for these eyes, has nothing to jump to.
                Err(domain::Error::NotFound(_) | domain::Error::NotVisible(_) | domain::Error::Unauthenticated) => {}
                Err(error) => return Err(call.error(error)),
            }
        }
        return Ok(all);
    }
    let found = domain::projects::list(&call.ctx, &call.who, &search(project), &Default::default()).await;
    all.extend(call.read(found)?.items.into_iter().map(|project| Place {
        label: project.name.to_string(),
        kind: "Project".into(),
        href: paths::project(&project.name),
    }));
    let user = domain::users::current(&call.ctx, &call.who).await.ok();
    let fixed = places(user.is_some(), user.is_some_and(|user| user.admin));
    all.extend(fixed.into_iter().filter(|place| place.label.to_lowercase().contains(&q)));
    Ok(all)
}

/// The pages and actions that do not depend on data.
#[cfg(feature = "ssr")]
fn places(known: bool, admin: bool) -> Vec<Place> {
    let mut all = vec![("Projects", "Page", paths::projects())];
    if known {
        all.extend([("Your account", "Page", paths::account()), ("New project", "Action", paths::project_new())]);
    } else {
        all.push(("Sign in", "Page", paths::sign_in()));
    }
    if admin {
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
    all.into_iter().map(|(label, kind, href)| Place { label: label.into(), kind: kind.into(), href }).collect()
}
