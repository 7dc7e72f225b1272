//! The token service: the distribution project's "Token Authentication Specification", by GET.
//!
//! POST (OAuth 2) is answered 405, on which docker and containerd fall back to GET. There are no refresh tokens, so
//! `offline_token` is ignored.

use crate::auth;
use crate::errors::{Code, Refusal};
use crate::router::form;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use domain::Ctx;
use domain::identity::{self, Client};
use serde_json::json;

/// Longest query, in bytes.
const QUERY: usize = 16 * 1024;

pub async fn serve(State(ctx): State<Ctx>, request: Request) -> Response<Body> {
    let mut response = match issue(&ctx, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(false),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn issue(ctx: &Ctx, request: Request) -> Result<Response<Body>, Refusal> {
    if request.method() != Method::GET {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported, "ask for a token by GET");
        return Err(refusal.with(header::ALLOW, "GET"));
    }
    let query = request.uri().query().unwrap_or_default();
    if query.len() > QUERY {
        return Err(Refusal::bad(Code::Unsupported, format!("the query is longer than {QUERY} bytes")));
    }
    let query = form(query);
    let client = request.extensions().get::<Client>().cloned().unwrap_or_default();
    let challenge = format!("Basic realm=\"{}\"", identity::SERVICE);
    let refuse = |error| Refusal::from_domain(error, None, Code::Unsupported, &challenge);
    let who = auth::caller(ctx, request.headers(), client).await.map_err(refuse)?;
    // A token does not make a token: that would make it last for ever.
    if who.ceiling.is_some() {
        return Err(refuse(domain::Error::Unauthenticated));
    }
    let scopes = query.iter().filter(|(key, _)| key == "scope").map(|(_, value)| value.as_str());
    let scopes = identity::parse_scopes(scopes).map_err(|error| Refusal::bad(Code::Unsupported, error.to_string()))?;
    let issued = identity::issue(ctx, &who, &scopes).await.map_err(refuse)?;
    let body = json!({
        "token": issued.token,
        "access_token": issued.token,
        "expires_in": issued.expires_in,
        "issued_at": issued.issued_at.rfc3339(),
    });
    Ok(Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .expect("fixed headers"))
}
