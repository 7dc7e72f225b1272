//! Manifests: distribution-spec 1.1, "Pulling manifests", "Pushing Manifests", "Deleting Manifests".

use crate::errors::{Code, Refusal};
use crate::router::{Answer, Call, Failure};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use domain::artifacts::{self, Reference};
use domain::buffers::Unread;
use domain::manifest;
use model::{Digest, Tag};

/// How often a manifest is in memory: as it was sent, as it was read, its annotations as text, on its way to the database, and what
/// the allocator keeps of them.
const COPIES: u64 = 6;
/// Most tags one push may set.
const TAGS: usize = 100;

fn reference(call: &Call) -> Result<Reference, Refusal> {
    call.path.reference.parse::<Reference>().map_err(|what| {
        let code = if call.path.reference.contains(':') { Code::DigestInvalid } else { Code::ManifestInvalid };
        Refusal::bad(code, format!("the reference {:?} {what}", call.path.reference))
    })
}

/// GET and HEAD.
pub async fn get(call: &Call) -> Answer {
    let reference = reference(call)?;
    let pulled = artifacts::pull(&call.ctx, &call.who, &call.project, &call.repository, &reference, !call.head).await?;
    let etag = format!("\"{}\"", pulled.digest);
    let unchanged = call.headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes());
    let length = pulled.content.len();
    let mut response = match (unchanged, call.head) {
        (true, _) => Response::builder().status(StatusCode::NOT_MODIFIED).body(Body::empty()),
        (false, true) => Response::builder().header(header::CONTENT_LENGTH, length).body(Body::empty()),
        (false, false) => Response::builder().body(Body::from(pulled.content)),
    }
    .expect("fixed headers");
    let headers = response.headers_mut();
    // One of four types, checked when it was pushed.
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&pulled.media_type).expect("a media type"));
    headers.insert("docker-content-digest", HeaderValue::from_str(pulled.digest.as_str()).expect("a digest"));
    headers.insert(header::ETAG, HeaderValue::from_str(&etag).expect("a digest"));
    Ok(response)
}

/// What a push names: a tag with `?digest=` is a push by that digest that sets the tag, as some clients ask for another algorithm.
fn named(call: &Call) -> Result<(Reference, Option<Tag>), Failure> {
    let reference = reference(call)?;
    let mut said = None;
    for text in call.params("digest") {
        let digest: Digest = text.parse().map_err(|what| Refusal::bad(Code::DigestInvalid, format!("digest {text:?} {what}")))?;
        if said.replace(digest.clone()).is_some_and(|before| before != digest) || matches!(&reference, Reference::Digest(own) if *own != digest) {
            return Err(Refusal::bad(Code::DigestInvalid, "one manifest has one digest: the address and ?digest= name different ones").into());
        }
    }
    Ok(match (reference, said) {
        (Reference::Tag(tag), Some(digest)) => (Reference::Digest(digest), Some(tag)),
        (reference, _) => (reference, None),
    })
}

/// PUT by tag or digest; `?tag=` sets more tags on a push by digest.
pub async fn put(call: &Call, body: Body) -> Answer {
    let (reference, own) = named(call)?;
    // Before anything is read of it.
    artifacts::may_push(&call.ctx, &call.who, &call.project, &call.repository, &reference).await?;
    if call.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::Unsupported, "send content unencoded").into());
    }
    let parsed = call.params("tag").map(|text| text.parse().map_err(|what| Refusal::bad(Code::ManifestInvalid, format!("the tag {text:?} {what}"))));
    let tags: Vec<Tag> = own.map(Ok).into_iter().chain(parsed).collect::<Result<_, _>>()?;
    if tags.len() > TAGS {
        return Err(Refusal::new(StatusCode::URI_TOO_LONG, Code::Unsupported, format!("at most {TAGS} tags at once")).into());
    }
    let read = match call.ctx.local.buffers.read(&call.who.holder(), manifest::MAX, COPIES, body.into_data_stream()).await {
        Ok(read) => read,
        Err(Unread::TooLong) => {
            let message = format!("a manifest is at most {} bytes long", manifest::MAX);
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message).into());
        }
        Err(Unread::Busy(error)) => return Err(error.into()),
        Err(Unread::Broken(error)) => return Err(Refusal::bad(Code::ManifestInvalid, format!("the body ended early: {error}")).into()),
    };
    let content_type = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let set = tags.clone();
    let pushed = artifacts::push(
        &call.ctx, &call.who, &call.project, &call.repository, &reference, tags, content_type, read.bytes,
    )
    .await?;
    drop(read.share);
    let mut response = Response::builder()
        .status(StatusCode::CREATED)
        .header(header::LOCATION, format!("{}/manifests/{}", call.base(), pushed.digest))
        .header("docker-content-digest", pushed.digest.as_str());
    if let Some(subject) = &pushed.subject {
        response = response.header("oci-subject", subject.as_str());
    }
    for tag in &set {
        response = response.header("oci-tag", tag.as_str());
    }
    Ok(response.body(Body::empty()).expect("checked header values"))
}

/// DELETE of a tag, or by digest of the artifact with its accessories.
pub async fn delete(call: &Call) -> Answer {
    let done: Result<(), Failure> = match reference(call)? {
        Reference::Tag(tag) => {
            artifacts::delete_tag(&call.ctx, &call.who, &call.project, &call.repository, &tag, None).await.map(drop).map_err(Into::into)
        }
        by_digest => artifacts::delete(&call.ctx, &call.who, &call.project, &call.repository, &by_digest)
            .await
            .map(drop)
            .map_err(Into::into),
    };
    done?;
    Ok(Response::builder().status(StatusCode::ACCEPTED).body(Body::empty()).expect("fixed headers"))
}
