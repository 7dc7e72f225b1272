//! Server functions of garbage collection.

use crate::answer::Answer;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use crate::server::Call;
use crate::wire::{FormBody, Query};
use leptos::prelude::*;
use model::collection::{Collection, Kept};
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
