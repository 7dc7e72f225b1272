//! Real clients: they push, pull, sign, verify, attest, and look at the tree.

use crate::server_with;
use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use std::path::Path;
use testkit::{Clients, PASSWORD, Server};

async fn signed_in(projects: &[&str]) -> Result<(Server, Clients)> {
    let (server, clients) = (server_with(projects).await?, Clients::new()?);
    clients.login(&server.host(), "admin", PASSWORD)?;
    Ok((server, clients))
}

#[tokio::test]
#[ignore = "needs cosign, crane and oras: cargo xtask test clients"]
async fn every_form_of_signature_is_hung_under_its_image() -> Result<()> {
    let (server, clients) = signed_in(&["cosign"]).await?;
    let name = format!("{}/cosign/pause", server.host());
    let digest = clients.push(&format!("{name}:1"))?;
    let image = format!("{name}@{digest}");
    clients.every_legacy_form(&image)?;
    clients.verify_legacy(&image)?;
    clients.verify_referrer(&image)?;
    clients.sign_bundle(&image)?;
    clients.verify(&image)?;
    clients.attest(&image)?;
    let sbom = clients.attach(&image, "application/spdx+json", "sbom.spdx.json", r#"{"spdxVersion":"SPDX-2.3"}"#)?;
    clients.sign_bundle(&format!("{name}@{sbom}"))?;
    let artifacts = server
        .call(Method::GET, "/projects/cosign/repositories/pause/artifacts?with_accessory=true", json!(null))
        .await?;
    let rows = artifacts.as_array().unwrap();
    assert_eq!(rows.len(), 1, "signatures never show as images: {artifacts}");
    let mut kinds: Vec<&str> =
        rows[0]["accessories"].as_array().unwrap().iter().map(|a| a["type"].as_str().unwrap()).collect();
    kinds.sort();
    assert_eq!(kinds, [
        "signature.cosign", "signature.cosign", "signature.cosign",
        "subject.accessory", "subject.accessory", "subject.accessory", "subject.accessory",
    ]);
    let graph = clients.graph(&image)?;
    assert_eq!(graph.iter().filter(|row| row.starts_with("0 ")).count(), 4, "{graph:?}");
    assert_eq!(graph.iter().filter(|row| row.starts_with("1 ")).count(), 1, "{graph:?}");
    let tree = clients.cosign(&["tree", "--allow-insecure-registry", &image])?;
    for form in [".sig", ".att", ".sbom", "referrer"] {
        assert!(tree.contains(form), "{form}: {tree}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs cosign and crane: cargo xtask test clients"]
async fn n_104_only_signed_images_are_pulled_where_the_project_says_so() -> Result<()> {
    let (server, clients) = signed_in(&["gate"]).await?;
    server
        .call(Method::PUT, "/projects/gate", json!({ "metadata": { "enable_content_trust_cosign": "true" } }))
        .await?;
    server
        .call(Method::POST, "/users", json!({
            "username": "maintainer", "email": "m@example.com", "realname": "M", "password": PASSWORD,
        }))
        .await?;
    server
        .call(Method::POST, "/projects/gate/members", json!({ "role_id": 4, "member_user": { "username": "maintainer" } }))
        .await?;
    clients.login(&server.host(), "maintainer", PASSWORD)?;
    let name = format!("{}/gate/pause", server.host());
    clients.crane(&["append", "--oci-empty-base", "-f", "layer.tar", "-t", &format!("{name}:1")])?;
    let status = async |method: Method, reference: &str| -> Result<u16> {
        let url = server.url(&format!("/v2/gate/pause/manifests/{reference}"));
        Ok(server.client.request(method, url).basic_auth("maintainer", Some(PASSWORD)).send().await?.status().as_u16())
    };
    let refused = clients.crane(&["manifest", &format!("{name}:1")]).unwrap_err().to_string();
    assert!(refused.contains("DENIED") && refused.contains("admits only signed artifacts"), "{refused}");
    let digest = refused.split("@").nth(1).and_then(|rest| rest.split(';').next()).unwrap().to_owned();
    for reference in ["1", digest.as_str()] {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(status(method.clone(), reference).await?, 403, "{method} {reference}");
        }
    }
    // The same maintainer signs, and then everybody pulls.
    clients.sign_bundle(&format!("{name}@{digest}"))?;
    for reference in ["1", digest.as_str()] {
        assert_eq!(status(Method::GET, reference).await?, 200, "{reference}");
    }
    clients.crane(&["pull", &format!("{name}:1"), "image.tar"])?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs skopeo, podman, crane and oras: cargo xtask test clients"]
async fn images_travel_with_skopeo_podman_crane_and_oras() -> Result<()> {
    let ((first, clients), second) = (signed_in(&["travel"]).await?, server_with(&["travel"]).await?);
    clients.login(&second.host(), "admin", PASSWORD)?;
    let name = format!("{}/travel/pause", first.host());
    let digest = clients.push(&format!("{name}:1"))?;
    clients.sign_bundle(&format!("{name}@{digest}"))?;
    let authfile = clients.path("config.json").display().to_string();
    let there = format!("{}/travel/pause", second.host());
    // skopeo copies the image, oras the graph.
    clients.run(Path::new("skopeo"), &[
        "copy", "--authfile", &authfile, "--src-tls-verify=false", "--dest-tls-verify=false",
        &format!("docker://{name}:1"), &format!("docker://{there}:skopeo"),
    ])?;
    clients.oras(&["cp", "-r", "--from-plain-http", "--to-plain-http", &format!("{name}:1"), &format!("{there}:oras")])?;
    assert_eq!(clients.crane(&["digest", &format!("{there}:skopeo")])?, digest);
    assert_eq!(clients.graph(&format!("{there}:oras"))?, clients.graph(&format!("{name}:1"))?);
    clients.verify(&format!("{there}:oras"))?;
    let (root, run) = (clients.path("podman").display().to_string(), clients.path("run").display().to_string());
    let podman = |arguments: &[&str]| {
        let mut all = vec!["--storage-driver", "vfs", "--root", root.as_str(), "--runroot", run.as_str()];
        all.extend(arguments);
        clients.run(Path::new("podman"), &all)
    };
    podman(&["login", "--tls-verify=false", "--authfile", &authfile, "-u", "admin", "-p", PASSWORD, &first.host()])?;
    podman(&["pull", "--tls-verify=false", "--authfile", &authfile, &format!("{name}:1")])?;
    podman(&["push", "--tls-verify=false", "--authfile", &authfile, &format!("{name}:1"), &format!("{name}:podman")])?;
    let tags = clients.crane(&["ls", &name])?;
    assert!(tags.lines().any(|tag| tag == "podman"), "{tags}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn images_and_charts_travel_with_regctl_and_helm() -> Result<()> {
    let ((first, clients), second) = (signed_in(&["travel"]).await?, server_with(&["travel"]).await?);
    clients.login(&second.host(), "admin", PASSWORD)?;
    let (name, there) = (format!("{}/travel/pause", first.host()), format!("{}/travel/pause", second.host()));
    let digest = clients.push(&format!("{name}:1"))?;
    clients.sign_bundle(&format!("{name}@{digest}"))?;
    for host in [first.host(), second.host()] {
        clients.regctl(&["registry", "set", &host, "--tls", "disabled"])?;
    }
    clients.regctl(&["image", "copy", "--referrers", "--digest-tags", &format!("{name}:1"), &format!("{there}:1")])?;
    assert_eq!(clients.regctl(&["image", "digest", &format!("{there}:1")])?, digest);
    assert_eq!(clients.graph(&format!("{there}:1"))?, clients.graph(&format!("{name}:1"))?);
    clients.verify(&format!("{there}:1"))?;
    assert_eq!(clients.regctl(&["tag", "ls", &there])?, "1");
    // Its own way of deleting a tag, where a registry can.
    clients.regctl(&["tag", "delete", &format!("{there}:1")])?;
    assert_eq!(clients.regctl(&["tag", "ls", &there])?, "");

    clients.helm(&["create", "ship"])?;
    clients.helm(&["package", "ship"])?;
    let place = format!("oci://{}/travel", first.host());
    clients.helm(&["push", "ship-0.1.0.tgz", &place, "--plain-http"])?;
    let pushed = std::fs::read(clients.path("ship-0.1.0.tgz"))?;
    std::fs::remove_file(clients.path("ship-0.1.0.tgz"))?;
    clients.helm(&["pull", &format!("{place}/ship"), "--version", "0.1.0", "--plain-http"])?;
    assert_eq!(std::fs::read(clients.path("ship-0.1.0.tgz"))?, pushed);
    let shown = first.call(reqwest::Method::GET, "/projects/travel/repositories/ship/artifacts", serde_json::Value::Null).await?;
    assert_eq!((&shown[0]["type"], &shown[0]["tags"][0]["name"]), (&"CHART".into(), &"0.1.0".into()), "{shown}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn the_token_traffic_of_docker_and_containerd_is_understood() -> Result<()> {
    let server = server_with(&["private"]).await?;
    let challenge = server.client.get(server.url("/v2/")).header("host", "evil.example").send().await?;
    assert_eq!(challenge.status(), 401);
    let header = challenge.headers()["www-authenticate"].to_str()?.to_owned();
    assert_eq!(header, format!("Bearer realm=\"{}\",service=\"harbor-registry\"", server.url("/service/token")));
    // containerd asks by POST first, and falls back on 405.
    let form = [("grant_type", "password"), ("service", "harbor-registry"), ("client_id", "containerd"),
        ("scope", "repository:private/a:pull"), ("username", "admin"), ("password", PASSWORD)];
    assert_eq!(server.client.post(server.url("/service/token")).form(&form).send().await?.status(), 405);
    let query = "/service/token?account=admin&client_id=docker&offline_token=true&service=harbor-registry\
        &scope=repository%3Aprivate%2Fa%3Apush%2Cpull&scope=repository%3Amissing%2Fb%3Apull";
    let token: serde_json::Value =
        server.client.get(server.url(query)).basic_auth("admin", Some(PASSWORD)).send().await?.json().await?;
    assert!(token["expires_in"].as_i64().unwrap() >= 60 && token["refresh_token"].is_null());
    assert_eq!(token["token"], token["access_token"]);
    let bearer = token["token"].as_str().unwrap();
    let start = server.client.post(server.url("/v2/private/a/blobs/uploads/")).bearer_auth(bearer).send().await?;
    assert_eq!(start.status(), 202);
    // The scope is a ceiling, also for an administrator.
    let elsewhere = server.client.post(server.url("/v2/private/other/blobs/uploads/")).bearer_auth(bearer).send().await?;
    assert_eq!(elsewhere.status(), 401);
    assert!(elsewhere.headers()["www-authenticate"].to_str()?.contains("insufficient_scope"));
    Ok(())
}
