//! Blobs: distribution-spec 1.1, "Pulling blobs", "Deleting Blobs".

use crate::errors::{Code, Refusal};
use crate::range::{self, Wanted};
use crate::router::{Answer, Call};
use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode, header};
use domain::{Error, uploads};
use futures_util::{StreamExt, TryStreamExt, stream};
use model::Digest;
use std::ops::Range;

pub fn digest(text: &str) -> Result<Digest, Refusal> {
    text.parse().map_err(|what| Refusal::bad(Code::DigestInvalid, format!("the digest {text:?} {what}")))
}

/// GET, whole or in parts, and HEAD.
pub async fn get(call: &Call) -> Answer {
    let digest = digest(&call.path.reference)?;
    let size = uploads::blob(&call.ctx, &call.who, &call.project, &call.repository, &digest)
        .await?
        .ok_or_else(|| Error::not_found("blob", &digest))? as u64;
    let etag = format!("\"{digest}\"");
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header("docker-content-digest", digest.as_str())
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ETAG, &etag)
        .header(header::CONTENT_DISPOSITION, "attachment");
    let expect = "fixed headers";
    if call.headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes()) {
        return Ok(response.status(StatusCode::NOT_MODIFIED).body(Body::empty()).expect(expect));
    }
    // RFC 9110, 14.2: a range is for GET.
    if call.head {
        return Ok(response.header(header::CONTENT_LENGTH, size).body(Body::empty()).expect(expect));
    }
    let unreadable = |error| Error::Internal(format!("blob {digest} is in the database but cannot be read: {error}"));
    let wanted = range::wanted(&call.headers, &etag, size);
    // Object stores serve one range at most.
    if !matches!(wanted, Wanted::Several(_))
        && let Some(address) = call.ctx.blobs.address(&digest).await.map_err(unreadable)?
    {
        return Ok(Response::builder()
            .status(StatusCode::TEMPORARY_REDIRECT)
            .header(header::LOCATION, address)
            .header("docker-content-digest", digest.as_str())
            .body(Body::empty())
            .map_err(|error| Error::Internal(format!("where the object store has {digest} is no header: {error}")))?);
    }
    let (response, range) = match wanted {
        Wanted::Unsatisfiable => {
            let refusal = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::SizeInvalid, format!("the blob has {size} bytes"));
            return Err(refusal.with(header::CONTENT_RANGE, format!("bytes */{size}")).into());
        }
        Wanted::Whole => (response, 0..size),
        Wanted::One(range) => (response.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, range::said(&range, size)), range),
        Wanted::Several(ranges) => return Ok(several(call, digest, size, ranges)),
    };
    let stream = call.ctx.blobs.read(&digest, range.clone()).await.map_err(unreadable)?;
    Ok(response.header(header::CONTENT_LENGTH, range.end - range.start).body(Body::from_stream(stream)).expect(expect))
}

/// Several parts, one read after the other.
fn several(call: &Call, digest: Digest, size: u64, ranges: Vec<Range<u64>>) -> Response<Body> {
    // Another for each answer: nobody can have put it into the content (RFC 2046, 5.1.1).
    let boundary = call.ctx.random.id();
    let response = Response::builder()
        .status(StatusCode::PARTIAL_CONTENT)
        .header(header::CONTENT_TYPE, format!("multipart/byteranges; boundary={boundary}"))
        .header("docker-content-digest", digest.as_str())
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ETAG, format!("\"{digest}\""))
        .header(header::CONTENT_LENGTH, range::length(&boundary, &ranges, size));
    let (ctx, after) = (call.ctx.clone(), range::after(&boundary));
    let parts = stream::iter(ranges).then(move |range| {
        let (ctx, digest, boundary) = (ctx.clone(), digest.clone(), boundary.clone());
        async move {
            let before = stream::iter([Ok(Bytes::from(range::before(&boundary, &range, size)))]);
            ctx.blobs.read(&digest, range).await.map(|part| before.chain(part))
        }
    });
    let all = parts.try_flatten().chain(stream::iter([Ok(Bytes::from(after))]));
    response.body(Body::from_stream(all)).expect("checked header values")
}

/// DELETE: takes the blob out of the repository, unless an artifact there uses it.
pub async fn delete(call: &Call) -> Answer {
    let digest = digest(&call.path.reference)?;
    uploads::unlink_blob(&call.ctx, &call.who, &call.project, &call.repository, &digest).await?;
    Ok(Response::builder().status(StatusCode::ACCEPTED).body(Body::empty()).expect("fixed headers"))
}
