//! The built server as a process of its own.

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, RequestBuilder};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The administrator's password.
pub const PASSWORD: &str = "seven tall ships sail";

/// A running server with its data in a temporary folder.
pub struct Server {
    binary: PathBuf,
    folder: TempDir,
    data: PathBuf,
    child: Child,
    address: SocketAddr,
    environment: Vec<(String, String)>,
    pub client: Client,
}

impl Server {
    /// Starts `binary` on a free port of 127.0.0.1 with `environment` on top.
    pub async fn start(binary: &Path, environment: &[(&str, &str)]) -> Result<Server> {
        Server::start_on(binary, SocketAddr::from(([127, 0, 0, 1], 0)), environment).await
    }

    /// As [`Server::start`], on an address of one's choice.
    pub async fn start_on(binary: &Path, address: SocketAddr, environment: &[(&str, &str)]) -> Result<Server> {
        let folder = tempfile::Builder::new().prefix("wharf-test-").tempdir()?;
        Server::start_here(binary, folder, address, environment).await
    }

    /// On the data directory `data` in `folder`.
    pub async fn start_in(binary: &Path, folder: TempDir, environment: &[(&str, &str)]) -> Result<Server> {
        Server::start_here(binary, folder, SocketAddr::from(([127, 0, 0, 1], 0)), environment).await
    }

    /// On a data directory of one's choice, which is left there.
    pub async fn start_elsewhere(binary: &Path, data: &Path, environment: &[(&str, &str)]) -> Result<Server> {
        let folder = tempfile::Builder::new().prefix("wharf-test-").tempdir()?;
        Server::start_with(binary, folder, data.to_owned(), SocketAddr::from(([127, 0, 0, 1], 0)), environment).await
    }

    async fn start_here(binary: &Path, folder: TempDir, address: SocketAddr, environment: &[(&str, &str)]) -> Result<Server> {
        let data = folder.path().join("data");
        Server::start_with(binary, folder, data, address, environment).await
    }

    async fn start_with(
        binary: &Path,
        folder: TempDir,
        data: PathBuf,
        address: SocketAddr,
        environment: &[(&str, &str)],
    ) -> Result<Server> {
        let environment: Vec<(String, String)> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (child, address) = spawn(binary, folder.path(), &data, address, &environment).await?;
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Server { binary: binary.to_owned(), folder, data, child, address, environment, client })
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `127.0.0.1:port`, as clients write it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// What it has logged.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.path().join("log"))?)
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// kill -9.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("the server could not be killed")
    }

    /// SIGTERM, and the exit status.
    pub async fn terminate(&mut self) -> Result<std::process::ExitStatus> {
        let pid = self.child.id().and_then(|pid| rustix::process::Pid::from_raw(pid as i32)).context("it has ended")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        Ok(tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await??)
    }

    /// Starts it again, on the same data and address.
    pub async fn restart(&mut self) -> Result<()> {
        let (child, _) = spawn(&self.binary, self.folder.path(), &self.data, self.address, &self.environment).await?;
        self.child = child;
        Ok(())
    }

    /// A request of the REST API as the administrator.
    pub fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(&format!("/api/v2.0{path}"))).basic_auth("admin", Some(PASSWORD))
    }

    /// As [`Server::api`], which must succeed; answers the JSON, if there is any.
    pub async fn call(&self, method: Method, path: &str, body: serde_json::Value) -> Result<serde_json::Value> {
        let mut request = self.api(method.clone(), path);
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let (status, text) = (response.status(), response.text().await?);
        if !status.is_success() {
            bail!("{method} {path}: {status} {text}");
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }
}

async fn spawn(
    binary: &Path,
    folder: &Path,
    data: &Path,
    address: SocketAddr,
    environment: &[(String, String)],
) -> Result<(Child, SocketAddr)> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log"))?;
    let mut command = Command::new(binary);
    command
        .args(["serve", "--data"])
        .arg(data)
        .args(["--listen", &address.to_string()])
        // From an empty folder: nothing may be needed beside the binary.
        .current_dir(folder)
        .env_clear()
        .env("WHARF_ADMIN_PASSWORD", PASSWORD)
        .env("WHARF_OUTBOUND_ALLOW", "127.0.0.0/8")
        .envs(environment.iter().cloned())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("{} does not start", binary.display()))?;
    let stdout = child.stdout.take().context("no standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await??;
    let Some(line) = line else {
        bail!("the server ended at once: {}", std::fs::read_to_string(folder.join("log")).unwrap_or_default());
    };
    let address = line.rsplit('/').next().and_then(|address| address.trim().parse().ok());
    Ok((child, address.with_context(|| format!("unexpected first line {line:?}"))?))
}
