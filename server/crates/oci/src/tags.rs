//! Lists of names: distribution-spec 1.1, "Listing Tags", and the catalog of Docker's registry API.

use crate::errors::{Code, Refusal};
use crate::router::{Answer, Call};
use axum::body::Body;
use axum::http::{Response, header};
use domain::identity::Principal;
use domain::{Ctx, artifacts, repositories};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// Most tags in one answer; clients that do not page get this many.
const TAGS: i64 = 10_000;
const REPOSITORIES: i64 = 1000;

fn page(body: serde_json::Value, next: Option<String>) -> Response<Body> {
    let mut response = Response::builder().header(header::CONTENT_TYPE, "application/json");
    if let Some(next) = next {
        response = response.header(header::LINK, format!("<{next}>; rel=\"next\""));
    }
    response.body(Body::from(body.to_string())).expect("encoded header values")
}

/// Cuts the row that only shows that there is more.
fn cut(mut rows: Vec<String>, n: i64, path: &str) -> (Vec<String>, Option<String>) {
    let limit = usize::try_from(n).unwrap_or_default();
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = match rows.last() {
        Some(last) if more => Some(format!("{path}?n={n}&last={}", utf8_percent_encode(last, NON_ALPHANUMERIC))),
        _ => None,
    };
    (rows, next)
}

pub async fn list(call: &Call) -> Answer {
    let (n, last) = call.window(TAGS)?;
    let found = artifacts::tag_names(&call.ctx, &call.who, &call.project, &call.repository, last, n + 1).await?;
    let (tags, next) = cut(found, n, &format!("{}/tags/list", call.base()));
    Ok(page(json!({ "name": format!("{}/{}", call.project, call.repository), "tags": tags }), next))
}

/// `Err(Ok(_))` is a use-case's error, `Err(Err(_))` our own refusal.
pub async fn catalog(
    ctx: &Ctx,
    who: &Principal,
    query: &[(String, String)],
) -> Result<Response<Body>, Result<domain::Error, Refusal>> {
    let param = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let n = match param("n") {
        None => REPOSITORIES,
        Some(text) => match text.parse::<i64>() {
            Ok(n) if n >= 0 => n.min(REPOSITORIES),
            _ => return Err(Err(Refusal::bad(Code::Unsupported, "n must be a number, 0 or more"))),
        },
    };
    let found = repositories::catalog(ctx, who, param("last").unwrap_or_default(), n + 1).await.map_err(Ok)?;
    let (names, next) = cut(found, n, "/v2/_catalog");
    Ok(page(json!({ "repositories": names }), next))
}
