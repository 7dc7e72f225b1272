//! Public reports about what clients read (groups 1 and 4, by number), over the wire on any binary that `WHARF_TEST_BINARY` names, with
//! neighbours that nobody reported.

mod api;
mod copies;
mod harbor;
mod kept;
mod wire;

use anyhow::Result;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testkit::{PASSWORD, Server, image};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

async fn ask(server: &Server, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Result<Response> {
    let mut request = server.client.request(method, server.url(path)).basic_auth("admin", Some(PASSWORD));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.body(body).send().await?)
}

async fn get(server: &Server, path: &str) -> Result<Response> {
    ask(server, Method::GET, path, &[], Vec::new()).await
}

/// Pushes a manifest under its tag; answers the status.
async fn put(server: &Server, at: &str, media_type: &str, text: &str) -> Result<u16> {
    let answer = ask(server, Method::PUT, at, &[("content-type", media_type)], text.as_bytes().to_vec()).await?;
    Ok(answer.status().as_u16())
}

/// A list of the API: its rows, its total, and whether it says that there is more.
async fn rows(server: &Server, path: &str) -> Result<(Vec<Value>, i64, bool)> {
    let answer = server.api(Method::GET, path).send().await?;
    anyhow::ensure!(answer.status() == 200, "{path}: {} {}", answer.status(), answer.text().await?);
    let total = answer.headers().get("x-total-count").and_then(|v| v.to_str().ok()?.parse().ok()).unwrap_or(-1);
    let more = answer.headers().get("link").and_then(|v| v.to_str().ok()).is_some_and(|text| text.contains("rel=\"next\""));
    Ok((answer.json().await?, total, more))
}

async fn refused(server: &Server, method: Method, path: &str, body: Value, words: &[&str]) -> Result<()> {
    let answer = server.api(method, path).json(&body).send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    anyhow::ensure!(status == 400, "{path} {body}: {status} {text}");
    for word in words {
        anyhow::ensure!(text.contains(word), "{path}: {word:?} is not in {text}");
    }
    Ok(())
}

fn names(rows: &[Value], key: &str) -> Vec<String> {
    rows.iter().filter_map(|row| row[key].as_str().map(str::to_owned)).collect()
}

async fn target(server: &Server) -> Result<testkit::odd::Registry> {
    let there = testkit::odd::Registry::start(Default::default()).await?;
    server.call(Method::POST, "/registries", json!({ "name": "t", "type": "docker-registry", "url": there.url })).await?;
    Ok(there)
}

fn rule(name: &str, more: Value) -> Value {
    let mut body = json!({ "name": name, "dest_registry": { "id": 1 }, "enabled": true });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}
