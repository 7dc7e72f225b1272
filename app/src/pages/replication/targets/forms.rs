//! Making, changing, testing and deleting target registries.

use crate::answer::act;
use crate::{Answer, UiError, paths};
use domain::secrets::PlainSecret;
use domain::replication::targets;
use model::TargetId;
use model::replication::target::{Provider, TargetInput};
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
    #[serde(default)]
    token_server: String,
    access_id: String,
    secret: PlainSecret,
    #[serde(default)]
    verify: bool,
    #[serde(default)]
    ca_certificate: String,
    #[serde(default)]
    proxy: String,
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
            proxy: self.proxy.trim().trim_end_matches('/').to_owned(),
        };
        Ok((input, self.secret))
    }
}

act! {
    "/fn/target/create" Create(Fields)
    |form, call| {
        if form.0.id != 0 {
            return Err(UiError::Unread("unknown field `id`".to_owned()));
        }
        let (input, secret) = form.0.read()?;
        let target = targets::create(&call.ctx, &call.who, input, secret).await?;
        targets::probe_soon(&call.ctx, &call.who, target.id);
        Ok(Answer::done(paths::targets(), format!("Target registry {} was created.", target.name)))
    }
}

act! {
    "/fn/target/update" Update(Fields)
    |form, call| {
        let id = TargetId(form.0.id);
        let (input, secret) = form.0.read()?;
        let secret = (!secret.is_empty()).then_some(secret);
        targets::update(&call.ctx, &call.who, id, input, secret).await?;
        targets::probe_soon(&call.ctx, &call.who, id);
        Ok(Answer::done(paths::target(id), "The target registry was changed."))
    }
}

act! {
    /// *Test connection* of what stands in the form.
    "/fn/target/test" Test(Fields)
    |form, call| {
        let id = (form.0.id != 0).then_some(TargetId(form.0.id));
        let (mut input, secret) = form.0.read()?;
        // A name is not needed to look.
        if input.name.is_empty() {
            input.name = "test".to_owned();
        }
        Ok(Answer::Probe(targets::probe_input(&call.ctx, &call.who, &input, secret, id).await?))
    }
}

act! {
    /// *Test the stored connection*.
    "/fn/target/probe" Probe { id: TargetId }
    |form, call| {
        Ok(Answer::Probe(targets::probe(&call.ctx, &call.who, form.id).await?))
    }
}

act! {
    "/fn/target/delete" Delete { id: TargetId }
    |form, call| {
        targets::delete(&call.ctx, &call.who, form.id).await?;
        Ok(Answer::done(paths::targets(), "The target registry was deleted."))
    }
}
