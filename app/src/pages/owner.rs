//! Pages that a project has and the system has too, at addresses of the same shape: below `/projects/{project}` and below `/admin`.

use crate::{Call, UiError, paths};
use domain::Owner;
use model::ProjectName;

/// Whose the page is, by its address.
pub fn of(call: &Call) -> Result<Owner, UiError> {
    if call.path().starts_with("/admin/") { Ok(Owner::System) } else { Ok(Owner::Project(call.project()?)) }
}

/// As a form sends it: a project's name, or nothing.
pub fn field(owner: &Owner) -> String {
    owner.project().unwrap_or_default()
}

/// What a form sent.
pub fn read(project: &str) -> Result<Owner, UiError> {
    match project {
        "" => Ok(Owner::System),
        name => name.parse().map(Owner::Project).map_err(|_| UiError::NotFound(format!("project {name}"))),
    }
}

/// The address of the list that such pages belong to.
pub fn place(owner: &Owner, system: fn() -> String, project: fn(&ProjectName) -> String) -> String {
    match owner {
        Owner::System => system(),
        Owner::Project(name) => project(name),
    }
}

/// The way to the list, called `what`, which is at `place`, or to a page below it; an empty `last` is the list itself.
pub fn way(owner: &Owner, (what, place): (&str, String), last: &str) -> Vec<(String, String)> {
    let mut way = match owner {
        Owner::System => Vec::new(),
        Owner::Project(name) => vec![("Projects".into(), paths::projects()), (name.to_string(), paths::project(name))],
    };
    match last {
        "" => way.push((what.to_owned(), String::new())),
        last => way.extend([(what.to_owned(), place), (last.to_owned(), String::new())]),
    }
    way
}
