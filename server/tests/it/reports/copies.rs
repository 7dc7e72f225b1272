//! Copying artifacts, a project's artifacts, settings that are unset, and paths and bodies as other clients write them.

use super::*;
use crate::server_with;
use anyhow::{Context, Result};
use testkit::image::sha256;

/// Pushes a manifest of one small configuration; answers its digest and size.
async fn manifest(server: &Server, repository: &str, reference: Option<&str>, mut body: Value) -> Result<(String, usize)> {
    let config = image::blob(server, repository, b"{}".to_vec()).await?;
    body["schemaVersion"] = 2.into();
    body["config"] = json!({ "mediaType": CONFIG, "digest": config, "size": 2 });
    if body["layers"].is_null() {
        body["layers"] = json!([]);
    }
    let text = body.to_string();
    let digest = sha256(text.as_bytes());
    let at = format!("/v2/{repository}/manifests/{}", reference.unwrap_or(&digest));
    anyhow::ensure!(put(server, &at, MANIFEST, &text).await? == 201, "{at}");
    Ok((digest, text.len()))
}

async fn copy(server: &Server, to: &str, from: &str) -> Result<(u16, String, String)> {
    let answer = server.api(Method::POST, &format!("{to}/artifacts?from={from}")).send().await?;
    let place = answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    Ok((answer.status().as_u16(), place, answer.text().await?))
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn an_artifact_is_copied_with_its_tree_and_its_tags() -> Result<()> {
    let server = server_with(&["p", "other"]).await?;
    // An index of a signed image, itself signed by a referrer and, as cosign did, by a tag; the referrer is signed, too.
    let (child, size) = manifest(&server, "p/a/b", None, json!({ "mediaType": MANIFEST })).await?;
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [
        { "mediaType": MANIFEST, "digest": child, "size": size, "platform": { "os": "linux", "architecture": "arm64" } },
    ] }).to_string();
    for tag in ["v1", "latest"] {
        assert_eq!(put(&server, &format!("/v2/p/a/b/manifests/{tag}"), INDEX, &index).await?, 201);
    }
    let root = sha256(index.as_bytes());
    let about = |digest: &str, media: &str, size: usize, kind: &str| {
        json!({ "mediaType": MANIFEST, "artifactType": kind, "subject": { "mediaType": media, "digest": digest, "size": size } })
    };
    let (sbom, length) = manifest(&server, "p/a/b", None, about(&root, INDEX, index.len(), "application/spdx+json")).await?;
    let (of_sbom, _) = manifest(&server, "p/a/b", None, about(&sbom, MANIFEST, length, "application/x-of-sbom")).await?;
    let (of_child, _) = manifest(&server, "p/a/b", None, about(&child, MANIFEST, size, "application/x-of-child")).await?;
    let cosign = format!("{}.sig", root.replace(':', "-"));
    let payload = json!({ "critical": { "image": { "docker-manifest-digest": root }, "type": "cosign container image signature" } }).to_string();
    let layer = image::blob(&server, "p/a/b", payload.clone().into_bytes()).await?;
    let layers = json!([{ "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": layer, "size": payload.len(),
        "annotations": { "dev.cosignproject.cosign/signature": "c2lnbmF0dXJl" } }]);
    let (by_tag, _) = manifest(&server, "p/a/b", Some(&cosign), json!({ "mediaType": MANIFEST, "layers": layers })).await?;

    let (status, place, text) = copy(&server, "/projects/other/repositories/x%252Fy", "p/a/b:v1").await?;
    assert_eq!(status, 201, "{text}");
    assert_eq!(place, format!("/api/v2.0/projects/other/repositories/x%252Fy/artifacts/{root}"));
    let there = server.call(Method::GET, place.trim_start_matches("/api/v2.0"), json!(null)).await?;
    let mut tags = names(there["tags"].as_array().context("tags")?, "name");
    tags.sort();
    assert_eq!(tags, ["latest", "v1"]);
    for digest in [&root, &child, &sbom, &of_sbom, &of_child, &by_tag] {
        let at = |repository: &str| format!("/v2/{repository}/manifests/{digest}");
        let (here, there) = (get(&server, &at("p/a/b")).await?, get(&server, &at("other/x/y")).await?);
        assert_eq!((here.status().as_u16(), there.status().as_u16()), (200, 200), "{digest}");
        assert_eq!(here.bytes().await?, there.bytes().await?, "{digest}");
    }
    assert_eq!(get(&server, &format!("/v2/other/x/y/manifests/{cosign}")).await?.headers()["docker-content-digest"], by_tag.as_str());
    for (subject, referrer) in [(&root, &sbom), (&sbom, &of_sbom), (&child, &of_child)] {
        let list: Value = get(&server, &format!("/v2/other/x/y/referrers/{subject}")).await?.json().await?;
        assert_eq!(names(list["manifests"].as_array().context("manifests")?, "digest"), [referrer.as_str()], "{subject}");
    }
    let accessories = rows(&server, &format!("/projects/other/repositories/x%252Fy/artifacts/{root}/accessories")).await?;
    assert_eq!(accessories.1, 2);

    // Once more, onto itself, what hangs on another, and what is nowhere or no reference: told apart, and nothing changes.
    let here = "/projects/other/repositories/x%252Fy";
    assert_eq!(copy(&server, here, &format!("p/a/b@{root}")).await?.0, 409);
    assert_eq!(copy(&server, "/projects/p/repositories/a%252Fb", "p/a/b:v1").await?.0, 409);
    assert_eq!(copy(&server, "/projects/other/repositories/z", &format!("p/a/b@{sbom}")).await?.0, 403);
    assert_eq!(copy(&server, "/projects/other/repositories/z", "p/a/b:none").await?.0, 404);
    assert_eq!(copy(&server, "/projects/other/repositories/z", "p/none:v1").await?.0, 404);
    for bad in ["p/a/b", "p:v1", "p/a/b@sha256:12", "", "p/A:v1", "p/a/b:-x"] {
        let (status, _, text) = copy(&server, "/projects/other/repositories/z", bad).await?;
        assert_eq!(status, 400, "{bad}: {text}");
    }
    assert_eq!(rows(&server, "/projects/other/repositories").await?.1, 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn who_may_not_pull_there_or_push_here_copies_nothing() -> Result<()> {
    let server = server_with(&["secret", "mine", "open"]).await?;
    image::push(&server, "secret/r", "v1", b"layer".to_vec()).await?;
    image::push(&server, "open/r", "v1", b"another".to_vec()).await?;
    server.call(Method::PUT, "/projects/open", json!({ "metadata": { "public": "true" } })).await?;
    let user = json!({ "username": "ann", "email": "ann@example.com", "realname": "Ann", "password": PASSWORD });
    server.call(Method::POST, "/users", user).await?;
    server.call(Method::POST, "/projects/mine/members", json!({ "role_id": 2, "member_user": { "username": "ann" } })).await?;
    server.call(Method::POST, "/projects/open/members", json!({ "role_id": 3, "member_user": { "username": "ann" } })).await?;
    let copy = async |to: &str, from: &str| -> Result<u16> {
        let url = server.url(&format!("/api/v2.0/projects/{to}/repositories/r/artifacts?from={from}"));
        let request = server.client.post(url).basic_auth("ann", Some(PASSWORD));
        Ok(request.send().await?.status().as_u16())
    };
    assert_eq!(copy("mine", "secret/r:v1").await?, 403);
    assert_eq!(copy("mine", "secret/none:v1").await?, 403);
    assert_eq!(copy("open", "mine/r:v1").await?, 403);
    assert_eq!(rows(&server, "/projects/mine/repositories").await?.1, 0);
    assert_eq!(copy("mine", "open/r:v1").await?, 201);
    // What may not be pulled is not copied either.
    server.call(Method::PUT, "/projects/open", json!({ "metadata": { "enable_content_trust_cosign": "true" } })).await?;
    server.call(Method::DELETE, "/projects/mine/repositories/r", json!(null)).await?;
    assert_eq!(copy("mine", "open/r:v1").await?, 403);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_copy_takes_no_tag_and_no_signature_from_anybody_and_nothing_that_may_not_be_pulled() -> Result<()> {
    let server = server_with(&["pa", "pb"]).await?;
    let (root, size) = manifest(&server, "pa/r", Some("v1"), json!({ "mediaType": MANIFEST })).await?;
    let about = |kind: &str| json!({ "mediaType": MANIFEST, "artifactType": kind, "subject": { "mediaType": MANIFEST, "digest": root, "size": size } });
    // A person tagged an accessory by a name that is somebody else's over there.
    let (sbom, _) = manifest(&server, "pa/r", Some("latest"), about("application/spdx+json")).await?;
    let other = image::push(&server, "pb/r", "latest", b"other".to_vec()).await?;
    // Signed at both places, by different people.
    let mut payloads = Vec::new();
    for place in ["pa/r", "pb/r"] {
        if place == "pb/r" {
            manifest(&server, "pb/r", None, json!({ "mediaType": MANIFEST, "annotations": { "of": "pb" } })).await?;
        }
        let payload = json!({ "critical": { "image": { "docker-manifest-digest": root }, "type": "cosign container image signature" },
            "optional": { "by": place } }).to_string();
        let layer = image::blob(&server, place, payload.clone().into_bytes()).await?;
        let layers = json!([{ "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": layer, "size": payload.len(),
            "annotations": { "dev.cosignproject.cosign/signature": "c2ln" } }]);
        manifest(&server, place, Some(&format!("{}.sig", root.replace(':', "-"))), json!({ "mediaType": MANIFEST, "layers": layers })).await?;
        payloads.push(layer);
    }
    assert_eq!(copy(&server, "/projects/pb/repositories/r", "pa/r:v1").await?.0, 201);
    assert_eq!(get(&server, "/v2/pb/r/manifests/latest").await?.headers()["docker-content-digest"], other.as_str());
    assert_eq!(get(&server, &format!("/v2/pb/r/manifests/{sbom}")).await?.status(), 200);
    let signed: Value = get(&server, &format!("/v2/pb/r/manifests/{}.sig", root.replace(':', "-"))).await?.json().await?;
    let mut held = names(signed["layers"].as_array().context("layers")?, "digest");
    held.sort();
    payloads.sort();
    assert_eq!(held, payloads, "both signatures are in force");

    // Where only what is signed may be pulled, an image that is attached is none that may; the signed one goes without it.
    let image = json!({ "mediaType": MANIFEST, "subject": { "mediaType": MANIFEST, "digest": root, "size": size }, "annotations": { "an": "image" } });
    let layer = image::blob(&server, "pa/r", b"a layer".to_vec()).await?;
    let mut image = image;
    image["layers"] = json!([{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 7 }]);
    let (attached, _) = manifest(&server, "pa/r", None, image).await?;
    server.call(Method::PUT, "/projects/pa", json!({ "metadata": { "enable_content_trust_cosign": "true" } })).await?;
    assert_eq!(get(&server, &format!("/v2/pa/r/manifests/{attached}")).await?.status(), 403);
    assert_eq!(copy(&server, "/projects/pb/repositories/gate", "pa/r:v1").await?.0, 201);
    assert_eq!(get(&server, &format!("/v2/pb/gate/manifests/{root}")).await?.status(), 200);
    assert_eq!(get(&server, &format!("/v2/pb/gate/manifests/{attached}")).await?.status(), 404);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn what_go_reads_otherwise_is_not_taken() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let config = image::blob(&server, "p/r", b"{}".to_vec()).await?;
    let layer = image::blob(&server, "p/r", b"a layer".to_vec()).await?;
    let config = format!(r#"{{"mediaType":"{CONFIG}","digest":"{config}","size":2}}"#);
    let layers = format!(r#"[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":7}}]"#);
    for member in ["Layers", "LAYERS", "layer\u{17f}", r"layer\u017f", r"\u004cayers", "Config", "CONFIG", "MediaType", "Subject", "Manifests", "ArtifactType",
        "SchemaVersion"] {
        let value = if member.eq_ignore_ascii_case("config") { &config } else { &layers };
        let text = format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[],"{member}":{value}}}"#);
        assert_eq!(put(&server, "/v2/p/r/manifests/1", MANIFEST, &text).await?, 400, "{member}");
    }
    let twice = layers.replace("\"digest\"", "\"Digest\":\"x\",\"digest\"");
    let text = format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":{twice}}}"#);
    assert_eq!(put(&server, "/v2/p/r/manifests/1", MANIFEST, &text).await?, 400);
    let free = format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":{layers},"annotations":{{"Layers":"a","Digest":"b"}}}}"#);
    assert_eq!(put(&server, "/v2/p/r/manifests/1", MANIFEST, &free).await?, 201);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_project_s_artifacts_are_one_list() -> Result<()> {
    let server = server_with(&["p", "q"]).await?;
    for (n, at) in ["p/a", "p/a", "p/b", "p/c/d", "q/a"].into_iter().enumerate() {
        image::push(&server, at, &format!("v{n}"), format!("layer {n}").into_bytes()).await?;
    }
    let of = |row: &Value| (row["repository_name"].as_str().unwrap_or_default().to_owned(), row["tags"][0]["name"].as_str().unwrap_or_default().to_owned());
    let (all, total, _) = rows(&server, "/projects/p/artifacts?sort=push_time").await?;
    let pair = |at: &str, tag: &str| (at.to_owned(), tag.to_owned());
    assert_eq!(total, 4);
    assert_eq!(all.iter().map(of).collect::<Vec<_>>(), [pair("p/a", "v0"), pair("p/a", "v1"), pair("p/b", "v2"), pair("p/c/d", "v3")]);
    for row in &all {
        let full = row["repository_name"].as_str().context("name")?;
        let path = full.split_once('/').context("no slash")?.1.replace('/', "%252F");
        let alone = server.call(Method::GET, &format!("/projects/p/repositories/{path}/artifacts/{}", row["digest"].as_str().context("digest")?), json!(null)).await?;
        assert_eq!(*row, alone, "{full}");
    }
    let (latest, total, _) = rows(&server, "/projects/p/artifacts?latest_in_repository=true&sort=-push_time").await?;
    assert_eq!((total, latest.iter().map(of).collect::<Vec<_>>()), (3, vec![pair("p/c/d", "v3"), pair("p/b", "v2"), pair("p/a", "v1")]));
    let (one, total, _) = rows(&server, "/projects/p/artifacts?q=tags=v2").await?;
    assert_eq!((total, one.iter().map(of).collect::<Vec<_>>()), (1, vec![pair("p/b", "v2")]));
    let (page, total, more) = rows(&server, "/projects/p/artifacts?page=2&page_size=3&sort=push_time").await?;
    assert_eq!((page.len(), total, more), (1, 4, false));
    assert_eq!(rows(&server, "/projects/p/artifacts?page_size=0").await?.0.len(), 4);
    // Of a repository that was deleted, and can be brought back, nothing is shown.
    server.call(Method::DELETE, "/projects/p/repositories/a", json!(null)).await?;
    let (left, total, _) = rows(&server, "/projects/p/artifacts?sort=push_time").await?;
    assert_eq!((total, left.iter().map(of).collect::<Vec<_>>()), (2, vec![pair("p/b", "v2"), pair("p/c/d", "v3")]));
    let answer = server.api(Method::GET, "/projects/none/artifacts").send().await?;
    assert_eq!(answer.status(), 404);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_setting_is_unset_and_paths_may_end_in_a_slash_and_null_is_nothing() -> Result<()> {
    let server = server_with(&["p"]).await?;
    server.call(Method::PUT, "/projects/p/", json!({ "metadata": { "public": "true", "severity": "high", "auto_scan": null }, "cve_allowlist": null })).await?;
    let settings = async || server.call(Method::GET, "/projects/p/metadatas/", json!(null)).await;
    assert_eq!(settings().await?, json!({ "public": "true", "severity": "high", "enable_content_trust_cosign": "false" }));
    for setting in ["public", "severity"] {
        server.call(Method::DELETE, &format!("/projects/p/metadatas/{setting}"), json!(null)).await?;
    }
    assert_eq!(settings().await?, json!({ "public": "false", "enable_content_trust_cosign": "false" }));
    for unknown in ["severity", "nonsense"] {
        let answer = server.api(Method::DELETE, &format!("/projects/p/metadatas/{unknown}")).send().await?;
        assert_eq!(answer.status(), 404, "{unknown}");
    }
    let user = json!({ "username": "ann", "email": "ann@example.com", "realname": "Ann", "comment": null, "password": PASSWORD });
    server.call(Method::POST, "/users/", user).await?;
    let robot = json!({ "name": "r", "level": "project", "description": null, "duration": null, "secret": null, "permissions": [
        { "kind": "project", "namespace": "p", "access": [{ "resource": "repository", "action": "pull", "effect": null }] },
    ] });
    server.call(Method::POST, "/robots", robot).await?;
    let there = target(&server).await?;
    server.call(Method::POST, "/replication/policies", rule("r", json!({ "filters": null, "trigger": null, "dest_namespace": null, "src_registry": null }))).await?;
    drop(there);
    // Without an account a project that is none and one that is private look the same.
    let answer = server.client.get(server.url("/api/v2.0/projects/p/repositories/")).send().await?;
    assert_eq!(answer.status(), 401);
    Ok(())
}
