//! The portal's files, embedded: precompressed, under a path that names their content, cached for ever.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::get;

/// One embedded file in the forms it is sent in.
pub struct Asset {
    /// As in the address, e.g. `/pkg/<hash>/wharf.js`.
    pub path: &'static str,
    pub content_type: &'static str,
    pub raw: &'static [u8],
    pub gzip: &'static [u8],
    pub brotli: &'static [u8],
}

/// Written by `cargo xtask build`: `ASSETS` and the folder they lie under.
#[cfg(feature = "embed")]
mod table {
    include!(env!("WHARF_ASSETS"));
}

/// Without the feature there are none: pages are plain HTML.
#[cfg(not(feature = "embed"))]
mod table {
    pub static FOLDER: &str = "";
    pub static ASSETS: &[super::Asset] = &[];
}

pub use table::FOLDER;

/// Serves the files.
pub fn router() -> Router {
    Router::new().route("/pkg/{*path}", get(serve)).route("/favicon.ico", get(favicon))
}

fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let mut parts = item.split(';').map(str::trim);
            parts.next() == Some(coding) && !parts.any(|q| q == "q=0" || q == "q=0.0")
        })
}

async fn serve(Path(path): Path<String>, headers: HeaderMap) -> Response<Body> {
    let path = format!("/pkg/{path}");
    match table::ASSETS.iter().find(|asset| asset.path == path) {
        Some(asset) => answer(asset, &headers, "public, max-age=31536000, immutable"),
        None => Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty()).expect("fixed headers"),
    }
}

async fn favicon(headers: HeaderMap) -> Response<Body> {
    match table::ASSETS.iter().find(|asset| asset.path.ends_with("/favicon.svg")) {
        Some(asset) => answer(asset, &headers, "public, max-age=86400"),
        None => Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty()).expect("fixed headers"),
    }
}

fn answer(asset: &'static Asset, headers: &HeaderMap, cache: &'static str) -> Response<Body> {
    let (coding, bytes) = match () {
        () if accepts(headers, "br") => (Some("br"), asset.brotli),
        () if accepts(headers, "gzip") => (Some("gzip"), asset.gzip),
        () => (None, asset.raw),
    };
    let mut response = Response::new(Body::from(bytes));
    response.extensions_mut().insert(crate::middleware::held::Shared);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}
