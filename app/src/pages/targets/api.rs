//! Server functions of target registries.

use crate::answer::Answer;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use crate::server::Call;
use crate::wire::{FormBody, Query};
use leptos::prelude::*;
use model::target::Target;
#[cfg(feature = "ssr")]
use model::target::{Provider, TargetInput};
use model::{Page, TargetId};

#[server(prefix = "/fn", endpoint = "targets", protocol = Query)]
pub async fn list(q: String, sort: String, after: String) -> Result<Page<Target>, UiError> {
    let call = Call::here()?;
    let query = model::list::Query::portal(Some(q), Some(sort), after.parse().ok());
    call.read(domain::targets::list(&call.ctx, &call.who, &query).await)
}

#[server(prefix = "/fn", endpoint = "target", protocol = Query)]
pub async fn get(id: TargetId) -> Result<Target, UiError> {
    let call = Call::here()?;
    call.read(domain::targets::get(&call.ctx, &call.who, id).await)
}

/// What all three forms send.
#[cfg(feature = "ssr")]
struct Typed {
    provider: String,
    name: String,
    description: String,
    url: String,
    token_server: String,
    access_id: String,
    verify: bool,
    ca_certificate: String,
}

#[cfg(feature = "ssr")]
impl Typed {
    fn input(self) -> Result<TargetInput, Answer> {
        let wrong = || Answer::Wrong(model::Problems::one("provider", "must be one of the list"));
        Ok(TargetInput {
            name: self.name.trim().to_owned(),
            provider: Provider::from_key(&self.provider).ok_or_else(wrong)?,
            url: self.url.trim().to_owned(),
            description: self.description,
            token_server: self.token_server.trim().to_owned(),
            access_id: self.access_id.trim().to_owned(),
            verify_certificate: self.verify,
            ca_certificate: self.ca_certificate,
        })
    }
}

#[server(prefix = "/fn", endpoint = "target/create", protocol = FormBody)]
pub async fn create(
    provider: String,
    name: String,
    description: String,
    url: String,
    token_server: String,
    access_id: String,
    secret: String,
    #[server(default)] verify: bool,
    ca_certificate: String,
) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let input = match (Typed { provider, name, description, url, token_server, access_id, verify, ca_certificate }).input() {
        Ok(input) => input,
        Err(answer) => return Ok(answer),
    };
    let secret = domain::secrets::PlainSecret::new(secret);
    let done = domain::targets::create(&call.ctx, &call.who, input, secret).await;
    call.answer(done.map(|t| Answer::done(paths::targets(), format!("Target registry {} was created.", t.name))))
}

#[server(prefix = "/fn", endpoint = "target/update", protocol = FormBody)]
pub async fn update(
    id: TargetId,
    provider: String,
    name: String,
    description: String,
    url: String,
    token_server: String,
    access_id: String,
    secret: String,
    #[server(default)] verify: bool,
    ca_certificate: String,
) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let input = match (Typed { provider, name, description, url, token_server, access_id, verify, ca_certificate }).input() {
        Ok(input) => input,
        Err(answer) => return Ok(answer),
    };
    let secret = (!secret.is_empty()).then(|| domain::secrets::PlainSecret::new(secret));
    let done = domain::targets::update(&call.ctx, &call.who, id, input, secret).await;
    call.answer(done.map(|_| Answer::done(paths::target(id), "The target registry was changed.")))
}

/// *Test connection* of what stands in the form. `id` is 0 for a new target.
#[server(prefix = "/fn", endpoint = "target/test", protocol = FormBody)]
pub async fn test(
    #[server(default)] id: i64,
    provider: String,
    #[server(default)] name: String,
    #[server(default)] description: String,
    url: String,
    token_server: String,
    access_id: String,
    secret: String,
    #[server(default)] verify: bool,
    ca_certificate: String,
) -> Result<Answer, UiError> {
    let call = Call::here()?;
    // A name is not needed to look.
    let name = if name.trim().is_empty() { "test".to_owned() } else { name };
    let input = match (Typed { provider, name, description, url, token_server, access_id, verify, ca_certificate }).input() {
        Ok(input) => input,
        Err(answer) => return Ok(answer),
    };
    let secret = domain::secrets::PlainSecret::new(secret);
    let id = (id != 0).then_some(TargetId(id));
    let done = domain::targets::probe_input(&call.ctx, &call.who, &input, secret, id).await;
    call.answer(done.map(Answer::Probe))
}

#[server(prefix = "/fn", endpoint = "target/probe", protocol = FormBody)]
pub async fn probe(id: TargetId) -> Result<Answer, UiError> {
    let call = Call::here()?;
    call.answer(domain::targets::probe(&call.ctx, &call.who, id).await.map(Answer::Probe))
}

#[server(prefix = "/fn", endpoint = "target/delete", protocol = FormBody)]
pub async fn delete(id: TargetId) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::targets::delete(&call.ctx, &call.who, id).await;
    call.answer(done.map(|()| Answer::done(paths::targets(), "The target registry was deleted.")))
}
