//! Server functions of repositories.

use crate::answer::Answer;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use crate::server::Call;
use crate::wire::{FormBody, Query};
use leptos::prelude::*;
use model::project::ProjectFrame;
use model::repository::Repository;
use model::{Page, ProjectName, RepositoryName};
use serde::{Deserialize, Serialize};

/// A project's repositories.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Repositories {
    pub frame: ProjectFrame,
    pub page: Page<Repository>,
}

#[server(prefix = "/fn", endpoint = "repositories", protocol = Query)]
pub async fn list(
    project: ProjectName,
    q: String,
    sort: String,
    after: String,
    signed: String,
) -> Result<Repositories, UiError> {
    let call = Call::here()?;
    let query = model::list::Query::portal(Some(q), Some(sort), after.parse().ok());
    let frame = call.read(domain::projects::frame(&call.ctx, &call.who, &project).await)?;
    let unsigned = signed == "no";
    let page = call.read(domain::repositories::list_filtered(&call.ctx, &call.who, &project, &query, unsigned).await)?;
    Ok(Repositories { frame, page })
}

#[server(prefix = "/fn", endpoint = "repository", protocol = Query)]
pub async fn get(project: ProjectName, repository: RepositoryName) -> Result<(ProjectFrame, Repository), UiError> {
    let call = Call::here()?;
    let frame = call.read(domain::projects::frame(&call.ctx, &call.who, &project).await)?;
    let found = call.read(domain::repositories::get(&call.ctx, &call.who, &project, &repository).await)?;
    Ok((frame, found))
}

#[server(prefix = "/fn", endpoint = "repository/describe", protocol = FormBody)]
pub async fn describe(project: ProjectName, repository: RepositoryName, description: String) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::repositories::describe(&call.ctx, &call.who, &project, &repository, description).await;
    call.answer(done.map(|()| Answer::done(paths::repository(&project, &repository), "The description was saved.")))
}

#[server(prefix = "/fn", endpoint = "repository/delete", protocol = FormBody)]
pub async fn delete(project: ProjectName, repository: RepositoryName) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::repositories::delete(&call.ctx, &call.who, &project, &repository).await;
    call.answer(done.map(|()| Answer::done(paths::project(&project), format!("Repository {repository} was deleted."))))
}
