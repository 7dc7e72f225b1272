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
    assert!(log.contains("destination: its upload location is on another server"), "{log}");
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
