//! Uploads: distribution-spec 1.1, "Pushing Blobs": monolithic, streamed and chunked, and mounts.

use crate::blobs::digest;
use crate::errors::{Code, Refusal};
use crate::router::{Answer, Call, Failure};
use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use domain::uploads;

fn created(call: &Call, digest: &model::Digest) -> Response<Body> {
    Response::builder()
        .status(StatusCode::CREATED)
        .header(header::LOCATION, format!("{}/blobs/{digest}", call.base()))
        .header("docker-content-digest", digest.as_str())
        .body(Body::empty())
        .expect("checked header values")
}

/// An upload, and how far it is. `Range: 0-0` is one byte; of none the last is -1, so that whoever goes on begins at the right one (the
/// conformance suite wants a number, and takes that). The answer to a chunk says `0-0` of none, as Docker's client reads it: who sent
/// no byte knows.
fn open(call: &Call, status: StatusCode, id: &str, received: i64, chunk: bool) -> Response<Body> {
    let last = if chunk { (received - 1).max(0) } else { received - 1 };
    Response::builder()
        .header(header::RANGE, format!("0-{last}"))
        .status(status)
        .header(header::LOCATION, format!("{}/blobs/uploads/{id}", call.base()))
        .header("docker-upload-uuid", id)
        .body(Body::empty())
        .expect("checked header values")
}

fn length(call: &Call) -> Result<Option<u64>, Refusal> {
    if call.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::Unsupported, "send content unencoded"));
    }
    Ok(call.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok()))
}

/// Where `Content-Range: <first>-<last>` says the chunk starts. One that contradicts itself or the length is refused.
fn start_of(call: &Call, length: Option<u64>) -> Result<Option<u64>, Refusal> {
    let Some(value) = call.headers.get(header::CONTENT_RANGE) else { return Ok(None) };
    let wrong = || {
        Refusal::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            Code::BlobUploadInvalid,
            "Content-Range must read first-last and fit the content's length",
        )
    };
    let text = value.to_str().map_err(|_| wrong())?;
    // The specification has no unit; some clients send one.
    let text = text.strip_prefix("bytes ").unwrap_or(text);
    let text = text.split_once('/').map_or(text, |(range, _)| range);
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    let (first, last): (u64, u64) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
    let said = last.checked_sub(first).and_then(|n| n.checked_add(1)).ok_or_else(wrong)?;
    if length.is_some_and(|length| length != said) {
        return Err(wrong());
    }
    Ok(Some(first))
}

/// POST: a mount, a whole blob, or the start of an upload.
pub async fn start(call: &Call, body: Body) -> Answer {
    let (ctx, who, project, repository) = (&call.ctx, &call.who, &call.project, &call.repository);
    if let Some(mount) = call.param("mount") {
        let digest = digest(mount)?;
        // A source that is no name is nowhere: an ordinary upload follows.
        let from = match call.param("from").filter(|from| !from.is_empty()) {
            None => Some(None),
            Some(from) => model::name::split_full(from).ok().map(Some),
        };
        if let Some(from) = from
            && uploads::mount(ctx, who, project, repository, &digest, from).await?
        {
            return Ok(created(call, &digest));
        }
    } else if let Some(whole) = call.param("digest") {
        let digest = digest(whole)?;
        let length = length(call)?;
        uploads::put(ctx, who, project, repository, &digest, length, body.into_data_stream()).await?;
        return Ok(created(call, &digest));
    }
    let id = uploads::start(ctx, who, project, repository).await?;
    Ok(open(call, StatusCode::ACCEPTED, &id, 0, false))
}

/// GET: how far the upload is.
pub async fn status(call: &Call) -> Answer {
    let id = &call.path.reference;
    let received = uploads::received(&call.ctx, &call.who, &call.project, &call.repository, id).await?;
    Ok(open(call, StatusCode::NO_CONTENT, id, received, false))
}

/// Whose upload it is comes before what is wrong with the request.
async fn own_first<T>(call: &Call, read: Result<T, Refusal>) -> Result<T, Failure> {
    match read {
        Ok(read) => Ok(read),
        Err(refusal) => {
            uploads::received(&call.ctx, &call.who, &call.project, &call.repository, &call.path.reference).await?;
            Err(refusal.into())
        }
    }
}

/// PATCH: the next bytes.
pub async fn append(call: &Call, body: Body) -> Answer {
    let id = &call.path.reference;
    let read = || -> Result<_, Refusal> {
        let length = length(call)?;
        Ok((length, start_of(call, length)?))
    };
    let (length, start) = own_first(call, read()).await?;
    let received = uploads::append(
        &call.ctx, &call.who, &call.project, &call.repository, id, start, length, body.into_data_stream(),
    )
    .await?;
    Ok(open(call, StatusCode::ACCEPTED, id, received, true))
}

/// PUT: the last bytes, and what it all must be.
pub async fn finish(call: &Call, body: Body) -> Answer {
    let id = &call.path.reference;
    let missing = || Refusal::bad(Code::DigestInvalid, "the query must name the digest: ?digest=sha256:…");
    let read = || -> Result<_, Refusal> {
        let length = length(call)?;
        Ok((length, digest(call.param("digest").ok_or_else(missing)?)?, start_of(call, length)?))
    };
    let (length, digest, start) = own_first(call, read()).await?;
    uploads::finish(
        &call.ctx, &call.who, &call.project, &call.repository, id, &digest, start, length, body.into_data_stream(),
    )
    .await?;
    Ok(created(call, &digest))
}

/// DELETE: gives the upload up.
pub async fn cancel(call: &Call) -> Answer {
    uploads::cancel(&call.ctx, &call.who, &call.project, &call.repository, &call.path.reference).await?;
    Ok(Response::builder().status(StatusCode::NO_CONTENT).body(Body::empty()).expect("fixed headers"))
}
