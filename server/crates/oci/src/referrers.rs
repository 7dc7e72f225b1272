//! Referrers: distribution-spec 1.1, "Listing Referrers".
//!
//! What clients keep under the fallback tag needs no merging here: each manifest with a `subject` is found by it,
//! however it was pushed.

use crate::blobs::digest;
use crate::router::{Answer, Call};
use axum::body::Body;
use axum::http::{Response, header};
use domain::artifacts;
use serde_json::{Map, Value, json};

pub async fn list(call: &Call) -> Answer {
    let subject = digest(&call.path.reference)?;
    let found = artifacts::referrers(&call.ctx, &call.who, &call.project, &call.repository, &subject).await?;
    let wanted = call.param("artifactType").filter(|wanted| !wanted.is_empty());
    let manifests: Vec<Value> = found
        .into_iter()
        .filter(|referrer| wanted.is_none_or(|wanted| referrer.artifact_type == wanted))
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
    Ok(response.body(Body::from(index.to_string())).expect("fixed headers"))
}
