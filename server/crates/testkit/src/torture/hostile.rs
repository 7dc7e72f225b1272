//! Attacks on what one request can cost, and on guessing, beside an honest pusher, puller and reader: how long do these wait,
//! is anything refused to them, and how much memory does it take? (`server/docs/limits.md`)

use super::load::{memory, raise};
use super::Dice;
use crate::image::sha256;
use crate::{PASSWORD, Server, image};
use anyhow::{Context, Result, ensure};
use futures_util::future::{BoxFuture, join_all};
use futures_util::{FutureExt, StreamExt, stream};
use reqwest::{Body, Client, Method};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The slowest hundredth of what an honest client did, in ms, and how much of it was refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Honest {
    pub done: usize,
    pub refused: usize,
    pub p50: f64,
    pub p99: f64,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Whole images of a pusher (three requests), and the requests of pusher, puller and reader; alone, and beside the attacks.
    pub alone: [Honest; 4],
    pub beside: [Honest; 4],
    /// Requests of the attackers, by attack, and how many of them were refused.
    pub attacks: Vec<(&'static str, u64, u64)>,
    /// The most memory of the server, in MiB.
    pub memory: u64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, who) in ["pusher's image", "pusher", "puller", "reader"].into_iter().enumerate() {
            let (a, b) = (self.alone[n], self.beside[n]);
            writeln!(
                f,
                "honest {who}: p50 {:.1} ms, p99 {:.1} ms alone ({}); p50 {:.1} ms, p99 {:.1} ms beside the attacks ({} done, {} refused)",
                a.p50, a.p99, a.done, b.p50, b.p99, b.done, b.refused
            )?;
        }
        for (attack, tried, refused) in &self.attacks {
            writeln!(f, "attack {attack}: {tried} requests, {refused} refused")?;
        }
        write!(f, "at most {} MiB of memory", self.memory)
    }
}

/// Somebody with an account and a project of their own.
struct Mallory {
    server: Arc<Server>,
    client: Client,
    /// An index over one image 2,000 times, which has 300 accessories.
    index: String,
    /// An index whose entries call one large manifest an attestation.
    attested: String,
}

const MALLORY: &str = "mallory";

impl Mallory {
    async fn new(server: Arc<Server>) -> Result<Mallory> {
        let input = json!({ "username": MALLORY, "email": "m@example.com", "realname": "M", "password": PASSWORD });
        server.call(Method::POST, "/users", input).await?;
        let client = Client::builder().no_proxy().pool_max_idle_per_host(64).build()?;
        let mut mallory = Mallory { server, client, index: String::new(), attested: String::new() };
        mallory.prepare().await?;
        Ok(mallory)
    }

    async fn prepare(&mut self) -> Result<()> {
        let url = self.server.url("/api/v2.0/projects");
        let made = json!({ "project_name": MALLORY, "metadata": { "public": "true" } });
        let response = self.client.post(url).basic_auth(MALLORY, Some(PASSWORD)).json(&made).send().await?;
        ensure!(response.status() == 201, "a project: {}", response.status());
        let empty = self.blob(b"{}".to_vec()).await?;
        let image = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config(&empty, 2), "layers": [] }).to_string();
        let digest = self.manifest("image", MANIFEST, &image).await?;
        for n in 0..300 {
            let blob = format!("{{\"n\":{n}}}");
            let layer = self.blob(blob.clone().into_bytes()).await?;
            let sbom = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/spdx+json",
                "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 },
                "layers": [{ "mediaType": "application/spdx+json", "digest": layer, "size": blob.len() }],
                "subject": { "mediaType": MANIFEST, "digest": digest, "size": image.len() },
            });
            self.manifest(&format!("sbom{n}"), MANIFEST, &sbom.to_string()).await?;
        }
        let entry = json!({ "mediaType": MANIFEST, "digest": digest, "size": image.len() });
        self.index = self.manifest("index", INDEX, &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": vec![entry.clone(); 2000] }).to_string()).await?;
        let large = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config(&empty, 2),
            "layers": [{ "mediaType": "application/vnd.in-toto+json", "digest": empty, "size": 2 }], "annotations": { "a": "x".repeat(3_000_000) },
        })
        .to_string();
        let large_digest = self.manifest("large", MANIFEST, &large).await?;
        let attests = json!({
            "mediaType": MANIFEST, "digest": large_digest, "size": large.len(),
            "annotations": { "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest },
        });
        let mut entries = vec![attests; 2000];
        entries[0] = entry;
        self.attested = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }).to_string();
        for n in 0..60 {
            let annotations = json!({ "a": format!("{n}{}", "x".repeat(4_000_000)) });
            let wide = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": config(&empty, 2), "layers": [], "annotations": annotations,
            });
            self.manifest_in("wide", &format!("w{n}"), MANIFEST, &wide.to_string()).await?;
        }
        Ok(())
    }

    async fn blob(&self, bytes: Vec<u8>) -> Result<String> {
        let digest = sha256(&bytes);
        for repository in ["r", "wide"] {
            let url = self.server.url(&format!("/v2/{MALLORY}/{repository}/blobs/uploads/?digest={digest}"));
            let response = self.client.post(url).basic_auth(MALLORY, Some(PASSWORD)).body(bytes.clone()).send().await?;
            ensure!(response.status() == 201, "a blob: {}", response.status());
        }
        Ok(digest)
    }

    async fn manifest(&self, tag: &str, media_type: &str, text: &str) -> Result<String> {
        self.manifest_in("r", tag, media_type, text).await
    }

    async fn manifest_in(&self, repository: &str, tag: &str, media_type: &str, text: &str) -> Result<String> {
        let url = self.server.url(&format!("/v2/{MALLORY}/{repository}/manifests/{tag}"));
        let request = self.client.put(url).basic_auth(MALLORY, Some(PASSWORD)).header("content-type", media_type);
        let response = request.body(text.to_owned()).send().await?;
        ensure!(response.status() == 201, "{tag}: {}", response.text().await?);
        Ok(sha256(text.as_bytes()))
    }
}

fn config(digest: &str, size: u64) -> Value {
    json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": size })
}

/// Was it turned away?
fn refused(response: &reqwest::Result<reqwest::Response>) -> bool {
    response.as_ref().map_or(true, |response| response.status().is_client_error() || response.status().is_server_error())
}

/// One request of an attack; says whether it was refused.
type Attack = (&'static str, usize, fn(Arc<Mallory>, u64) -> BoxFuture<'static, bool>);

/// The attacks: name, how many at once, and one request of each.
const ATTACKS: &[Attack] = &[
    ("an index that names one manifest 2,000 times", 4, |m, n| {
        async move {
            let url = m.server.url(&format!("/v2/{MALLORY}/r/manifests/attested{n}"));
            let text = m.attested.replacen("\"schemaVersion\":2", &format!("\"annotations\":{{\"n\":\"{n}\"}},\"schemaVersion\":2"), 1);
            refused(&m.client.put(url).basic_auth(MALLORY, Some(PASSWORD)).header("content-type", INDEX).body(text).send().await)
        }
        .boxed()
    }),
    ("an anonymous look at that index", 8, |m, _| {
        async move {
            let url = m.server.url(&format!("/api/v2.0/projects/{MALLORY}/repositories/r/artifacts/{}?with_accessory=true", m.index));
            taken(m.client.get(url).send().await).await
        }
        .boxed()
    }),
    ("its page in the portal", 4, |m, _| {
        async move { taken(m.client.get(m.server.url(&format!("/projects/{MALLORY}/repositories/r/artifacts/{}", m.index))).send().await).await }.boxed()
    }),
    ("all rows with 4 MB of annotations each", 8, |m, n| {
        async move {
            let size = if n.is_multiple_of(2) { 0 } else { 100 };
            let url = m.server.url(&format!("/api/v2.0/projects/{MALLORY}/repositories/wide/artifacts?page_size={size}&with_accessory=true"));
            taken(m.client.get(url).send().await).await
        }
        .boxed()
    }),
    ("strangers' manifests, held one byte short", 60, |m, n| held(m, n, false).boxed()),
    ("a pusher's manifests, held one byte short", 60, |m, n| held(m, n, true).boxed()),
    ("uploads that are started and left", 4, |m, _| {
        async move {
            let url = m.server.url(&format!("/v2/{MALLORY}/r/blobs/uploads/"));
            refused(&m.client.post(url).basic_auth(MALLORY, Some(PASSWORD)).send().await)
        }
        .boxed()
    }),
    ("strangers' pushes", 4, |m, n| {
        async move { refused(&m.client.put(m.server.url(&format!("/v2/a/b{n}/manifests/x"))).body("{}").send().await) }.boxed()
    }),
    ("guesses at one password", 8, |m, n| {
        async move { refused(&m.client.get(m.server.url("/v2/")).basic_auth("admin", Some(format!("a wrong guess {n}"))).send().await) }.boxed()
    }),
    ("guesses at many names", 2, |m, n| {
        async move { refused(&m.client.get(m.server.url("/v2/")).basic_auth(format!("name{n}"), Some("a wrong guess")).send().await) }.boxed()
    }),
    ("bundles that are none", 2, |m, n| {
        async move {
            let Ok(layer) = m.blob(format!("[{}{n}]", "0,".repeat(1_900_000)).into_bytes()).await else { return true };
            let size = 2 * 1_900_000 + 2 + n.to_string().len();
            let empty = sha256(b"{}");
            let made = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 },
                "layers": [{ "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "digest": layer, "size": size }],
                "subject": { "mediaType": MANIFEST, "digest": empty, "size": 1 },
            });
            m.manifest(&format!("bundle{n}"), MANIFEST, &made.to_string()).await.is_err()
        }
        .boxed()
    }),
];

/// Takes an answer slowly.
async fn taken(response: reqwest::Result<reqwest::Response>) -> bool {
    let bad = refused(&response);
    if let Ok(response) = response {
        let mut parts = response.bytes_stream();
        while let Some(Ok(_)) = parts.next().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    bad
}

/// Sends a manifest of 4 MiB but for its last byte, and waits.
async fn held(m: Arc<Mallory>, n: u64, known: bool) -> bool {
    let parts = stream::unfold(0_usize, |sent| async move {
        match sent {
            0..64 => Some((Ok::<_, std::io::Error>(vec![b' '; 65_000]), sent + 1)),
            64 => {
                tokio::time::sleep(Duration::from_secs(3)).await;
                Some((Ok(Vec::new()), 65))
            }
            _ => None,
        }
    });
    let project = if known { MALLORY } else { "nobody" };
    let mut request = m.client.put(m.server.url(&format!("/v2/{project}/r/manifests/held{n}"))).header("content-type", MANIFEST);
    if known {
        request = request.basic_auth(MALLORY, Some(PASSWORD));
    }
    refused(&request.body(Body::wrap_stream(parts)).send().await)
}

/// The three honest ones for so long.
async fn honest(server: &Arc<Server>, seed: u64, span: Duration) -> Result<[Honest; 4]> {
    let client = Client::builder().no_proxy().build()?;
    let until = Instant::now() + span;
    let pusher = async {
        let (mut dice, mut images, mut spans, mut refused) = (Dice::new(seed), Vec::new(), Vec::new(), 0);
        let mut n = 0;
        while Instant::now() < until {
            let layer = dice.bytes(20_000);
            match image::push_in_steps(server, "honest/pushed", &format!("v{n}"), layer).await {
                Ok(steps) => {
                    images.push(steps.iter().sum());
                    spans.extend(steps);
                }
                Err(_) => refused += 1,
            }
            n += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        ((images, refused), (spans, refused))
    };
    let get = async |paths: &[String]| {
        let (mut spans, mut refused) = (Vec::new(), 0);
        while Instant::now() < until {
            for path in paths {
                let begin = Instant::now();
                let response = client.get(server.url(path)).basic_auth("admin", Some(PASSWORD)).send().await;
                match response {
                    Ok(response) if response.status().is_success() => match response.bytes().await {
                        Ok(_) => spans.push(begin.elapsed()),
                        Err(_) => refused += 1,
                    },
                    _ => refused += 1,
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        (spans, refused)
    };
    let layer = sha256(&vec![7; 100_000]);
    let pulled = ["/v2/honest/r/manifests/1".to_owned(), format!("/v2/honest/r/blobs/{layer}")];
    let read = ["/api/v2.0/projects/honest/repositories/r/artifacts".to_owned(), "/api/v2.0/projects".to_owned(), "/v2/honest/r/tags/list".to_owned()];
    let ((images, pushed), pulled, read) = tokio::join!(pusher, get(&pulled), get(&read));
    let figures = |(mut spans, refused): (Vec<Duration>, usize)| {
        spans.sort();
        let at = |part: usize| spans.get(spans.len().saturating_sub(1) * part / 100).map_or(0.0, |span| span.as_secs_f64() * 1000.0);
        Honest { done: spans.len(), refused, p50: at(50), p99: at(99) }
    };
    Ok([figures(images), figures(pushed), figures(pulled), figures(read)])
}

/// Plays all attacks for so long, and looks how the honest ones fare before and meanwhile.
pub async fn hostile(binary: &Path, span: Duration) -> Result<Figures> {
    raise();
    let server = Arc::new(Server::start(binary, &[]).await?);
    server.call(Method::POST, "/projects", json!({ "project_name": "honest" })).await?;
    image::push(&server, "honest/r", "1", vec![7; 100_000]).await?;
    let mallory = Arc::new(Mallory::new(server.clone()).await?);
    let pid = server.pid().context("it runs")?;
    let alone = honest(&server, 1, span).await?;

    let stop = Arc::new(AtomicBool::new(false));
    let mut attackers = Vec::new();
    let mut counts = Vec::new();
    for (name, at_once, attack) in ATTACKS {
        let count: Arc<(AtomicU64, AtomicU64)> = Arc::default();
        counts.push((*name, count.clone()));
        for _ in 0..*at_once {
            let (mallory, stop, count) = (mallory.clone(), stop.clone(), count.clone());
            attackers.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let n = count.0.fetch_add(1, Ordering::Relaxed);
                    if attack(mallory.clone(), n).await {
                        count.1.fetch_add(1, Ordering::Relaxed);
                        // Somebody who is refused at once may try at once; a core of ours is not the measure.
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }));
        }
    }
    let beside = honest(&server, 2, span).await?;
    stop.store(true, Ordering::Relaxed);
    let (_, most) = memory(pid)?;
    let ended = tokio::time::timeout(Duration::from_secs(120), join_all(attackers)).await;
    ensure!(ended.is_ok(), "an attacker's request did not end");
    let attacks = counts.into_iter().map(|(name, count)| (name, count.0.load(Ordering::Relaxed), count.1.load(Ordering::Relaxed))).collect();
    Ok(Figures { alone, beside, attacks, memory: most })
}
