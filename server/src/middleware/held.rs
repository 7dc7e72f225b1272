//! Answers that wait in memory until their client has read them: they share a budget as large as that of bodies, by address. Who asks for much and
//! reads nothing would else hold as many as he has connections.

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::Ctx;
use domain::buffers::Share;
use domain::identity::holder_at;
use http_body_util::BodyExt;

/// Shorter ones are not counted: there are not more of them than connections.
const SMALL: u64 = 64 * 1024;

/// The bytes with their part of the budget, free again when they are sent.
struct Held(Bytes, #[allow(dead_code)] Share);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// An answer whose bytes are in memory once, whoever reads them: a file of the portal's. It is not counted.
#[derive(Clone, Copy)]
pub struct Shared;

/// The answer, charged to the address if it is long; or that there is no room for it.
pub async fn charge(ctx: &Ctx, address: &str, response: Response) -> Response {
    // What is streamed has no exact size, and is not in memory.
    let Some(size) = response.body().size_hint().exact().filter(|size| *size > SMALL) else { return response };
    if response.extensions().get::<Shared>().is_some() {
        return response;
    }
    let mut share = ctx.local.answer_buffers.share(&holder_at(address));
    if share.grow(size).is_err() {
        let busy = "the server holds as many answers as it may that nobody has read yet: read them, or try again in a moment\n";
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, HeaderValue::from_static("2"))], busy).into_response();
    }
    let (parts, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => Response::from_parts(parts, Body::from(Bytes::from_owner(Held(body.to_bytes(), share)))),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
