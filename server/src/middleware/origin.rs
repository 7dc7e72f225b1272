//! Cross-site requests: a change needs a request from our own pages.
//!
//! Fetch Metadata (W3C) tells; where a browser does not send it, `Origin` must be ours. Clients of the API that carry no
//! session cookie and say nothing of where they come from are no browsers acting for somebody, and pass. It is checked before anything is read.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Response};
use domain::{Ctx, Settings, sessions};

/// The header by which Harbor's clients prove that an answer to them was read.
const PROOF: &str = "x-harbor-csrf-token";

pub async fn check(State(ctx): State<Ctx>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let api = request.uri().path().starts_with("/api/") || request.uri().path().starts_with("/c/");
    // Signing in is a change too, and has no cookie yet: only the API's clients pass without one.
    // Harbor signs out by GET: no other site's picture does it for somebody.
    // Over plain HTTP browsers do not say where a request comes from; what they ask for tells that they are browsers.
    let accepts = request.headers().get_all(header::ACCEPT).iter();
    let navigates = accepts.filter_map(|value| value.to_str().ok()).any(|value| value.contains("text/html"));
    let signs_out = request.uri().path() == "/c/log_out" && (navigates || is_browser(request.headers()));
    let guarded = signs_out || !safe && (!api || session(request.headers()).is_some() || is_browser(request.headers()));
    let headers = request.headers();
    // Harbor's clients that hold a session and are no browsers: a refusal tells them what to send, once more and with each change.
    let cookie = session(headers).filter(|_| api && !is_browser(headers));
    let sent = headers.get(PROOF).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if guarded && !ours(headers, &ctx.settings) && !cookie.is_some_and(|cookie| sessions::proves(&ctx, cookie, sent)) {
        let text = format!(
            "This request did not come from a page of this server, so it was refused and nothing was changed.\n\
             This server's pages are at {}: open them there.\n",
            ctx.settings.origins().collect::<Vec<_>>().join(" and ")
        );
        return match (api, cookie) {
            (true, Some(cookie)) => {
                let refused = api::ApiError::new(StatusCode::FORBIDDEN, format!("a change by a session needs the header {PROOF} of this answer"));
                let proof = sessions::proof(&ctx, cookie);
                // Harbor's clients want its cookie, too; it means nothing here.
                (AppendHeaders([(PROOF, proof), ("set-cookie", "_gorilla_csrf=none; Path=/; HttpOnly; SameSite=Lax".to_owned())]), refused).into_response()
            }
            (true, None) => api::ApiError::new(StatusCode::FORBIDDEN, text.trim_end().replace('\n', " ")).into_response(),
            (false, _) => (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response(),
        };
    }
    next.run(request).await
}

/// Only browsers say where a request comes from; one that does is held to it, also before it has a session.
fn is_browser(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN)
}

/// The session that a request brings: what its cookie says.
fn session(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|text| text.split(';')).find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        matches!(name.trim(), "sid" | "__Host-sid").then(|| value.trim())
    })
}

fn ours(headers: &HeaderMap, settings: &Settings) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match text("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => text("origin").is_some_and(|origin| settings.origins().any(|own| own == origin)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_045_only_our_own_pages_change_things() {
        let (external_url, also_known_as) = ("https://wharf.example".into(), vec!["https://wharf.internal:8443".into()]);
        let settings = Settings { external_url, also_known_as, ..Settings::default() };
        let from = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            pairs.iter().for_each(|(name, value)| drop(headers.insert(*name, value.parse().unwrap())));
            ours(&headers, &settings)
        };
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        assert!(from(&[("origin", "https://wharf.example")]));
        assert!(from(&[("origin", "https://wharf.internal:8443")]));
        for site in ["cross-site", "same-site", "none", "SAME-ORIGIN"] {
            assert!(!from(&[("sec-fetch-site", site), ("origin", "https://wharf.example")]), "{site}");
        }
        for origin in ["https://evil.example", "null", "https://wharf.example.evil", "http://wharf.example"] {
            assert!(!from(&[("origin", origin)]), "{origin}");
        }
        assert!(!from(&[]));
    }
}
