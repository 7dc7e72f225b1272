//! `kill -9` at random under eight pushers: what was answered is there after the restart, and nothing else shows.
//!
//! A push that was under way may be there or not, as its answer was lost; if its tag shows it must be whole.

use super::{Dice, middle_and_most};
use crate::image::sha256;
use crate::{PASSWORD, Server};
use anyhow::{Context, Result, bail, ensure};
use reqwest::{Client, Method, Response};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PUSHERS: u64 = 8;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Older pushes looked at after each round, beside those of the round.
const SAMPLE: u64 = 20;

/// A push: where it went and what it must be.
#[derive(Clone, Debug)]
struct Push {
    repository: String,
    tag: String,
    manifest: String,
    config: Vec<u8>,
    layer: Vec<u8>,
    /// In three requests, the second one in two chunks.
    chunked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Begun,
    Acknowledged,
    /// A deletion was begun; it may be there or not.
    Leaving,
    Deleted,
}

/// What clients know.
#[derive(Default)]
struct Log {
    all: Vec<(Push, State)>,
    by: HashMap<String, usize>,
    /// Chunked uploads under way: where each goes on, and all of its bytes.
    uploads: HashMap<String, Vec<u8>>,
}

impl Log {
    fn set(&mut self, push: &Push, state: State) {
        let key = format!("{}:{}", push.repository, push.tag);
        match self.by.get(&key) {
            Some(&n) => self.all[n].1 = state,
            None => {
                self.by.insert(key, self.all.len());
                // Content is made again from the manifest's digests; the bytes need not be kept.
                self.all.push((Push { config: Vec::new(), layer: Vec::new(), ..push.clone() }, state));
            }
        }
    }
}

/// What an experiment found.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub rounds: usize,
    pub acknowledged: usize,
    /// Pushes that were under way at a kill and were there afterwards, whole.
    pub kept: usize,
    pub deleted: usize,
    /// Uploads that were under way at a kill and went on where they broke.
    pub resumed: usize,
    /// From the start of the process to its first word, in ms.
    pub restarts: Vec<f64>,
    pub checks: usize,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (middle, most) = middle_and_most(&self.restarts);
        write!(
            f,
            "{} kills under {PUSHERS} pushers: {} pushes acknowledged, {} deleted, lost 0, phantom tags 0, {} under way were kept whole, \
             {} uploads went on where they broke; restart {middle:.0} ms, at most {most:.0} ms; fsck --deep {} times clean",
            self.rounds, self.acknowledged, self.deleted, self.kept, self.resumed, self.checks,
        )
    }
}

fn ask(client: &Client, method: Method, url: String) -> reqwest::RequestBuilder {
    client.request(method, url).basic_auth("admin", Some(PASSWORD))
}

fn made(dice: &mut Dice, pusher: u64, n: usize) -> Push {
    let size = 1 + dice.roll(16_000) as usize;
    let (config, layer) = (format!(r#"{{"architecture":"amd64","os":"linux","n":"{pusher}-{n}-{}"}}"#, dice.roll(u64::MAX)).into_bytes(), dice.bytes(size));
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(&config), "size": config.len() },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": sha256(&layer), "size": layer.len() }],
    })
    .to_string();
    Push { repository: format!("kill/r{pusher}"), tag: format!("t{n}"), manifest, config, layer, chunked: dice.roll(3) == 0 }
}

async fn expect(response: Response, status: u16) -> Result<Response> {
    let found = response.status().as_u16();
    if found != status {
        bail!("{status} was expected, not {found}: {}", response.text().await.unwrap_or_default());
    }
    Ok(response)
}

async fn push_blob(client: &Client, base: &str, push: &Push, bytes: &[u8], log: &Mutex<Log>) -> Result<()> {
    let (digest, root) = (sha256(bytes), format!("{base}/v2/{}/blobs/uploads/", push.repository));
    if !push.chunked {
        return expect(ask(client, Method::POST, format!("{root}?digest={digest}")).body(bytes.to_vec()).send().await?, 201).await.map(drop);
    }
    let started = expect(ask(client, Method::POST, root).send().await?, 202).await?;
    let path = started.headers()["location"].to_str()?.to_owned();
    log.lock().expect("the log").uploads.insert(path.clone(), bytes.to_vec());
    let place = format!("{base}{path}");
    let (first, second) = bytes.split_at(bytes.len() / 2);
    expect(ask(client, Method::PATCH, place.clone()).body(first.to_vec()).send().await?, 202).await?;
    expect(ask(client, Method::PATCH, place.clone()).body(second.to_vec()).send().await?, 202).await?;
    expect(ask(client, Method::PUT, format!("{place}?digest={digest}")).send().await?, 201).await?;
    log.lock().expect("the log").uploads.remove(&path);
    Ok(())
}

/// Goes on with an upload that broke, from where the server says it is; `false` if it is not known any more.
async fn resume(client: &Client, base: &str, path: &str, bytes: &[u8]) -> Result<bool> {
    let place = format!("{base}{path}");
    let found = ask(client, Method::GET, place.clone()).send().await?;
    if found.status() == 404 {
        return Ok(false);
    }
    let found = expect(found, 204).await?;
    let at = match found.headers().get("range") {
        None => 0,
        Some(range) => range.to_str()?.split_once('-').and_then(|(_, last)| usize::try_from(last.parse::<i64>().ok()? + 1).ok()).context("a range")?,
    };
    ensure!(at <= bytes.len(), "{path} holds {at} of {} bytes", bytes.len());
    let put = ask(client, Method::PUT, format!("{place}?digest={}", sha256(bytes))).body(bytes[at..].to_vec());
    let answer = put.send().await?;
    if at == bytes.len() && answer.status() == 404 {
        // The kill came after its bytes had become the blob and before the repository had it: the client starts over.
        return Ok(false);
    }
    expect(answer, 201).await.with_context(|| format!("{path} from {at} on"))?;
    Ok(true)
}

async fn push_all(client: &Client, base: &str, push: &Push, log: &Mutex<Log>) -> Result<()> {
    push_blob(client, base, push, &push.config, log).await?;
    push_blob(client, base, push, &push.layer, log).await?;
    let url = format!("{base}/v2/{}/manifests/{}", push.repository, push.tag);
    expect(ask(client, Method::PUT, url).header("content-type", MANIFEST).body(push.manifest.clone()).send().await?, 201).await.map(drop)
}

/// Is it there, whole? An error: something of it is there and not as it must be.
async fn there(client: &Client, base: &str, push: &Push) -> Result<bool> {
    let url = |what: String| format!("{base}/v2/{}/{what}", push.repository);
    let found = ask(client, Method::GET, url(format!("manifests/{}", push.tag))).header("accept", MANIFEST).send().await?;
    if found.status() == 404 {
        return Ok(false);
    }
    let text = expect(found, 200).await?.text().await?;
    ensure!(text == push.manifest, "{}:{} is another manifest: {text}", push.repository, push.tag);
    let manifest: serde_json::Value = serde_json::from_str(&text)?;
    for digest in [&manifest["config"]["digest"], &manifest["layers"][0]["digest"]] {
        let digest = digest.as_str().context("a digest")?;
        let bytes = expect(ask(client, Method::GET, url(format!("blobs/{digest}"))).send().await?, 200).await?.bytes().await?;
        ensure!(sha256(&bytes) == digest, "{}:{}: blob {digest} has changed", push.repository, push.tag);
    }
    Ok(true)
}

/// Runs the experiment; anything that is not as it must be is an error. With `collect` artifacts are deleted and garbage is
/// collected meanwhile.
pub async fn kill(binary: &Path, rounds: usize, seed: u64, collect: bool) -> Result<Figures> {
    let mut server = Server::start(binary, &[("WHARF_GC_GRACE", "2s"), ("WHARF_RECYCLE", "0")]).await?;
    server.call(Method::POST, "/projects", serde_json::json!({ "project_name": "kill" })).await?;
    let (log, mut dice) = (Arc::new(Mutex::new(Log::default())), Dice::new(seed));
    let mut figures = Figures::default();
    for round in 1..=rounds {
        let first = log.lock().expect("the log").all.len();
        let base = server.url("");
        let pushers: Vec<_> = (0..PUSHERS)
            .map(|pusher| {
                let (log, base) = (log.clone(), base.clone());
                let mut dice = Dice::new(seed ^ (round as u64) << 8 ^ pusher);
                tokio::spawn(async move {
                    // Connections of their own, that end with the round.
                    let client = Client::builder().no_proxy().build()?;
                    for n in 0.. {
                        let push = made(&mut dice, pusher, round * 10_000 + n);
                        log.lock().expect("the log").set(&push, State::Begun);
                        push_all(&client, &base, &push, &log).await?;
                        log.lock().expect("the log").set(&push, State::Acknowledged);
                        if collect && dice.roll(3) == 0 {
                            log.lock().expect("the log").set(&push, State::Leaving);
                            let url = format!("{base}/v2/{}/manifests/{}", push.repository, sha256(push.manifest.as_bytes()));
                            expect(ask(&client, Method::DELETE, url).send().await?, 202).await?;
                            log.lock().expect("the log").set(&push, State::Deleted);
                        }
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        if collect {
            // It may still be running from before.
            let body = serde_json::json!({ "schedule": { "type": "Manual" } });
            let _ = server.call(Method::POST, "/system/gc/schedule", body).await;
        }
        tokio::time::sleep(Duration::from_millis(30 + dice.roll(if collect { 250 } else { 400 }))).await;
        server.kill().await?;
        for pusher in pushers {
            // Each ends with the connection that the kill cut; what it says of a server that still lived is wrong.
            if let Ok(Err(error)) = pusher.await
                && error.downcast_ref::<reqwest::Error>().is_none()
            {
                bail!("seed {seed}, round {round}: {error}");
            }
        }
        let begin = Instant::now();
        server.restart().await?;
        figures.restarts.push(begin.elapsed().as_secs_f64() * 1000.0);
        figures.rounds = round;
        check(&server, &log, first, &mut dice, &mut figures).await.with_context(|| format!("seed {seed}, round {round}"))?;
        if round % 100 == 0 || round == rounds {
            eprintln!("round {round} of {rounds}");
            server.terminate().await?;
            let fsck = tokio::process::Command::new(binary).args(["fsck", "--deep", "--data"]).arg(server.data()).env_clear().output().await?;
            let said = String::from_utf8_lossy(&fsck.stdout);
            ensure!(matches!(fsck.status.code(), Some(0 | 1)), "seed {seed}, round {round}: fsck: {said}");
            figures.checks += 1;
            server.restart().await?;
        }
    }
    let log = log.lock().expect("the log");
    figures.acknowledged = log.all.iter().filter(|(_, state)| *state != State::Begun).count();
    figures.deleted = log.all.iter().filter(|(_, state)| *state == State::Deleted).count();
    Ok(figures)
}

async fn check(server: &Server, log: &Mutex<Log>, first: usize, dice: &mut Dice, figures: &mut Figures) -> Result<()> {
    let (client, base) = (&server.client, server.url(""));
    let known: Vec<(Push, State)> = log.lock().expect("the log").all.clone();
    let mut look: Vec<usize> = (first..known.len()).collect();
    if first > 0 {
        look.extend((0..SAMPLE).map(|_| dice.roll(first as u64) as usize));
    }
    for n in look {
        let (push, state) = &known[n];
        let found = there(client, &base, push).await?;
        let name = format!("{}:{}", push.repository, push.tag);
        match state {
            State::Acknowledged => ensure!(found, "{name} was acknowledged, and is lost"),
            State::Deleted => ensure!(!found, "{name} was deleted, and is there"),
            State::Begun if found && n >= first => {
                figures.kept += 1;
                // From now on it is known to be there.
                log.lock().expect("the log").set(push, State::Acknowledged);
            }
            State::Begun | State::Leaving => {}
        }
    }
    for pusher in 0..PUSHERS {
        let repository = format!("kill/r{pusher}");
        let answer = ask(client, Method::GET, format!("{base}/v2/{repository}/tags/list")).send().await?;
        if answer.status() == 404 {
            continue;
        }
        let list: serde_json::Value = answer.json().await?;
        let log = log.lock().expect("the log");
        for tag in list["tags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str()) {
            ensure!(log.by.contains_key(&format!("{repository}:{tag}")), "{repository}:{tag} was never pushed");
        }
    }
    let broken = std::mem::take(&mut log.lock().expect("the log").uploads);
    for (path, bytes) in &broken {
        figures.resumed += usize::from(resume(client, &base, path, bytes).await?);
    }
    // The client of a push that was cut tries again.
    let retry = made(dice, 0, 9_000_000 + figures.rounds);
    push_all(client, &base, &retry, log).await.context("a push after the restart")?;
    log.lock().expect("the log").set(&retry, State::Acknowledged);
    Ok(())
}
