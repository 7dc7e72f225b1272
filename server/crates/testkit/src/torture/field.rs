//! Replication in the field: many signed images to a target that misbehaves all the time, and a plan of very many artifacts while
//! others push.

use super::load::memory;
use super::middle_and_most;
use crate::odd::{Odd, Registry};
use crate::{Clients, PASSWORD, Server, image};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Puts a manifest; answers its digest.
async fn put(server: &Server, repository: &str, reference: Option<&str>, manifest: &Value) -> Result<String> {
    let text = manifest.to_string();
    let digest = image::sha256(text.as_bytes());
    let url = server.url(&format!("/v2/{repository}/manifests/{}", reference.unwrap_or(&digest)));
    let put = server.client.put(url).basic_auth("admin", Some(PASSWORD)).header("content-type", MANIFEST).body(text);
    let answer = put.send().await?;
    ensure!(answer.status() == 201, "pushing a manifest: {}", answer.text().await?);
    Ok(digest)
}

/// A server with a target at `url` and a rule for project `p`.
async fn ready(binary: &Path, url: &str) -> Result<Server> {
    let server = Server::start(binary, &[("WHARF_OUTBOUND_ALLOW", "127.0.0.0/8")]).await?;
    server.call(Method::POST, "/projects", json!({ "project_name": "p" })).await?;
    server.call(Method::POST, "/registries", json!({ "name": "t", "type": "docker-registry", "url": url })).await?;
    let rule = json!({ "name": "r", "dest_registry": { "id": 1 }, "enabled": true, "override": true, "filters": [{ "type": "name", "value": "p/**" }] });
    server.call(Method::POST, "/replication/policies", rule).await?;
    Ok(server)
}

async fn start(server: &Server) -> Result<String> {
    let response = server.api(Method::POST, "/replication/executions").json(&json!({ "policy_id": 1 })).send().await?;
    let place = response.headers().get("location").context("no place")?.to_str()?.to_owned();
    Ok(place.trim_start_matches("/api/v2.0").to_owned())
}

async fn settled(server: &Server, execution: &str) -> Result<Value> {
    loop {
        let found = server.call(Method::GET, execution, json!(null)).await?;
        if found["status"] != "InProgress" {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What a run of signed images came to.
#[derive(Clone, Debug)]
pub struct Figures {
    pub images: usize,
    pub undisturbed: Duration,
    pub disturbed: Duration,
    /// Requests that the target was sent, in both.
    pub asked: [usize; 2],
    /// Lines of the logs that tell of another try.
    pub retries: usize,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} signed images: undisturbed {:.1} s ({} requests), disturbed {:.1} s ({} requests, {} retries told), nothing missing, the same graphs by oras",
            self.images, self.undisturbed.as_secs_f64(), self.asked[0], self.disturbed.as_secs_f64(), self.asked[1], self.retries,
        )
    }
}

/// What hangs under each tag is the same on both, as oras sees it, and it is something.
async fn same_graphs(here: String, there: String, tags: Vec<String>) -> Result<()> {
    // On a thread of its own: the target lives in this process, and must go on answering.
    let compared = tokio::task::spawn_blocking(move || {
        let clients = Clients::new()?;
        clients.login(&here, "admin", PASSWORD)?;
        for tag in tags {
            let [ours, theirs] = [clients.graph(&format!("{here}/p/r:{tag}"))?, clients.graph(&format!("{there}/p/r:{tag}"))?];
            ensure!(!ours.is_empty() && ours == theirs, "{tag}: {ours:?} here, {theirs:?} there");
        }
        Ok(())
    });
    compared.await?
}

/// Replicates `images` signed images twice: to a target that behaves, and to one that answers every 7th request with 429 and every 11th with
/// 503, cuts every 13th and says nothing for `pause` twice. Both must end green, with everything there; oras sees the same graphs.
pub async fn disturbed(binary: &Path, images: usize, pause: Duration) -> Result<Figures> {
    let odd = Odd { too_many: Some((7, "")), unavailable: Some(11), cut: Some(13), pauses: Some(([images, images * 2], pause)), ..Odd::default() };
    let well = Registry::start(Odd::default()).await?;
    let server = ready(binary, &well.url).await?;
    let mut all = Vec::new();
    let empty = image::blob(&server, "p/r", b"{}".to_vec()).await?;
    let empty = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 });
    for n in 0..images {
        let tag = format!("v{n}");
        let digest = image::push(&server, "p/r", &tag, format!("layer {n}").repeat(1000).into_bytes()).await?;
        let signature = put(&server, "p/r", None, &json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json", "config": empty, "layers": [empty],
            "subject": { "mediaType": MANIFEST, "digest": digest, "size": 1 },
        })).await?;
        all.push((tag, digest, signature));
    }
    let whole = |there: &Registry| all.iter().all(|(tag, digest, signature)| there.digest("p/r", tag).as_ref() == Some(digest) && there.manifest("p/r",
        signature).is_some());
    let begin = Instant::now();
    let done = settled(&server, &start(&server).await?).await?;
    let undisturbed = begin.elapsed();
    ensure!(done["status"] == "Succeed" && whole(&well), "undisturbed: {done}");
    let there = Registry::start(odd).await?;
    let change = json!({ "url": there.url });
    // Looking at a registry is asked once: it may be one of those requests that fail.
    let mut looked = 0;
    while server.api(Method::PUT, "/registries/1").json(&change).send().await?.status() != 200 {
        looked += 1;
        ensure!(looked < 100, "the registry is never found well");
    }
    let begin = Instant::now();
    let execution = start(&server).await?;
    let done = settled(&server, &execution).await?;
    let span = begin.elapsed();
    ensure!(done["status"] == "Succeed" && done["failed"] == 0, "disturbed: {done}");
    ensure!(whole(&there), "something is missing");
    there.becomes(Odd::default());
    same_graphs(server.host(), there.url.trim_start_matches("http://").to_owned(), all.into_iter().map(|(tag, ..)| tag).collect()).await?;
    let (mut retries, mut page) = (0, 1);
    loop {
        let tasks = server.call(Method::GET, &format!("{execution}/tasks?page_size=100&page={page}"), json!(null)).await?;
        let tasks = tasks.as_array().context("tasks")?;
        for task in tasks {
            let log = server.api(Method::GET, &format!("{execution}/tasks/{}/log", task["id"])).send().await?.text().await?;
            retries += log.matches("; try ").count();
        }
        if tasks.len() < 100 {
            break;
        }
        page += 1;
    }
    Ok(Figures { images, undisturbed, disturbed: span, asked: [well.asked(""), there.asked("")], retries })
}

/// Pushes `artifacts` artifacts, then plans their replication while 8 clients push: how long the plan took, what pushes took at most
/// (the slowest hundredth, in ms) alone and beside it, and the server's memory in MiB before and at most.
pub async fn planned(binary: &Path, artifacts: usize) -> Result<String> {
    let there = Registry::start(Odd { hangs: Some("PUT"), ..Odd::default() }).await?;
    let server = Arc::new(ready(binary, &there.url).await?);
    let layer = image::blob(&server, "p/r", b"layer".to_vec()).await?;
    let fill = |first: usize, last: usize, repository: &'static str| {
        let (server, layer) = (server.clone(), layer.clone());
        async move {
            let config = image::blob(&server, repository, b"{}".to_vec()).await?;
            image::blob(&server, repository, b"layer".to_vec()).await?;
            for n in first..last {
                put(&server, repository, Some(&format!("v{n}")), &json!({
                    "schemaVersion": 2, "mediaType": MANIFEST, "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2 },
                    "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 5 }], "annotations": { "n": n.to_string() },
                })).await?;
            }
            anyhow::Ok(())
        }
    };
    let part = artifacts.div_ceil(8);
    let parts = (0..8).map(|n| tokio::spawn(fill(n * part, ((n + 1) * part).min(artifacts), "p/r"))).collect::<Vec<_>>();
    for part in parts {
        part.await??;
    }
    let pid = server.pid().context("it runs")?;
    let before = memory(pid)?.0;
    let stop = Arc::new(AtomicBool::new(false));
    let pushers = |stop: Arc<AtomicBool>, round: u64| {
        let each = (0..8).map(|n| {
            let (server, stop) = (server.clone(), stop.clone());
            tokio::spawn(async move {
                let (mut spans, mut m) = (Vec::new(), 0);
                while !stop.load(Ordering::Relaxed) {
                    let layer = format!("{round} {n} {m}").into_bytes();
                    for span in image::push_in_steps(&server, "q/r", &format!("{round}-{n}-{m}"), layer).await? {
                        spans.push(span.as_secs_f64() * 1000.0);
                    }
                    m += 1;
                }
                anyhow::Ok(spans)
            })
        });
        each.collect::<Vec<_>>()
    };
    server.call(Method::POST, "/projects", json!({ "project_name": "q" })).await?;
    let alone = pushers(stop.clone(), 0);
    tokio::time::sleep(Duration::from_secs(10)).await;
    stop.store(true, Ordering::Relaxed);
    let alone = spans(alone).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let beside = pushers(stop.clone(), 1);
    let begin = Instant::now();
    let execution = start(&server).await?;
    let pushed = memory(pid)?.0;
    let mut most = pushed;
    let plan = loop {
        let found = server.call(Method::GET, &execution, json!(null)).await?;
        most = most.max(memory(pid)?.0);
        if found["total"].as_i64().unwrap_or_default() >= artifacts as i64 {
            break begin.elapsed();
        }
        ensure!(found["status"] == "InProgress", "{found}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    stop.store(true, Ordering::Relaxed);
    let beside = spans(beside).await?;
    server.call(Method::PUT, &execution, json!(null)).await?;
    let stopped = Instant::now();
    settled(&server, &execution).await?;
    let late = |spans: &[f64]| spans.get((spans.len().max(1) - 1) * 99 / 100).copied().unwrap_or_default();
    Ok(format!(
        "{artifacts} artifacts planned in {:.1} s beside 8 clients that push; a push request p99 {:.0} ms alone (median {:.0}), \
         {:.0} ms beside it (median {:.0}, most {:.0}); \
         memory {before} MiB before, {pushed} after 10 s of pushes alone, {most} at most; stopped in {:.1} s",
        plan.as_secs_f64(), late(&alone), middle_and_most(&alone).0, late(&beside), middle_and_most(&beside).0, middle_and_most(&beside).1,
        stopped.elapsed().as_secs_f64(),
    ))
}

async fn spans(pushers: Vec<tokio::task::JoinHandle<Result<Vec<f64>>>>) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for pusher in pushers {
        all.extend(pusher.await??);
    }
    all.sort_by(f64::total_cmp);
    Ok(all)
}
