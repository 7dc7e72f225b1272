//! Replication of deletions: only what the rule put there goes, and more than a tenth of it only when somebody said so.

use crate::replication::{DockerRegistry, logs, rule, settled, start};
use crate::server_with;
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Clients, PASSWORD, Server, image};

const NOTE: &str = "application/vnd.example.note";

/// The rule removes from now on.
async fn removing(server: &Server, rule: i64) -> Result<()> {
    let path = format!("/replication/policies/{rule}");
    let mut policy = server.call(Method::GET, &path, json!(null)).await?;
    assert_eq!((&policy["deletion"], &policy["replicate_deletion"]), (&json!(false), &json!(false)), "it is off unless somebody says so");
    policy["deletion"] = json!(true);
    server.call(Method::PUT, &path, policy).await?;
    assert_eq!(server.call(Method::GET, &path, json!(null)).await?["replicate_deletion"], true);
    Ok(())
}

fn of(digest: &str) -> String {
    format!("/projects/cosign/repositories/r/artifacts/{digest}")
}

async fn delete(server: &Server, digest: &str) -> Result<()> {
    server.call(Method::DELETE, &of(digest), json!(null)).await.map(drop)
}

async fn stands(server: &Server, digest: &str) -> Result<bool> {
    Ok(server.api(Method::GET, &of(digest)).send().await?.status() == 200)
}

/// One run: its answer, and what its tasks say that remove.
async fn run(server: &Server, rule: i64) -> Result<(Value, String)> {
    of_run(server, start(server, rule).await?).await
}

async fn of_run(server: &Server, id: i64) -> Result<(Value, String)> {
    let done = settled(server, id).await?;
    let tasks = server.call(Method::GET, &format!("/replication/executions/{id}/tasks?page_size=100"), json!(null)).await?;
    let removes = tasks.as_array().into_iter().flatten().any(|task| task["operation"] == "deletion");
    Ok((done, if removes { logs(server, id).await? } else { String::new() }))
}

/// Lets an execution remove what it left; answers the new one's.
async fn allow(server: &Server, id: &Value) -> Result<(Value, String)> {
    let response = server.api(Method::POST, &format!("/replication/executions/{id}/removals")).send().await?;
    assert_eq!(response.status(), 201, "{id}");
    let place = response.headers()["location"].to_str()?.to_owned();
    of_run(server, place.rsplit('/').next().and_then(|id| id.parse().ok()).context("the execution's id")?).await
}

#[tokio::test]
#[ignore = "needs the binary: cargo xtask test clients"]
async fn n_128_what_was_deleted_here_is_removed_there_and_nothing_else() -> Result<()> {
    let (first, second) = (server_with(&["cosign"]).await?, server_with(&["cosign"]).await?);
    let mut images = Vec::new();
    for n in 0..12 {
        images.push(image::push(&first, "cosign/r", &format!("v{n}"), format!("layer {n}").into_bytes()).await?);
    }
    let attached = image::attach(&first, "cosign/r", &images[0], NOTE).await?;
    // Two that are somebody else's there: one that the rule does not know, one that it finds.
    let other = image::push(&second, "cosign/r", "other", b"another".to_vec()).await?;
    let found = image::push(&first, "cosign/r", "found", b"found".to_vec()).await?;
    assert_eq!(image::push(&second, "cosign/r", "found", b"found".to_vec()).await?, found);
    let rule = rule(&first, "harbor", &url_of(&second), "cosign").await?;
    assert_eq!(run(&first, rule).await?.0["status"], "Succeed");
    assert!(stands(&second, &images[0]).await? && stands(&second, &attached).await?);
    // Off, nothing goes. Switched on, it holds for what came before.
    delete(&first, &images[0]).await?;
    delete(&first, &found).await?;
    let (done, log) = run(&first, rule).await?;
    assert_eq!((&done["status"], log.as_str()), (&json!("Succeed"), ""));
    assert!(stands(&second, &images[0]).await? && stands(&second, &found).await?);
    removing(&first, rule).await?;
    let (done, log) = run(&first, rule).await?;
    assert_eq!((&done["status"], &done["removals_left"]), (&json!("Succeed"), &json!(0)), "{log}");
    assert!(log.contains("deleted"), "{log}");
    assert!(!stands(&second, &images[0]).await? && !stands(&second, &attached).await?);
    for (what, digest) in [("another's", &other), ("found there", &found), ("still here", &images[1])] {
        assert!(stands(&second, digest).await?, "{what}");
    }
    // Another's tag there, and what another attached there, keep it: each is one of eleven, or fewer.
    second.call(Method::POST, &format!("{}/tags", of(&images[1])), json!({ "name": "prod" })).await?;
    delete(&first, &images[1]).await?;
    let (done, log) = run(&first, rule).await?;
    assert!(log.contains("kept there: the tag prod, which this rule did not set"), "{done} {log}");
    assert!(stands(&second, &images[1]).await?);
    second.call(Method::DELETE, &format!("{}/tags/prod", of(&images[1])), json!(null)).await?;
    let note = image::attach(&second, "cosign/r", &images[1], NOTE).await?;
    let (_, log) = run(&first, rule).await?;
    assert!(log.contains("which this rule did not put there"), "{log}");
    assert!(stands(&second, &images[1]).await? && stands(&second, &note).await?);
    delete(&second, &note).await?;
    run(&first, rule).await?;
    assert!(!stands(&second, &images[1]).await?);
    // Ten are left: two of them are more than a tenth, so that it asks; another execution may remove as many, and no more.
    for digest in &images[2..4] {
        delete(&first, digest).await?;
    }
    let (asked, log) = run(&first, rule).await?;
    assert_eq!((&asked["removals_left"], log.as_str()), (&json!(2), ""), "{asked}");
    assert!(asked["status_text"].as_str().unwrap_or_default().contains("more than a tenth"), "{asked}");
    assert!(stands(&second, &images[2]).await? && stands(&second, &images[3]).await?);
    for digest in &images[4..6] {
        delete(&first, digest).await?;
    }
    let (again, log) = allow(&first, &asked["id"]).await?;
    assert_eq!(again["removals_left"], 2, "of the others nobody was asked: {log}");
    let stand = async |range: std::ops::Range<usize>| {
        let mut all = Vec::new();
        for digest in &images[range] {
            all.push(stands(&second, digest).await?);
        }
        anyhow::Ok(all)
    };
    assert_eq!(stand(2..7).await?, [false, false, true, true, true]);
    // What was brought back meanwhile stays.
    let deleted = first.call(Method::GET, "/projects/cosign/deletions", json!(null)).await?;
    let last = deleted.as_array().into_iter().flatten().find(|one| one["digest"] == images[4].as_str()).context("the deletion")?["id"].clone();
    first.call(Method::POST, &format!("/projects/cosign/deletions/{last}/restore"), json!(null)).await?;
    let (done, log) = allow(&first, &again["id"]).await?;
    assert_eq!((&done["status"], &done["removals_left"]), (&json!("Succeed"), &json!(0)), "{log}");
    assert_eq!(stand(4..7).await?, [true, false, true]);
    // Of one that left nothing there is nothing to allow.
    let refused = first.api(Method::POST, &format!("/replication/executions/{}/removals", done["id"])).send().await?;
    assert_eq!(refused.status(), 412);
    // The whole repository, and then the project, deleted here: it asks, and what nobody allows stays there.
    first.call(Method::DELETE, "/projects/cosign/repositories/r", json!(null)).await?;
    let (done, _) = run(&first, rule).await?;
    assert_eq!(done["removals_left"], 7, "{done}");
    assert!(stands(&second, &images[6]).await?);
    Ok(())
}

fn url_of(server: &Server) -> String {
    format!("http://{}", server.host())
}

#[tokio::test]
#[ignore = "needs docker-registry, cosign, crane and oras: cargo xtask test clients"]
async fn a_registry_that_keeps_signatures_by_tags_is_left_without_them_and_one_that_deletes_nothing_says_so() -> Result<()> {
    let clients = Clients::new()?;
    let server = server_with(&["cosign"]).await?;
    clients.login(&server.host(), "admin", PASSWORD)?;
    let mut fillers = Vec::new();
    for n in 0..20 {
        fillers.push(image::push(&server, "cosign/r", &format!("filler{n}"), format!("filler {n}").into_bytes()).await?);
    }
    let name = format!("{}/cosign/r", server.host());
    let digest = clients.push(&format!("{name}:1"))?;
    clients.sign_legacy(&format!("{name}@{digest}"))?;
    clients.sign_bundle(&format!("{name}@{digest}"))?;
    for (storage, deletes) in [("", false), ("  delete:\n    enabled: true\n", true)] {
        let registry = DockerRegistry::start_with(storage).await?;
        let there = format!("{}/cosign/r@{digest}", registry.host());
        let (url, provider) = (format!("http://{}", registry.host()), "docker-registry");
        let rule = rule(&server, provider, &url, "cosign").await?;
        assert_eq!(run(&server, rule).await?.0["status"], "Succeed");
        removing(&server, rule).await?;
        clients.verify(&there)?;
        clients.verify_legacy(&there)?;
        delete(&server, &digest).await?;
        let (done, log) = run(&server, rule).await?;
        let manifest = |reference: String| clients.crane(&["manifest", &format!("{}/cosign/r{reference}", registry.host())]).is_ok();
        let sig = format!(":{}.sig", digest.replace(':', "-"));
        if deletes {
            assert_eq!(done["status"], "Succeed", "{log}");
            assert!(!manifest(format!("@{digest}")) && !manifest(sig) && manifest(":filler1".to_owned()), "{log}");
            // Somebody's own index there lists what was deleted here: it is not missed there.
            let at = |tag: &str| format!("{}/cosign/r:{tag}", registry.host());
            clients.crane(&["index", "append", "-m", &at("filler0"), "-t", &at("bundle")])?;
            delete(&server, &fillers[0]).await?;
            let (_, log) = run(&server, rule).await?;
            assert!(log.contains("lists it, which the tag bundle names"), "{log}");
            assert!(manifest(format!("@{}", fillers[0])), "{log}");
        } else {
            assert_eq!(done["status"], "Failed", "{log}");
            assert!(log.contains("deleting is switched off there, or not known"), "{log}");
            assert!(manifest(format!("@{digest}")) && manifest(sig), "{log}");
        }
        // The next registry gets it anew.
        server.call(Method::DELETE, &format!("/replication/policies/{rule}"), json!(null)).await?;
        let targets = server.call(Method::GET, "/registries", json!(null)).await?;
        server.call(Method::DELETE, &format!("/registries/{}", targets[0]["id"]), json!(null)).await?;
        clients.push(&format!("{name}:1"))?;
        clients.sign_legacy(&format!("{name}@{digest}"))?;
    }
    Ok(())
}
