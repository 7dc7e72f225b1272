//! What a project demands of its artifacts, and what the system demands of every project: one file a demand.

pub mod blocks;
pub mod forms;
pub mod immutable;
pub mod retention;
pub mod run;

use crate::pages::owner;
use crate::pages::prelude::*;
use domain::Owner;
use model::Action;

/// The address of the owner's policy.
fn place(owner: &Owner) -> String {
    owner::place(owner, paths::system_policy, paths::policy)
}

/// The way to a page below it; an empty `last` is the policy's own.
fn way(owner: &Owner, last: &str) -> Vec<(String, String)> {
    owner::way(owner, ("Policy", place(owner)), last)
}

pub async fn show(call: &Call) -> Shown {
    let owner = owner::of(call)?;
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
    if project.as_ref().is_none_or(|frame| frame.may(Action::ArtifactBlock)) {
        sections.push(blocks::section(call, &owner).await?);
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
