//! Cross-site requests: a change needs a request from our own pages.
//!
//! Fetch Metadata (W3C) tells; where a browser does not send it, `Origin` must be ours. Clients of the API that carry no
//! session cookie and say nothing of where they come from are no browsers acting for somebody, and pass. It is checked before anything is read.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::Ctx;

pub async fn check(State(ctx): State<Ctx>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let api = request.uri().path().starts_with("/api/") || request.uri().path().starts_with("/c/");
    // Signing in is a change too, and has no cookie yet: only the API's clients pass without one.
    let guarded = !safe && (!api || has_session(request.headers()) || is_browser(request.headers()));
    if guarded && !ours(request.headers(), &ctx.settings.external_url) {
        let text = "This request did not come from a page of this server, so it was refused and nothing was changed.";
        return (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response();
    }
    next.run(request).await
}

/// Only browsers say where a request comes from; one that does is held to it, also before it has a session.
fn is_browser(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN)
}

fn has_session(headers: &HeaderMap) -> bool {
    headers.get_all(header::COOKIE).iter().any(|value| {
        value.to_str().is_ok_and(|text| {
            text.split(';').any(|pair| {
                let name = pair.split('=').next().unwrap_or_default().trim();
                name == "sid" || name == "__Host-sid"
            })
        })
    })
}

fn ours(headers: &HeaderMap, external_url: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match text("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => text("origin").is_some_and(|origin| origin == external_url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_045_only_our_own_pages_change_things() {
        let from = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            pairs.iter().for_each(|(name, value)| drop(headers.insert(*name, value.parse().unwrap())));
            ours(&headers, "https://wharf.example")
        };
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        assert!(from(&[("origin", "https://wharf.example")]));
        for site in ["cross-site", "same-site", "none", "SAME-ORIGIN"] {
            assert!(!from(&[("sec-fetch-site", site), ("origin", "https://wharf.example")]), "{site}");
        }
        for origin in ["https://evil.example", "null", "https://wharf.example.evil", "http://wharf.example"] {
            assert!(!from(&[("origin", origin)]), "{origin}");
        }
        assert!(!from(&[]));
    }
}
