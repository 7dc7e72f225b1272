//! A registry that is spoken to with one set of credentials.

use crate::auth::{Access, Scope, SignIn, sign_in};
use crate::failure::Failure;
use crate::line::{Ask, Line, Patience, Reply, Say, whole};
use bytes::Bytes;
use domain::Ctx;
use domain::replication::targets::Connection;
use http::{HeaderMap, Method, StatusCode, header};
use std::sync::Arc;
use url::Url;

/// Longest answer that is read whole, in bytes.
pub(crate) const ANSWER: usize = 4 * 1024 * 1024;

/// A registry; clones share its tokens and its gate.
#[derive(Clone)]
pub struct Registry {
    pub(crate) line: Line,
    pub(crate) account: Arc<dyn SignIn>,
    pub(crate) base: Url,
    greeting: Arc<HeaderMap>,
}

impl Registry {
    /// Connects and learns how to sign in. Nothing is signed in yet. `person`: somebody waits, so nothing is tried twice.
    pub async fn connect(ctx: &Ctx, connection: &Connection, person: bool, say: Say) -> Result<Registry, Failure> {
        let proxy = connection.proxy.clone();
        ctx.outbound.check_through(&connection.url, proxy.as_deref()).await.map_err(|error| Failure::rule(format!("TARGET_FORBIDDEN: {error}")))?;
        let http = ctx.outbound.client(&connection.tls, proxy.as_deref(), &connection.url)?;
        let gate = ctx.local.gates.of(&connection.url.origin().ascii_serialization());
        let patience = if person { Patience::Person } else { Patience::Run };
        let line = Line { ctx: ctx.clone(), http, gate, say, patience, proxy };
        let (base, account) = (connection.url.clone(), sign_in(connection.clone()));
        let mut registry = Registry { line, account, base, greeting: Arc::default() };
        let reply = registry.greet().await?;
        let line_is_proxied = registry.line.through(&registry.base).is_some();
        registry.greeting = Arc::new(reply.response.headers().clone());
        match reply.status() {
            StatusCode::UNAUTHORIZED => {
                if !registry.account.learn(reply.response.headers())? && !registry.account.asks() {
                    return Err(Failure::destination("it asks for a kind of sign-in that we do not know"));
                }
            }
            status if status.is_success() => {}
            _ => {
                let said = reply.failure("GET /v2/ was answered").await;
                let doubt = if line_is_proxied { "can the proxy reach it, and is this a registry?" } else { "is this a registry?" };
                return Err(Failure { message: format!("{}: {doubt}", said.message), ..said });
            }
        }
        Ok(registry)
    }

    async fn greet(&self) -> Result<Reply, Failure> {
        let url = self.base.join("/v2/").map_err(|error| Failure::rule(error.to_string()))?;
        let ask = Ask { what: "GET /v2/".to_owned(), method: Method::GET, url, headers: Vec::new(), body: None, sign_in: None };
        self.line.ask(&ask, Patience::Run).await
    }

    /// Does anything answer at all?
    pub async fn is_there(&self) -> Result<(), Failure> {
        let mut once = self.clone();
        once.line.patience = Patience::Person;
        once.greet().await.map(drop)
    }

    /// The same registry, with its lines going to `say`.
    pub fn saying(&self, say: Say) -> Registry {
        let mut registry = self.clone();
        registry.line.say = say;
        registry
    }

    /// Where it is: scheme, host and port.
    pub fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// What stood in `GET /v2/`'s headers, to say what it is.
    pub fn greeting(&self) -> &HeaderMap {
        &self.greeting
    }

    /// Does it ask who we are?
    pub fn asks(&self) -> bool {
        self.account.asks()
    }

    /// Signs in without asking for anything in particular.
    pub async fn sign_in(&self) -> Result<(), Failure> {
        let url = self.base.join("/v2/").map_err(|error| Failure::rule(error.to_string()))?;
        let what = "signing in".to_owned();
        let ask = Ask { what, method: Method::GET, url, headers: Vec::new(), body: None, sign_in: Some((&*self.account, &[])) };
        let reply = self.line.ask(&ask, Patience::Run).await?;
        match reply.status() {
            status if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(reply.failure(self.account.refused()).await),
            _ => Err(reply.failure("signing in").await),
        }
    }

    /// A call of the registry's own REST API, by Basic.
    pub async fn api(&self, method: Method, path: &str, body: Option<serde_json::Value>) -> Result<(StatusCode, Vec<u8>), Failure> {
        let url = self.base.join(path).map_err(|error| Failure::rule(error.to_string()))?;
        let mut headers: Vec<_> = self.account.basic().map(|basic| (header::AUTHORIZATION, basic)).into_iter().collect();
        let what = format!("{method} {}", url.path());
        if body.is_some() {
            headers.push((header::CONTENT_TYPE, "application/json".to_owned()));
        }
        let ask = Ask { what, method, url, headers, body: body.map(|body| Bytes::from(body.to_string())), sign_in: None };
        let reply = self.line.ask(&ask, Patience::Look).await?;
        Ok((reply.status(), whole(reply.response, ANSWER).await?))
    }

    /// A request about `repository`, to pull from and push to.
    pub(crate) fn about<'a>(
        &'a self,
        what: impl Into<String>,
        method: Method,
        url: Url,
        scopes: &'a [Scope],
    ) -> Ask<'a> {
        Ask { what: what.into(), method, url, headers: Vec::new(), body: None, sign_in: Some((&*self.account, scopes)) }
    }

    pub(crate) fn url(&self, repository: &str, rest: &str) -> Result<Url, Failure> {
        self.base.join(&format!("/v2/{repository}/{rest}")).map_err(|error| Failure::rule(error.to_string()))
    }
}

/// To pull from a repository and push to it.
pub(crate) fn both(repository: &str) -> [Scope; 1] {
    [Scope { repository: repository.to_owned(), access: Access::Push }]
}
