//! Replication between servers: whole graphs, nothing twice, through kills and stops.

use crate::server_with;
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use testkit::{Clients, PASSWORD, Server, image};

/// Makes a target and a rule for everything in `project`; answers the rule's id.
pub async fn rule(server: &Server, provider: &str, url: &str, project: &str) -> Result<i64> {
    rule_with(server, provider, url, project, true).await
}

async fn rule_with(server: &Server, provider: &str, url: &str, project: &str, replaces: bool) -> Result<i64> {
    let credential = match provider {
        "harbor" => json!({ "access_key": "admin", "access_secret": PASSWORD }),
        _ => json!({}),
    };
    server
        .call(Method::POST, "/registries", json!({ "name": provider, "type": provider, "url": url, "credential": credential }))
        .await?;
    let targets = server.call(Method::GET, "/registries", json!(null)).await?;
    let target = targets.as_array().and_then(|all| all.iter().find(|t| t["name"] == provider)).context("the target")?["id"].clone();
    server
        .call(Method::POST, "/replication/policies", json!({
            "name": format!("to-{provider}"), "dest_registry": { "id": target }, "enabled": true, "override": replaces,
            "filters": [{ "type": "name", "value": format!("{project}/**") }], "dest_namespace_replace_count": 0,
            "trigger": { "type": "manual" },
        }))
        .await?;
    let rules = server.call(Method::GET, "/replication/policies", json!(null)).await?;
    rules.as_array().and_then(|all| all.iter().find(|r| r["name"] == format!("to-{provider}"))).context("the rule")?["id"]
        .as_i64()
        .context("its id")
}

pub async fn start(server: &Server, rule: i64) -> Result<i64> {
    let response = server.api(Method::POST, "/replication/executions").json(&json!({ "policy_id": rule })).send().await?;
    let place = response.headers()["location"].to_str()?.to_owned();
    place.rsplit('/').next().and_then(|id| id.parse().ok()).context("the execution's id")
}

async fn execution(server: &Server, id: i64) -> Result<Value> {
    server.call(Method::GET, &format!("/replication/executions/{id}"), json!(null)).await
}

/// Waits until it is settled.
pub async fn settled(server: &Server, id: i64) -> Result<Value> {
    let begin = Instant::now();
    loop {
        let found = execution(server, id).await?;
        if found["status"] != "InProgress" {
            return Ok(found);
        }
        anyhow::ensure!(begin.elapsed() < Duration::from_secs(120), "still not settled: {found}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub async fn logs(server: &Server, id: i64) -> Result<String> {
    let tasks = server.call(Method::GET, &format!("/replication/executions/{id}/tasks?page_size=100"), json!(null)).await?;
    let mut all = String::new();
    for task in tasks.as_array().into_iter().flatten() {
        let path = format!("/replication/executions/{id}/tasks/{}/log", task["id"]);
        all += &server.api(Method::GET, &path).send().await?.text().await?;
    }
    Ok(all)
}

#[tokio::test]
#[ignore = "needs cosign, crane and oras: cargo xtask test clients"]
async fn n_125_n_130_the_whole_graph_arrives_at_another_wharf_and_nothing_is_sent_twice() -> Result<()> {
    let (first, second, clients) = (server_with(&["cosign"]).await?, server_with(&[]).await?, Clients::new()?);
    clients.login(&first.host(), "admin", PASSWORD)?;
    clients.login(&second.host(), "admin", PASSWORD)?;
    let name = format!("{}/cosign/pause", first.host());
    let digest = clients.push(&format!("{name}:1"))?;
    let image = format!("{name}@{digest}");
    clients.every_legacy_form(&image)?;
    clients.sign_bundle(&image)?;
    clients.attest(&image)?;
    let sbom = clients.attach(&image, "application/spdx+json", "sbom.json", "{}")?;
    clients.sign_bundle(&format!("{name}@{sbom}"))?;
    let rule = rule(&first, "harbor", &second.url(""), "cosign").await?;
    let id = start(&first, rule).await?;
    let done = settled(&first, id).await?;
    assert_eq!(done["status"], "Succeed", "{}", logs(&first, id).await?);
    let there = format!("{}/cosign/pause", second.host());
    assert_eq!(clients.crane(&["digest", &format!("{there}:1")])?, digest);
    assert_eq!(clients.graph(&format!("{there}@{digest}"))?, clients.graph(&image)?);
    for form in ["sig", "att", "sbom"] {
        let tag = format!("{}.{form}", digest.replace(':', "-"));
        let there = clients.crane(&["digest", &format!("{there}:{tag}")])?;
        assert_eq!(there, clients.crane(&["digest", &format!("{name}:{tag}")])?, "{tag}");
    }
    clients.verify(&format!("{there}@{digest}"))?;
    clients.verify_legacy(&format!("{there}@{digest}"))?;
    clients.verify_referrer(&format!("{there}@{digest}"))?;
    // N-125: the project that was missing there was made private.
    let project = second.call(Method::GET, "/projects/cosign", json!(null)).await?;
    assert_eq!(project["metadata"]["public"], "false");
    // Again: nothing is sent, and it says so in one line instead of a row for each.
    let again = start(&first, rule).await?;
    let found = settled(&first, again).await?;
    assert_eq!((&found["status"], &found["total"], &found["unchanged"]), (&json!("Succeed"), &done["total"], &done["total"]), "{found}");
    let tasks = first.call(Method::GET, &format!("/replication/executions/{again}/tasks"), json!(null)).await?;
    assert_eq!(tasks, json!([]));
    Ok(())
}

#[tokio::test]
#[ignore = "needs cosign 2, cosign and crane: cargo xtask test clients"]
async fn c_2_1_signatures_of_both_sides_are_in_force_where_people_s_tags_are_not_replaced() -> Result<()> {
    let (first, second) = (server_with(&["cosign"]).await?, server_with(&[]).await?);
    // Three key pairs: two sign on the first, one on the second.
    let signers = [Clients::new()?, Clients::new()?, Clients::new()?];
    for clients in &signers {
        clients.login(&first.host(), "admin", PASSWORD)?;
        clients.login(&second.host(), "admin", PASSWORD)?;
    }
    let [one, two, three] = &signers;
    let image = |server: &Server, digest: &str| format!("{}/cosign/pause@{digest}", server.host());
    let digest = one.push(&format!("{}/cosign/pause:1", first.host()))?;
    let rule = rule_with(&first, "harbor", &second.url(""), "cosign", false).await?;
    one.sign_legacy(&image(&first, &digest))?;
    let run = start(&first, rule).await?;
    assert_eq!(settled(&first, run).await?["status"], "Succeed", "{}", logs(&first, run).await?);
    three.sign_legacy(&image(&second, &digest))?;
    two.sign_legacy(&image(&first, &digest))?;
    one.attest_legacy(&image(&first, &digest))?;
    let run = start(&first, rule).await?;
    assert_eq!(settled(&first, run).await?["status"], "Succeed", "{}", logs(&first, run).await?);
    for clients in &signers {
        clients.verify_legacy(&image(&second, &digest))?;
    }
    let rows = second.call(Method::GET, "/projects/cosign/repositories/pause/artifacts", json!(null)).await?;
    assert_eq!(rows.as_array().map(Vec::len), Some(1), "signatures stand there as images: {rows}");
    // Nothing is new, so nothing is written; the rule still does not move people's tags.
    let run = start(&first, rule).await?;
    let found = settled(&first, run).await?;
    assert_eq!((&found["status"], &found["unchanged"]), (&json!("Succeed"), &found["total"]), "{}", logs(&first, run).await?);
    let other = two.push(&format!("{}/cosign/pause:1", first.host()))?;
    let run = start(&first, rule).await?;
    assert_eq!(settled(&first, run).await?["status"], "Failed");
    assert!(logs(&first, run).await?.contains("the rule does not replace tags"));
    assert_ne!(one.crane(&["digest", &format!("{}/cosign/pause:1", second.host())])?, other);
    Ok(())
}

/// Debian's docker-registry 2.8, which has no referrers API.
pub struct DockerRegistry {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl DockerRegistry {
    async fn start() -> Result<DockerRegistry> {
        DockerRegistry::start_with("").await
    }

    /// With more in its `storage`.
    pub async fn start_with(storage: &str) -> Result<DockerRegistry> {
        let folder = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = folder.path().join("config.yml");
        std::fs::write(&config, format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\n{storage}http:\n  addr: 127.0.0.1:{port}\n",
            folder.path().join("data").display(),
        ))?;
        let child = Command::new("docker-registry").arg("serve").arg(config).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let registry = DockerRegistry { child, port, folder };
        let begin = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            anyhow::ensure!(begin.elapsed() < Duration::from_secs(20), "docker-registry did not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(registry)
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
#[ignore = "needs docker-registry, cosign, crane and oras: cargo xtask test clients"]
async fn a_registry_without_referrers_gets_the_fallback_tag_merged() -> Result<()> {
    let (server, registry, clients) = (server_with(&["cosign"]).await?, DockerRegistry::start().await?, Clients::new()?);
    clients.login(&server.host(), "admin", PASSWORD)?;
    let name = format!("{}/cosign/pause", server.host());
    let digest = clients.push(&format!("{name}:1"))?;
    // Something is attached there before: it must stay.
    clients.crane(&["copy", &format!("{name}:1"), &format!("{}/cosign/pause:1", registry.host())])?;
    let there = format!("{}/cosign/pause@{digest}", registry.host());
    let own = clients.attach(&there, "application/vnd.example.note", "note.txt", "written there")?;
    clients.sign_legacy(&format!("{name}@{digest}"))?;
    clients.sign_bundle(&format!("{name}@{digest}"))?;
    clients.attest(&format!("{name}@{digest}"))?;
    let rule = rule(&server, "docker-registry", &format!("http://{}", registry.host()), "cosign").await?;
    let id = start(&server, rule).await?;
    assert_eq!(settled(&server, id).await?["status"], "Succeed", "{}", logs(&server, id).await?);
    let graph = clients.graph(&there)?;
    assert!(graph.iter().any(|row| row.ends_with(&own)), "what stood there is gone: {graph:?}");
    for row in clients.graph(&format!("{name}@{digest}"))? {
        assert!(graph.contains(&row), "{row} did not arrive: {graph:?}");
    }
    clients.verify(&there)?;
    clients.verify_legacy(&there)?;
    Ok(())
}

fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..size.div_ceil(8))
        .flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .take(size)
        .collect()
}

/// Bytes that lie in a folder.
fn folder_bytes(path: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    let bytes = |entry: std::fs::DirEntry| match entry.path().is_dir() {
        true => folder_bytes(&entry.path()),
        false => entry.metadata().map_or(0, |found| found.len()),
    };
    entries.flatten().map(bytes).sum()
}

/// Bytes that a server received: blobs, and what lies in unfinished uploads.
fn blob_bytes(server: &Server) -> u64 {
    folder_bytes(&server.data().join("blobs")) + folder_bytes(&server.data().join("uploads"))
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_server_killed_in_the_middle_goes_on_by_itself() -> Result<()> {
    let (mut first, second) = (server_with(&["many"]).await?, server_with(&["many"]).await?);
    let size = 1 << 20;
    for n in 0..20 {
        image::push(&first, &format!("many/image-{n}"), "1", noise(size, n + 1)).await?;
    }
    let rule = rule(&first, "harbor", &second.url(""), "many").await?;
    let id = start(&first, rule).await?;
    // Killed when some of it, and not all, has arrived.
    let begin = Instant::now();
    loop {
        let found = execution(&first, id).await?;
        if found["succeed"].as_i64().unwrap_or(0) >= 3 || blob_bytes(&second) > 4 * size as u64 {
            break;
        }
        anyhow::ensure!(begin.elapsed() < Duration::from_secs(60), "nothing arrives: {found}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    first.kill().await?;
    let before = blob_bytes(&second);
    first.restart().await?;
    let done = settled(&first, id).await?;
    assert_eq!((done["status"].as_str(), done["succeed"].as_i64()), (Some("Succeed"), Some(20)), "{done}");
    let sent = blob_bytes(&second);
    println!("killed at {before} bytes; {sent} bytes lie there at the end");
    assert!(before < 20 * size as u64, "the kill came too late to show anything");
    assert!(sent as f64 <= 20.0 * size as f64 * 1.05, "{sent}");
    for n in 0..20 {
        let path = format!("/v2/many/image-{n}/manifests/1");
        let head = second.client.head(second.url(&path)).basic_auth("admin", Some(PASSWORD)).send().await?;
        assert_eq!(head.status(), 200, "{path}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs docker-registry: cargo xtask test clients"]
async fn a_large_blob_goes_on_where_the_kill_left_it() -> Result<()> {
    let size = 192_u64 << 20;
    let (mut first, second, registry) = (server_with(&["big"]).await?, server_with(&["big"]).await?, DockerRegistry::start().await?);
    let digest = image::push(&first, "big/image", "1", noise(size as usize, 7)).await?;
    let (wharf, docker) = (second.data().to_owned(), registry.folder.path().to_owned());
    for (provider, url, folder) in
        [("harbor", second.url(""), wharf), ("docker-registry", format!("http://{}", registry.host()), docker)]
    {
        let rule = rule(&first, provider, &url, "big").await?;
        let id = start(&first, rule).await?;
        let begin = Instant::now();
        while folder_bytes(&folder) < size / 8 {
            anyhow::ensure!(begin.elapsed() < Duration::from_secs(60), "nothing arrives");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        first.kill().await?;
        first.restart().await?;
        assert_eq!(settled(&first, id).await?["status"], "Succeed");
        let log = logs(&first, id).await?;
        println!("{provider}: {log}");
        // distribution keeps the offset in the location that it gave, and refuses one whose request was cut: sent anew.
        let expected = if provider == "harbor" { "went on at" } else { "pushed" };
        assert!(log.contains(expected), "{log}");
        let head = first.client.head(format!("{url}/v2/big/image/manifests/1")).basic_auth("admin", Some(PASSWORD));
        let head = head.header("accept", "application/vnd.oci.image.manifest.v1+json").send().await?;
        assert_eq!(head.headers()["docker-content-digest"], digest.as_str());
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_dead_destination_is_named_and_retry_heals_it() -> Result<()> {
    let (first, mut second) = (server_with(&["heal"]).await?, server_with(&["heal"]).await?);
    let digest = image::push(&first, "heal/one", "1", noise(1000, 1)).await?;
    let rule = rule(&first, "harbor", &second.url(""), "heal").await?;
    second.kill().await?;
    let id = start(&first, rule).await?;
    let failed = settled(&first, id).await?;
    assert_eq!(failed["status"], "Failed");
    let text = failed["status_text"].as_str().unwrap_or_default();
    assert!(text.starts_with("destination: it cannot be reached"), "{text}");
    second.restart().await?;
    // The portal's "Retry what failed", as a form without script.
    let login = first
        .client
        .post(first.url("/fn/sign-in"))
        .header("sec-fetch-site", "same-origin")
        .form(&[("name", "admin"), ("password", PASSWORD), ("next", "/")])
        .send()
        .await?;
    let cookie = login.headers()["set-cookie"].to_str()?.split(';').next().unwrap_or_default().to_owned();
    let retry = first
        .client
        .post(first.url("/fn/execution/retry"))
        .header("sec-fetch-site", "same-origin")
        .header("cookie", cookie)
        .header("accept", "text/html")
        .form(&[("id", id.to_string())])
        .send()
        .await?;
    assert_eq!(retry.status(), 303);
    let again = retry.headers()["location"].to_str()?.rsplit('/').next().and_then(|id| id.parse().ok()).context("its id")?;
    assert_eq!(settled(&first, again).await?["status"], "Succeed");
    let head = second.client.head(second.url("/v2/heal/one/manifests/1")).basic_auth("admin", Some(PASSWORD)).send().await?;
    assert_eq!(head.headers()["docker-content-digest"], digest.as_str());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn stop_takes_effect_inside_a_large_blob() -> Result<()> {
    let first = server_with(&["stop"]).await?;
    image::push_zeros(&first, "stop/large", "1", 1 << 30).await?;
    // A destination that takes its time: it reads a little and then nothing.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(slow_registry(listener));
    let rule = rule(&first, "docker-registry", &format!("http://127.0.0.1:{port}"), "stop").await?;
    let id = start(&first, rule).await?;
    let begin = Instant::now();
    while execution(&first, id).await?["in_progress"] != 1 {
        anyhow::ensure!(begin.elapsed() < Duration::from_secs(20), "it does not run");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.call(Method::PUT, &format!("/replication/executions/{id}"), json!(null)).await?;
    let asked = Instant::now();
    let done = settled(&first, id).await?;
    println!("stopped after {:?}", asked.elapsed());
    assert_eq!((done["status"].as_str(), done["stopped"].as_i64()), (Some("Stopped"), Some(1)), "{done}");
    Ok(())
}

/// Speaks just enough of the protocol to be sent a blob, and never finishes reading it.
async fn slow_registry(listener: tokio::net::TcpListener) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut bytes = vec![0; 4096];
            loop {
                let n = stream.read(&mut bytes).await.unwrap_or(0);
                if n == 0 {
                    return;
                }
                let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
                let answer = match text.split(' ').next().unwrap_or_default() {
                    "GET" => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
                    "HEAD" => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
                    "POST" => "HTTP/1.1 202 Accepted\r\nlocation: /v2/upload\r\ncontent-length: 0\r\n\r\n".to_owned(),
                    _ => {
                        // The blob: hold the line.
                        std::future::pending::<()>().await;
                        return;
                    }
                };
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
}
