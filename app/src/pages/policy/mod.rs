//! What a project demands of its artifacts, and what the system demands of every project: one file a demand.

pub mod forms;
pub mod immutable;

use crate::pages::prelude::*;
use domain::immutability::Owner;

/// Whose policy these pages are about: of the project that the address names, or of the system.
fn owner(call: &Call) -> Result<Owner, UiError> {
    if call.path().starts_with("/admin/") { Ok(Owner::System) } else { Ok(Owner::Project(call.project()?)) }
}

/// The address of its page.
fn place(owner: &Owner) -> String {
    match owner {
        Owner::System => paths::system_policy(),
        Owner::Project(name) => paths::policy(name),
    }
}

/// The way to a page below it; an empty `last` is the policy's own.
fn way(owner: &Owner, last: &str) -> Vec<(String, String)> {
    let mut way = match owner {
        Owner::System => vec![("Policy".to_owned(), paths::system_policy())],
        Owner::Project(name) => {
            let mut way = crate::pages::projects::way(name, "Policy");
            way[2].1 = paths::policy(name);
            way
        }
    };
    match (last, way.last_mut()) {
        ("", Some(own)) => own.1.clear(),
        _ => way.push((last.to_owned(), String::new())),
    }
    way
}

pub async fn show(call: &Call) -> Shown {
    let owner = owner(call)?;
    let immutable = immutable::section(call, &owner).await?;
    let purpose = match &owner {
        Owner::System => "What holds in every project, and is not lifted there.".to_owned(),
        Owner::Project(name) => format!("What {name} demands of its artifacts."),
    };
    Ok(Page::new("Policy").way(way(&owner, "")).purpose(purpose).body(immutable))
}
