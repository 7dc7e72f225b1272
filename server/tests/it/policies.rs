//! A project's policies, with real clients: immutable tags and retention extend to signatures, in every form.

use crate::server_with;
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Clients, PASSWORD, Server};

async fn signed_in(projects: &[&str]) -> Result<(Server, Clients)> {
    let (server, clients) = (server_with(projects).await?, Clients::new()?);
    clients.login(&server.host(), "admin", PASSWORD)?;
    Ok((server, clients))
}

fn selectors(repositories: &str, tags: &str) -> Value {
    json!({
        "scope_selectors": { "repository": [{ "kind": "doublestar", "decoration": "repoMatches", "pattern": repositories }] },
        "tag_selectors": [{ "kind": "doublestar", "decoration": "matches", "pattern": tags, "extras": "{\"untagged\":false}" }],
    })
}

/// Makes something; answers its number.
async fn make(server: &Server, path: &str, body: Value) -> Result<i64> {
    let answer = server.api(Method::POST, path).json(&body).send().await?;
    let status = answer.status();
    let place = answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    anyhow::ensure!(status == 201, "{path}: {status} {}", answer.text().await?);
    place.rsplit('/').next().and_then(|id| id.parse().ok()).context("no number in Location")
}

async fn status(server: &Server, method: Method, path: &str) -> Result<(u16, String)> {
    let answer = server.api(method, path).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

#[tokio::test]
#[ignore = "needs cosign, crane and oras: cargo xtask test clients"]
async fn an_immutable_tag_refuses_every_change_and_takes_every_signature() -> Result<()> {
    let (server, clients) = signed_in(&["cosign"]).await?;
    let name = format!("{}/cosign/pause", server.host());
    let digest = clients.push(&format!("{name}:v1"))?;
    let image = format!("{name}@{digest}");
    // One of each older form before the rule.
    clients.every_legacy_form(&image)?;
    let mut rule = selectors("**", "**");
    rule["action"] = "immutable".into();
    make(&server, "/projects/cosign/immutabletagrules", rule).await?;
    // Another signer's, by cosign 2 under the same tag and by cosign 3 as a referrer; attestations in both forms.
    clients.sign_legacy(&image)?;
    clients.attest_legacy(&image)?;
    clients.sign_bundle(&image)?;
    clients.attest(&image)?;
    clients.verify(&image)?;
    clients.verify_legacy(&image)?;
    // The same again is no change.
    clients.crane(&["copy", &format!("{name}:v1"), &format!("{name}:v1")])?;
    testkit::image::push(&server, "cosign/other", "x", b"another image".to_vec()).await?;
    let refused = clients.crane(&["copy", &format!("{}/cosign/other:x", server.host()), &format!("{name}:v1")]).unwrap_err().to_string();
    assert!(refused.contains("DENIED") && refused.contains("immutable"), "{refused}");
    let stem = digest.replace(':', "-");
    let artifacts = "/projects/cosign/repositories/pause/artifacts";
    for path in [
        format!("{artifacts}/v1/tags/v1"), format!("{artifacts}/{digest}"), "/projects/cosign/repositories/pause".to_owned(),
        format!("{artifacts}/{stem}.sig/tags/{stem}.sig"), format!("{artifacts}/{stem}.att/tags/{stem}.att"), format!("{artifacts}/{stem}.sig"),
    ] {
        let (status, text) = status(&server, Method::DELETE, &path).await?;
        assert!(status == 412 && text.contains("immutable"), "{path}: {status} {text}");
    }
    for reference in ["v1", digest.as_str()] {
        let url = server.url(&format!("/v2/cosign/pause/manifests/{reference}"));
        let answer = server.client.delete(url).basic_auth("admin", Some(PASSWORD)).send().await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        assert!(status == 403 && text.contains("DENIED"), "{reference}: {status} {text}");
    }
    let tags = server.call(Method::GET, &format!("{artifacts}/v1/tags"), json!(null)).await?;
    assert_eq!((&tags[0]["name"], &tags[0]["immutable"]), (&json!("v1"), &json!(true)));
    // Nothing is lost by all that was tried.
    clients.verify(&image)?;
    clients.verify_legacy(&image)?;
    clients.verify_referrer(&image)?;
    Ok(())
}

/// A run of retention to its end.
async fn run(server: &Server, policy: i64, dry_run: bool) -> Result<Value> {
    let id = make(server, &format!("/retentions/{policy}/executions"), json!({ "dry_run": dry_run })).await?;
    for _ in 0..600 {
        let runs = server.call(Method::GET, &format!("/retentions/{policy}/executions"), json!(null)).await?;
        let run = runs.as_array().into_iter().flatten().find(|run| run["id"] == id).context("no run")?.clone();
        if !matches!(run["status"].as_str(), Some("Pending" | "Running")) {
            return Ok(run);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("the run does not end")
}

#[tokio::test]
#[ignore = "needs cosign, crane and oras: cargo xtask test clients"]
async fn retention_keeps_and_removes_trees_as_units() -> Result<()> {
    let (server, clients) = signed_in(&["keep"]).await?;
    let name = format!("{}/keep/pause", server.host());
    let mut images = Vec::new();
    for n in 1..=3 {
        // Each another image.
        testkit::image::push(&server, "keep/pause", &format!("v{n}"), format!("layer {n}").into_bytes()).await?;
        let digest = clients.crane(&["digest", &format!("{name}:v{n}")])?.trim().to_owned();
        let image = format!("{name}@{digest}");
        clients.every_legacy_form(&image)?;
        clients.sign_bundle(&image)?;
        images.push((image, digest));
    }
    let project = server.call(Method::GET, "/projects/keep", json!(null)).await?["project_id"].clone();
    let mut rule = selectors("**", "v*");
    (rule["template"], rule["params"], rule["action"]) = ("latestPushedK".into(), json!({ "latestPushedK": 1 }), "retain".into());
    let policy = json!({
        "algorithm": "or", "rules": [rule], "scope": { "level": "project", "ref": project },
        "trigger": { "kind": "Schedule", "references": {}, "settings": { "cron": "" } },
    });
    let id = make(&server, "/retentions", policy).await?;
    let read = server.call(Method::GET, "/projects/keep", json!(null)).await?;
    assert_eq!(read["metadata"]["retention_id"], id.to_string());
    let dry = run(&server, id, true).await?;
    assert_eq!((&dry["status"], &dry["removed"], &dry["kept"]), (&json!("Success"), &json!(2), &json!(1)), "{dry}");
    let graphs: Vec<_> = images.iter().map(|(image, _)| clients.graph(image)).collect::<Result<_>>()?;
    let done = run(&server, id, false).await?;
    assert_eq!((&done["status"], &done["removed"], &done["kept"]), (&json!("Success"), &json!(2), &json!(1)), "{done}");
    // The newest stands with all that hangs on it; of the others nothing is left, in any form.
    assert_eq!(clients.graph(&images[2].0)?, graphs[2]);
    clients.verify(&images[2].0)?;
    clients.verify_legacy(&images[2].0)?;
    let all = server.client.get(server.url("/v2/keep/pause/tags/list")).basic_auth("admin", Some(PASSWORD)).send().await?.json::<Value>().await?;
    let tags: Vec<&str> = all["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (_, digest) in &images[..2] {
        // cosign's SBOM is the same for all three, so that one artifact is attached to each: it stays for the last, with its tags.
        assert!(!tags.iter().any(|tag| tag.contains(&digest.replace(':', "-")) && !tag.ends_with(".sbom")), "{tags:?}");
        let referrers = server.client.get(server.url(&format!("/v2/keep/pause/referrers/{digest}"))).basic_auth("admin", Some(PASSWORD)).send().await?;
        assert_eq!(referrers.json::<Value>().await?["manifests"], json!([]));
    }
    let tasks = server.call(Method::GET, &format!("/retentions/{id}/executions/{}/tasks", done["id"]), json!(null)).await?;
    assert_eq!((&tasks[0]["repository"], &tasks[0]["total"], &tasks[0]["retained"]), (&json!("pause"), &json!(3), &json!(1)));
    let log = server.api(Method::GET, &format!("/retentions/{id}/executions/{}/tasks/{}", done["id"], tasks[0]["id"])).send().await?.text().await?;
    assert!(log.lines().filter(|line| line.contains(" DEL ")).count() == 2 && log.contains("RETAIN"), "{log}");
    // What went comes back with its tree.
    let deleted = server.call(Method::GET, "/projects/keep/deletions", json!(null)).await?;
    let last = deleted.as_array().into_iter().flatten().find(|one| one["digest"] == images[1].1.as_str()).context("not under Deleted")?;
    server.call(Method::POST, &format!("/projects/keep/deletions/{}/restore", last["id"]), json!({})).await?;
    assert_eq!(clients.graph(&images[1].0)?, graphs[1]);
    clients.verify_legacy(&images[1].0)?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn the_log_tells_who_did_what_and_is_kept_as_a_file() -> Result<()> {
    let server = server_with(&["p", "q"]).await?;
    testkit::image::push(&server, "p/r", "v1", b"one".to_vec()).await?;
    server.call(Method::DELETE, "/projects/p/repositories/r/artifacts/v1/tags/v1", json!(null)).await?;
    let logs = async |path: &str| server.call(Method::GET, path, json!(null)).await;
    let own = logs("/projects/p/logs?page_size=100").await?;
    let said: Vec<String> = own.as_array().into_iter().flatten().map(|row| format!("{} {} {}", row["operation"], row["resource_type"], row["resource"]).replace('"',
        "")).collect();
    assert_eq!(said, ["delete tag p/r:v1", "create artifact p/r:v1", "create project p"]);
    for (path, n) in [
        ("/auditlog-exts?q=operation%3Dcreate%2Cresource_type%3Dartifact", 1), ("/auditlog-exts?q=username%3Dadmin%2Cresource_type%3Dproject", 2),
        ("/auditlog-exts?q=resource%3D~v1", 2), ("/audit-logs?q=operation%3Dnothing", 0), ("/auditlog-exts?q=op_time%3D%5B2000-01-01~2001-01-01%5D", 0),
        ("/audit-logs?q=username%3Dnobody", 0), ("/projects/q/auditlog-exts", 1),
    ] {
        assert_eq!(logs(path).await?.as_array().map(Vec::len), Some(n), "{path}");
    }
    let row = &logs("/auditlog-exts?q=resource_type%3Dtag").await?[0];
    assert_eq!((&row["operation_result"], &row["username"], &row["door"]), (&json!(true), &json!("admin"), &json!("basic")));
    assert!(row["address"].as_str().is_some_and(|address| address.starts_with("127.0.0.1")), "{row}");
    let oldest = logs("/projects/p/logs?sort=op_time&page_size=1").await?;
    assert_eq!(oldest[0]["resource_type"], "project");
    for (format, kind) in [("csv", "text/csv"), ("jsonl", "application/jsonl")] {
        let answer = server.api(Method::GET, &format!("/projects/p/logs/export?format={format}")).send().await?;
        assert!(answer.headers()["content-type"].to_str()?.starts_with(kind));
        let text = answer.text().await?;
        assert_eq!(text.lines().count(), if format == "csv" { 4 } else { 3 }, "{text}");
        assert!(text.contains("p/r:v1"), "{text}");
    }
    let events = logs("/auditlog-exts/events").await?;
    assert!(events.as_array().into_iter().flatten().any(|one| one["event_type"] == "create_artifact"));
    Ok(())
}

#[tokio::test]
#[ignore = "needs cosign, crane and oras: cargo xtask test clients"]
async fn what_is_blocked_leaves_by_no_client_and_who_fetched_it_is_told() -> Result<()> {
    let (server, clients) = signed_in(&["cosign", "copies"]).await?;
    let name = format!("{}/cosign/pause", server.host());
    let digest = clients.push(&format!("{name}:v1"))?;
    clients.sign_bundle(&format!("{name}@{digest}"))?;
    clients.crane(&["manifest", &format!("{name}:v1")])?;
    let manifest: Value = serde_json::from_str(&clients.crane(&["manifest", &format!("{name}:v1")])?)?;
    let layer = manifest["layers"][0]["digest"].as_str().context("a layer")?.to_owned();
    let reason = "holds a leaked key, pull v2 instead";
    server.call(Method::POST, "/projects/cosign/blocks", json!({ "digest": layer, "reason": reason })).await?;
    for (what, refused) in [
        ("crane", clients.crane(&["manifest", &format!("{name}:v1")])), ("crane blob", clients.crane(&["blob", &format!("{name}@{layer}")])),
        ("oras", clients.oras(&["pull", "--plain-http", &format!("{name}:v1")])),
        ("a copy", clients.crane(&["copy", &format!("{name}:v1"), &format!("{}/copies/pause:v1", server.host())])),
    ] {
        let refused = refused.map(|_| String::new()).unwrap_or_else(|error| format!("{error:#}"));
        assert!(refused.contains(reason), "{what}: {refused}");
    }
    let found = server.call(Method::GET, &format!("/projects/cosign/blocks/{layer}"), json!(null)).await?;
    assert_eq!((&found["reason"], &found["holders"][0]["digest"], &found["holders"][0]["tags"][0]), (&json!(reason), &json!(digest), &json!("v1")));
    // Pulls are told a moment later.
    let mut pulls = json!([]);
    for _ in 0..600 {
        pulls = server.call(Method::GET, &format!("/projects/cosign/auditlog-exts?q=operation%3Dpull%2Cresource%3D~{digest}"), json!(null)).await?;
        if pulls != json!([]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(pulls[0]["username"] == "admin" && pulls[0]["address"].as_str().is_some_and(|address| address.starts_with("127.")), "{pulls}");
    let done = server.call(Method::POST, &format!("/projects/cosign/blocks/{layer}/purge"), json!({})).await?;
    assert_eq!((done["deleted"].as_array().map(Vec::len), &done["kept"]), (Some(1), &json!([])));
    let log = server.call(Method::GET, "/projects/cosign/logs?page_size=100", json!(null)).await?;
    let said: Vec<&str> = log.as_array().into_iter().flatten().filter_map(|row| row["operation"].as_str()).collect();
    assert!(said.contains(&"block") && said.contains(&"delete"), "{said:?}");
    let deleted = server.call(Method::GET, "/projects/cosign/deletions", json!(null)).await?;
    assert_eq!(deleted[0]["digest"], digest.as_str());
    server.call(Method::DELETE, &format!("/projects/cosign/blocks/{layer}"), json!(null)).await?;
    server.call(Method::POST, &format!("/projects/cosign/deletions/{}/restore", deleted[0]["id"]), json!({})).await?;
    clients.verify(&format!("{name}@{digest}"))?;
    Ok(())
}
