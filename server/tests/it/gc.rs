//! Garbage collection beside pushes, on the built server.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use testkit::image::sha256;
use testkit::{PASSWORD, Server};

/// Starts a collection and waits for its end.
async fn collect(server: &Server) -> Result<Value> {
    let begin = json!({ "schedule": { "type": "Manual" }, "parameters": { "dry_run": false } });
    let response = server.api(Method::POST, "/system/gc/schedule").json(&begin).send().await?;
    ensure!(response.status() == 201, "{}", response.text().await?);
    let place = response.headers()["location"].to_str()?.trim_start_matches("/api/v2.0").to_owned();
    let begin = Instant::now();
    loop {
        let found = server.call(Method::GET, &place, json!(null)).await?;
        match found["job_status"].as_str() {
            Some("Pending" | "Running") => {}
            _ => return Ok(found),
        }
        ensure!(begin.elapsed() < Duration::from_secs(60), "it does not end: {found}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A token, as clients have one: so many that send the password itself wait for each other. Its renewal may be told to wait.
async fn token(server: &Server, client: u64) -> Result<String> {
    let path = format!("/service/token?service=harbor-registry&scope=repository:race/r{client}:pull,push,delete");
    for _ in 0..60 {
        let answer = server.client.get(server.url(&path)).basic_auth("admin", Some(PASSWORD)).send().await?;
        if answer.status() != 429 {
            return Ok(answer.json::<Value>().await?["token"].as_str().context("a token")?.to_owned());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    anyhow::bail!("no token for a minute")
}

/// One client that asks what is there, waits less than half the grace, and pushes what counts on the answer.
async fn race(server: Arc<Server>, client: u64, rounds: u64, told: Arc<AtomicU32>) -> Result<()> {
    let url = |path: String| server.url(&format!("/v2/race/r{client}/{path}"));
    let mut bearer = String::new();
    let mut seed = client * 7919 + 1;
    for round in 0..rounds {
        if round % 100 == 0 {
            bearer = token(&server, client).await?;
        }
        let ask = |method: Method, path: String| server.client.request(method, url(path)).bearer_auth(&bearer);
        let layer = format!("client {client} layer {}", round % 5).into_bytes();
        let digest = sha256(&layer);
        let head = ask(Method::HEAD, format!("blobs/{digest}")).send().await?.status();
        if head == 200 {
            told.fetch_add(1, Ordering::Relaxed);
        } else {
            // Half of so short a grace is soon over on a busy disk: the server says to push it again.
            for attempt in 0.. {
                let pushed = ask(Method::POST, format!("blobs/uploads/?digest={digest}")).body(layer.clone()).send().await?;
                if pushed.status() == 503 && attempt < 5 {
                    continue;
                }
                ensure!(pushed.status() == 201, "{round}: {}", pushed.text().await?);
                break;
            }
        }
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        tokio::time::sleep(Duration::from_millis((seed >> 33) % 900)).await;
        let descriptor = json!({ "digest": digest, "size": layer.len(), "mediaType": "application/vnd.oci.image.layer.v1.tar" });
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
            "config": descriptor, "annotations": { "round": round.to_string() },
        })
        .to_string();
        let name = sha256(manifest.as_bytes());
        let put = ask(Method::PUT, format!("manifests/{name}"))
            .header("content-type", "application/vnd.oci.image.manifest.v1+json")
            .body(manifest)
            .send()
            .await?;
        ensure!(put.status() == 201, "client {client}, round {round}, told {head}: {}", put.text().await?);
        let pulled = ask(Method::GET, format!("blobs/{digest}")).send().await?;
        ensure!(pulled.status() == 200 && pulled.bytes().await? == layer.as_slice(), "client {client}, round {round}");
        let deleted = ask(Method::DELETE, format!("manifests/{name}")).send().await?;
        ensure!(deleted.status() == 202, "{}", deleted.text().await?);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_16_what_a_client_was_told_is_there_outlives_continuous_collection() -> Result<()> {
    let server = Server::start(&crate::binary()?, &[("WHARF_GC_GRACE", "2s"), ("WHARF_RECYCLE", "0")]).await?;
    server.call(Method::POST, "/projects", json!({ "project_name": "race" })).await?;
    let (server, told, done) = (Arc::new(server), Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let collector = tokio::spawn({
        let (server, done) = (server.clone(), done.clone());
        async move {
            let (mut runs, mut blobs) = (0, 0);
            while !done.load(Ordering::Relaxed) {
                let found = collect(&server).await?;
                ensure!(found["job_status"] == "Success", "{found}");
                let parameters: Value = serde_json::from_str(found["job_parameters"].as_str().context("parameters")?)?;
                runs += 1;
                blobs += parameters["purged_blobs"].as_i64().unwrap_or_default();
            }
            Ok((runs, blobs))
        }
    });
    // The long form has more clients, as each mostly waits.
    let races = std::env::var("WHARF_TORTURE_RACES").ok().and_then(|n| n.parse().ok()).unwrap_or(240_u64);
    let count = if races > 240 { 200 } else { 8 };
    let clients: Vec<_> = (0..count).map(|n| tokio::spawn(race(server.clone(), n, races / count, told.clone()))).collect();
    let mut ended = Vec::new();
    for client in clients {
        ended.push(client.await?);
    }
    done.store(true, Ordering::Relaxed);
    let (runs, blobs) = collector.await??;
    for result in ended {
        result?;
    }
    let told = told.load(Ordering::Relaxed);
    println!("R-16: {races} races, {told} of them told that the blob is there; {runs} collections took {blobs} blobs");
    assert!(told > 0 && blobs > 0, "{told} were told, {blobs} blobs were taken");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_collection_killed_anywhere_is_finished_by_the_next_start() -> Result<()> {
    let mut server = Server::start(&crate::binary()?, &[("WHARF_GC_GRACE", "2s"), ("WHARF_RECYCLE", "0")]).await?;
    server.call(Method::POST, "/projects", json!({ "project_name": "kill" })).await?;
    let kept = testkit::image::push(&server, "kill/kept", "1", b"kept".to_vec()).await?;
    for n in 0..400 {
        testkit::image::blob(&server, "kill/garbage", format!("garbage {n}").into_bytes()).await?;
    }
    let files = |server: &Server| walk(&server.data().join("blobs/sha256"));
    assert_eq!(files(&server), 402);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let begin = json!({ "schedule": { "type": "Manual" } });
    server.call(Method::POST, "/system/gc/schedule", begin).await?;
    let start = Instant::now();
    while files(&server) == 402 {
        ensure!(start.elapsed() < Duration::from_secs(20), "nothing is collected");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    server.kill().await?;
    let left = files(&server);
    server.restart().await?;
    while files(&server) != 2 {
        ensure!(start.elapsed() < Duration::from_secs(60), "{} files are left", files(&server));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("killed with {left} of 402 files left; 2 at the end");
    let pulled = server.client.get(server.url("/v2/kill/kept/manifests/1")).basic_auth("admin", Some(PASSWORD)).send().await?;
    assert_eq!(pulled.headers()["docker-content-digest"], kept.as_str());
    let layer = server.client.get(server.url(&format!("/v2/kill/kept/blobs/{}", sha256(b"kept")))).basic_auth("admin", Some(PASSWORD));
    assert_eq!(layer.send().await?.bytes().await?, b"kept".as_slice());
    Ok(())
}

/// How many files lie in a folder.
fn walk(path: &std::path::Path) -> usize {
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { 1 }).sum()
}
