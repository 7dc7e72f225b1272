//! Sessions of the portal: tower-sessions over our own rows (`domain::sessions`).

use async_trait::async_trait;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::identity::{Client, Principal, Via};
use domain::{Ctx, Who, sessions};
use model::{Stamp, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Error as SessionError, Id, Record};
use tower_sessions::session_store::{Error as StoreError, Result as StoreResult};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

/// Under which a session keeps who signed in.
const ACCOUNT: &str = "account";

/// Who signed in: what a session holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Account {
    id: i64,
    name: String,
    credentials_version: i64,
}

/// The layer: an http-only cookie that other sites' forms do not send; `__Host-` and `Secure` over TLS.
pub fn layer(ctx: &Ctx) -> SessionManagerLayer<Store> {
    let tls = ctx.settings.is_tls();
    SessionManagerLayer::new(Store(ctx.clone()))
        .with_name(if tls { "__Host-sid" } else { "sid" })
        .with_secure(tls)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnSessionEnd)
}

/// Puts the signed-in principal into the request, and keeps an active session from ending.
pub async fn principal(State(ctx): State<Ctx>, session: Session, mut request: Request, next: Next) -> Response {
    let client = client(&request);
    let account = match session.get::<Account>(ACCOUNT).await {
        Ok(account) => account,
        // Whoever is signed in is not signed out by a database that does not answer.
        Err(SessionError::Store(error)) => {
            tracing::warn!(%error, "a session could not be read");
            let busy = "the server is too busy to see who you are: try again in a moment\n";
            return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "2")], busy).into_response();
        }
        Err(_) => None,
    };
    let who = match account {
        Some(account) => Principal {
            who: Who::User { id: UserId(account.id), name: account.name },
            via: Via::Session,
            client,
            credentials_version: account.credentials_version,
            ceiling: None,
        },
        None => Principal::anonymous(client),
    };
    if !who.is_anonymous() || !knocks(&request) {
        domain::db::asks(&who.holder());
    }
    if let (Some(id), false) = (session.id(), who.is_anonymous()) {
        // Bookkeeping; a failure shows itself at the next use.
        let _ = sessions::touch(&ctx, &id.to_string()).await;
    }
    request.extensions_mut().insert(who);
    let door = std::sync::Arc::new(CookieSession(session.clone()));
    request.extensions_mut().insert(app::call::SessionDoor(door.clone()));
    request.extensions_mut().insert(api::SessionDoor(door));
    next.run(request).await
}

/// Brings credentials that are still to be judged.
fn knocks(request: &Request) -> bool {
    let signs_in = request.method() == Method::POST && matches!(request.uri().path(), "/fn/sign-in" | "/c/login");
    // Only these doors judge the header: beside a page of the portal it would be a way around the address's own turns.
    let judges = ["/api/", "/v2", "/service/"].iter().any(|door| request.uri().path().starts_with(door));
    signs_in || judges && request.headers().contains_key(header::AUTHORIZATION)
}

fn client(request: &Request) -> Client {
    let mut client = request.extensions().get::<Client>().cloned().unwrap_or_default();
    if let Some(agent) = request.headers().get(axum::http::header::USER_AGENT) {
        client.user_agent = String::from_utf8_lossy(agent.as_bytes()).chars().take(256).collect();
    }
    client
}

/// Signing in and out of one request's session.
struct CookieSession(Session);

#[async_trait]
impl domain::sessions::SessionControl for CookieSession {
    async fn enter(&self, who: &Principal) -> domain::Result<()> {
        let Who::User { id, name } = &who.who else { return Err(domain::Error::Unauthenticated) };
        let account =
            Account { id: id.0, name: name.clone(), credentials_version: who.credentials_version };
        let failed = |error: tower_sessions::session::Error| domain::Error::Unavailable(error.to_string());
        // A new id at each sign-in: one that was planted before is worth nothing.
        self.0.clear().await;
        self.0.insert(ACCOUNT, account).await.map_err(failed)?;
        self.0.cycle_id().await.map_err(failed)?;
        self.0.save().await.map_err(failed)
    }

    async fn leave(&self) -> domain::Result<()> {
        self.0.flush().await.map_err(|error| domain::Error::Unavailable(error.to_string()))
    }
}

/// tower-sessions' store over our rows.
#[derive(Clone)]
pub struct Store(Ctx);

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

fn backend(error: domain::Error) -> StoreError {
    StoreError::Backend(error.to_string())
}

fn user(record: &Record) -> Option<UserId> {
    record.data.get(ACCOUNT)?.get("id")?.as_i64().map(UserId)
}

fn encode(record: &Record) -> StoreResult<String> {
    serde_json::to_string(&record.data).map_err(|error| StoreError::Encode(error.to_string()))
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        // No row for who has not signed in.
        let Some(user) = user(record) else { return Ok(()) };
        let expires = Stamp(self.0.now().0 + sessions::idle(&self.0));
        while !sessions::create(&self.0, &record.id.to_string(), user, encode(record)?, expires).await.map_err(backend)? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> StoreResult<()> {
        let expires = Stamp(self.0.now().0 + sessions::idle(&self.0));
        sessions::update(&self.0, &record.id.to_string(), encode(record)?, expires).await.map(drop).map_err(backend)
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        let Some(row) = sessions::load(&self.0, &id.to_string()).await.map_err(backend)? else { return Ok(None) };
        let data = serde_json::from_str(&row.data).map_err(|error| StoreError::Decode(error.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp(row.expires_at.0 / 1000)
            .map_err(|error| StoreError::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        sessions::delete(&self.0, &id.to_string()).await.map_err(backend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_judged_by_what_they_bring_knocks() {
        let asks = |method: &str, path: &str, header: bool| {
            let request = axum::http::Request::builder().method(method).uri(path);
            let request = if header { request.header(header::AUTHORIZATION, "Basic eDp4") } else { request };
            knocks(&request.body(axum::body::Body::empty()).unwrap())
        };
        for path in ["/v2/", "/v2", "/v2/p/r/manifests/1", "/api/v2.0/projects", "/service/token"] {
            assert!(asks("GET", path, true) && !asks("GET", path, false), "{path}");
        }
        assert!(asks("POST", "/fn/sign-in", false) && asks("POST", "/c/login", false));
        // No page of the portal looks at the header: with it a flood would be in the way of those who sign in.
        for (method, path) in [
            ("GET", "/projects/p"), ("GET", "/"), ("GET", "/jump?q=/v2/"), ("POST", "/fn/project/create"), ("GET", "/fn/sign-in"), ("GET", "/c/log_out"),
        ] {
            assert!(!asks(method, path, true), "{method} {path}");
        }
    }
}
