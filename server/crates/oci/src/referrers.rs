//! Referrers: distribution-spec 1.1, "Listing Referrers".
//!
//! What clients keep under the fallback tag needs no merging here: each manifest with a `subject` is found by it,
//! however it was pushed.

use crate::blobs::digest;
use crate::errors::{Code, Refusal};
use crate::router::{Answer, Call};
use axum::body::Body;
use axum::http::{Response, header};
use domain::artifacts;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// Most in one answer: some clients read no second page, and none reads an index of more than 4 MiB.
const PAGE: i64 = 4000;

pub async fn list(call: &Call) -> Answer {
    let subject = digest(&call.path.reference)?;
    let wanted = call.param("artifactType").filter(|wanted| !wanted.is_empty());
    let (n, last) = call.window(PAGE)?;
    // Ours to read: it comes from the link of the page before.
    let after = match last {
        "" => 0,
        text => text.parse().map_err(|_| Refusal::bad(Code::Unsupported, "last must be what the Link of the page before says"))?,
    };
    let (found, more) =
        artifacts::referrers(&call.ctx, &call.who, &call.project, &call.repository, &subject, wanted, after, n).await?;
    let manifests: Vec<Value> = found
        .into_iter()
        .map(|referrer| {
            let mut descriptor = json!({
                "mediaType": referrer.media_type,
                "digest": referrer.digest,
                "size": referrer.size,
            });
            if !referrer.artifact_type.is_empty() {
                descriptor["artifactType"] = referrer.artifact_type.into();
            }
            let annotations: Map<String, Value> = serde_json::from_str(&referrer.annotations).unwrap_or_default();
            if !annotations.is_empty() {
                descriptor["annotations"] = annotations.into();
            }
            descriptor
        })
        .collect();
    let index = json!({ "schemaVersion": 2, "mediaType": artifacts::OCI_INDEX, "manifests": manifests });
    // Clients compare this type byte for byte: no charset.
    let mut response = Response::builder().header(header::CONTENT_TYPE, artifacts::OCI_INDEX);
    if wanted.is_some() {
        response = response.header("oci-filters-applied", "artifactType");
    }
    if let Some(last) = more {
        let only = wanted.map_or(String::new(), |wanted| format!("&artifactType={}", utf8_percent_encode(wanted, NON_ALPHANUMERIC)));
        response = response.header(header::LINK, format!("<{}/referrers/{subject}?n={n}&last={last}{only}>; rel=\"next\"", call.base()));
    }
    Ok(response.body(Body::from(index.to_string())).expect("fixed headers"))
}
