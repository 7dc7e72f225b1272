//! The benchmark: Wharf beside other registries on the same disk, in the same run, with the same client, taking turns.
//! `cargo xtask bench` builds and starts it.

mod many;
mod physical;
mod subject;
mod table;

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use futures_util::stream;
use reqwest::{Client, Method};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use subject::Subject;
use testkit::image::sha256;

const MB: usize = 1_000_000;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn client() -> Result<Client> {
    Ok(Client::builder().no_proxy().pool_max_idle_per_host(64).build()?)
}

static FRESH: AtomicU64 = AtomicU64::new(1);

/// Content that no registry has seen, and its digest.
fn fresh(size: usize) -> (String, bytes::Bytes) {
    let mut bytes = vec![0xA5_u8; size];
    let n = FRESH.fetch_add(1, Ordering::Relaxed);
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    (sha256(&bytes), bytes.into())
}

fn manifest(config: (&str, usize), layer: (&str, usize)) -> String {
    serde_json::json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.0, "size": config.1 },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer.0, "size": layer.1 }],
    })
    .to_string()
}

#[derive(Clone, Copy)]
enum What {
    Pull { size: usize, times: usize },
    Push { size: usize, times: usize },
    Manifest { times: usize, clients: usize },
    Head { times: usize, clients: usize },
    Images { times: usize, clients: usize },
    /// The first page of a repository with many tags.
    Tags { times: usize },
    /// What refers to a manifest, of which there is much.
    Referrers { times: usize },
}

const ALL: [(&str, What); 12] = [
    ("pull 1 MB", What::Pull { size: MB, times: 200 }),
    ("pull 10 MB", What::Pull { size: 10 * MB, times: 40 }),
    ("pull 100 MB", What::Pull { size: 100 * MB, times: 8 }),
    ("push 1 MB", What::Push { size: MB, times: 60 }),
    ("push 10 MB", What::Push { size: 10 * MB, times: 12 }),
    ("push 100 MB", What::Push { size: 100 * MB, times: 2 }),
    ("manifest GET, 1 client", What::Manifest { times: 1000, clients: 1 }),
    ("manifest GET, 32 clients", What::Manifest { times: 6000, clients: 32 }),
    ("HEAD blob, 32 clients", What::Head { times: 6000, clients: 32 }),
    ("first 100 of 100,000 tags", What::Tags { times: 50 }),
    ("1,000 referrers", What::Referrers { times: 50 }),
    ("small images, 50 clients", What::Images { times: 500, clients: 50 }),
];

/// Operations a second, and the slowest hundredth in ms.
async fn run(subject: &Subject, what: What) -> Result<(f64, f64)> {
    match what {
        What::Pull { size, times } => {
            let digest = prepared(size).0;
            timed(times, 1, async |_| {
                let mut parts = subject.ask(Method::GET, &format!("blobs/{digest}")).send().await?.error_for_status()?.bytes_stream();
                let mut length = 0;
                while let Some(part) = parts.next().await {
                    length += part?.len();
                }
                ensure!(length == size, "{length} bytes");
                Ok(())
            })
            .await
        }
        What::Push { size, times } => {
            let contents: Vec<_> = (0..times).map(|_| fresh(size)).collect();
            timed(times, 1, async |n| {
                let (digest, bytes) = contents[n].clone();
                subject.push_blob(&digest, bytes).await
            })
            .await
        }
        What::Manifest { times, clients } => {
            timed(times, clients, async |_| {
                let answer = subject.ask(Method::GET, "manifests/latest").header("accept", MANIFEST).send().await?.error_for_status()?;
                answer.bytes().await?;
                Ok(())
            })
            .await
        }
        What::Head { times, clients } => {
            let path = format!("blobs/{}", prepared(MB).0);
            timed(times, clients, async |_| Ok(subject.ask(Method::HEAD, &path).send().await?.error_for_status().map(drop)?)).await
        }
        What::Tags { times } => {
            timed(times, 1, async |_| {
                // docker-registry 2.8.2 lists them all, whatever it is asked for.
                let list: serde_json::Value = subject.ask(Method::GET, "tags/list?n=100").send().await?.error_for_status()?.json().await?;
                ensure!(list["tags"].as_array().is_some_and(|tags| tags.len() >= 100), "{list}");
                Ok(())
            })
            .await
        }
        What::Referrers { .. } if !subject.refers => Ok((0.0, 0.0)),
        What::Referrers { times } => {
            timed(times, 1, async |_| {
                let path = format!("referrers/{}", sha256(many::json(0).as_bytes()));
                let list: serde_json::Value = subject.ask(Method::GET, &path).send().await?.error_for_status()?.json().await?;
                ensure!(list["manifests"].as_array().is_some_and(|all| all.len() == many::REFERRERS), "{} refer", list["manifests"].as_array().map_or(0, Vec::len));
                Ok(())
            })
            .await
        }
        What::Images { times, clients } => {
            let contents: Vec<_> = (0..times).map(|_| (fresh(300), fresh(2000))).collect();
            timed(times, clients, async |n| {
                let ((config, config_bytes), (layer, layer_bytes)) = contents[n].clone();
                subject.push_blob(&config, config_bytes).await?;
                subject.push_blob(&layer, layer_bytes).await?;
                subject.push_manifest(&format!("t{}", FRESH.fetch_add(1, Ordering::Relaxed)), manifest((&config, 300), (&layer, 2000))).await
            })
            .await
        }
    }
}

/// The blob of a size that is pulled.
fn prepared(size: usize) -> (String, bytes::Bytes) {
    let bytes = vec![0x5A_u8; size];
    (sha256(&bytes), bytes.into())
}

async fn timed(times: usize, clients: usize, op: impl AsyncFn(usize) -> Result<()>) -> Result<(f64, f64)> {
    let begin = Instant::now();
    let mut spans: Vec<f64> = stream::iter(0..times)
        .map(async |n| {
            let start = Instant::now();
            op(n).await?;
            anyhow::Ok(start.elapsed().as_secs_f64() * 1000.0)
        })
        .buffer_unordered(clients)
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .collect::<Result<_>>()?;
    let rate = times as f64 / begin.elapsed().as_secs_f64();
    spans.sort_by(f64::total_cmp);
    Ok((rate, spans[(times - 1) * 99 / 100]))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let wharf = PathBuf::from(arguments.next().context("usage: bench WHARF ROUNDS NAME=PROGRAM… (before=WHARF: an older one)")?);
    let rounds: usize = arguments.next().context("how many rounds")?.parse()?;
    let mut subjects = vec![Subject::wharf("wharf", &wharf).await?];
    // A part of an experiment's name: only those run.
    let only = std::env::var("WHARF_BENCH_ONLY").unwrap_or_default();
    let mut nginx = None;
    for peer in arguments {
        let (name, program) = peer.split_once('=').context("a peer is NAME=PROGRAM")?;
        if name == "nginx" {
            nginx = Some(PathBuf::from(program));
            continue;
        }
        if name == table::BEFORE {
            subjects.push(Subject::wharf(table::BEFORE, Path::new(program)).await?);
            continue;
        }
        subjects.push(Subject::peer(Box::leak(name.to_owned().into_boxed_str()), Path::new(program)).await?);
    }
    for subject in &subjects {
        for size in [MB, 10 * MB, 100 * MB] {
            let (digest, bytes) = prepared(size);
            subject.push_blob(&digest, bytes).await?;
        }
        let (config, bytes) = fresh(300);
        subject.push_blob(&config, bytes).await?;
        subject.push_manifest("latest", manifest((&config, 300), (&prepared(MB).0, MB))).await?;
    }
    for subject in subjects.iter().filter(|_| ALL.iter().any(|(name, what)| name.contains(&only) && matches!(what, What::Tags { .. } | What::Referrers { .. }))) {
        many::prepare(subject).await?;
    }
    // results[experiment][subject]
    let mut rates = vec![vec![Vec::new(); subjects.len()]; ALL.len()];
    let mut slow = rates.clone();
    let mut cpu = vec![vec![0.0; subjects.len()]; ALL.len()];
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for (n, (name, what)) in ALL.iter().enumerate().filter(|(_, (name, _))| name.contains(&only)) {
            // There and back, so that who comes first has no part in it.
            let turns = 0..subjects.len();
            let turns: Vec<usize> = if round % 2 == 0 { turns.collect() } else { turns.rev().collect() };
            for m in turns {
                let subject = &subjects[m];
                let before = subject.cpu()?;
                let (rate, p99) = run(subject, *what).await.with_context(|| format!("{name} on {}", subject.name))?;
                cpu[n][m] += subject.cpu()? - before;
                rates[n][m].push(rate);
                slow[n][m].push(p99);
            }
        }
    }
    let machine = match nginx {
        Some(program) => physical::lines(&program, rounds).await?,
        None => String::new(),
    };
    print!("{}{machine}", table::table(&subjects, &rates, &slow, &cpu, rounds)?);
    Ok(())
}
