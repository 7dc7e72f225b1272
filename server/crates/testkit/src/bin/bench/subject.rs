//! A registry under measurement, and how it is spoken to.

use super::{MANIFEST, client};
use anyhow::{Context, Result, bail, ensure};
use reqwest::{Client, Method, RequestBuilder};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use testkit::{PASSWORD, Server};

/// A registry under measurement.
pub(super) struct Subject {
    pub(super) name: &'static str,
    url: String,
    client: Client,
    token: Option<String>,
    pub(super) pid: u32,
    /// It lists referrers: the peers have no such thing.
    pub(super) refers: bool,
    pub(super) process: Process,
}

pub(super) enum Process {
    Wharf { _server: Box<Server> },
    Peer { child: Child, folder: tempfile::TempDir },
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
    pub(super) async fn wharf(name: &'static str, binary: &Path) -> Result<Subject> {
        let server = Server::start(binary, &[]).await?;
        server.call(Method::POST, "/projects", serde_json::json!({ "project_name": "bench" })).await?;
        let scope = "service=harbor-registry&scope=repository:bench/images:pull,push";
        let asked = server.client.get(server.url(&format!("/service/token?{scope}"))).basic_auth("admin", Some(PASSWORD));
        let token: serde_json::Value = asked.send().await?.json().await?;
        Ok(Subject {
            name,
            url: server.url("/v2/bench/images"),
            client: client()?,
            token: token["token"].as_str().map(str::to_owned),
            pid: server.pid().context("it has ended")?,
            refers: true,
            process: Process::Wharf { _server: Box::new(server) },
        })
    }

    /// A registry of the distribution family, without authentication.
    pub(super) async fn peer(name: &'static str, program: &Path) -> Result<Subject> {
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
        Ok(Subject { name, url, client: client()?, token: None, pid, refers: false, process: Process::Peer { child, folder } })
    }

    pub(super) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}/{path}", self.url) };
        let request = self.client.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(super) async fn push_blob(&self, digest: &str, bytes: bytes::Bytes) -> Result<()> {
        let started = self.ask(Method::POST, "blobs/uploads/").send().await?;
        ensure!(started.status() == 202, "{}: {}", self.name, started.status());
        let place = started.headers()["location"].to_str()?.to_owned();
        let place = if place.starts_with('/') { format!("{}{place}", self.url.split("/v2/").next().unwrap_or_default()) } else { place };
        let join = if place.contains('?') { '&' } else { '?' };
        let done = self.ask(Method::PUT, &format!("{place}{join}digest={digest}")).body(bytes).send().await?;
        ensure!(done.status() == 201, "{}: {}", self.name, done.status());
        Ok(())
    }

    pub(super) async fn push_manifest(&self, reference: &str, json: String) -> Result<()> {
        let done = self.ask(Method::PUT, &format!("manifests/{reference}")).header("content-type", MANIFEST).body(json).send().await?;
        ensure!(done.status() == 201, "{}: {}", self.name, done.status());
        Ok(())
    }

    /// CPU time used so far, in seconds.
    pub(super) fn cpu(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |n: usize| fields.get(n).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        Ok((ticks(11) + ticks(12)) / 100.0)
    }

    /// Most memory it ever held, in MB.
    pub(super) fn peak(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM")).context("VmHWM")?;
        Ok(line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1000)
    }
}
