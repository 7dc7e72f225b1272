//! The benchmark: Wharf beside other registries on the same disk, in the same run, with the same client, taking turns.
//! `cargo xtask bench` builds and starts it.

mod physical;

use anyhow::{Context, Result, bail, ensure};
use futures_util::StreamExt;
use futures_util::stream;
use reqwest::{Client, Method, RequestBuilder};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use testkit::image::sha256;
use testkit::{PASSWORD, Server};

const MB: usize = 1_000_000;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry under measurement.
struct Subject {
    name: &'static str,
    url: String,
    client: Client,
    token: Option<String>,
    pid: u32,
    process: Process,
}

enum Process {
    Wharf { _server: Box<Server> },
    Peer { child: Child, _folder: tempfile::TempDir },
}

impl Drop for Subject {
    fn drop(&mut self) {
        if let Process::Peer { child, .. } = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Subject {
    async fn wharf(binary: &Path) -> Result<Subject> {
        let server = Server::start(binary, &[]).await?;
        server.call(Method::POST, "/projects", serde_json::json!({ "project_name": "bench" })).await?;
        let scope = "service=harbor-registry&scope=repository:bench/images:pull,push";
        let asked = server.client.get(server.url(&format!("/service/token?{scope}"))).basic_auth("admin", Some(PASSWORD));
        let token: serde_json::Value = asked.send().await?.json().await?;
        Ok(Subject {
            name: "wharf",
            url: server.url("/v2/bench/images"),
            client: client()?,
            token: token["token"].as_str().map(str::to_owned),
            pid: server.pid().context("it has ended")?,
            process: Process::Wharf { _server: Box::new(server) },
        })
    }

    /// A registry of the distribution family, without authentication.
    async fn peer(name: &'static str, program: &Path) -> Result<Subject> {
        let folder = tempfile::Builder::new().prefix("wharf-bench-").tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (config, data) = (folder.path().join("config.yml"), folder.path().join("data"));
        std::fs::write(&config, format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
            data.display(),
        ))?;
        let mut child = Command::new(program)
            .arg("serve").arg(&config).env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null()).stderr(Stdio::null())
            .spawn().with_context(|| format!("{} does not start", program.display()))?;
        let (begin, pid) = (Instant::now(), child.id());
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if begin.elapsed() > Duration::from_secs(20) {
                let _ = child.kill();
                bail!("{name} did not start");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let url = format!("http://127.0.0.1:{port}/v2/bench/images");
        Ok(Subject { name, url, client: client()?, token: None, pid, process: Process::Peer { child, _folder: folder } })
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}/{path}", self.url) };
        let request = self.client.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn push_blob(&self, digest: &str, bytes: bytes::Bytes) -> Result<()> {
        let started = self.ask(Method::POST, "blobs/uploads/").send().await?;
        ensure!(started.status() == 202, "{}: {}", self.name, started.status());
        let place = started.headers()["location"].to_str()?.to_owned();
        let place = if place.starts_with('/') { format!("{}{place}", self.url.split("/v2/").next().unwrap_or_default()) } else { place };
        let join = if place.contains('?') { '&' } else { '?' };
        let done = self.ask(Method::PUT, &format!("{place}{join}digest={digest}")).body(bytes).send().await?;
        ensure!(done.status() == 201, "{}: {}", self.name, done.status());
        Ok(())
    }

    async fn push_manifest(&self, reference: &str, json: String) -> Result<()> {
        let done = self.ask(Method::PUT, &format!("manifests/{reference}")).header("content-type", MANIFEST).body(json).send().await?;
        ensure!(done.status() == 201, "{}: {}", self.name, done.status());
        Ok(())
    }

    /// CPU time used so far, in seconds.
    fn cpu(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |n: usize| fields.get(n).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        Ok((ticks(11) + ticks(12)) / 100.0)
    }

    /// Most memory it ever held, in MB.
    fn peak(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM")).context("VmHWM")?;
        Ok(line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1000)
    }
}

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
    Tags { times: usize },
}

const ALL: [(&str, What); 11] = [
    ("pull 1 MB", What::Pull { size: MB, times: 200 }),
    ("pull 10 MB", What::Pull { size: 10 * MB, times: 40 }),
    ("pull 100 MB", What::Pull { size: 100 * MB, times: 8 }),
    ("push 1 MB", What::Push { size: MB, times: 60 }),
    ("push 10 MB", What::Push { size: 10 * MB, times: 12 }),
    ("push 100 MB", What::Push { size: 100 * MB, times: 2 }),
    ("manifest GET, 1 client", What::Manifest { times: 1000, clients: 1 }),
    ("manifest GET, 32 clients", What::Manifest { times: 6000, clients: 32 }),
    ("HEAD blob, 32 clients", What::Head { times: 6000, clients: 32 }),
    ("first 100 of 2,000 tags", What::Tags { times: 200 }),
    ("small images, 50 clients", What::Images { times: 200, clients: 50 }),
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
                let list: serde_json::Value = subject.ask(Method::GET, "tags/list?n=100").send().await?.error_for_status()?.json().await?;
                ensure!(list["tags"].as_array().is_some_and(|tags| tags.len() >= 100), "{list}");
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

fn spread(values: &[f64]) -> String {
    let (low, high) = values.iter().fold((f64::MAX, 0.0_f64), |(low, high), v| (low.min(*v), high.max(*v)));
    format!("{low:.0}–{high:.0}")
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let wharf = PathBuf::from(arguments.next().context("usage: bench WHARF ROUNDS NAME=PROGRAM…")?);
    let rounds: usize = arguments.next().context("how many rounds")?.parse()?;
    let mut subjects = vec![Subject::wharf(&wharf).await?];
    let mut nginx = None;
    for peer in arguments {
        let (name, program) = peer.split_once('=').context("a peer is NAME=PROGRAM")?;
        if name == "nginx" {
            nginx = Some(PathBuf::from(program));
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
    for subject in &subjects {
        let (config, _) = prepared(MB);
        timed(2000, 16, async |n| subject.push_manifest(&format!("tag-{n:05}"), manifest((&config, MB), (&config, MB))).await).await?;
    }
    // results[experiment][subject]
    let mut rates = vec![vec![Vec::new(); subjects.len()]; ALL.len()];
    let mut slow = rates.clone();
    let mut cpu = vec![vec![0.0; subjects.len()]; ALL.len()];
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for (n, (name, what)) in ALL.iter().enumerate() {
            for (m, subject) in subjects.iter().enumerate() {
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
    print!("{}{machine}", table(&subjects, &rates, &slow, &cpu, rounds)?);
    Ok(())
}

fn table(subjects: &[Subject], rates: &[Vec<Vec<f64>>], slow: &[Vec<Vec<f64>>], cpu: &[Vec<f64>], rounds: usize) -> Result<String> {
    let mut text = format!("medians of {rounds} rounds, taking turns; a second (lowest–highest) p99 in ms, CPU ms each\n\n{:<26}", "");
    for subject in subjects {
        write!(text, "{:<36}", subject.name)?;
    }
    text.push_str("of the better peer\n");
    for (n, (name, what)) in ALL.iter().enumerate() {
        let times = match what {
            What::Pull { times, .. } | What::Push { times, .. } | What::Manifest { times, .. } => *times,
            What::Head { times, .. } | What::Images { times, .. } | What::Tags { times } => *times,
        };
        write!(text, "{name:<26}")?;
        for m in 0..subjects.len() {
            let (rate, p99) = (median(&rates[n][m]), median(&slow[n][m]));
            let each = cpu[n][m] * 1000.0 / (times * rounds) as f64;
            write!(text, "{:<36}", format!("{rate:.0} ({}) {p99:.1} {each:.2}", spread(&rates[n][m])))?;
        }
        let best = rates[n][1..].iter().map(|all| median(all)).fold(0.0, f64::max);
        if best > 0.0 {
            write!(text, "{:.2} ×", median(&rates[n][0]) / best)?;
        }
        text.push('\n');
    }
    write!(text, "{:<26}", "peak memory, MB")?;
    for subject in subjects {
        write!(text, "{:<36}", subject.peak()?)?;
    }
    text.push('\n');
    for (n, (name, what)) in ALL.iter().enumerate() {
        let (What::Pull { size, times } | What::Push { size, times }) = what else { continue };
        write!(text, "{:<26}", format!("CPU s a GB, {name}"))?;
        for each in &cpu[n] {
            write!(text, "{:<36.2}", each / ((size * times * rounds) as f64 / 1e9))?;
        }
        text.push('\n');
    }
    Ok(text)
}
