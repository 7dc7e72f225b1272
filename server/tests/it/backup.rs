//! Backups of a real server while clients push, and what is restored from them.

use anyhow::{Context, Result};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use testkit::{Server, image};
use tokio::process::Command;
use tokio::sync::Mutex;

async fn wharf(arguments: &[&str], paths: &[(&str, &Path)]) -> Result<(Option<i32>, String)> {
    let mut command = Command::new(crate::binary()?);
    command.args(arguments).env_clear().stdin(Stdio::null());
    for (flag, path) in paths {
        command.arg(flag).arg(path);
    }
    let output = command.output().await?;
    Ok((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_25_what_was_acknowledged_before_a_backup_began_is_in_it() -> Result<()> {
    let server = Arc::new(crate::server_with(&["cargo"]).await?);
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let number = Arc::new(AtomicU64::new(0));
    let pushers: Vec<_> = (0..8)
        .map(|pusher| {
            let (server, stop, acknowledged, number) = (server.clone(), stop.clone(), acknowledged.clone(), number.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let n = number.fetch_add(1, Ordering::Relaxed);
                    let (repository, tag) = (format!("cargo/r{pusher}"), format!("t{n}"));
                    let digest = image::push(&server, &repository, &tag, format!("layer {n}").repeat(500).into_bytes()).await?;
                    acknowledged.lock().await.push((repository, tag, digest));
                }
                anyhow::Ok(())
            })
        })
        .collect();
    let folder = tempfile::tempdir()?;
    let (mut rounds, mut held) = (Vec::new(), 0);
    for round in 0..3 {
        // Some more are acknowledged before each.
        while acknowledged.lock().await.len() < 20 * (round + 1) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let before = acknowledged.lock().await.clone();
        let to = folder.path().join(format!("backup-{}", round / 2));
        let (code, said) = wharf(&["backup", "--with-key"], &[("--data", &server.data()), ("--to", &to)]).await?;
        assert_eq!(code, Some(0), "{said}");
        held += before.len();
        rounds.push((to, before));
    }
    stop.store(true, Ordering::Relaxed);
    for pusher in pushers {
        pusher.await??;
    }
    // The second went into the folder of the first: what the first had is there too.
    for (to, before) in rounds.into_iter().skip(1) {
        let (code, said) = wharf(&["verify", to.to_str().context("a path")?], &[]).await?;
        assert_eq!(code, Some(0), "{said}");
        let fresh = tempfile::tempdir()?;
        let data = fresh.path().join("data");
        let (code, said) = wharf(&["restore"], &[("--from", &to), ("--data", &data)]).await?;
        assert_eq!(code, Some(0), "{said}");
        let (code, said) = wharf(&["fsck", "--deep"], &[("--data", &data)]).await?;
        assert_eq!(code, Some(0), "{said}");
        let restored = Server::start_in(&crate::binary()?, fresh, &[]).await?;
        for (repository, tag, digest) in &before {
            let url = restored.url(&format!("/v2/{repository}/manifests/{tag}"));
            let found = restored.client.get(url).basic_auth("admin", Some(testkit::PASSWORD)).send().await?;
            let found = found.headers().get("docker-content-digest").and_then(|value| value.to_str().ok()).map(str::to_owned);
            assert_eq!(found.as_ref(), Some(digest), "{repository}:{tag}");
        }
    }
    println!("R-25: 3 backups under 8 pushers, {held} acknowledged pushes looked for, {} pushed in all", acknowledged.lock().await.len());
    Ok(())
}
