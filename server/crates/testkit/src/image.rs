//! Images pushed over the wire without a client, for tests that need many.

use crate::{PASSWORD, Server};
use anyhow::{Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;

/// `sha256:…` of bytes.
pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(digest(&SHA256, bytes)))
}

/// Pushes a blob in one request.
pub async fn blob(server: &Server, repository: &str, bytes: Vec<u8>) -> Result<String> {
    let digest = sha256(&bytes);
    let url = server.url(&format!("/v2/{repository}/blobs/uploads/?digest={digest}"));
    let response = server.client.post(url).basic_auth("admin", Some(PASSWORD)).body(bytes).send().await?;
    ensure!(response.status() == 201, "pushing a blob: {}", response.text().await?);
    Ok(digest)
}

/// Pushes an image of one layer under a tag; answers its digest.
pub async fn push(server: &Server, repository: &str, tag: &str, layer: Vec<u8>) -> Result<String> {
    let config = json!({ "architecture": "amd64", "os": "linux", "created": "1970-01-01T00:00:00Z", "name": repository }).to_string();
    let (layer_size, config_size) = (layer.len(), config.len());
    let layer = blob(server, repository, layer).await?;
    let config = blob(server, repository, config.into_bytes()).await?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": config_size },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": layer_size }],
    })
    .to_string();
    let url = server.url(&format!("/v2/{repository}/manifests/{tag}"));
    let response = server
        .client
        .put(url)
        .basic_auth("admin", Some(PASSWORD))
        .header("content-type", "application/vnd.oci.image.manifest.v1+json")
        .body(manifest.clone())
        .send()
        .await?;
    ensure!(response.status() == 201, "pushing a manifest: {}", response.text().await?);
    Ok(sha256(manifest.as_bytes()))
}
