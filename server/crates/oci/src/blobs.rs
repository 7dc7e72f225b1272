//! Blobs: distribution-spec 1.1, "Pulling blobs", "Deleting Blobs".

use crate::errors::{Code, Refusal};
use crate::router::{Answer, Call};
use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use domain::{Error, uploads};
use model::Digest;
use std::ops::Range;

pub fn digest(text: &str) -> Result<Digest, Refusal> {
    text.parse().map_err(|what| Refusal::bad(Code::DigestInvalid, format!("the digest {text:?} {what}")))
}

/// What a `Range` header asks for: RFC 9110, section 14. Several ranges, or what is no range, are left unheeded.
enum Part {
    Whole,
    Some(Range<u64>),
    Unsatisfiable,
}

fn part(value: Option<&str>, size: u64) -> Part {
    let Some(spec) = value.and_then(|value| value.trim().strip_prefix("bytes=")) else { return Part::Whole };
    let Some((first, last)) = spec.trim().split_once('-') else { return Part::Whole };
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| text.parse::<u64>().ok();
    let range = match (first.is_empty(), last.is_empty()) {
        (true, true) => return Part::Whole,
        (true, false) => match number(last) {
            Some(0) => return Part::Unsatisfiable,
            Some(n) => size.saturating_sub(n)..size,
            None => return Part::Whole,
        },
        (false, true) => match number(first) {
            Some(first) => first..size,
            None => return Part::Whole,
        },
        (false, false) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
            // RFC 9110, 14.2: a server may reject an invalid ranges-specifier.
            (Some(_), Some(_)) => return Part::Unsatisfiable,
            _ => return Part::Whole,
        },
    };
    if range.start >= size { Part::Unsatisfiable } else { Part::Some(range) }
}

/// GET and HEAD, whole or one range.
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
    let wanted = call.headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let (response, range) = match part(wanted, size) {
        Part::Unsatisfiable => {
            let refusal = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::SizeInvalid, format!("the blob has {size} bytes"));
            return Err(refusal.with(header::CONTENT_RANGE, format!("bytes */{size}")).into());
        }
        Part::Whole => (response, 0..size),
        Part::Some(range) => {
            let shown = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            (response.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, shown), range)
        }
    };
    let response = response.header(header::CONTENT_LENGTH, range.end - range.start);
    if call.head {
        return Ok(response.body(Body::empty()).expect(expect));
    }
    let unreadable = |error| Error::Internal(format!("blob {digest} is in the database but cannot be read: {error}"));
    if let Some(address) = call.ctx.blobs.address(&digest).await.map_err(unreadable)? {
        return Ok(Response::builder()
            .status(StatusCode::TEMPORARY_REDIRECT)
            .header(header::LOCATION, address)
            .header("docker-content-digest", digest.as_str())
            .body(Body::empty())
            .expect("checked header values"));
    }
    let stream = call.ctx.blobs.read(&digest, range).await.map_err(unreadable)?;
    Ok(response.body(Body::from_stream(stream)).expect(expect))
}

/// DELETE: takes the blob out of the repository, unless an artifact there uses it.
pub async fn delete(call: &Call) -> Answer {
    let digest = digest(&call.path.reference)?;
    uploads::unlink_blob(&call.ctx, &call.who, &call.project, &call.repository, &digest).await?;
    Ok(Response::builder().status(StatusCode::ACCEPTED).body(Body::empty()).expect("fixed headers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_083_at_most_one_range_within_the_blob_is_served() {
        let read = |text: &str| match part(Some(text), 10) {
            Part::Whole => "whole".to_owned(),
            Part::Unsatisfiable => "416".to_owned(),
            Part::Some(range) => format!("{}..{}", range.start, range.end),
        };
        let many = format!("bytes={}", vec!["0-1"; 1000].join(","));
        for (text, expected) in [
            ("bytes=0-4", "0..5"), ("bytes=5-", "5..10"), ("bytes=-3", "7..10"), ("bytes=-30", "0..10"),
            ("bytes=0-99", "0..10"), ("bytes=10-", "416"), ("bytes=-0", "416"), ("bytes=5-4", "416"),
            (many.as_str(), "whole"), ("bytes=a-b", "whole"), ("items=0-1", "whole"), ("bytes=-", "whole"),
            ("bytes=99999999999999999999-", "whole"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
