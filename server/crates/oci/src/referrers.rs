//! Referrers: distribution-spec 1.1, "Listing Referrers".
//!
//! What clients keep under the fallback tag needs no merging here: each manifest with a `subject` is found by it,
//! however it was pushed.

use crate::blobs::digest;
use crate::errors::{Code, Refusal};
use crate::router::{Answer, Call};
use axum::body::Body;
use axum::http::{Response, header};
use domain::artifacts::{self, Referrer};
use domain::manifest;
use model::Digest;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::value::RawValue;

/// Most in one answer: some clients read no second page, and none reads an index of more than 4 MiB.
const PAGE: i64 = 4000;

/// Image-spec 1.1, "OCI Image Index".
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: i64,
    media_type: &'a str,
    manifests: Vec<Descriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    media_type: &'a str,
    digest: &'a Digest,
    size: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    artifact_type: &'a str,
    /// As they were stored, which was a JSON object.
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a RawValue>,
}

fn descriptor(referrer: &Referrer) -> Descriptor<'_> {
    let annotations = Some(referrer.annotations.as_str()).filter(|text| *text != "{}");
    Descriptor {
        media_type: &referrer.media_type,
        digest: &referrer.digest,
        size: referrer.size,
        artifact_type: &referrer.artifact_type,
        annotations: annotations.and_then(|text| serde_json::from_str(text).ok()),
    }
}

pub async fn list(call: &Call) -> Answer {
    let subject = digest(&call.path.reference)?;
    // A plus that was not encoded reads as a space, which no type has: `application/spdx+json`.
    let wanted = call.param("artifactType").filter(|wanted| !wanted.is_empty()).map(|wanted| wanted.replace(' ', "+"));
    let wanted = wanted.as_deref();
    let (n, last) = call.window(PAGE)?;
    // Ours to read: it comes from the link of the page before.
    let after = match last {
        "" => 0,
        text => text.parse().map_err(|_| Refusal::bad(Code::Unsupported, "last must be what the Link of the page before says"))?,
    };
    let (found, more) =
        artifacts::referrers(&call.ctx, &call.who, &call.project, &call.repository, &subject, wanted, after, n).await?;
    let index = Index { schema_version: 2, media_type: manifest::OCI_INDEX, manifests: found.iter().map(descriptor).collect() };
    let body = serde_json::to_vec(&index).map_err(|error| domain::Error::Internal(error.to_string()))?;
    // Clients compare this type byte for byte: no charset.
    let mut response = Response::builder().header(header::CONTENT_TYPE, manifest::OCI_INDEX);
    if wanted.is_some() {
        response = response.header("oci-filters-applied", "artifactType");
    }
    if let Some(last) = more {
        let only = wanted.map_or(String::new(), |wanted| format!("&artifactType={}", utf8_percent_encode(wanted, NON_ALPHANUMERIC)));
        response = response.header(header::LINK, format!("<{}/referrers/{subject}?n={n}&last={last}{only}>; rel=\"next\"", call.base()));
    }
    Ok(response.body(Body::from(body)).expect("fixed headers"))
}
