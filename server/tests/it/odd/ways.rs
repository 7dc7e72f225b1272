//! How registries out there let their clients in, as their public documentation says (server/docs/targets.md): each played by the double.

use super::run;
use crate::server_with;
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::odd::{Odd, Registry};
use testkit::{Server, image};

/// A target with these credentials and a rule to it; what making the target was answered.
async fn ready(server: &Server, url: &str, (name, secret): (&str, &str), more: Value) -> Result<(u16, String)> {
    let mut target = json!({ "name": "odd", "type": "docker-registry", "url": url, "credential": { "access_key": name, "access_secret": secret } });
    for (key, value) in more.as_object().into_iter().flatten() {
        target[key] = value.clone();
    }
    let made = server.api(Method::POST, "/registries").json(&target).send().await?;
    let (status, text) = (made.status().as_u16(), made.text().await?);
    if status == 201 {
        let rule = json!({
            "name": "r", "dest_registry": { "id": 1 }, "enabled": true, "override": true, "dest_namespace": "team/app", "dest_namespace_replace_count": -1,
        });
        server.call(Method::POST, "/replication/policies", rule).await?;
    }
    Ok((status, text))
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn each_way_of_signing_in_works_and_a_wrong_secret_is_said() -> Result<()> {
    let elsewhere = Registry::start(Odd { tokens: true, old_tokens: true, tokens_for: Some("me:token"), ..Odd::default() }).await?;
    let realm = Some(format!("{}/token", elsewhere.url));
    for (way, odd, pair, more) in [
        ("ECR: Basic, by the name AWS", Odd { basic: Some("AWS:a-long-password"), ..Odd::default() }, ("AWS", "a-long-password"), json!({ "type": "aws-ecr" })),
        ("GAR: a key in JSON as the secret", Odd { basic: Some("_json_key:{\"type\": \"x\"}"), ..Odd::default() }, ("_json_key", "{\"type\": \"x\"}"),
            json!({ "type": "google-gcr" })),
        ("Harbor: tokens of the same host", Odd { tokens: true, tokens_for: Some("me:token"), ..Odd::default() }, ("me", "token"), json!({})),
        ("GHCR: the same", Odd { tokens: true, tokens_for: Some("me:token"), ..Odd::default() }, ("me", "token"), json!({ "type": "github-ghcr" })),
        ("Quay: the same", Odd { tokens: true, tokens_for: Some("team+robot:token"), ..Odd::default() }, ("team+robot", "token"), json!({ "type": "quay" })),
        ("the same, with `token`", Odd { tokens: true, old_tokens: true, tokens_for: Some("me:token"), ..Odd::default() }, ("me", "token"), json!({})),
        ("ACR: tokens by POST too", Odd { tokens: true, tokens_by_post: true, ..Odd::default() }, ("me", "token"), json!({ "type": "azure-acr" })),
        (
            "Docker Hub: tokens of another host",
            Odd { tokens: true, realm: realm.clone(), ..Odd::default() }, ("me", "token"), json!({ "type": "docker-hub", "token_server": elsewhere.url }),
        ),
        (
            "GitLab: the same",
            Odd { tokens: true, realm: realm.clone(), ..Odd::default() }, ("me", "token"), json!({ "type": "gitlab", "token_server": elsewhere.url }),
        ),
    ] {
        let server = server_with(&["p"]).await?;
        image::push(&server, "p/a", "1", way.as_bytes().to_vec()).await?;
        let there = Registry::start(odd.clone()).await?;
        assert_eq!(ready(&server, &there.url, pair, more.clone()).await?.0, 201, "{way}");
        let (done, log) = run(&server).await?;
        assert_eq!((done["status"].as_str(), done["failed"].as_i64()), (Some("Succeed"), Some(0)), "{way}: {log}");
        assert!(there.digest("team/app/a", "1").is_some(), "{way}");
        let kept = server.call(Method::GET, "/registries/1", json!(null)).await?;
        let kind = more.get("type").cloned().unwrap_or_else(|| json!("docker-registry"));
        assert_eq!((&kept["type"], &kept["url"]), (&kind, &json!(there.url)), "{way}");
        if !odd.tokens_by_post {
            let server = server_with(&["p"]).await?;
            let (status, text) = ready(&server, &there.url, (pair.0, "wrong"), more).await?;
            assert!(status == 400 && text.contains("refused the credentials"), "{way}: {status} {text}");
            assert!(!text.contains(pair.1));
        }
    }
    // A token server that nobody named is not sent the credentials.
    let (server, before) = (server_with(&["p"]).await?, elsewhere.signed());
    let there = Registry::start(Odd { tokens: true, realm, ..Odd::default() }).await?;
    // It asks for a token only where there is something to pull or push: making the target finds nothing yet.
    let (status, text) = ready(&server, &there.url, ("me", "token"), json!({})).await?;
    if status == 201 {
        image::push(&server, "p/a", "1", b"x".to_vec()).await?;
        let (done, log) = run(&server).await?;
        assert_eq!(done["status"], "Failed", "{done}");
        assert!(log.contains("REALM_NOT_ALLOWED") && log.contains("token server"), "{log}");
    } else {
        assert!(text.contains("REALM_NOT_ALLOWED"), "{text}");
    }
    assert_eq!(elsewhere.signed(), before);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_registry_whose_repositories_must_be_made_first_says_so() -> Result<()> {
    let server = server_with(&["p"]).await?;
    for name in ["a", "b"] {
        image::push(&server, &format!("p/{name}"), "1", name.as_bytes().to_vec()).await?;
    }
    let there = Registry::start(Odd { repositories: Some(&["team/app/a"]), ..Odd::default() }).await?;
    assert_eq!(ready(&server, &there.url, ("AWS", "x"), json!({})).await?.0, 201);
    let (done, log) = run(&server).await?;
    assert_eq!((done["status"].as_str(), done["failed"].as_i64(), done["succeed"].as_i64()), (Some("Failed"), Some(1), Some(1)), "{log}");
    assert!(log.contains("NAME_UNKNOWN") && there.digest("team/app/a", "1").is_some(), "{log}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn each_kind_of_registry_is_known_by_its_name_and_says_what_it_needs() -> Result<()> {
    let server = server_with(&[]).await?;
    let kinds = server.call(Method::GET, "/replication/adapters", json!(null)).await?;
    let infos = server.call(Method::GET, "/replication/adapterinfos", json!(null)).await?;
    for kind in ["harbor", "docker-registry", "docker-hub", "github-ghcr", "quay", "gitlab", "aws-ecr", "azure-acr", "google-gcr"] {
        assert!(kinds.as_array().is_some_and(|kinds| kinds.contains(&json!(kind))), "{kind}");
        assert!(infos[kind].is_object(), "{kind}");
    }
    assert_eq!(infos["docker-hub"]["endpoint_pattern"]["endpoints"][0]["value"], "https://hub.docker.com");
    assert_eq!(infos["google-gcr"]["credential_pattern"]["access_key_data"], "_json_key");
    // Of access keys no password is made here: it says what to enter, before anything is sent.
    let there = Registry::start(Odd::default()).await?;
    let (status, text) = ready(&server, &there.url, ("AKIAEXAMPLE", "key"), json!({ "type": "aws-ecr" })).await?;
    assert!(status == 400 && text.contains("access_key") && text.contains("get-login-password"), "{text}");
    let (status, text) = ready(&server, &there.url, ("me", "x"), json!({ "type": "huawei-SWR" })).await?;
    assert!(status == 400 && text.contains("huawei-SWR") && text.contains("docker-registry"), "{text}");
    let (status, text) = ready(&server, "", ("me", "x"), json!({ "type": "azure-acr" })).await?;
    assert!(status == 400 && text.contains("url"), "{text}");
    assert_eq!((there.asked(""), server.call(Method::GET, "/registries", json!(null)).await?), (0, json!([])));
    // A kind that sends what is stored to another host needs it entered again.
    let body = json!({ "name": "t", "type": "docker-registry", "url": there.url, "credential": { "access_key": "me", "access_secret": "x" } });
    server.call(Method::POST, "/registries", body).await?;
    server.call(Method::PUT, "/registries/1", json!({ "type": "quay" })).await?;
    let kept = server.call(Method::GET, "/registries/1", json!(null)).await?;
    assert_eq!((&kept["type"], &kept["credential"]["access_secret"]), (&json!("quay"), &json!("*****")), "{kept}");
    Ok(())
}
