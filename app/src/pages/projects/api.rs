//! Server functions of projects.

use crate::answer::Answer;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use crate::server::Call;
use crate::wire::{FormBody, Query};
use leptos::prelude::*;
use model::project::{Project, ProjectDeletion, ProjectFrame, SignatureForecast};
use model::{Page, ProjectName};
use serde::{Deserialize, Serialize};

#[server(prefix = "/fn", endpoint = "projects", protocol = Query)]
pub async fn list(q: String, sort: String, after: String, public: String) -> Result<Page<Project>, UiError> {
    let call = Call::here()?;
    let query = model::list::Query::portal(Some(q), Some(sort), after.parse().ok());
    let filter = domain::projects::Filter {
        public: match public.as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
        names: Vec::new(),
    };
    call.read(domain::projects::list(&call.ctx, &call.who, &query, &filter).await)
}

#[server(prefix = "/fn", endpoint = "project", protocol = Query)]
pub async fn frame(project: ProjectName) -> Result<ProjectFrame, UiError> {
    let call = Call::here()?;
    call.read(domain::projects::frame(&call.ctx, &call.who, &project).await)
}

/// What the configuration page shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Configuration {
    pub frame: ProjectFrame,
    pub forecast: SignatureForecast,
    /// `None` for who may not delete it.
    pub deletion: Option<ProjectDeletion>,
}

#[server(prefix = "/fn", endpoint = "project/configuration", protocol = Query)]
pub async fn get_configuration(project: ProjectName) -> Result<Configuration, UiError> {
    let call = Call::here()?;
    let (ctx, who) = (&call.ctx, &call.who);
    let frame = call.read(domain::projects::frame(ctx, who, &project).await)?;
    call.read(domain::projects::may_configure(ctx, who, &project).await)?;
    let forecast = call.read(domain::projects::signature_forecast(ctx, who, &project).await)?;
    let deletion = domain::projects::deletion(ctx, who, &project).await.ok();
    Ok(Configuration { frame, forecast, deletion })
}

#[server(prefix = "/fn", endpoint = "project/create", protocol = FormBody)]
pub async fn create(
    name: String,
    #[server(default)] public: bool,
    #[server(default)] require_signature: bool,
) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::projects::create(&call.ctx, &call.who, &name, public, require_signature).await;
    call.answer(done.map(|p| Answer::done(paths::project(&p.name), format!("Project {} was created.", p.name))))
}

#[server(prefix = "/fn", endpoint = "project/update", protocol = FormBody)]
pub async fn update(
    project: ProjectName,
    #[server(default)] public: bool,
    #[server(default)] require_signature: bool,
) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::projects::update(&call.ctx, &call.who, &project, Some(public), Some(require_signature)).await;
    call.answer(done.map(|p| Answer::done(paths::project_settings(&p.name), "The configuration was saved.")))
}

#[server(prefix = "/fn", endpoint = "project/delete", protocol = FormBody)]
pub async fn delete(project: ProjectName, confirm: String) -> Result<Answer, UiError> {
    let call = Call::here()?;
    if confirm != project.as_str() {
        return Ok(Answer::Wrong(model::Problems::one("confirm", format!("must be {project}"))));
    }
    let done = domain::projects::delete(&call.ctx, &call.who, &project).await;
    call.answer(done.map(|()| Answer::done(paths::projects(), format!("Project {project} was deleted."))))
}
