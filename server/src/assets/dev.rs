//! The portal's files while it is worked on (`cargo xtask dev`): read from the disk at each request, and a stream that says what changed.

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{Stream, stream};
use std::convert::Infallible;
use std::time::{Duration, SystemTime};

pub const FOLDER: &str = "/pkg/dev";

/// Where `cargo xtask dev` has put them.
const SITE: &str = env!("WHARF_DEV_SITE");

pub fn router() -> Router {
    Router::new().route("/pkg/dev/changes", get(async || Sse::new(changes()))).route("/pkg/dev/{name}", get(serve))
}

async fn serve(Path(name): Path<String>) -> Response {
    let (file, kind) = match name.as_str() {
        "wharf.js" => ("dev.js", "text/javascript; charset=utf-8"),
        "wharf_bg.wasm" => ("wharf_bg.wasm", "application/wasm"),
        "wharf.css" => ("wharf.css", "text/css; charset=utf-8"),
        "favicon.svg" => ("favicon.svg", "image/svg+xml"),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    match tokio::fs::read(std::path::Path::new(SITE).join(file)).await {
        Ok(bytes) => ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], bytes).into_response(),
        Err(error) => (StatusCode::NOT_FOUND, error.to_string()).into_response(),
    }
}

fn changed_at(file: &str) -> Option<SystemTime> {
    std::fs::metadata(std::path::Path::new(SITE).join(file)).and_then(|file| file.modified()).ok()
}

/// First which server this is, then each change of the style and of the rest.
fn changes() -> impl Stream<Item = Result<Event, Infallible>> {
    let files = || [changed_at("wharf.css"), changed_at("dev.js"), changed_at("wharf_bg.wasm")];
    stream::unfold(None, move |before: Option<[Option<SystemTime>; 3]>| async move {
        let Some(before) = before else {
            let server = Event::default().event("server").data(std::process::id().to_string());
            return Some((Ok(server.retry(Duration::from_millis(200))), Some(files())));
        };
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = files();
            if now != before {
                let what = if now[1..] == before[1..] { "style" } else { "page" };
                return Some((Ok(Event::default().event(what).data("changed")), Some(now)));
            }
        }
    })
}
