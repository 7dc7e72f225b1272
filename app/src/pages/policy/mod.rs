//! What a project demands of its artifacts, and what the system demands of every project: one file a demand.

pub mod forms;
pub mod immutable;
pub mod retention;
pub mod run;

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
    let (purpose, project) = match &owner {
        Owner::System => ("What holds in every project, and is not lifted there.".to_owned(), None),
        Owner::Project(name) => {
            let frame = domain::projects::frame(&call.ctx, &call.who, name).await?;
            (format!("What {name} demands of its artifacts, and what it keeps of them."), Some(frame))
        }
    };
    // Some roles see one of the two: who sees neither is told why.
    let (mut sections, mut refused, mut live) = (Vec::new(), None, false);
    match immutable::section(call, &owner).await {
        Ok(section) => sections.push(section),
        Err(error @ UiError::Forbidden(_)) if project.is_some() => refused = Some(error),
        Err(error) => return Err(error),
    }
    if let Some(frame) = &project {
        match retention::section(call, frame).await {
            Ok((section, under_way)) => {
                live = under_way;
                sections.push(section);
            }
            Err(UiError::Forbidden(_)) if !sections.is_empty() => {}
            Err(error) => return Err(refused.unwrap_or(error)),
        }
    }
    Ok(Page::new("Policy").way(way(&owner, "")).purpose(purpose).live(live).body(sections.collect_view()))
}
