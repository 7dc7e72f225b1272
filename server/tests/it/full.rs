//! A disk that is full, on a small file system of its own.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::json;
use std::path::Path;
use std::process::Command;
use testkit::image::sha256;
use testkit::{PASSWORD, Server, image};

/// A file system of `size` in memory, gone with the value; `None` where that may not be.
struct Small(tempfile::TempDir);

impl Small {
    fn new(size: &str) -> Result<Option<Small>> {
        let folder = tempfile::tempdir()?;
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder.path()).output()?;
        if !mounted.status.success() {
            eprintln!("SKIPPED: a small file system cannot be mounted (is this root?): {}", String::from_utf8_lossy(&mounted.stderr));
            return Ok(None);
        }
        Ok(Some(Small(folder)))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Pushes 1 MB; what was answered.
async fn push(server: &Server, n: u32) -> Result<(u16, String)> {
    let mut bytes = vec![0; 1_000_000];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    let url = server.url(&format!("/v2/full/r/blobs/uploads/?digest={}", sha256(&bytes)));
    let answer = server.client.post(url).basic_auth("admin", Some(PASSWORD)).body(bytes).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

async fn on(small: &Small, reserve: &str) -> Result<Server> {
    let data = small.path().join("server").join("data");
    std::fs::create_dir_all(data.parent().context("a folder")?)?;
    let variables = [("WHARF_LIMITS_RESERVE", reserve), ("WHARF_RECYCLE", "0"), ("WHARF_GC_GRACE", "2s")];
    let server = Server::start_elsewhere(&crate::binary()?, &data, &variables).await?;
    server.call(Method::POST, "/projects", json!({ "project_name": "full" })).await?;
    Ok(server)
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_09_pushes_leave_room_and_deletions_go_on() -> Result<()> {
    let Some(small) = Small::new("48m")? else { return Ok(()) };
    let server = on(&small, "24MiB").await?;
    let image = image::push(&server, "full/r", "1", vec![1; 4_000_000]).await?;
    let mut accepted = 0;
    let refusal = loop {
        match push(&server, accepted).await? {
            (201, _) => accepted += 1,
            (status, text) => break (status, text),
        }
        ensure!(accepted < 100, "no push was refused");
    };
    ensure!(refusal.0 == 503 && refusal.1.contains("limits.reserve"), "{refusal:?}");
    // A manifest is a push too, however small.
    let filler = small.path().join("filler");
    std::fs::write(&filler, vec![0; 2_000_000])?;
    let manifest = server.client.get(server.url("/v2/full/r/manifests/1")).basic_auth("admin", Some(PASSWORD)).send().await?.bytes().await?;
    let again = server.client.put(server.url("/v2/full/r/manifests/2")).basic_auth("admin", Some(PASSWORD)).body(manifest).send().await?;
    ensure!(again.status() == 503, "{}", again.status());
    std::fs::remove_file(&filler)?;
    let gone = server.client.delete(server.url(&format!("/v2/full/r/manifests/{image}"))).basic_auth("admin", Some(PASSWORD)).send().await?;
    ensure!(gone.status() == 202, "{}", gone.text().await?);
    // The collection waits for nothing but the grace.
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let _ = server.call(Method::POST, "/system/gc/schedule", json!({ "schedule": { "type": "Manual" } })).await;
        if push(&server, 1000 + accepted).await?.0 == 201 {
            break;
        }
    }
    println!("R-09: {accepted} MB accepted on 48 MiB with 24 MiB kept free; a deletion and a collection made room");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_08_a_full_disk_refuses_pushes_and_loses_nothing() -> Result<()> {
    let Some(small) = Small::new("24m")? else { return Ok(()) };
    let filler = small.path().join("filler");
    let server = on(&small, "0").await?;
    image::push(&server, "full/r", "1", vec![1; 1_000_000]).await?;
    let (mut accepted, mut refused, client) = (Vec::new(), 0, &server.client);
    // Ever smaller pieces, to the last byte: every write of a push meets a full disk at some time.
    for n in 0..400_u32 {
        if n == 20 {
            let _ = std::fs::write(&filler, vec![0; 24 << 20]);
        }
        let mut bytes = vec![0; (1_000_000 >> (n / 25)).max(16)];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        let digest = sha256(&bytes);
        let url = server.url(&format!("/v2/full/r/blobs/uploads/?digest={digest}"));
        // Each gets its answer: a body that is refused half-way is read on, or the reset would overtake it.
        let answer = client.post(url).basic_auth("admin", Some(PASSWORD)).body(bytes).send().await?;
        match answer.status().as_u16() {
            201 => accepted.push(digest),
            503 => refused += 1,
            other => anyhow::bail!("push {n}: {other} {}", answer.text().await?),
        }
        // Pulls go on.
        let pull = client.get(server.url("/v2/full/r/manifests/1")).basic_auth("admin", Some(PASSWORD)).send().await?;
        ensure!(pull.status() == 200, "{}", pull.status());
    }
    ensure!(refused > 0, "the disk was never full");
    std::fs::remove_file(&filler)?;
    // Without a restart.
    let again = vec![2; 500_000];
    let url = server.url(&format!("/v2/full/r/blobs/uploads/?digest={}", sha256(&again)));
    ensure!(client.post(url).basic_auth("admin", Some(PASSWORD)).body(again).send().await?.status() == 201, "no push after there is room");
    for digest in &accepted {
        let url = server.url(&format!("/v2/full/r/blobs/{digest}"));
        let bytes = client.get(url).basic_auth("admin", Some(PASSWORD)).send().await?.bytes().await?;
        ensure!(sha256(&bytes) == *digest, "{digest} was acknowledged, and is lost");
    }
    println!("R-08: {refused} pushes refused with 503, {} accepted and there", accepted.len());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_10_a_server_without_descriptors_goes_on_when_it_has_some() -> Result<()> {
    let server = crate::server_with(&["cargo"]).await?;
    image::push(&server, "cargo/r", "1", vec![1; 1000]).await?;
    let pid = server.pid().context("it runs")?.to_string();
    // The soft limit alone: the hard one could not be raised again.
    let limit = |most: usize| -> Result<()> {
        let done = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={most}:")]).output()?;
        ensure!(done.status.success(), "prlimit: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    };
    let open = testkit::torture::load::descriptors(pid.parse()?)?;
    limit(open + 8)?;
    let address = server.host();
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(tokio::net::TcpStream::connect(&address).await?);
    }
    drop(held);
    limit(1000)?;
    image::push(&server, "cargo/r", "2", vec![2; 1000]).await?;
    Ok(())
}
