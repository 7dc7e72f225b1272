//! What a target loses, what two write at once, and who hangs: found by trying real registries, stores and proxies.

use super::{BUNDLE, MANIFEST, green, ready, run};
use crate::server_with;
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::image::attach;
use testkit::odd::{Odd, Registry};
use testkit::{PASSWORD, Server, image};

/// cosign's signature of an image under its tag; answers the tag and the digest of its payload.
pub(super) async fn sign(server: &Server, repository: &str, digest: &str, says: &str) -> Result<(String, String)> {
    let payload = json!({ "critical": { "image": { "docker-manifest-digest": digest }, "type": "cosign container image signature" }, "optional": { "by": says } });
    let layer = image::blob(server, repository, payload.to_string().into_bytes()).await?;
    let config = image::blob(server, repository, b"{}".to_vec()).await?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2 },
        "layers": [{ "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": layer, "size": payload.to_string().len(),
            "annotations": { "dev.cosignproject.cosign/signature": says } }],
    });
    let tag = format!("{}.sig", digest.replace(':', "-"));
    let put = server.client.put(server.url(&format!("/v2/{repository}/manifests/{tag}"))).basic_auth("admin", Some(PASSWORD));
    let answer = put.header("content-type", MANIFEST).body(manifest.to_string()).send().await?;
    anyhow::ensure!(answer.status() == 201, "{}", answer.text().await?);
    Ok((tag, layer))
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_blob_that_was_lost_there_is_sent_again() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let digest = image::push(&server, "p/a", "1", b"layer".to_vec()).await?;
    let (_, payload) = sign(&server, "p/a", &digest, "b25l").await?;
    attach(&server, "p/a", &digest, BUNDLE).await?;
    let there = Registry::start(Odd { no_referrers: true, ..Odd::default() }).await?;
    ready(&server, &there.url, json!({})).await?;
    let (done, log) = run(&server).await?;
    green(&done, &log);
    let (done, log) = run(&server).await?;
    green(&done, &log);
    assert_eq!((done["unchanged"].as_i64(), log.as_str()), (Some(1), ""), "{done}");
    for lost in [image::sha256(b"layer"), payload, image::sha256(b"{}")] {
        there.lose("p/a", &lost);
        let (done, log) = run(&server).await?;
        green(&done, &log);
        assert!(there.has_blob("p/a", &lost), "{lost}\n{log}");
        assert_eq!(done["unchanged"], 0, "what was sent is told: {done}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn what_a_store_has_lost_is_not_there_whatever_the_registry_remembers() -> Result<()> {
    let server = server_with(&["p"]).await?;
    image::push(&server, "p/a", "1", b"layer".to_vec()).await?;
    let store = Registry::start(Odd::default()).await?;
    let there = Registry::start(Odd::default()).await?;
    ready(&server, &there.url, json!({})).await?;
    let (done, log) = run(&server).await?;
    green(&done, &log);
    let sent = there.asked("PUT /v2/p/a/blobs");
    // The store has nothing; then it is one that lets nobody look; then nobody is there.
    there.becomes(Odd { blobs_at: Some(store.url.clone()), ..Odd::default() });
    let (done, log) = run(&server).await?;
    green(&done, &log);
    assert_eq!(there.asked("PUT /v2/p/a/blobs"), sent + 2, "layer and configuration: {log}");
    assert!(store.asked("HEAD /v2/p/a/blobs") >= 2 && store.signed() == 0);
    for place in [store.url.clone(), "http://127.0.0.1:1".to_owned()] {
        store.becomes(Odd { basic: Some("a:b"), ..Odd::default() });
        there.becomes(Odd { blobs_at: Some(place), ..Odd::default() });
        let (done, log) = run(&server).await?;
        green(&done, &log);
        assert_eq!(there.asked("PUT /v2/p/a/blobs"), sent + 2, "{log}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn two_rules_that_write_one_list_lose_nothing() -> Result<()> {
    let server = server_with(&["pa", "pb"]).await?;
    let (mut all, mut signatures) = (Vec::new(), Vec::new());
    for n in 0..12 {
        let digest = image::push(&server, "pa/r", &format!("v{n}"), format!("image {n}").into_bytes()).await?;
        server.call(Method::POST, &format!("/projects/pb/repositories/r/artifacts?from=pa/r:v{n}"), json!(null)).await?;
        for project in ["pa", "pb"] {
            let at = format!("{project}/r");
            let kind = format!("application/vnd.{project}");
            all.push((digest.clone(), attach(&server, &at, &digest, &kind).await?));
            signatures.push(sign(&server, &at, &digest, project).await?);
        }
    }
    let there = Registry::start(Odd { no_referrers: true, ..Odd::default() }).await?;
    let target = json!({ "name": "odd", "type": "docker-registry", "url": there.url });
    server.call(Method::POST, "/registries", target).await?;
    for project in ["pa", "pb"] {
        let rule = json!({ "name": project, "dest_registry": { "id": 1 }, "enabled": true, "override": true, "dest_namespace": "one", "dest_namespace_replace_count": -1,
            "filters": [{ "type": "name", "value": format!("{project}/**") }] });
        server.call(Method::POST, "/replication/policies", rule).await?;
    }
    for id in [1, 2] {
        server.call(Method::POST, "/replication/executions", json!({ "policy_id": id })).await?;
    }
    for id in [1, 2] {
        settled(&server, id, Duration::from_secs(120)).await?;
        let done = server.call(Method::GET, &format!("/replication/executions/{id}"), json!(null)).await?;
        let tasks = server.call(Method::GET, &format!("/replication/executions/{id}/tasks?q=status=Failed"), json!(null)).await?;
        let mut log = String::new();
        for task in tasks.as_array().into_iter().flatten() {
            log += &server.api(Method::GET, &format!("/replication/executions/{id}/tasks/{}/log", task["id"])).send().await?.text().await?;
        }
        assert_eq!(done["status"], "Succeed", "{done}\n{log}");
    }
    for (subject, referrer) in all {
        let list = there.manifest("one/r", &subject.replace(':', "-")).unwrap_or_default();
        let listed = list["manifests"].as_array().into_iter().flatten().any(|entry| entry["digest"] == referrer.as_str());
        assert!(listed, "{referrer} is not listed under {subject}: {list}");
    }
    for (tag, payload) in signatures {
        let signed = there.manifest("one/r", &tag).unwrap_or_default();
        let holds = signed["layers"].as_array().into_iter().flatten().any(|layer| layer["digest"] == payload.as_str());
        assert!(holds, "{tag} holds no {payload}: {signed}");
    }
    Ok(())
}

pub(super) async fn settled(server: &Server, execution: i64, within: Duration) -> Result<Value> {
    let begin = Instant::now();
    loop {
        let found = server.call(Method::GET, &format!("/replication/executions/{execution}"), json!(null)).await?;
        if found["status"] != "InProgress" {
            return Ok(found);
        }
        anyhow::ensure!(begin.elapsed() < within, "still not settled: {found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn no_answer_of_one_target_ends_what_others_have() -> Result<()> {
    let server = server_with(&["p"]).await?;
    image::push(&server, "p/a", "1", vec![7; 9 << 20]).await?;
    let odd = Registry::start(Odd::default()).await?;
    let well = Registry::start(Odd::default()).await?;
    for (name, url) in [("odd", &odd.url), ("well", &well.url)] {
        server.call(Method::POST, "/registries", json!({ "name": name, "type": "docker-registry", "url": url })).await?;
    }
    let rule = |n: i64, target: i64, chunked: bool| {
        json!({ "name": format!("r{n}"), "dest_registry": { "id": target }, "enabled": true, "copy_by_chunk": chunked, "filters": [{ "type": "name", "value": "p/**" }] })
    };
    server.call(Method::POST, "/replication/policies", rule(1, 1, false)).await?;
    server.call(Method::POST, "/replication/policies", rule(2, 1, true)).await?;
    server.call(Method::POST, "/replication/policies", rule(3, 2, false)).await?;
    let mut execution = 0;
    let mut run = async |policy: i64| -> Result<Value> {
        server.call(Method::POST, "/replication/executions", json!({ "policy_id": policy })).await?;
        execution += 1;
        settled(&server, execution, Duration::from_secs(60)).await
    };
    for (status, headers, policy) in [
        (429, [("retry-after", "18446744073709551615")].as_slice(), 1), (429, &[("retry-after", "1000000")], 1), (503, &[("retry-after", "3600")], 1),
        (202, &[("range", "0-9223372036854775807")], 2), (202, &[("range", "0-9223372036854775806")], 2), (202, &[("oci-chunk-min-length", "9223372036854775807")], 2),
        (416, &[("range", "0-9223372036854775807")], 2),
    ] {
        odd.becomes(Odd { takes_blobs: Some((status, headers)), ..Odd::default() });
        let done = run(policy).await?;
        assert_eq!(done["status"], "Failed", "{headers:?}: {done}");
        // The target is asked what it says of itself, and nobody waits as long as it said.
        let asked = server.call(Method::POST, "/registries/ping", json!({ "id": 1 }));
        tokio::time::timeout(Duration::from_secs(200), asked).await.with_context(|| format!("{headers:?}: the target is not asked any more"))??;
    }
    assert_eq!(run(3).await?["status"], "Succeed");
    assert!(!server.log()?.contains("panicked"), "{}", server.log()?);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_target_that_hangs_holds_no_other() -> Result<()> {
    let server = server_with(&["p"]).await?;
    image::push(&server, "p/a", "1", b"layer".to_vec()).await?;
    let hanging = Registry::start(Odd { hangs: Some("PUT"), ..Odd::default() }).await?;
    let well = Registry::start(Odd::default()).await?;
    for (name, url) in [("hanging", &hanging.url), ("well", &well.url)] {
        server.call(Method::POST, "/registries", json!({ "name": name, "type": "docker-registry", "url": url })).await?;
    }
    let rule = |n: i64, target: i64| json!({ "name": format!("r{n}"), "dest_registry": { "id": target }, "enabled": true, "filters": [{ "type": "name",
        "value": "p/**" }] });
    for n in 1..=40 {
        server.call(Method::POST, "/replication/policies", rule(n, 1)).await?;
        server.call(Method::POST, "/replication/executions", json!({ "policy_id": n })).await?;
    }
    server.call(Method::POST, "/replication/policies", rule(41, 2)).await?;
    server.call(Method::POST, "/replication/executions", json!({ "policy_id": 41 })).await?;
    let done = settled(&server, 41, Duration::from_secs(30)).await?;
    assert_eq!(done["status"], "Succeed", "{done}");
    // What waits is stopped as what runs.
    for n in 1..=40 {
        server.call(Method::PUT, &format!("/replication/executions/{n}"), json!(null)).await?;
    }
    for n in 1..=40 {
        assert_eq!(settled(&server, n, Duration::from_secs(30)).await?["status"], "Stopped");
    }
    Ok(())
}
