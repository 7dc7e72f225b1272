//! Server functions of garbage collection.

use crate::answer::Answer;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use crate::server::Call;
use crate::wire::{FormBody, Query};
use leptos::prelude::*;
use model::collection::{Collection, Kept, Schedule};
use model::{CollectionId, Page};

#[server(prefix = "/fn", endpoint = "collections", protocol = Query)]
pub async fn list(after: String) -> Result<Page<Collection>, UiError> {
    let call = Call::here()?;
    let query = model::list::Query::portal(None, None, after.parse().ok());
    call.read(domain::gc::list(&call.ctx, &call.who, &query).await)
}

#[server(prefix = "/fn", endpoint = "collection", protocol = Query)]
pub async fn get(id: CollectionId) -> Result<(Collection, String), UiError> {
    let call = Call::here()?;
    call.read(domain::gc::get(&call.ctx, &call.who, id).await)
}

#[server(prefix = "/fn", endpoint = "collection/schedule", protocol = Query)]
pub async fn get_schedule() -> Result<Schedule, UiError> {
    let call = Call::here()?;
    call.read(domain::gc::schedule(&call.ctx, &call.who).await)
}

/// `when`: `configured`, `custom` (by `cron`), or one of Harbor's words.
#[server(prefix = "/fn", endpoint = "collection/reschedule", protocol = FormBody)]
pub async fn reschedule(when: String, cron: String) -> Result<Answer, UiError> {
    let call = Call::here()?;
    call.read(domain::access::administrator(&call.ctx, &call.who).await)?;
    let pattern = match when.as_str() {
        "configured" => None,
        "custom" => Some(cron.trim().to_owned()),
        word => match model::collection::SCHEDULES.iter().find(|(kind, _)| *kind == word) {
            Some((_, pattern)) => Some((*pattern).to_owned()),
            None => return Ok(Answer::Wrong(model::Problems::one("when", "must be one of those listed"))),
        },
    };
    if when == "custom" && pattern.as_deref() == Some("") {
        return Ok(Answer::Wrong(model::Problems::one("cron", "must have six fields")));
    }
    let done = domain::gc::set_schedule(&call.ctx, &call.who, pattern).await;
    call.answer(done.map(|()| Answer::done(paths::collections(), "The schedule was saved.")))
}

/// Why a blob is kept; `None` where nothing is asked.
#[server(prefix = "/fn", endpoint = "collection/why", protocol = Query)]
pub async fn why(digest: String) -> Result<Option<Kept>, UiError> {
    let call = Call::here()?;
    let digest = match digest.trim() {
        "" => return Ok(None),
        text => text.parse().map_err(|what| UiError::Refused(format!("the digest {what}")))?,
    };
    call.read(domain::gc::why(&call.ctx, &call.who, &digest).await).map(Some)
}

#[server(prefix = "/fn", endpoint = "collection/start", protocol = FormBody)]
pub async fn start(#[server(default)] dry_run: bool) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::gc::start(&call.ctx, &call.who, dry_run).await;
    call.answer(done.map(|id| Answer::done(paths::collection(id), "The collection has started.")))
}

#[server(prefix = "/fn", endpoint = "collection/stop", protocol = FormBody)]
pub async fn stop(id: CollectionId) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::gc::stop(&call.ctx, &call.who, id).await;
    call.answer(done.map(|()| Answer::done(paths::collection(id), "The collection is stopping.")))
}
