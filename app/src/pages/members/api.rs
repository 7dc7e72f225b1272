//! Server functions of members.

use crate::answer::Answer;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use crate::server::Call;
use crate::wire::{FormBody, Query};
use leptos::prelude::*;
use model::project::{Member, ProjectFrame};
use model::{MemberId, Page, ProjectName};
use serde::{Deserialize, Serialize};

/// A project's members, with what the caller may do to them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Members {
    pub frame: ProjectFrame,
    pub page: Page<Member>,
}

#[server(prefix = "/fn", endpoint = "members", protocol = Query)]
pub async fn list(project: ProjectName, q: String, sort: String, after: String) -> Result<Members, UiError> {
    let call = Call::here()?;
    let query = model::list::Query::portal(Some(q), Some(sort), after.parse().ok());
    let frame = call.read(domain::projects::frame(&call.ctx, &call.who, &project).await)?;
    let page = call.read(domain::members::list(&call.ctx, &call.who, &project, &query).await)?;
    Ok(Members { frame, page })
}

#[server(prefix = "/fn", endpoint = "member", protocol = Query)]
pub async fn get(project: ProjectName, id: MemberId) -> Result<Member, UiError> {
    let call = Call::here()?;
    call.read(domain::members::get(&call.ctx, &call.who, &project, id).await)
}

/// Names for the typeahead: empty for who may not look users up.
#[server(prefix = "/fn", endpoint = "members/candidates", protocol = Query)]
pub async fn candidates(text: String) -> Result<Vec<(String, String)>, UiError> {
    let call = Call::here()?;
    match domain::users::search(&call.ctx, &call.who, text.trim()).await {
        Ok(found) => Ok(found.into_iter().map(|(_, name, full)| (name, full)).collect()),
        Err(domain::Error::Forbidden { .. }) => Ok(Vec::new()),
        Err(error) => Err(call.error(error)),
    }
}

#[cfg(feature = "ssr")]
fn role(id: i64) -> Result<model::Role, Answer> {
    model::Role::from_id(id).ok_or_else(|| Answer::Wrong(model::Problems::one("role", "must be one of the five roles")))
}

#[server(prefix = "/fn", endpoint = "member/create", protocol = FormBody)]
pub async fn create(project: ProjectName, user: String, role: i64) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let role = match self::role(role) {
        Ok(role) => role,
        Err(answer) => return Ok(answer),
    };
    let done = domain::members::create(&call.ctx, &call.who, &project, user.trim(), role).await;
    call.answer(done.map(|m| Answer::done(paths::members(&project), format!("{} is a member now.", m.user_name))))
}

#[server(prefix = "/fn", endpoint = "member/update", protocol = FormBody)]
pub async fn update(project: ProjectName, id: MemberId, role: i64) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let role = match self::role(role) {
        Ok(role) => role,
        Err(answer) => return Ok(answer),
    };
    let done = domain::members::update(&call.ctx, &call.who, &project, id, role).await;
    call.answer(done.map(|()| Answer::done(paths::members(&project), "The role was changed.")))
}

#[server(prefix = "/fn", endpoint = "member/delete", protocol = FormBody)]
pub async fn delete(project: ProjectName, id: MemberId) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::members::delete(&call.ctx, &call.who, &project, id).await;
    call.answer(done.map(|()| Answer::done(paths::members(&project), "The member was removed.")))
}
