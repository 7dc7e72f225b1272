//! Images pushed over the wire without a client, for tests that need many.

use crate::{PASSWORD, Server};
use anyhow::{Result, ensure};
use aws_lc_rs::digest::{Context, SHA256, digest};
use reqwest::Body;
use serde_json::json;
use std::time::{Duration, Instant};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// `sha256:…` of bytes.
pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(digest(&SHA256, bytes)))
}

/// Pushes a blob in one request.
pub async fn blob(server: &Server, repository: &str, bytes: Vec<u8>) -> Result<String> {
    let digest = sha256(&bytes);
    upload(server, repository, &digest, bytes.into()).await?;
    Ok(digest)
}

async fn upload(server: &Server, repository: &str, digest: &str, body: Body) -> Result<()> {
    let url = server.url(&format!("/v2/{repository}/blobs/uploads/?digest={digest}"));
    let response = server.client.post(url).basic_auth("admin", Some(PASSWORD)).body(body).send().await?;
    ensure!(response.status() == 201, "pushing a blob: {}", response.text().await?);
    Ok(())
}

/// Pushes an image of one layer under a tag; answers its digest.
pub async fn push(server: &Server, repository: &str, tag: &str, layer: Vec<u8>) -> Result<String> {
    let size = layer.len() as u64;
    let layer = blob(server, repository, layer).await?;
    manifest(server, repository, tag, &layer, size).await
}

/// As [`push`]; answers how long each of its three requests took.
pub async fn push_in_steps(server: &Server, repository: &str, tag: &str, layer: Vec<u8>) -> Result<[Duration; 3]> {
    let (size, begin) = (layer.len() as u64, Instant::now());
    let layer = blob(server, repository, layer).await?;
    let first = begin.elapsed();
    let config = config(server, repository).await?;
    let second = begin.elapsed();
    put(server, repository, tag, &config, &layer, size).await?;
    Ok([first, second - first, begin.elapsed() - second])
}

/// Pushes an image whose one layer is `size` zeros, without holding them; answers its digest.
pub async fn push_zeros(server: &Server, repository: &str, tag: &str, size: u64) -> Result<String> {
    let file = tempfile::tempfile()?;
    file.set_len(size)?;
    let (zeros, mut hash, mut left) = ([0; 1 << 16], Context::new(&SHA256), size);
    while left > 0 {
        let part = left.min(zeros.len() as u64);
        hash.update(&zeros[..part as usize]);
        left -= part;
    }
    let layer = format!("sha256:{}", hex::encode(hash.finish()));
    upload(server, repository, &layer, tokio::fs::File::from_std(file).into()).await?;
    manifest(server, repository, tag, &layer, size).await
}

async fn manifest(server: &Server, repository: &str, tag: &str, layer: &str, size: u64) -> Result<String> {
    let config = config(server, repository).await?;
    put(server, repository, tag, &config, layer, size).await
}

/// Digest and size of a config, which is pushed.
async fn config(server: &Server, repository: &str) -> Result<(String, usize)> {
    let config = json!({ "architecture": "amd64", "os": "linux", "created": "1970-01-01T00:00:00Z", "name": repository }).to_string();
    let size = config.len();
    Ok((blob(server, repository, config.into_bytes()).await?, size))
}

async fn put(server: &Server, repository: &str, tag: &str, (config, config_size): &(String, usize), layer: &str, size: u64) -> Result<String> {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": config_size },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": size }],
    })
    .to_string();
    let url = server.url(&format!("/v2/{repository}/manifests/{tag}"));
    let response = server
        .client
        .put(url)
        .basic_auth("admin", Some(PASSWORD))
        .header("content-type", MANIFEST)
        .body(manifest.clone())
        .send()
        .await?;
    ensure!(response.status() == 201, "pushing a manifest: {}", response.text().await?);
    Ok(sha256(manifest.as_bytes()))
}

/// Attaches an artifact of this type to `subject`, by its field; answers its digest.
pub async fn attach(server: &Server, repository: &str, subject: &str, artifact_type: &str) -> Result<String> {
    let empty = blob(server, repository, b"{}".to_vec()).await?;
    let empty = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type, "config": empty, "layers": [empty],
        "subject": { "mediaType": MANIFEST, "digest": subject, "size": 1 },
    })
    .to_string();
    let digest = sha256(manifest.as_bytes());
    let put = server.client.put(server.url(&format!("/v2/{repository}/manifests/{digest}"))).basic_auth("admin", Some(PASSWORD));
    let answer = put.header("content-type", MANIFEST).body(manifest).send().await?;
    anyhow::ensure!(answer.status() == 201, "{}", answer.text().await?);
    Ok(digest)
}
