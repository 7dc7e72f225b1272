//! Targets that misbehave in the ways that registries out there were reported to (numbers: public reports): a run ends right, or says
//! what is wrong and on which side.

mod lies;
mod lines;
mod lost;
mod ways;

use crate::{binary, server_with};
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::image::attach;
use testkit::odd::{Odd, Registry};
use testkit::{PASSWORD, Server, image};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A target and a rule for all of project `p`; more of the rule in `rule`.
async fn ready(server: &Server, url: &str, rule: Value) -> Result<()> {
    let credential = json!({ "access_key": "somebody", "access_secret": "secret" });
    let target = json!({ "name": "odd", "type": "docker-registry", "url": url, "credential": credential });
    let made = server.api(Method::POST, "/registries").json(&target).send().await?;
    anyhow::ensure!(made.status() == 201, "{}", made.text().await?);
    let mut body = json!({
        "name": "r", "dest_registry": { "id": 1 }, "enabled": true, "override": true, "dest_namespace_replace_count": 0,
        "filters": [{ "type": "name", "value": "p/**" }],
    });
    for (name, value) in rule.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    server.call(Method::POST, "/replication/policies", body).await?;
    Ok(())
}

/// Runs the rule; answers the execution and all its tasks' logs.
async fn run(server: &Server) -> Result<(Value, String)> {
    let response = server.api(Method::POST, "/replication/executions").json(&json!({ "policy_id": 1 })).send().await?;
    let place = response.headers().get("location").context("no place")?.to_str()?.to_owned();
    let path = place.trim_start_matches("/api/v2.0").to_owned();
    let begin = Instant::now();
    let done = loop {
        let found = server.call(Method::GET, &path, json!(null)).await?;
        if found["status"] != "InProgress" {
            break found;
        }
        anyhow::ensure!(begin.elapsed() < Duration::from_secs(300), "still not settled: {found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let (mut log, mut page) = (done["status_text"].as_str().unwrap_or_default().to_owned(), 1);
    loop {
        let tasks = server.call(Method::GET, &format!("{path}/tasks?page_size=100&page={page}"), json!(null)).await?;
        let tasks = tasks.as_array().cloned().unwrap_or_default();
        for task in &tasks {
            log += &server.api(Method::GET, &format!("{path}/tasks/{}/log", task["id"])).send().await?.text().await?;
        }
        if tasks.len() < 100 {
            return Ok((done, log));
        }
        page += 1;
    }
}

/// A page of the portal, as the administrator sees it.
async fn page(server: &Server, path: &str) -> Result<String> {
    let form = format!("name=admin&password={}&next={path}", PASSWORD.replace(' ', "+"));
    let posted = server.client.post(server.url("/fn/sign-in")).header("sec-fetch-site", "same-origin");
    let posted = posted.header("content-type", "application/x-www-form-urlencoded").body(form).send().await?;
    let cookie = posted.headers().get("set-cookie").context("no cookie")?.to_str()?.split(';').next().unwrap_or_default().to_owned();
    Ok(server.client.get(server.url(path)).header("cookie", cookie).send().await?.text().await?)
}

fn green(done: &Value, log: &str) {
    assert_eq!((done["status"].as_str(), done["failed"].as_i64()), (Some("Succeed"), Some(0)), "{done}\n{log}");
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_3_1_a_mount_that_is_declined_is_an_upload() -> Result<()> {
    for (odd, mounts) in [
        (Odd::default(), true),
        (Odd { tokens: true, ..Odd::default() }, true),
        (Odd { tokens: true, tokens_by_post: true, ..Odd::default() }, true),
        (Odd { mount: Some(202), ..Odd::default() }, false),
        (Odd { mount: Some(401), tokens: true, ..Odd::default() }, false),
        (Odd { mount: Some(401), ..Odd::default() }, false),
        (Odd { mount: Some(403), ..Odd::default() }, false),
        (Odd { mount: Some(404), ..Odd::default() }, false),
        (Odd { mount: Some(405), ..Odd::default() }, false),
        (Odd { mount: Some(500), ..Odd::default() }, false),
    ] {
        let server = server_with(&["p"]).await?;
        let layer = b"shared by two".to_vec();
        for repository in ["p/a", "p/b", "p/c"] {
            image::push(&server, repository, "1", layer.clone()).await?;
        }
        let there = Registry::start(odd.clone()).await?;
        ready(&server, &there.url, json!({})).await?;
        let (done, log) = run(&server).await?;
        green(&done, &log);
        for repository in ["p/a", "p/b", "p/c"] {
            assert!(there.has_blob(repository, &image::sha256(&layer)), "{odd:?}\n{log}");
            assert!(there.digest(repository, "1").is_some(), "{odd:?}");
        }
        assert_eq!(log.contains("mounted"), mounts, "{odd:?}\n{log}");
        assert_eq!(log.contains("was declined"), !mounts, "{odd:?}\n{log}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_3_2_an_odd_answer_to_head_is_no_failure() -> Result<()> {
    for status in [302, 307, 400, 403, 405, 500] {
        for manifests in [false, true] {
            let server = server_with(&["p"]).await?;
            let digest = image::push(&server, "p/a", "1", b"one".to_vec()).await?;
            let odd = match manifests {
                true => Odd { head_manifest: Some(status), ..Odd::default() },
                false => Odd { head_blob: Some(status), ..Odd::default() },
            };
            let there = Registry::start(odd).await?;
            ready(&server, &there.url, json!({})).await?;
            // The second image shares a blob that stands there; the second run finds everything.
            for _ in 0..2 {
                let (done, log) = run(&server).await?;
                green(&done, &log);
                image::push(&server, "p/a", "2", b"one".to_vec()).await?;
            }
            assert_eq!(there.digest("p/a", "1").as_deref(), Some(digest.as_str()), "{status} {manifests}");
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_3_3_what_passes_is_waited_for_and_said() -> Result<()> {
    let server = server_with(&["p"]).await?;
    for n in 0..20 {
        let digest = image::push(&server, &format!("p/r{n}"), "1", format!("layer {n}").into_bytes()).await?;
        attach(&server, &format!("p/r{n}"), &digest, BUNDLE).await?;
    }
    let there = Registry::start(Odd::default()).await?;
    ready(&server, &there.url, json!({})).await?;
    there.becomes(Odd { too_many: Some((7, "")), unavailable: Some(11), cut: Some(13), ..Odd::default() });
    let (done, log) = run(&server).await?;
    green(&done, &log);
    for said in ["429 Too Many Requests; try 2 in", "503 Service Unavailable; try 2 in", "the connection broke"] {
        assert!(log.contains(said), "{said} is not in the log:\n{log}");
    }
    for n in 0..20 {
        assert!(there.digest(&format!("p/r{n}"), "1").is_some(), "r{n} is not there");
    }
    // A registry that never has time fails, after a few tries, and says how often; what is done then is only what failed.
    image::push(&server, "p/late", "1", b"late".to_vec()).await?;
    there.becomes(Odd { unavailable: Some(1), ..Odd::default() });
    let before = there.asked("");
    let (done, log) = run(&server).await?;
    assert_eq!(done["status"], "Failed", "{done}");
    assert!(log.contains("503 Service Unavailable"), "{log}");
    assert!(there.asked("") - before < 40, "a storm of {}", there.asked("") - before);
    // What it asks for is waited for, if a run can.
    there.becomes(Odd { too_many: Some((3, "1")), ..Odd::default() });
    let (done, log) = run(&server).await?;
    green(&done, &log);
    there.becomes(Odd { too_many: Some((1, "7200")), ..Odd::default() });
    let (done, log) = run(&server).await?;
    assert_eq!(done["status"], "Failed", "{done}");
    assert!(log.contains("asks to wait 7200 s"), "{log}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_3_4_blobs_go_in_chunks_where_one_request_is_too_large() -> Result<()> {
    let layer: Vec<u8> = (0..9 << 20).map(|n: u32| (n % 251) as u8).collect();
    for (cap, rule, ends_well) in [
        (Some(8 << 20), json!({}), true),
        (Some(1 << 20), json!({}), true),
        (Some(8 << 20), json!({ "copy_by_chunk": true }), true),
        (None, json!({ "copy_by_chunk": true }), true),
        (Some(100 << 10), json!({}), false),
    ] {
        let server = server_with(&["p"]).await?;
        image::push(&server, "p/big", "1", layer.clone()).await?;
        let there = Registry::start(Odd { cap, ..Odd::default() }).await?;
        ready(&server, &there.url, rule.clone()).await?;
        let (done, log) = run(&server).await?;
        if ends_well {
            green(&done, &log);
            assert!(there.has_blob("p/big", &image::sha256(&layer)));
            assert!(there.asked("PATCH") >= 2, "{cap:?} {rule}: no chunks\n{log}");
        } else {
            assert_eq!(done["status"], "Failed", "{done}");
            for said in ["413", "9.4 MB", "client_max_body_size"] {
                assert!(log.contains(said), "{said} is not in the log:\n{log}");
            }
        }
        let read = server.call(Method::GET, "/replication/policies/1", json!(null)).await?;
        assert_eq!(read["copy_by_chunk"], rule.get("copy_by_chunk").cloned().unwrap_or(json!(false)));
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn x_x2_a_list_that_was_not_written_is_written_by_the_next_run() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let digest = image::push(&server, "p/a", "1", b"x".to_vec()).await?;
    let mut attached = vec![attach(&server, "p/a", &digest, BUNDLE).await?, attach(&server, "p/a", &digest, "application/spdx+json").await?];
    // 400: nothing that passes, so the run fails.
    let there = Registry::start(Odd { no_referrers: true, lists_fail: (1, 400), ..Odd::default() }).await?;
    ready(&server, &there.url, json!({})).await?;
    let (done, log) = run(&server).await?;
    assert_eq!(done["status"], "Failed", "{log}");
    let listed = || -> Vec<String> {
        let list = there.manifest("p/a", &digest.replace(':', "-")).unwrap_or_default();
        let all = list["manifests"].as_array().cloned().unwrap_or_default();
        let mut all: Vec<String> = all.iter().filter_map(|m| m["digest"].as_str().map(str::to_owned)).collect();
        all.sort();
        all
    };
    assert!(listed().is_empty());
    attached.sort();
    let (done, log) = run(&server).await?;
    green(&done, &log);
    assert_eq!(listed(), attached, "{log}");
    // 503 passes within one run; and what was listed before stays.
    there.becomes(Odd { no_referrers: true, lists_fail: (2, 503), ..Odd::default() });
    attached.push(attach(&server, "p/a", &digest, "application/vnd.x").await?);
    attached.sort();
    let (done, log) = run(&server).await?;
    green(&done, &log);
    assert_eq!(listed(), attached, "{log}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn x_1_what_the_destination_cannot_hold_is_named_and_the_rest_goes() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let digest = image::push(&server, "p/a", "1", b"x".to_vec()).await?;
    let refused = attach(&server, "p/a", &digest, "application/spdx+json").await?;
    let taken = attach(&server, "p/a", &digest, BUNDLE).await?;
    let there = Registry::start(Odd { refuses: Some("application/spdx+json"), ..Odd::default() }).await?;
    ready(&server, &there.url, json!({})).await?;
    let (done, log) = run(&server).await?;
    assert_eq!((done["status"].as_str(), done["failed"].as_i64()), (Some("Failed"), Some(1)), "{done}");
    assert!(log.contains(&refused[7..19]) && log.contains("this artifact type is not supported"), "{log}");
    assert!(there.manifest("p/a", "1").is_some() && there.manifest("p/a", &taken).is_some(), "{log}");
    let page = page(&server, "/admin/replication/1/executions/1").await?;
    assert!(page.contains("Partly copied") && page.contains("Partly failed"), "{page}");
    // It may stay behind where the rule says so of its kind, and of no other.
    for (kind, status) in [("attestation", "Failed"), ("sbom", "Succeed")] {
        let mut rule = server.call(Method::GET, "/replication/policies/1", json!(null)).await?;
        rule["accept_missing"] = json!([kind]);
        server.call(Method::PUT, "/replication/policies/1", rule).await?;
        let (done, log) = run(&server).await?;
        assert_eq!(done["status"], status, "{kind}: {done}\n{log}");
        assert_eq!(log.contains(&refused[7..19]), status == "Failed", "{kind}: {log}");
        assert!(there.manifest("p/a", &refused).is_none(), "{log}");
    }
    // The next run heals it.
    there.becomes(Odd::default());
    let (done, log) = run(&server).await?;
    green(&done, &log);
    assert!(there.manifest("p/a", &refused).is_some());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn several_filters_of_a_kind_all_hold() -> Result<()> {
    let server = server_with(&["p"]).await?;
    for (repository, tag) in [("p/a", "v1"), ("p/a", "v1-rc"), ("p/a", "x1"), ("p/secret", "v1"), ("p/deep/a", "v2")] {
        image::push(&server, repository, tag, format!("{repository} {tag}").into_bytes()).await?;
    }
    let there = Registry::start(Odd::default()).await?;
    ready(&server, &there.url, json!({ "filters": [
        { "type": "name", "value": "p/**" }, { "type": "name", "value": "p/secret", "decoration": "excludes" }, { "type": "name", "value": "**/a" },
        { "type": "tag", "value": "v*" }, { "type": "tag", "value": "*-rc", "decoration": "excludes" },
        { "type": "resource", "value": "image" }, { "type": "resource", "value": "chart", "decoration": "excludes" },
    ] })).await?;
    let (done, log) = run(&server).await?;
    green(&done, &log);
    assert_eq!(done["total"], 2, "{done}");
    for (repository, tag, goes) in [("p/a", "v1", true), ("p/a", "v1-rc", false), ("p/a", "x1", false), ("p/secret", "v1", false), ("p/deep/a", "v2", true)] {
        assert_eq!(there.manifest(repository, tag).is_some(), goes, "{repository}:{tag}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_3_5_c_3_6_c_3_7_where_things_go_is_foreseen() -> Result<()> {
    let server = server_with(&["p"]).await?;
    for (repository, layer) in [("p/a/ctl", "one"), ("p/b/ctl", "two"), ("p/b/same", "three")] {
        image::push(&server, repository, "1", layer.into()).await?;
    }
    let there = Registry::start(Odd::default()).await?;
    // To the root, and two sources for one place: exactly the second fails, whatever the rule says of tags there.
    for overwrite in [true, false] {
        let there = Registry::start(Odd::default()).await?;
        let server = server_with(&["p"]).await?;
        for (repository, layer) in [("p/a/ctl", "one"), ("p/b/ctl", "two"), ("p/b/same", "three")] {
            image::push(&server, repository, "1", layer.into()).await?;
        }
        ready(&server, &there.url, json!({ "dest_namespace_replace_count": -1, "override": overwrite })).await?;
        for _ in 0..2 {
            let (done, log) = run(&server).await?;
            assert_eq!((done["status"].as_str(), done["failed"].as_i64(), done["succeed"].as_i64()), (Some("Failed"), Some(1), Some(2)), "{done}");
            let tasks = server.call(Method::GET, &format!("/replication/executions/{}/tasks", done["id"]), json!(null)).await?;
            assert!(tasks.to_string().contains("Failed"), "{tasks} {log}");
            assert!(there.manifest("ctl", "1").is_some() && there.manifest("same", "1").is_some());
        }
        let page = page(&server, "/admin/replication/1/executions/1").await?;
        assert!(page.contains("two sources for ctl:1: p/a/ctl and p/b/ctl"), "{page}");
    }
    ready(&server, &there.url, json!({ "filters": [{ "type": "name", "value": "nothing/**" }] })).await?;
    let (done, _) = run(&server).await?;
    assert_eq!((done["status"].as_str(), done["total"].as_i64()), (Some("Failed"), Some(0)), "{done}");
    assert!(done["status_text"].as_str().is_some_and(|text| text.contains("matches no artifact")), "{done}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_3_8_a_target_that_hangs_holds_only_its_own_rule() -> Result<()> {
    let server = Server::start(&binary()?, &[]).await?;
    server.call(Method::POST, "/projects", json!({ "project_name": "p" })).await?;
    image::push(&server, "p/a", "1", b"x".to_vec()).await?;
    let (hangs, good) = (Registry::start(Odd::default()).await?, Registry::start(Odd::default()).await?);
    for (n, url) in [(1, &hangs.url), (2, &hangs.url), (3, &hangs.url), (4, &good.url)] {
        server.call(Method::POST, "/registries", json!({ "name": format!("t{n}"), "type": "docker-registry", "url": url })).await?;
        let rule = json!({ "name": format!("r{n}"), "dest_registry": { "id": n }, "enabled": true, "dest_namespace_replace_count": 0 });
        server.call(Method::POST, "/replication/policies", rule).await?;
    }
    hangs.becomes(Odd { silent_after: Some(0), ..Odd::default() });
    let start = async |rule: i64| -> Result<i64> {
        let response = server.api(Method::POST, "/replication/executions").json(&json!({ "policy_id": rule })).send().await?;
        let place = response.headers().get("location").context("no place")?.to_str()?.to_owned();
        place.rsplit('/').next().and_then(|id| id.parse().ok()).context("no id")
    };
    let status = async |id: i64| -> Result<String> {
        let found = server.call(Method::GET, &format!("/replication/executions/{id}"), json!(null)).await?;
        Ok(found["status"].as_str().unwrap_or_default().to_owned())
    };
    let until = async |id: i64, wanted: &str| -> Result<()> {
        let begin = Instant::now();
        while status(id).await? != wanted {
            anyhow::ensure!(begin.elapsed() < Duration::from_secs(20), "execution {id} is {}, not {wanted}", status(id).await?);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    };
    let hanging = [start(1).await?, start(2).await?, start(3).await?];
    let waiting = start(1).await?;
    until(start(4).await?, "Succeed").await?;
    // One that waits is stopped at once, without a worker; one that hangs too.
    for id in [waiting, hanging[0], hanging[1], hanging[2]] {
        assert_eq!(status(id).await?, "InProgress");
        server.call(Method::PUT, &format!("/replication/executions/{id}"), json!(null)).await?;
        if id == waiting {
            assert_eq!(status(id).await?, "Stopped");
        }
        until(id, "Stopped").await?;
    }
    // Starts of one rule are many only up to a bound, and never at once.
    let mut ids = Vec::new();
    let refused = loop {
        let response = server.api(Method::POST, "/replication/executions").json(&json!({ "policy_id": 1 })).send().await?;
        match response.status().as_u16() {
            201 => ids.push(ids.len()),
            code => break (code, response.text().await?),
        }
        anyhow::ensure!(ids.len() < 20, "starts pile up");
    };
    assert_eq!(refused.0, 412, "{}", refused.1);
    assert!(refused.1.contains("wait already"), "{}", refused.1);
    Ok(())
}
