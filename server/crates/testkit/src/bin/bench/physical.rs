//! What the machine itself gives: nginx serving the same files to the same client, and `sha256sum` of the same bytes.

use super::{MB, client, median, prepared, timed};
use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Nginx {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers go with it by SIGTERM, not by SIGKILL.
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

async fn nginx(program: &Path) -> Result<Nginx> {
    let folder = tempfile::Builder::new().prefix("wharf-nginx-").tempdir()?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let place = folder.path().display();
    let user = if rustix::process::getuid().is_root() { "user root;" } else { "" };
    let config = format!(
        "daemon off; {user} worker_processes 2; pid {place}/pid; error_log {place}/log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on; client_body_temp_path {place}/1; proxy_temp_path {place}/2;\n\
         fastcgi_temp_path {place}/3; uwsgi_temp_path {place}/4; scgi_temp_path {place}/5;\n\
         server {{ listen 127.0.0.1:{port}; root {place}; }} }}\n"
    );
    std::fs::write(folder.path().join("nginx.conf"), config)?;
    for size in [MB, 10 * MB, 100 * MB] {
        std::fs::write(folder.path().join(size.to_string()), prepared(size).1)?;
    }
    let child = Command::new(program)
        .arg("-c")
        .arg(folder.path().join("nginx.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("nginx does not start")?;
    let (server, begin) = (Nginx { child, port, folder }, Instant::now());
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        ensure!(begin.elapsed() < Duration::from_secs(10), "nginx did not start: {:?}", std::fs::read_to_string(server.folder.path().join("log")));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(server)
}

/// The two lines, each with its median of `rounds`.
pub async fn lines(program: &Path, rounds: usize) -> Result<String> {
    let (server, client) = (nginx(program).await?, client()?);
    let mut text = String::from("\nthe machine itself\n");
    for (size, times) in [(MB, 200), (10 * MB, 40), (100 * MB, 8)] {
        let url = format!("http://127.0.0.1:{}/{size}", server.port);
        let mut rates = Vec::new();
        for _ in 0..rounds {
            let (rate, _) = timed(times, 1, async |_| {
                let mut parts = client.get(&url).send().await?.error_for_status()?.bytes_stream();
                let mut length = 0;
                while let Some(part) = parts.next().await {
                    length += part?.len();
                }
                ensure!(length == size, "{length} bytes");
                Ok(())
            })
            .await?;
            rates.push(rate);
        }
        text += &format!("{:<26}{:.0} a second\n", format!("nginx, {} MB", size / MB), median(&rates));
    }
    let file = server.folder.path().join((100 * MB).to_string());
    let mut spans = Vec::new();
    for _ in 0..rounds {
        let begin = Instant::now();
        ensure!(Command::new("sha256sum").arg(&file).stdout(Stdio::null()).status()?.success(), "sha256sum");
        spans.push(begin.elapsed().as_secs_f64());
    }
    text += &format!("{:<26}{:.0} MB a second\n", "sha256sum", 100.0 / median(&spans));
    Ok(text)
}
