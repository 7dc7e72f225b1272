//! Targets that say what is not so, and what others have there: what is not proved is looked at, and what is somebody's is left alone.

use super::lost::{settled, sign};
use super::{MANIFEST, green, ready, run};
use crate::server_with;
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::odd::{Odd, Registry};
use testkit::{PASSWORD, Server, image};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Puts a manifest at any registry.
async fn put(server: &Server, url: &str, media_type: &str, made: &Value) -> Result<()> {
    let put = server.client.put(url).basic_auth("admin", Some(PASSWORD)).header("content-type", media_type).body(made.to_string());
    let answer = put.send().await?;
    anyhow::ensure!(answer.status() == 201, "{}", answer.text().await?);
    Ok(())
}

/// An index of two images under `p/i:all`; its children.
async fn index(server: &Server) -> Result<Vec<String>> {
    let mut children = Vec::new();
    for n in 0..2 {
        children.push(image::push(server, "p/i", &format!("v{n}"), format!("platform {n}").into_bytes()).await?);
    }
    let mut entries = Vec::new();
    for (n, digest) in children.iter().enumerate() {
        let url = server.url(&format!("/v2/p/i/manifests/{digest}"));
        let size = server.client.get(url).basic_auth("admin", Some(PASSWORD)).send().await?.bytes().await?.len();
        entries.push(json!({ "mediaType": MANIFEST, "digest": digest, "size": size, "platform": { "os": "linux", "architecture": format!("a{n}") } }));
        server.call(Method::DELETE, &format!("/projects/p/repositories/i/artifacts/{digest}/tags/v{n}"), json!(null)).await?;
    }
    put(server, &server.url("/v2/p/i/manifests/all"), INDEX, &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries })).await?;
    Ok(children)
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn an_answer_that_names_nothing_proves_nothing() -> Result<()> {
    for lie in [302, 307, 200] {
        let server = server_with(&["p"]).await?;
        let children = index(&server).await?;
        let there = Registry::start(Odd::default()).await?;
        ready(&server, &there.url, json!({})).await?;
        there.becomes(Odd { heads_lie: Some(lie), ..Odd::default() });
        for _ in 0..2 {
            let (done, log) = run(&server).await?;
            green(&done, &log);
            for child in &children {
                assert!(there.manifest("p/i", child).is_some(), "{lie}: {child}\n{log}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn blobs_that_were_only_said_to_be_there_are_sent() -> Result<()> {
    let server = server_with(&["p"]).await?;
    for name in ["a", "b", "c"] {
        image::push(&server, &format!("p/{name}"), "1", b"one layer of all".to_vec()).await?;
    }
    let there = Registry::start(Odd { blobs_lie: true, ..Odd::default() }).await?;
    ready(&server, &there.url, json!({})).await?;
    let (done, log) = run(&server).await?;
    green(&done, &log);
    for name in ["a", "b", "c"] {
        assert!(there.has_blob(&format!("p/{name}"), &image::sha256(b"one layer of all")), "{name}: {log}");
    }
    Ok(())
}

/// What cosign of somebody else put under the tag there.
async fn theirs(server: &Server, there: &Registry, tag: &str, payload: &[u8]) -> Result<()> {
    for bytes in [payload, b"{}"] {
        let url = format!("{}/v2/p/a/blobs/uploads/", there.url);
        let began = server.client.post(url).body("").send().await?;
        let place = began.headers()["location"].to_str()?.to_owned();
        let url = format!("{}{place}&digest={}", there.url, image::sha256(bytes));
        anyhow::ensure!(server.client.put(url).body(bytes.to_vec()).send().await?.status() == 201);
    }
    let made = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": image::sha256(b"{}"), "size": 2 },
        "layers": [{ "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": image::sha256(payload), "size": payload.len(),
            "annotations": { "dev.cosignproject.cosign/signature": "theirs" } }],
    });
    put(server, &format!("{}/v2/p/a/manifests/{tag}", there.url), MANIFEST, &made).await
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn signatures_that_others_made_there_outlive_what_is_read_wrongly() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let digest = image::push(&server, "p/a", "1", b"layer".to_vec()).await?;
    let (tag, own) = sign(&server, "p/a", &digest, "ours").await?;
    let there = Registry::start(Odd::default()).await?;
    ready(&server, &there.url, json!({})).await?;
    theirs(&server, &there, &tag, b"theirs").await?;
    let holds = |payload: &str| {
        let found = there.manifest("p/a", &tag).unwrap_or_default();
        found["layers"].as_array().into_iter().flatten().any(|layer| layer["digest"] == payload)
    };
    // As long as it cannot be read nothing is written there.
    there.becomes(Odd { garbles: 1000, ..Odd::default() });
    let (done, log) = run(&server).await?;
    assert!(done["status"] == "Failed" && log.contains("is no manifest"), "{done} {log}");
    assert!(holds(&image::sha256(b"theirs")) && !holds(&own), "{log}");
    there.becomes(Odd { garbles: 1, ..Odd::default() });
    let (done, log) = run(&server).await?;
    green(&done, &log);
    assert!(holds(&image::sha256(b"theirs")) && holds(&own), "{log}");
    // One that reads otherwise each time does not keep a run going for ever.
    there.becomes(Odd { restless: true, ..Odd::default() });
    let (done, log) = run(&server).await?;
    assert!(done["status"] == "Failed" && log.contains("another each time"), "{done} {log}");
    there.becomes(Odd::default());
    // What is no signature is somebody's own.
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] });
    put(&server, &format!("{}/v2/p/a/manifests/{tag}", there.url), INDEX, &index).await?;
    let (done, log) = run(&server).await?;
    assert!(done["status"] == "Failed" && log.contains("left alone"), "{done} {log}");
    assert_eq!(there.manifest("p/a", &tag), Some(index));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_secret_that_is_refused_is_not_tried_again() -> Result<()> {
    let ways: [fn(&'static str) -> Odd; 2] =
        [|pair| Odd { basic: Some(pair), ..Odd::default() }, |pair| Odd { tokens: true, tokens_for: Some(pair), ..Odd::default() }];
    for way in ways {
        let server = server_with(&["p"]).await?;
        for n in 0..30 {
            image::push(&server, &format!("p/r{n}"), "1", format!("{n}").into_bytes()).await?;
        }
        let there = Registry::start(way("somebody:secret")).await?;
        ready(&server, &there.url, json!({})).await?;
        there.becomes(way("somebody:another"));
        let before = there.signed();
        let (done, log) = run(&server).await?;
        assert_eq!((done["status"].as_str(), done["succeed"].as_i64()), (Some("Failed"), Some(0)), "{done}");
        assert!(log.contains("refused the credentials"), "{log}");
        // Those that were under way at once, and no other.
        assert!(there.signed() - before <= 8, "{} guesses", there.signed() - before);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_rule_that_sends_slowly_leaves_room_for_others() -> Result<()> {
    let server = server_with(&["slow", "fast"]).await?;
    for n in 0..6 {
        image::push(&server, &format!("slow/r{n}"), "1", format!("{n}").repeat(200_000).into_bytes()).await?;
    }
    image::push(&server, "fast/r", "1", b"small".to_vec()).await?;
    let there = Registry::start(Odd::default()).await?;
    server.call(Method::POST, "/registries", json!({ "name": "t", "type": "docker-registry", "url": there.url })).await?;
    for (name, speed) in [("slow", 1), ("fast", -1)] {
        let rule = json!({ "name": name, "dest_registry": { "id": 1 }, "enabled": true, "speed": speed, "filters": [{ "type": "name", "value": format!("{name}/**") }] });
        server.call(Method::POST, "/replication/policies", rule).await?;
    }
    server.call(Method::POST, "/replication/executions", json!({ "policy_id": 1 })).await?;
    while there.asked("PUT /v2/slow") == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.call(Method::POST, "/replication/executions", json!({ "policy_id": 2 })).await?;
    assert_eq!(settled(&server, 2, Duration::from_secs(60)).await?["status"], "Succeed");
    server.call(Method::POST, "/registries/ping", json!({ "id": 1 })).await?;
    assert_eq!(server.call(Method::GET, "/replication/executions/1", json!(null)).await?["status"], "InProgress");
    server.call(Method::PUT, "/replication/executions/1", json!(null)).await?;
    assert_eq!(settled(&server, 1, Duration::from_secs(30)).await?["status"], "Stopped");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn what_failed_is_run_again_only_by_the_rule_as_it_is() -> Result<()> {
    let server = server_with(&["p"]).await?;
    for (name, tags) in [("a/x", &["t1"][..]), ("b/x", &["t0", "t1"]), ("c/x", &["t0"])] {
        for tag in tags {
            let digest = image::push(&server, &format!("p/{name}"), tag, name.as_bytes().to_vec()).await?;
            assert!(digest.starts_with("sha256:"));
        }
    }
    let there = Registry::start(Odd::default()).await?;
    ready(&server, &there.url, json!({ "dest_namespace": "dst", "dest_namespace_replace_count": 2 })).await?;
    let (done, log) = run(&server).await?;
    // b has no place, so c has the one that b would have taken.
    assert_eq!((done["succeed"].as_i64(), done["failed"].as_i64()), (Some(2), Some(1)), "{done} {log}");
    assert!(log.contains("two sources for dst/x:t1") && there.digest("dst/x", "t0").is_some(), "{log}");
    let retry = async |id: i64| -> Result<(u16, String)> {
        let answer = server.api(Method::POST, &format!("/replication/executions/{id}/retry")).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    };
    let (status, text) = retry(1).await?;
    assert!(status == 412 && text.contains("no place"), "{status} {text}");
    // One that fails, and then a rule that is changed, and disabled.
    there.becomes(Odd { refuses: None, basic: Some("nobody:knows"), ..Odd::default() });
    let (done, _) = run(&server).await?;
    assert_eq!(done["status"], "Failed");
    let id = done["id"].as_i64().unwrap_or_default();
    there.becomes(Odd::default());
    let mut rule = server.call(Method::GET, "/replication/policies/1", json!(null)).await?;
    rule["dest_namespace"] = "elsewhere".into();
    server.call(Method::PUT, "/replication/policies/1", rule.clone()).await?;
    let (status, text) = retry(id).await?;
    assert!(status == 412 && text.contains("changed since"), "{status} {text}");
    rule["enabled"] = false.into();
    server.call(Method::PUT, "/replication/policies/1", rule).await?;
    let (status, text) = retry(id).await?;
    assert!(status == 412 && text.contains("disabled"), "{status} {text}");
    assert_eq!(there.asked("PUT /v2/elsewhere"), 0);
    Ok(())
}
