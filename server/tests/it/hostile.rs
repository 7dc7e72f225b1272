//! Targets that do not behave: they get no credentials, no bytes, and a named failure.

use crate::{binary, server_with};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::{PASSWORD, Server, image};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A listener that answers each request with what `answer` says to its first line, and counts them.
async fn fake(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Result<(u16, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let (count, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(answer));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (count, answer) = (counted.clone(), answer.clone());
            tokio::spawn(async move {
                let mut bytes = vec![0; 64 * 1024];
                while let Ok(n) = stream.read(&mut bytes).await {
                    if n == 0 {
                        return;
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                    let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
                    if stream.write_all(answer(text.lines().next().unwrap_or_default()).as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok((port, count))
}

fn empty(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\n\r\n")
}

async fn ping(server: &Server, port: u16) -> Result<(u16, String)> {
    let body = json!({
        "type": "docker-registry", "url": format!("http://127.0.0.1:{port}"), "access_key": "admin", "access_secret": PASSWORD,
    });
    let response = server.api(Method::POST, "/registries/ping").json(&body).send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn n_112_n_113_redirects_and_foreign_realms_are_not_followed() -> Result<()> {
    let server = server_with(&[]).await?;
    let (other, reached) = fake(|_| empty("200 OK", "")).await?;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let (port, _) = fake(move |_| empty(status, &format!("location: http://127.0.0.1:{other}/\r\n"))).await?;
        let (code, text) = ping(&server, port).await?;
        assert_eq!(code, 400);
        assert!(text.contains("is this a registry?"), "{text}");
    }
    for realm in [format!("http://127.0.0.1:{other}/token"), "/token".into(), "file:///etc/passwd".into()] {
        let (port, _) = fake(move |_| empty("401 Unauthorized", &format!("www-authenticate: Bearer realm=\"{realm}\",service=\"x\"\r\n"))).await?;
        let (code, text) = ping(&server, port).await?;
        assert_eq!(code, 400);
        assert!(text.contains("REALM_NOT_ALLOWED"), "{text}");
    }
    assert_eq!(reached.load(Ordering::Relaxed), 0, "something was sent to the other address");
    // The one that the target names is asked; what it hands out is no token.
    let body = |port: u16, tokens: String| json!({
        "type": "docker-registry", "url": format!("http://127.0.0.1:{port}"), "token_server": tokens,
        "access_key": "admin", "access_secret": PASSWORD,
    });
    let realm = format!("http://127.0.0.1:{other}/token");
    let (port, _) = fake(move |_| empty("401 Unauthorized", &format!("www-authenticate: Bearer realm=\"{realm}\",service=\"x\"\r\n"))).await?;
    for (tokens, said, asked) in [
        ("http://127.0.0.1:1".to_owned(), "REALM_NOT_ALLOWED", 0),
        (format!("http://127.0.0.1:{other}"), "something that is no token", 1),
    ] {
        let response = server.api(Method::POST, "/registries/ping").json(&body(port, tokens)).send().await?;
        let text = response.text().await?;
        assert!(text.contains(said), "{text}");
        assert_eq!(reached.load(Ordering::Relaxed), asked);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn n_115_endless_challenges_end() -> Result<()> {
    let server = server_with(&[]).await?;
    let (port, count) = fake(|_| empty("401 Unauthorized", "www-authenticate: Basic realm=\"x\"\r\n")).await?;
    let (code, text) = ping(&server, port).await?;
    assert_eq!(code, 400);
    assert!(text.contains("refused the credentials"), "{text}");
    assert!(count.load(Ordering::Relaxed) <= 3, "{count:?}");
    let huge = format!("www-authenticate: Bearer realm=\"{}\"\r\n", "x".repeat(10 << 20));
    let (port, _) = fake(move |_| empty("401 Unauthorized", &huge)).await?;
    assert_eq!(ping(&server, port).await?.0, 400);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn n_114_an_upload_is_not_sent_to_another_address() -> Result<()> {
    let server = server_with(&["p"]).await?;
    image::push(&server, "p/one", "1", b"bytes".to_vec()).await?;
    let (other, reached) = fake(|_| empty("201 Created", "")).await?;
    let (port, _) = fake(move |line| match line.split(' ').next() {
        Some("GET") => empty("200 OK", ""),
        Some("HEAD") => empty("404 Not Found", ""),
        _ => empty("202 Accepted", &format!("location: http://127.0.0.1:{other}/upload\r\n")),
    })
    .await?;
    server
        .call(Method::POST, "/registries", json!({ "name": "t", "type": "docker-registry", "url": format!("http://127.0.0.1:{port}") }))
        .await?;
    server
        .call(Method::POST, "/replication/policies", json!({
            "name": "r", "dest_registry": { "id": 1 }, "enabled": true, "dest_namespace_replace_count": 0,
        }))
        .await?;
    server.call(Method::POST, "/replication/executions", json!({ "policy_id": 1 })).await?;
    let begin = std::time::Instant::now();
    let done = loop {
        let found: Value = server.call(Method::GET, "/replication/executions/1", json!(null)).await?;
        if found["status"] != "InProgress" {
            break found;
        }
        anyhow::ensure!(begin.elapsed().as_secs() < 20, "{found}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!((done["status"].as_str(), done["failed"].as_i64()), (Some("Failed"), Some(1)), "{done}");
    let log = server.api(Method::GET, "/replication/executions/1/tasks/1/log").send().await?.text().await?;
    assert!(log.contains("destination: its upload location is at http://127.0.0.1:"), "{log}");
    assert_eq!(reached.load(Ordering::Relaxed), 0);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn n_111_a_proxy_in_the_environment_is_ignored() -> Result<()> {
    let (proxy, reached) = fake(|_| empty("502 Bad Gateway", "")).await?;
    let proxy = format!("http://127.0.0.1:{proxy}");
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"];
    let environment: Vec<(&str, &str)> = names.iter().map(|name| (*name, proxy.as_str())).collect();
    let server = Server::start(&binary()?, &environment).await?;
    let (port, _) = fake(|_| empty("200 OK", "")).await?;
    assert_eq!(ping(&server, port).await?.0, 200);
    assert_eq!(reached.load(Ordering::Relaxed), 0);
    Ok(())
}

/// Sends `head` and `body`, and answers what comes back until the other side ends, or `for_so_long`.
async fn raw(host: &str, head: String, body: &[u8]) -> Result<(String, bool)> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(host).await?;
    stream.write_all(head.as_bytes()).await?;
    // The server may have answered and be reading no more.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match tokio::time::timeout(std::time::Duration::from_secs(10), stream.read(&mut buffer)).await {
            Ok(Ok(0)) => return Ok((String::from_utf8_lossy(&answer).into_owned(), true)),
            Ok(Ok(n)) => answer.extend_from_slice(&buffer[..n]),
            Ok(Err(error)) => anyhow::bail!("the answer was lost: {error}; got {:?}", String::from_utf8_lossy(&answer)),
            Err(_) => return Ok((String::from_utf8_lossy(&answer).into_owned(), false)),
        }
        if answer.windows(4).any(|end| end == b"\r\n\r\n") && !String::from_utf8_lossy(&answer).to_lowercase().contains("connection: close") {
            return Ok((String::from_utf8_lossy(&answer).into_owned(), false));
        }
    }
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn x_3_a_refused_request_with_a_body_ends_in_a_way_that_clients_survive() -> Result<()> {
    let server = Server::start(&crate::binary()?, &[]).await?;
    let head = |method: &str, path: &str, size: usize, more: &str| {
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer x\r\nContent-Length: {size}\r\n{more}\r\n", server.host())
    };
    for (method, path) in [
        ("PUT", "/v2/p/r/manifests/x"), ("POST", "/v2/p/r/blobs/uploads/"), ("PATCH", "/v2/p/r/blobs/uploads/0123456789abcdef0123456789abcdef"),
        ("POST", "/api/v2.0/projects"), ("POST", "/nothing"),
    ] {
        for size in [2, 100_000, 900_000, 20_000_000] {
            for _ in 0..5 {
                let (answer, ended) = raw(&server.host(), head(method, path, size, ""), &vec![b'x'; size]).await?;
                anyhow::ensure!(answer.starts_with("HTTP/1.1 4"), "{method} {path} of {size}: {answer:?}");
                let says = answer.to_lowercase().contains("connection: close");
                anyhow::ensure!(says == ended, "{method} {path} of {size}: says it closes: {says}, closed: {ended}");
                anyhow::ensure!(size > 1 << 20 || !says, "{method} {path}: what is small is read on");
            }
        }
        // A client that asks first is told at once, and has sent nothing.
        let (answer, _) = raw(&server.host(), head(method, path, 50_000_000, "Expect: 100-continue\r\n"), b"").await?;
        anyhow::ensure!(answer.starts_with("HTTP/1.1 4"), "{answer:?}");
    }
    // A client that pools connections goes on with them.
    for _ in 0..50 {
        let url = server.url("/v2/p/r/manifests/x");
        let status = server.client.put(url).bearer_auth("x").body(vec![b'x'; 100_000]).send().await?.status();
        anyhow::ensure!(status == 401, "{status}");
        anyhow::ensure!(server.client.get(server.url("/healthz")).send().await?.status() == 200);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_6_3_slow_is_not_broken_and_a_trickle_ends() -> Result<()> {
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = Server::start(&crate::binary()?, &[("WHARF_LIMITS_SILENCE", "6s")]).await?;
    server.call(reqwest::Method::POST, "/projects", serde_json::json!({ "project_name": "p" })).await?;
    let bytes: Vec<u8> = (0..24 << 20).map(|n: u32| (n % 251) as u8).collect();
    let digest = testkit::image::blob(&server, "p/r", bytes.clone()).await?;
    let proof = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("admin:{}", testkit::PASSWORD))
    };
    let head = |method: &str, path: &str, more: &str| format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {proof}\r\n{more}\r\n", server.host());
    // Two silences of two thirds of the patience each, with bytes between, in either direction.
    let mut pull = tokio::net::TcpStream::connect(server.host()).await?;
    pull.write_all(head("GET", &format!("/v2/p/r/blobs/{digest}"), "Connection: close\r\n").as_bytes()).await?;
    let mut push = tokio::net::TcpStream::connect(server.host()).await?;
    let path = format!("/v2/p/r/blobs/uploads/?digest={digest}");
    push.write_all(head("POST", &path, &format!("Content-Length: {}\r\nConnection: close\r\n", bytes.len())).as_bytes()).await?;
    // One that sends a byte now and then.
    let mut trickle = tokio::net::TcpStream::connect(server.host()).await?;
    trickle.write_all(head("POST", &path, &format!("Content-Length: {}\r\n", bytes.len())).as_bytes()).await?;
    let mut got = 0;
    for part in 0..3 {
        push.write_all(&bytes[part * (1 << 20)..(part + 1) * (1 << 20)]).await?;
        let mut buffer = vec![0; 64 * 1024];
        // Past what the buffers between hold: the server sees nothing of what is taken out of those.
        while got < (part + 1) * (6 << 20) {
            got += pull.read(&mut buffer).await?;
        }
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let _ = trickle.write_all(b"x").await;
        }
    }
    let mut rest = Vec::new();
    pull.read_to_end(&mut rest).await?;
    anyhow::ensure!(got + rest.len() > bytes.len(), "cut at {}", got + rest.len());
    push.write_all(&bytes[3 << 20..]).await?;
    let mut answer = String::new();
    push.read_to_string(&mut answer).await?;
    anyhow::ensure!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let mut end = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), trickle.read_to_end(&mut end)).await??;
    anyhow::ensure!(!String::from_utf8_lossy(&end).starts_with("HTTP/1.1 2"), "a trickle is served");
    let log = server.log()?;
    anyhow::ensure!(log.contains("a client was cut off") && log.contains("bytes=") && log.contains("seconds="), "{log}");
    Ok(())
}
