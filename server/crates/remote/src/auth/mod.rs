//! Signing in at another registry. One trait; what most registries do (nothing, Basic, tokens by scope) is `StandardSignIn`. A registry with
//! a way of its own gets a file here.

mod challenge;

use crate::failure::Failure;
use crate::line::{Ask, Line};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use challenge::Challenge;
use domain::replication::targets::Connection;
use domain::secrets::PlainSecret;
use http::{HeaderMap, Method, StatusCode, header};
use model::Stamp;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::Url;

/// Longest answer of a token service, in bytes.
const TOKEN: usize = 64 * 1024;
/// How long a token is good for that does not say (distribution's token specification), and how much earlier it is renewed; in ms.
const LASTS: i64 = 60_000;
const EARLIER: i64 = 10_000;

/// What a token is to be good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub repository: String,
    pub access: Access,
}

/// What is to be done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Pull,
    Push,
    Delete,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
            Access::Delete => "pull,delete",
        };
        write!(f, "repository:{}:{actions}", self.repository)
    }
}

/// A way of signing in.
#[async_trait]
pub(crate) trait SignIn: Send + Sync {
    /// The `Authorization` of a request for all of these scopes; `None` for none. `renew`: what was given before is refused by now.
    async fn authorization(&self, line: &Line, scopes: &[Scope], renew: bool) -> Result<Option<String>, Failure>;

    /// A request was answered 401 with these headers: is another try worth while?
    fn learn(&self, headers: &HeaderMap) -> Result<bool, Failure>;

    /// The credentials themselves were refused, as this failure says: they are not tried again. Each try is a guess there, which makes
    /// others who sign in from here wait.
    fn give_up(&self, refused: &Failure);

    /// Are the credentials themselves what signs a request?
    fn is_plain(&self) -> bool;

    /// Does the registry ask who we are?
    fn asks(&self) -> bool;

    /// Words for an answer that we are not let in.
    fn refused(&self) -> &'static str;

    /// The credentials themselves, for what a registry offers beside `/v2`; `None` without any.
    fn basic(&self) -> Option<String>;
}

/// The way of signing in at a kind of registry: what most do, unless it has one of its own.
pub(crate) fn sign_in(connection: Connection) -> Arc<dyn SignIn> {
    let Connection { url, token_server, access_id, secret, .. } = connection;
    Arc::new(StandardSignIn::new(url, token_server, access_id, secret))
}

/// A name and a secret, used as the registry asks for them.
pub(crate) struct StandardSignIn {
    base: Url,
    /// Another server that may be asked for tokens, with these credentials.
    token_server: Option<Url>,
    name: String,
    secret: PlainSecret,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    challenge: Option<Challenge>,
    /// By their scopes: token, and when it is renewed.
    tokens: HashMap<String, (String, Stamp)>,
    /// The credentials were refused.
    refused: Option<Failure>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    /// Seconds: a number, of some services as text.
    #[serde(default)]
    expires_in: serde_json::Value,
}

impl StandardSignIn {
    pub fn new(base: Url, token_server: Option<Url>, name: String, secret: PlainSecret) -> StandardSignIn {
        StandardSignIn { base, token_server, name, secret, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token realm that credentials may be sent to: the target's own address, or the token server that an administrator named.
    fn realm(&self, text: &str) -> Result<Url, Failure> {
        let realm = Url::parse(text).map_err(|_| Failure::destination("REALM_NOT_ALLOWED: its token realm is no URL"))?;
        let named = self.token_server.as_ref().is_some_and(|server| server.origin() == realm.origin());
        if realm.origin() != self.base.origin() && !named {
            let origin = realm.origin().ascii_serialization();
            return Err(Failure::destination(format!(
                "REALM_NOT_ALLOWED: it sends us to {origin} for a token, which is not the target's own address. If this is \
                 a Wharf or Harbor, its external URL and the target's URL must agree; if that is the registry's token \
                 server, enter {origin} as the target's token server",
            )));
        }
        Ok(realm)
    }

    /// The OAuth 2 form of asking for a token (distribution's token specification, "OAuth 2").
    fn form(&self, service: &str, scopes: &[Scope]) -> String {
        let scope = scopes.iter().map(Scope::to_string).collect::<Vec<_>>().join(" ");
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "password")
            .append_pair("client_id", "wharf")
            .append_pair("service", service)
            .append_pair("username", &self.name)
            .append_pair("password", self.secret.reveal())
            .append_pair("scope", &scope)
            .finish()
    }

    /// A token for all of `scopes`: asked for by GET, as the token specification of distribution says, and by POST (its OAuth 2 form)
    /// where GET is not known.
    async fn token(&self, line: &Line, realm: &str, service: &str, scopes: &[Scope]) -> Result<(String, Stamp), Failure> {
        let mut url = self.realm(realm)?;
        // A literal address never reaches the client's resolver.
        line.ctx.outbound.check_through(&url, line.proxy.as_deref()).await.map_err(|error| Failure::rule(format!("TARGET_FORBIDDEN: {error}")))?;
        let bare = url.clone();
        {
            let mut query = url.query_pairs_mut();
            if !service.is_empty() {
                query.append_pair("service", service);
            }
            for scope in scopes {
                query.append_pair("scope", &scope.to_string());
            }
        }
        let what = "asking its token service".to_owned();
        let headers = self.basic().map(|basic| (header::AUTHORIZATION, basic)).into_iter().collect();
        let ask = Ask { what, method: Method::GET, url: url.clone(), headers, body: None, sign_in: None };
        // A service that is asked too often by this account is another's too: it keeps only this account waiting.
        let gate = line.ctx.local.gates.of(&format!("{} for {} at {}", bare.origin().ascii_serialization(), self.name, self.base));
        let line = &Line { gate, ..line.clone() };
        let mut answer = line.fetch(ask.clone(), TOKEN).await?;
        if let Err(reply) = &answer
            && matches!(reply.status(), StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
            && !self.name.is_empty()
        {
            let kind = (header::CONTENT_TYPE, "application/x-www-form-urlencoded".to_owned());
            answer = line.fetch(Ask { method: Method::POST, url: bare, headers: vec![kind], body: Some(self.form(service, scopes).into()), ..ask }, TOKEN).await?;
        }
        let bytes = match answer {
            Ok((_, bytes)) => bytes,
            Err(reply) if reply.status().is_client_error() && reply.status() != StatusCode::TOO_MANY_REQUESTS => {
                let is_refusal = reply.status() == StatusCode::UNAUTHORIZED && !self.name.is_empty();
                let failure = reply.failure(self.refused()).await;
                if is_refusal {
                    self.give_up(&failure);
                }
                return Err(failure);
            }
            Err(reply) => return Err(reply.failure("its token service does not work").await),
        };
        let no_token = || Failure::destination("its token service answered something that is no token");
        let found: Token = serde_json::from_slice(&bytes).map_err(|_| no_token())?;
        let token = found.token.filter(|token| !token.is_empty()).or(found.access_token).unwrap_or_default();
        if token.is_empty() || token.contains(|c: char| !c.is_ascii_graphic()) {
            return Err(no_token());
        }
        let seconds = found.expires_in.as_f64().or_else(|| found.expires_in.as_str()?.trim().parse().ok()).filter(|seconds: &f64| seconds.is_finite());
        let lasts = seconds.map_or(LASTS, |seconds| (seconds.clamp(0.0, 1e6) * 1000.0) as i64);
        Ok((token, Stamp(line.ctx.now().0 + (lasts - EARLIER).max(lasts / 2))))
    }
}

#[async_trait]
impl SignIn for StandardSignIn {
    async fn authorization(&self, line: &Line, scopes: &[Scope], renew: bool) -> Result<Option<String>, Failure> {
        if let Some(refused) = self.state().refused.clone() {
            return Err(refused);
        }
        let (realm, service) = match self.state().challenge.clone() {
            None => return Ok(None),
            Some(Challenge::Basic) => return Ok(self.basic()),
            Some(Challenge::Bearer { realm, service }) => (realm, service),
        };
        let key = scopes.iter().map(Scope::to_string).collect::<Vec<_>>().join(" ");
        let now = line.ctx.now();
        let known = self.state().tokens.get(&key).filter(|(_, until)| !renew && now.0 < until.0).map(|(token, _)| token.clone());
        let token = match known {
            Some(token) => token,
            None => {
                let (token, until) = self.token(line, &realm, &service, scopes).await?;
                self.state().tokens.insert(key, (token.clone(), until));
                token
            }
        };
        Ok(Some(format!("Bearer {token}")))
    }

    fn give_up(&self, refused: &Failure) {
        self.state().refused = Some(refused.clone());
    }

    fn is_plain(&self) -> bool {
        !self.name.is_empty() && self.state().challenge == Some(Challenge::Basic)
    }

    fn learn(&self, headers: &HeaderMap) -> Result<bool, Failure> {
        let asked: Vec<&str> = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).collect();
        let found = asked.iter().find_map(|header| challenge::parse(header));
        let mut state = self.state();
        let found = match (found, &state.challenge) {
            (Some(found), _) => found,
            (None, Some(known)) => known.clone(),
            (None, None) if asked.is_empty() => return Ok(false),
            (None, None) => return Err(Failure::destination("it asks for a kind of sign-in that we do not know")),
        };
        if let Challenge::Bearer { realm, .. } = &found {
            self.realm(realm)?;
        }
        let again = matches!(found, Challenge::Bearer { .. }) || state.challenge.as_ref() != Some(&found) && !self.name.is_empty();
        state.challenge = Some(found);
        Ok(again)
    }

    fn asks(&self) -> bool {
        self.state().challenge.is_some()
    }

    fn refused(&self) -> &'static str {
        if self.name.is_empty() { "it asks for credentials, and this target has none" } else { "it refused the credentials" }
    }

    fn basic(&self) -> Option<String> {
        (!self.name.is_empty()).then(|| format!("Basic {}", STANDARD.encode(format!("{}:{}", self.name, self.secret.reveal()))))
    }
}
