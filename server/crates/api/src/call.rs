//! What every handler is given.

use crate::errors::ApiError;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, StatusCode, header, request::Parts};
use domain::buffers::Unread;
use domain::identity::{self, Client, Principal};
use domain::{Ctx, Error, access, projects};
use model::{ProjectId, ProjectName};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longest body, in bytes, of who has the right that the route needs; and of everybody else.
const BODY: usize = 256 * 1024;
const UNCHECKED_BODY: usize = 16 * 1024;

/// The caller, as a route's guard found them.
#[derive(Clone)]
pub struct Known {
    pub who: Principal,
    /// They have the right that the route needs, or administer the system.
    pub checked: bool,
}

/// The call that is being served.
pub struct Call {
    pub ctx: Ctx,
    pub who: Principal,
    pub headers: HeaderMap,
    pub query: Vec<(String, String)>,
    pub path: String,
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Who is calling: a header counts before a session.
pub async fn caller(ctx: &Ctx, parts: &Parts) -> Result<Principal, ApiError> {
    let mut client = parts.extensions.get::<Client>().cloned().unwrap_or_default();
    if let Some(agent) = parts.headers.get(header::USER_AGENT) {
        client.user_agent = String::from_utf8_lossy(agent.as_bytes()).chars().take(256).collect();
    }
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => {
            let value = value.to_str().map_err(|_| Error::Unauthenticated)?;
            // A registry's token opens nothing here.
            let (name, secret) = identity::parse_basic(value).ok_or(Error::Unauthenticated)?;
            let who = identity::authenticate(ctx, &name, &secret, client).await?;
            domain::db::asks(&who.holder());
            Ok(who)
        }
        (Some(_), Some(_)) => Err(Error::Unauthenticated.into()),
        (None, _) => Ok(parts.extensions.get::<Principal>().cloned().unwrap_or_else(|| Principal::anonymous(client))),
    }
}

/// The project that a path names: by name, or by number unless `X-Is-Resource-Name` says it is a name.
pub async fn project(ctx: &Ctx, who: &Principal, headers: &HeaderMap, text: &str) -> Result<ProjectName, ApiError> {
    let by_name = said(headers, "x-is-resource-name");
    // No id is written `002`; and where there is no such id it is a name: customers and dates are numbers, too.
    if !by_name
        && let Some(id) = text.parse::<i64>().ok().filter(|id| id.to_string() == text)
    {
        // A number that was ever given means what it was given to, also when that is gone.
        if text.parse::<ProjectName>().is_err() || projects::was(ctx, ProjectId(id)).await? {
            return Ok(projects::name_of(ctx, who, ProjectId(id)).await?);
        }
    }
    match text.parse() {
        Ok(name) => Ok(name),
        Err(_) if who.is_anonymous() => Err(Error::Unauthenticated.into()),
        // What no project can be called is not there, for whom may know.
        Err(_) if access::administrator(ctx, who).await.is_ok() => Err(Error::not_found("project", text).into()),
        Err(_) => Err(Error::NotVisible(text.to_owned()).into()),
    }
}

/// A truth as clients write it: what Go's `strconv.ParseBool` takes.
pub fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn said(headers: &HeaderMap, name: &str) -> bool {
    headers.get(name).and_then(|value| value.to_str().ok()).and_then(truth) == Some(true)
}

impl FromRequestParts<Ctx> for Call {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> Result<Self, ApiError> {
        // Every route has a guard, which leaves whom it found.
        let Known { who, .. } = parts.extensions.get::<Known>().cloned().ok_or(Error::Unauthenticated)?;
        let query = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            // An empty value is "not given".
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect();
        Ok(Call { ctx: ctx.clone(), who, headers: parts.headers.clone(), query, path: parts.uri.path().to_owned() })
    }
}

impl Call {
    /// A query parameter that was given.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn flag(&self, name: &str) -> bool {
        self.param(name).and_then(truth) == Some(true)
    }

    /// The project that a path names.
    pub async fn project(&self, text: &str) -> Result<ProjectName, ApiError> {
        project(&self.ctx, &self.who, &self.headers, text).await
    }

    /// A new project's place is its name where the client asks for that.
    pub fn name_in_location(&self) -> bool {
        said(&self.headers, "x-resource-name-in-location")
    }

    /// Signed in, as far as the proof goes; use-cases look the account up.
    pub fn signed_in(&self) -> Result<(), ApiError> {
        if self.who.is_anonymous() { Err(Error::Unauthenticated.into()) } else { Ok(()) }
    }
}

/// A body, within what its caller may send and the budget of all.
async fn body(request: Request, ctx: &Ctx) -> Result<Vec<u8>, ApiError> {
    let known = request.extensions().get::<Known>().cloned().ok_or(Error::Unauthenticated)?;
    let most = if known.checked { BODY } else { UNCHECKED_BODY };
    let read = ctx.local.buffers.read(&known.who.holder(), most, 1, request.into_body().into_data_stream()).await;
    read.map(|read| read.bytes).map_err(|error| match error {
        Unread::TooLong => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a body is at most {most} bytes long")),
        Unread::Busy(error) => error.into(),
        Unread::Broken(error) => ApiError::bad(format!("the body ended early: {error}")),
    })
}

/// A form, as it was sent.
pub struct Form(pub Vec<u8>);

impl FromRequest<Ctx> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, ctx: &Ctx) -> Result<Self, ApiError> {
        body(request, ctx).await.map(Form)
    }
}

/// A JSON body. Unknown fields are ignored, and never bound.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Ctx> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, ctx: &Ctx) -> Result<Self, ApiError> {
        let bytes = body(request, ctx).await?;
        if bytes.is_empty() {
            return Err(ApiError::bad("a JSON body is required"));
        }
        let mut said: Value = serde_json::from_slice(&bytes).map_err(not_understood)?;
        without_nulls(&mut said);
        domain::strict::from_value(said).map(Json).map_err(not_understood)
    }
}

fn not_understood(error: serde_json::Error) -> ApiError {
    ApiError::bad(format!("the body is not understood: {error}"))
}

/// Clients written in Go send `null` for what they leave out.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// A repository in a path: its slashes are encoded, once or twice.
pub fn repository(text: &str) -> Result<model::RepositoryName, ApiError> {
    let text = percent_decode_str(text).decode_utf8_lossy();
    text.parse().map_err(|what| ApiError::bad(format!("the repository name {text:?} {what}")))
}

/// A number in a path.
pub fn id(text: &str) -> Result<i64, ApiError> {
    match text.parse::<i64>() {
        Ok(id) if id > 0 => Ok(id),
        _ => Err(ApiError::not_found(format!("{text} was not found"))),
    }
}
