//! Making, changing, testing and deleting target registries.

use crate::{Act, Answer, Call, UiError, paths};
use domain::secrets::PlainSecret;
use domain::targets;
use model::TargetId;
use model::target::{Provider, TargetInput};
use serde::Deserialize;

/// What a new target, a changed one and a test of either send.
#[derive(Deserialize)]
struct Fields {
    /// 0 for a new one.
    #[serde(default)]
    id: i64,
    provider: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    url: String,
    token_server: String,
    access_id: String,
    secret: PlainSecret,
    #[serde(default)]
    verify: bool,
    ca_certificate: String,
}

impl Fields {
    fn read(self) -> Result<(TargetInput, PlainSecret), UiError> {
        let provider = Provider::from_key(&self.provider).ok_or_else(|| UiError::at("provider", "must be one of the list"))?;
        let input = TargetInput {
            name: self.name.trim().to_owned(),
            provider,
            url: self.url.trim().to_owned(),
            description: self.description,
            token_server: self.token_server.trim().to_owned(),
            access_id: self.access_id.trim().to_owned(),
            verify_certificate: self.verify,
            ca_certificate: self.ca_certificate,
        };
        Ok((input, self.secret))
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
pub struct Create(Fields);

impl Act for Create {
    const AT: &'static str = "/fn/target/create";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        if self.0.id != 0 {
            return Err(UiError::Unread("unknown field `id`".to_owned()));
        }
        let (input, secret) = self.0.read()?;
        let target = targets::create(&call.ctx, &call.who, input, secret).await?;
        Ok(Answer::done(paths::targets(), format!("Target registry {} was created.", target.name)))
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
pub struct Update(Fields);

impl Act for Update {
    const AT: &'static str = "/fn/target/update";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let id = TargetId(self.0.id);
        let (input, secret) = self.0.read()?;
        let secret = (!secret.is_empty()).then_some(secret);
        targets::update(&call.ctx, &call.who, id, input, secret).await?;
        Ok(Answer::done(paths::target(id), "The target registry was changed."))
    }
}

/// *Test connection* of what stands in the form.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Test(Fields);

impl Act for Test {
    const AT: &'static str = "/fn/target/test";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let id = (self.0.id != 0).then_some(TargetId(self.0.id));
        let (mut input, secret) = self.0.read()?;
        // A name is not needed to look.
        if input.name.is_empty() {
            input.name = "test".to_owned();
        }
        Ok(Answer::Probe(targets::probe_input(&call.ctx, &call.who, &input, secret, id).await?))
    }
}

/// *Test the stored connection*.
#[derive(Deserialize)]
pub struct Probe {
    id: TargetId,
}

impl Act for Probe {
    const AT: &'static str = "/fn/target/probe";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        Ok(Answer::Probe(targets::probe(&call.ctx, &call.who, self.id).await?))
    }
}

#[derive(Deserialize)]
pub struct Delete {
    id: TargetId,
}

impl Act for Delete {
    const AT: &'static str = "/fn/target/delete";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        targets::delete(&call.ctx, &call.who, self.id).await?;
        Ok(Answer::done(paths::targets(), "The target registry was deleted."))
    }
}
