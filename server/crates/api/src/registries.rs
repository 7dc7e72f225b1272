//! Target registries.

use crate::call::{Call, Json, created, done, id, ok};
use crate::errors::{Answer, ApiError};
use crate::list::{self, Asks, page};
use axum::extract::Path;
use domain::secrets::PlainSecret;
use domain::replication::targets;
use model::TargetId;
use model::replication::target::{Probe, Provider, Target, TargetInput};
use serde::Deserialize;
use serde_json::{Value, json};

pub fn show(target: Target) -> Value {
    json!({
        "id": target.id, "name": target.name, "url": target.url, "type": target.provider.key(),
        "insecure": !target.verify_certificate, "description": target.description,
        "status": match target.healthy { Some(true) => "healthy", Some(false) => "unhealthy", None => "unknown" },
        "credential": {
            "type": "basic", "access_key": target.access_id,
            "access_secret": if target.has_secret { "*****" } else { "" },
        },
        "ca_certificate": target.ca_certificate, "token_server": target.token_server, "proxy": target.proxy,
        "creation_time": target.created_at.rfc3339(), "update_time": target.updated_at.rfc3339(),
    })
}

#[derive(Deserialize, Default)]
pub struct Credential {
    #[serde(default)]
    access_key: String,
    #[serde(default)]
    access_secret: String,
}

/// Both shapes: nested for a new one, flat for a change or a test. What is not given stays as it is.
#[derive(Deserialize, Default)]
pub struct Input {
    #[serde(default)]
    id: Option<i64>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default, rename = "type")]
    provider: Option<String>,
    #[serde(default)]
    insecure: Option<bool>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    credential: Option<Credential>,
    #[serde(default)]
    access_key: Option<String>,
    #[serde(default)]
    access_secret: Option<String>,
    #[serde(default)]
    ca_certificate: Option<String>,
    /// Ours, not Harbor's: see `model::replication::target::Target`.
    #[serde(default)]
    token_server: Option<String>,
    #[serde(default)]
    proxy: Option<String>,
}

impl Input {
    fn secret(&self) -> PlainSecret {
        let nested = self.credential.as_ref().map(|c| c.access_secret.clone());
        PlainSecret::new(self.access_secret.clone().or(nested).unwrap_or_default())
    }

    /// Over what is there.
    fn over(self, before: Option<&Target>) -> Result<TargetInput, ApiError> {
        let old = |get: fn(&Target) -> &String| before.map(|t| get(t).clone()).unwrap_or_default();
        let provider = match (self.provider.as_deref(), before) {
            (Some(key), _) => Provider::from_key(key).ok_or_else(|| {
                let known: Vec<&str> = Provider::ALL.iter().map(|p| p.key()).collect();
                ApiError::bad(format!("the type {key:?} is not supported; there are {}", known.join(", ")))
            })?,
            (None, Some(before)) => before.provider,
            (None, None) => return Err(ApiError::bad("type is required")),
        };
        Ok(TargetInput {
            name: self.name.unwrap_or_else(|| old(|t| &t.name)),
            provider,
            url: self.url.map(|url| url.trim_end_matches('/').to_owned()).unwrap_or_else(|| old(|t| &t.url)),
            description: self.description.unwrap_or_else(|| old(|t| &t.description)),
            token_server: self.token_server.unwrap_or_else(|| old(|t| &t.token_server)),
            access_id: self
                .access_key
                .or(self.credential.map(|c| c.access_key))
                .unwrap_or_else(|| old(|t| &t.access_id)),
            verify_certificate: self.insecure.map_or(before.is_none_or(|t| t.verify_certificate), |insecure| !insecure),
            ca_certificate: self.ca_certificate.unwrap_or_else(|| old(|t| &t.ca_certificate)),
            proxy: self.proxy.unwrap_or_else(|| old(|t| &t.proxy)),
        })
    }
}

/// Unhealthy targets are refused, with what was found.
fn healthy(probe: &Probe) -> Result<(), ApiError> {
    match probe.steps.iter().find(|step| !step.ok) {
        None => Ok(()),
        Some(step) => Err(ApiError::bad(format!("{}: {}", step.what, step.found))),
    }
}

pub async fn list(call: Call) -> Answer {
    let (query, _) = list::query(&call, &Asks { sorts: &[("name", "name"), ("creation_time", "created")], name: "name", keys: &[] })?;
    page(&call, targets::list(&call.ctx, &call.who, &query).await?, show)
}

pub async fn create(call: Call, Json(input): Json<Input>) -> Answer {
    domain::access::administrator(&call.ctx, &call.who).await?;
    let secret = input.secret();
    let input = input.over(None)?;
    healthy(&targets::probe_input(&call.ctx, &call.who, &input, secret.clone(), None).await?)?;
    let target = targets::create(&call.ctx, &call.who, input, secret).await?;
    targets::probe(&call.ctx, &call.who, target.id).await?;
    created(format!("/api/v2.0/registries/{}", target.id), None)
}

pub async fn get(call: Call, Path(text): Path<String>) -> Answer {
    ok(show(targets::get(&call.ctx, &call.who, TargetId(id(&text)?)).await?))
}

pub async fn update(call: Call, Path(text): Path<String>, Json(input): Json<Input>) -> Answer {
    let id = TargetId(id(&text)?);
    let before = targets::get(&call.ctx, &call.who, id).await?;
    let secret = input.secret();
    let secret = (!secret.is_empty() && secret.reveal() != "*****").then_some(secret);
    targets::update(&call.ctx, &call.who, id, input.over(Some(&before))?, secret).await?;
    done()
}

pub async fn delete(call: Call, Path(text): Path<String>) -> Answer {
    targets::delete(&call.ctx, &call.who, TargetId(id(&text)?)).await?;
    done()
}

pub async fn ping(call: Call, Json(input): Json<Input>) -> Answer {
    domain::access::administrator(&call.ctx, &call.who).await?;
    let probe = match input.id.filter(|id| *id > 0) {
        Some(id) if input.url.is_none() => targets::probe(&call.ctx, &call.who, TargetId(id)).await?,
        Some(id) => {
            let before = targets::get(&call.ctx, &call.who, TargetId(id)).await?;
            let secret = input.secret();
            targets::probe_input(&call.ctx, &call.who, &input.over(Some(&before))?, secret, Some(TargetId(id))).await?
        }
        None => {
            let secret = input.secret();
            let mut input = input.over(None)?;
            if input.name.is_empty() {
                input.name = "ping".to_owned();
            }
            targets::probe_input(&call.ctx, &call.who, &input, secret, None).await?
        }
    };
    healthy(&probe)?;
    done()
}

pub async fn info(call: Call, Path(text): Path<String>) -> Answer {
    // Every rule pushes from here, so the local registry (0) answers as any.
    let provider = match text.as_str() {
        "0" => {
            domain::access::administrator(&call.ctx, &call.who).await?;
            Provider::Harbor
        }
        text => targets::get(&call.ctx, &call.who, TargetId(id(text)?)).await?.provider,
    };
    ok(json!({
        "type": provider.key(), "description": "",
        "supported_resource_filters": [
            { "type": "name", "style": "input" },
            { "type": "tag", "style": "input" },
        ],
        "supported_triggers": ["manual"],
        "supported_copy_by_chunk": false,
    }))
}

pub async fn adapters(call: Call) -> Answer {
    domain::access::administrator(&call.ctx, &call.who).await?;
    ok(json!(Provider::ALL.map(|provider| provider.key())))
}

pub async fn adapter_infos(call: Call) -> Answer {
    domain::access::administrator(&call.ctx, &call.who).await?;
    let infos: serde_json::Map<String, Value> =
        Provider::ALL.iter().map(|p| (p.key().to_owned(), json!({ "endpoint_pattern": null, "credential_pattern": null }))).collect();
    ok(Value::Object(infos))
}
