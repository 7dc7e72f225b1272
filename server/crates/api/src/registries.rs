//! Target registries.

use crate::answers::{Answer, Created, Done, Listed, Shown, Time};
use crate::call::{Call, Json, id};
use crate::errors::{ApiError, by};
use crate::list::{self, As, Asks, TIMES, page};
use axum::extract::Path;
use domain::secrets::PlainSecret;
use domain::replication::targets;
use model::TargetId;
use model::replication::target::{Probe, Provider, Target, TargetInput};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

const SORTS: &[(&str, &str)] = &[("name", "name"), ("creation_time", "created"), ("update_time", "updated"), ("id", "id")];
const COLUMNS: &[(&str, &str, As)] =
    &[("id", "id", As::Number), ("type", "provider", As::Text), ("url", "url", As::Text), ("description", "description", As::Text), TIMES[0], TIMES[1]];

/// Members as this API calls them.
const NAMES: &[(&str, &str)] = &[("provider", "type"), ("access_id", "access_key"), ("secret", "access_secret")];

/// A target registry.
#[derive(Serialize, ToSchema)]
pub struct Registry {
    id: i64,
    name: String,
    url: String,
    #[serde(rename = "type")]
    provider: &'static str,
    insecure: bool,
    description: String,
    /// healthy, unhealthy or unknown.
    status: &'static str,
    credential: Shadow,
    ca_certificate: String,
    token_server: String,
    proxy: String,
    creation_time: Time,
    update_time: Time,
}

/// Who signs in there; of the secret only whether there is one.
#[derive(Serialize, ToSchema)]
#[schema(as = RegistryCredential)]
pub struct Shadow {
    #[serde(rename = "type")]
    kind: &'static str,
    access_key: String,
    access_secret: &'static str,
}

impl From<Target> for Registry {
    fn from(target: Target) -> Registry {
        Registry {
            id: target.id.0, name: target.name, url: target.url, provider: target.provider.key(), insecure: !target.verify_certificate, description: target.description,
            status: match target.healthy { Some(true) => "healthy", Some(false) => "unhealthy", None => "unknown" },
            credential: Shadow { kind: "basic", access_key: target.access_id, access_secret: if target.has_secret { "*****" } else { "" } },
            ca_certificate: target.ca_certificate, token_server: target.token_server, proxy: target.proxy,
            creation_time: target.created_at.into(), update_time: target.updated_at.into(),
        }
    }
}

#[derive(Deserialize, Default, ToSchema)]
#[schema(as = CredentialInput)]
pub struct Credential {
    /// basic.
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    access_key: String,
    #[serde(default)]
    access_secret: String,
}

/// Both shapes: nested for a new one, flat for a change or a test. What is not given stays as it is.
#[derive(Deserialize, Default, ToSchema)]
#[schema(as = RegistryInput)]
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
    credential_type: Option<String>,
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
    /// The secret that was entered; what stands for the stored one is none.
    fn secret(&self) -> PlainSecret {
        let nested = self.credential.as_ref().map(|c| c.access_secret.clone());
        let said = self.access_secret.clone().or(nested).unwrap_or_default();
        PlainSecret::new(if said == "*****" { String::new() } else { said })
    }

    /// Said is that nobody signs in there: an empty name, and no secret.
    fn is_anonymous(&self) -> bool {
        let nested = self.credential.as_ref();
        let name = self.access_key.as_ref().or(nested.map(|credential| &credential.access_key));
        let secret = self.access_secret.as_ref().or(nested.map(|credential| &credential.access_secret));
        name.is_some_and(String::is_empty) && secret.is_none_or(String::is_empty)
    }

    /// Nothing is said but which registry is meant.
    fn is_alone(&self) -> bool {
        let Input { id: _, name: _, url, provider, insecure, description: _, credential, credential_type, access_key, access_secret, ca_certificate, token_server,
            proxy } = self;
        let texts = [url, provider, credential_type, access_key, access_secret, ca_certificate, token_server, proxy];
        texts.into_iter().all(Option::is_none) && insecure.is_none() && credential.is_none()
    }

    /// Over what is there.
    fn over(self, before: Option<&Target>) -> Result<TargetInput, ApiError> {
        let kind = self.credential_type.as_deref().or(self.credential.as_ref().map(|credential| credential.kind.as_str()));
        if kind.is_some_and(|kind| !matches!(kind, "" | "basic")) {
            return Err(ApiError::bad("credential.type: this server signs in with a name and a secret: basic"));
        }
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

pub async fn list(call: Call) -> Answer<Listed<Registry>> {
    let (query, _) = list::query(&call, &Asks { sorts: SORTS, name: "name", keys: &[], columns: COLUMNS })?;
    page(&call, targets::list(&call.ctx, &call.who, &query).await?, Registry::from)
}

pub async fn create(call: Call, Json(input): Json<Input>) -> Answer<Created> {
    domain::access::administrator(&call.ctx, &call.who).await?;
    let secret = input.secret();
    let input = input.over(None)?;
    healthy(&targets::probe_input(&call.ctx, &call.who, &input, secret.clone(), None).await.map_err(by(NAMES))?)?;
    let target = targets::create(&call.ctx, &call.who, input, secret).await.map_err(by(NAMES))?;
    targets::probe(&call.ctx, &call.who, target.id).await?;
    Ok(Created(format!("/api/v2.0/registries/{}", target.id)))
}

pub async fn get(call: Call, Path(text): Path<String>) -> Answer<Shown<Registry>> {
    Ok(Shown(targets::get(&call.ctx, &call.who, TargetId(id(&text)?)).await?.into()))
}

pub async fn update(call: Call, Path(text): Path<String>, Json(input): Json<Input>) -> Answer<Done> {
    let id = TargetId(id(&text)?);
    let before = targets::get(&call.ctx, &call.who, id).await?;
    let (secret, anonymous) = (input.secret(), input.is_anonymous());
    let input = input.over(Some(&before))?;
    // Without a name the stored secret is not asked about: it goes with the name.
    let stored = (!anonymous).then_some(id);
    healthy(&targets::probe_input(&call.ctx, &call.who, &input, secret.clone(), stored).await.map_err(by(NAMES))?)?;
    let secret = (anonymous || !secret.is_empty()).then_some(secret);
    targets::update(&call.ctx, &call.who, id, input, secret).await.map_err(by(NAMES))?;
    targets::probe(&call.ctx, &call.who, id).await?;
    Ok(Done)
}

pub async fn delete(call: Call, Path(text): Path<String>) -> Answer<Done> {
    targets::delete(&call.ctx, &call.who, TargetId(id(&text)?)).await?;
    Ok(Done)
}

pub async fn ping(call: Call, Json(input): Json<Input>) -> Answer<Done> {
    domain::access::administrator(&call.ctx, &call.who).await?;
    let probe = match input.id.filter(|id| *id > 0) {
        Some(id) if input.is_alone() => targets::probe(&call.ctx, &call.who, TargetId(id)).await?,
        Some(id) => {
            let before = targets::get(&call.ctx, &call.who, TargetId(id)).await?;
            let secret = input.secret();
            targets::probe_input(&call.ctx, &call.who, &input.over(Some(&before))?, secret, Some(TargetId(id))).await.map_err(by(NAMES))?
        }
        None => {
            let secret = input.secret();
            let mut input = input.over(None)?;
            if input.name.is_empty() {
                input.name = "ping".to_owned();
            }
            targets::probe_input(&call.ctx, &call.who, &input, secret, None).await.map_err(by(NAMES))?
        }
    };
    healthy(&probe)?;
    Ok(Done)
}

/// What can be asked of a registry of its kind.
#[derive(Serialize, ToSchema)]
pub struct RegistryInfo {
    #[serde(rename = "type")]
    provider: &'static str,
    description: &'static str,
    supported_resource_filters: Vec<FilterStyle>,
    supported_triggers: Vec<&'static str>,
    supported_copy_by_chunk: bool,
}

#[derive(Serialize, ToSchema)]
pub struct FilterStyle {
    #[serde(rename = "type")]
    kind: &'static str,
    style: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<&'static str>,
}

pub async fn info(call: Call, Path(text): Path<String>) -> Answer<Shown<RegistryInfo>> {
    // Every rule pushes from here, so the local registry (0) answers as any.
    let provider = match text.as_str() {
        "0" => {
            domain::access::administrator(&call.ctx, &call.who).await?;
            Provider::Harbor
        }
        text => targets::get(&call.ctx, &call.who, TargetId(id(text)?)).await?.provider,
    };
    let input = |kind| FilterStyle { kind, style: "input", values: Vec::new() };
    let carried = FilterStyle { kind: "resource", style: "radio", values: vec!["artifact", "image", "chart"] };
    Ok(Shown(RegistryInfo {
        provider: provider.key(),
        description: "",
        supported_resource_filters: vec![input("name"), input("tag"), carried, FilterStyle { kind: "label", style: "input", values: Vec::new() }],
        supported_triggers: vec!["manual"],
        supported_copy_by_chunk: true,
    }))
}

/// The kinds of registries.
#[derive(Serialize, ToSchema)]
pub struct ProviderTypes(Vec<&'static str>);

pub async fn adapters(call: Call) -> Answer<Shown<ProviderTypes>> {
    domain::access::administrator(&call.ctx, &call.who).await?;
    Ok(Shown(ProviderTypes(Provider::ALL.iter().map(|provider| provider.key()).collect())))
}

/// What is fixed of a kind of registry.
#[derive(Serialize, ToSchema)]
pub struct ProviderInfo {
    endpoint_pattern: Option<EndpointPattern>,
    credential_pattern: Option<CredentialPattern>,
}

/// Where everybody's is.
#[derive(Serialize, ToSchema)]
pub struct EndpointPattern {
    endpoint_type: &'static str,
    endpoints: Vec<Endpoint>,
}

#[derive(Serialize, ToSchema)]
pub struct Endpoint {
    key: &'static str,
    value: &'static str,
}

/// The name that everybody signs in with.
#[derive(Serialize, ToSchema)]
pub struct CredentialPattern {
    access_key_type: &'static str,
    access_key_data: &'static str,
    access_secret_type: &'static str,
    access_secret_data: &'static str,
}

impl ProviderInfo {
    fn of(provider: Provider) -> ProviderInfo {
        let endpoint = |url: &'static str| EndpointPattern {
            endpoint_type: "EndpointPatternTypeFix",
            endpoints: vec![Endpoint { key: url.trim_start_matches("https://"), value: url }],
        };
        let name = |name, secret| CredentialPattern { access_key_type: "AccessKeyTypeFix", access_key_data: name, access_secret_type: secret, access_secret_data: "" };
        ProviderInfo {
            endpoint_pattern: provider.profile().url.ok().map(endpoint),
            credential_pattern: match provider {
                Provider::Google => Some(name("_json_key", "AccessSecretTypeFile")),
                Provider::Ecr => Some(name("AWS", "AccessSecretTypeStandard")),
                _ => None,
            },
        }
    }
}

/// By the kind.
#[derive(Serialize, ToSchema)]
pub struct ProviderInfos(BTreeMap<&'static str, ProviderInfo>);

pub async fn adapter_infos(call: Call) -> Answer<Shown<ProviderInfos>> {
    domain::access::administrator(&call.ctx, &call.who).await?;
    Ok(Shown(ProviderInfos(Provider::ALL.into_iter().map(|provider| (provider.key(), ProviderInfo::of(provider))).collect())))
}
