//! Server functions of deletions.

use crate::answer::Answer;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use crate::server::Call;
use crate::wire::{FormBody, Query};
use leptos::prelude::*;
use model::deletion::Deletion;
use model::project::ProjectFrame;
use model::{DeletionId, Page, ProjectName};
use serde::{Deserialize, Serialize};

/// A project's deletions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deletions {
    pub frame: ProjectFrame,
    pub page: Page<Deletion>,
}

#[server(prefix = "/fn", endpoint = "deletions", protocol = Query)]
pub async fn list(project: ProjectName, after: String) -> Result<Deletions, UiError> {
    let call = Call::here()?;
    let query = model::list::Query::portal(None, None, after.parse().ok());
    let frame = call.read(domain::projects::frame(&call.ctx, &call.who, &project).await)?;
    let page = call.read(domain::deletions::list(&call.ctx, &call.who, &project, &query).await)?;
    Ok(Deletions { frame, page })
}

#[server(prefix = "/fn", endpoint = "deletion/undo", protocol = FormBody)]
pub async fn undo(project: ProjectName, id: DeletionId) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::deletions::restore(&call.ctx, &call.who, &project, id).await;
    call.answer(done.map(|back| {
        let along = match back.artifacts {
            1 => String::new(),
            n => format!(" with {} that went along", n - 1),
        };
        let taken = match back.taken.as_slice() {
            [] => String::new(),
            tags => {
                let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
                format!(" These tags name something else by now and were left there: {}.", tags.join(", "))
            }
        };
        Answer::done(paths::artifact(&project, &back.repository, &back.digest), format!("{} is back{along}.{taken}", back.digest.short()))
    }))
}

#[server(prefix = "/fn", endpoint = "deletion/purge", protocol = FormBody)]
pub async fn purge(project: ProjectName, id: DeletionId) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::deletions::purge(&call.ctx, &call.who, &project, id).await;
    call.answer(done.map(|()| Answer::done(paths::deletions(&project), "It is deleted for good; the next collection frees its space.")))
}
