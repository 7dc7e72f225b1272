//! `cargo xtask demo`: two servers with the founding story prepared up to the click. The image is signed by real ECDSA in
//! both of cosign's forms, with an SBOM, an attestation, and a signature on the SBOM, all pushed over the wire.

use crate::signing::Signer;
use crate::{PASSWORD, Server, image};
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;
use std::path::Path;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// What was prepared.
pub struct Story {
    pub digest: String,
    pub rule: i64,
    /// The key to verify with, PEM.
    pub public_key: String,
}

/// Pushes a manifest under a tag or its digest; answers its digest and size.
async fn manifest(server: &Server, tag: Option<&str>, body: serde_json::Value) -> Result<(String, usize)> {
    let bytes = body.to_string().into_bytes();
    let digest = image::sha256(&bytes);
    let size = bytes.len();
    let url = server.url(&format!("/v2/cosign/pause/manifests/{}", tag.unwrap_or(&digest)));
    let request = server.client.put(url).basic_auth("admin", Some(PASSWORD)).header("content-type", MANIFEST).body(bytes);
    let response = request.send().await?;
    anyhow::ensure!(response.status() == 201, "pushing a manifest: {}", response.text().await?);
    Ok((digest, size))
}

/// Attaches one blob to a subject.
async fn attach(server: &Server, subject: &(String, usize), kind: &str, content: Vec<u8>, annotations: serde_json::Value) -> Result<(String, usize)> {
    let size = content.len();
    let empty = image::blob(server, "cosign/pause", b"{}".to_vec()).await?;
    let layer = image::blob(server, "cosign/pause", content).await?;
    manifest(server, None, json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind,
        "config": { "mediaType": EMPTY, "digest": empty, "size": 2 },
        "layers": [{ "mediaType": kind, "digest": layer, "size": size }],
        "subject": { "mediaType": MANIFEST, "digest": subject.0, "size": subject.1 },
        "annotations": annotations,
    }))
    .await
}

/// A statement about a subject, signed, as a Sigstore bundle.
async fn attest(server: &Server, signer: &Signer, subject: &(String, usize), predicate_type: &str, predicate: serde_json::Value) -> Result<(String, usize)> {
    let bundle = signer.bundle(&subject.0, predicate_type, predicate)?;
    let annotations = json!({
        "dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicate_type,
        "org.opencontainers.image.created": "2026-01-01T00:00:00Z",
    });
    attach(server, subject, BUNDLE, bundle, annotations).await
}

/// Prepares the story on two servers. `second_url` is where the first reaches the second.
pub async fn prepare(first: &Server, second: &Server, second_url: &str) -> Result<Story> {
    for server in [first, second] {
        server.call(Method::POST, "/projects", json!({ "project_name": "cosign", "metadata": { "public": "false" } })).await?;
    }
    let user = json!({
        "username": "cosign-demo", "email": "cosign-demo@example.com", "realname": "Cosign Demo", "password": PASSWORD,
    });
    first.call(Method::POST, "/users", user).await?;
    let member = json!({ "role_id": 2, "member_user": { "username": "cosign-demo" } });
    first.call(Method::POST, "/projects/cosign/members", member).await?;
    let access = |names: &[(&str, &str)]| -> Vec<serde_json::Value> {
        names.iter().map(|(resource, action)| json!({ "resource": resource, "action": action })).collect()
    };
    let robot = second
        .call(Method::POST, "/robots", json!({
            "name": "replication", "level": "system", "duration": 30, "description": "the first server replicates here",
            "permissions": [
                { "kind": "system", "namespace": "/", "access": access(&[("project", "list"), ("project", "create")]) },
                { "kind": "project", "namespace": "*", "access": access(&[
                    ("project", "read"), ("repository", "pull"), ("repository", "push"), ("repository", "list"),
                    ("repository", "read"), ("artifact", "read"), ("artifact", "list"), ("artifact", "create"),
                    ("tag", "list"), ("tag", "create"), ("accessory", "list"),
                ]) },
            ],
        }))
        .await?;
    let layer = b"the layer of an image that does nothing, well signed".to_vec();
    image::push(first, "cosign/pause", "1", layer).await?;
    let pulled = first.client.get(first.url("/v2/cosign/pause/manifests/1")).basic_auth("admin", Some(PASSWORD)).send().await?;
    let bytes = pulled.bytes().await?;
    let subject = (image::sha256(&bytes), bytes.len());

    let signer = Signer::generate()?;
    let (payload, signature) = signer.simple_signing(&subject.0)?;
    let config = image::blob(first, "cosign/pause", br#"{"architecture":"","os":"","rootfs":{"type":"layers","diff_ids":[]}}"#.to_vec()).await?;
    let size = payload.len();
    let layer = image::blob(first, "cosign/pause", payload).await?;
    manifest(first, Some(&format!("{}.sig", subject.0.replace(':', "-"))), json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 68 },
        "layers": [{
            "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": layer, "size": size,
            "annotations": { "dev.cosignproject.cosign/signature": signature },
        }],
    }))
    .await?;
    attest(first, &signer, &subject, "https://sigstore.dev/cosign/sign/v1", json!({})).await?;
    attest(first, &signer, &subject, "https://slsa.dev/provenance/v1", json!({ "buildDefinition": { "buildType": "demo" } })).await?;
    let sbom = json!({ "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "pause", "packages": [] });
    let sbom = attach(first, &subject, "application/spdx+json", sbom.to_string().into_bytes(), json!({ "org.opencontainers.image.title": "sbom.spdx.json" })).await?;
    attest(first, &signer, &sbom, "https://sigstore.dev/cosign/sign/v1", json!({})).await?;

    first
        .call(Method::POST, "/registries", json!({
            "name": "second", "type": "harbor", "url": second_url, "description": "the second server of the demo",
            "credential": { "type": "basic", "access_key": robot["name"], "access_secret": robot["secret"] },
        }))
        .await?;
    first
        .call(Method::POST, "/replication/policies", json!({
            "name": "mirror", "description": "everything of cosign", "dest_registry": { "id": 1 }, "enabled": true,
            "override": true, "dest_namespace_replace_count": 0, "trigger": { "type": "manual" },
            "filters": [{ "type": "name", "value": "cosign/**" }],
        }))
        .await?;
    let rules = first.call(Method::GET, "/replication/policies", json!(null)).await?;
    let rule = rules[0]["id"].as_i64().context("the rule's id")?;
    Ok(Story { digest: subject.0, rule, public_key: signer.public_key_pem() })
}

/// Starts both servers, prepares the story, says what is left to do, and waits for Ctrl-C.
pub async fn run(binary: &Path) -> Result<()> {
    let first = Server::start(binary, &[]).await?;
    // Cookies know no ports: the second has another name, so that one browser can be signed in to both.
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let port = address.port();
    let second_url = format!("http://localhost:{port}");
    let second = Server::start_on(binary, address, &[("WHARF_EXTERNAL_URL", &second_url)]).await?;
    let story = prepare(&first, &second, &second_url).await?;
    let key = std::env::temp_dir().join(format!("wharf-demo-{}.pub", first.port()));
    std::fs::write(&key, &story.public_key)?;
    let first_url = first.url("");
    println!(
        "
first server    {first_url}
second server   {second_url}
sign in         admin or (on the first) cosign-demo, password: {PASSWORD}
public key      {}

1. Look at the signed image:   {first_url}/projects/cosign/repositories/pause?open={}
2. Press Replicate:            {first_url}/admin/replication
3. See the same tree there:    {second_url}/projects/cosign/repositories/pause?open={}
   and verify it, with `cosign login localhost:{port} -u admin`:
   cosign verify --key {} --insecure-ignore-tlog --allow-insecure-registry localhost:{port}/cosign/pause:1

Ctrl-C ends both; nothing is kept.",
        key.display(), story.digest, story.digest, key.display(),
    );
    tokio::signal::ctrl_c().await?;
    let _ = std::fs::remove_file(key);
    Ok(())
}
