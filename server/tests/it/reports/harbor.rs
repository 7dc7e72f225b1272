//! What Harbor itself and its clients (harborapi, go-client, Terraform's provider) send and read.

use super::*;
use crate::server_with;
use anyhow::{Context, Result};

async fn status(server: &Server, who: &str, method: Method, path: &str, body: Value) -> Result<u16> {
    let request = server.client.request(method, server.url(&format!("/api/v2.0{path}"))).basic_auth(who, Some(PASSWORD));
    Ok(if body.is_null() { request } else { request.json(&body) }.send().await?.status().as_u16())
}

async fn user(server: &Server, name: &str) -> Result<i64> {
    let user = json!({ "username": name, "email": format!("{name}@example.com"), "realname": name, "password": PASSWORD });
    server.call(Method::POST, "/users", user).await?;
    let found = server.call(Method::GET, &format!("/users?q=username={name}"), json!(null)).await?;
    found[0]["user_id"].as_i64().context("no id")
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_harbor_that_pushes_here_finds_where_a_blob_stands() -> Result<()> {
    let server = server_with(&["p", "q"]).await?;
    let digest = image::sha256(b"layer");
    for at in ["p/a", "p/b/c", "q/a"] {
        image::push(&server, at, "1", b"layer".to_vec()).await?;
    }
    image::push(&server, "q/z", "1", b"another".to_vec()).await?;
    let (found, total, _) = rows(&server, &format!("/repositories?q=blob_digest={digest}&page_size=1&page_number=1&sort=name")).await?;
    assert_eq!((names(&found, "name"), total), (vec!["p/a".to_owned()], 3));
    assert_eq!(rows(&server, &format!("/repositories?q=blob_digest=sha256:{}", "0".repeat(64))).await?.0.len(), 0);
    refused(&server, Method::GET, "/repositories?q=blob_digest=sha256:12", json!(null), &["blob_digest"]).await?;
    // Of what somebody may not see nothing is told.
    user(&server, "ann").await?;
    server.call(Method::POST, "/projects/q/members", json!({ "role_id": 2, "member_user": { "username": "ann" } })).await?;
    let url = server.url(&format!("/api/v2.0/repositories?q=blob_digest={digest}"));
    let seen: Vec<Value> = server.client.get(url).basic_auth("ann", Some(PASSWORD)).send().await?.json().await?;
    assert_eq!(names(&seen, "name"), ["q/a"]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn every_list_is_asked_by_its_columns() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let (ann, bob) = (user(&server, "ann").await?, user(&server, "bob").await?);
    server.call(Method::PUT, &format!("/users/{ann}/sysadmin"), json!({ "sysadmin_flag": true })).await?;
    let said = json!({ "email": "bob@example.com", "realname": "bob", "comment": "ÄRZTE" });
    server.call(Method::PUT, &format!("/users/{bob}"), said).await?;
    let digest = image::push(&server, "p/r", "v1", b"x".to_vec()).await?;
    for tag in ["aa", "b", "AB"] {
        server.call(Method::POST, &format!("/projects/p/repositories/r/artifacts/{digest}/tags"), json!({ "name": tag })).await?;
    }
    let _there = target(&server).await?;
    for name in ["one", "two"] {
        server.call(Method::POST, "/replication/policies", rule(name, json!({ "enabled": name == "one" }))).await?;
    }
    let tags = format!("/projects/p/repositories/r/artifacts/{digest}/tags");
    for (path, key, wanted) in [
        (format!("{tags}?q=name=aa"), "name", vec!["aa"]), (format!("{tags}?q=name=~a"), "name", vec!["AB", "aa"]),
        (format!("{tags}?q=name={{b%20v1}}&sort=-name"), "name", vec!["v1", "b"]), (format!("{tags}?sort=id&page_size=2&page=2"), "name", vec!["b", "AB"]),
        (format!("{tags}?q=push_time=[2000-01-01~2001-01-01]"), "name", vec![]),
        ("/users?q=sysadmin_flag=true&sort=username".into(), "username", vec!["admin", "ann"]),
        ("/users?q=email=bob@example.com".into(), "username", vec!["bob"]), ("/users?q=realname=~AN".into(), "username", vec!["ann"]),
        ("/users?q=user_id={1%202}&sort=-user_id".into(), "username", vec!["ann", "admin"]),
        ("/users?q=comment=~%C3%84RZ".into(), "username", vec!["bob"]), ("/users?q=comment=~%C3%84rz".into(), "username", vec!["bob"]),
        ("/users?q=comment=~rzte".into(), "username", vec!["bob"]), ("/users?q=comment=~x".into(), "username", vec![]),
        ("/projects?q=owner_id=1,creation_time=[2020-01-01~]".into(), "name", vec!["p"]), ("/projects?q=owner_id=7".into(), "name", vec![]),
        ("/projects?public=False".into(), "name", vec!["p"]), ("/projects?sort=-project_id".into(), "name", vec!["p"]),
        ("/registries?q=type=docker-registry&sort=-update_time".into(), "name", vec!["t"]), ("/registries?q=type=harbor".into(), "name", vec![]),
        ("/replication/policies?q=enabled=true".into(), "name", vec!["one"]), ("/replication/policies?q=dest_registry_id=1,enabled=0&sort=id".into(), "name",
            vec!["two"]),
        ("/projects/p/repositories?q=artifact_count=[1~]".into(), "name", vec!["p/r"]), ("/projects/p/repositories?q=pull_count=[5~]".into(), "name", vec![]),
        ("/replication/executions?trigger=scheduled".into(), "status", vec![]), ("/replication/executions?q=trigger=event_based".into(), "status", vec![]),
        ("/scanners".into(), "name", vec![]),
    ] {
        assert_eq!(names(&rows(&server, &path).await?.0, key), wanted, "{path}");
    }
    for (path, named) in [
        (format!("{tags}?q=colour=red"), "colour"), (format!("{tags}?sort=colour"), "colour"), (format!("{tags}?q=id=x"), "id"),
        ("/users?q=sysadmin_flag=maybe".into(), "sysadmin_flag"), ("/users?q=email=[a~b]".into(), "email"), ("/projects?q=owner_id=x".into(), "owner_id"),
        ("/projects?q=creation_time=soon".into(), "creation_time"), ("/projects?q=password=x".into(), "password"), ("/projects?public=perhaps".into(), "public"),
        ("/replication/executions?trigger=moon".into(), "trigger"), ("/replication/policies?q=enabled=(true)".into(), "enabled"),
    ] {
        refused(&server, Method::GET, &path, json!(null), &[named]).await?;
    }
    // What a list of rules says of their registry is what the registry says.
    let (rules, ..) = rows(&server, "/replication/policies").await?;
    assert_eq!(rules[0]["dest_registry"], server.call(Method::GET, "/registries/1", json!(null)).await?);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn what_is_attached_is_found_by_what_its_row_says() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let digest = image::push(&server, "p/r", "v1", b"x".to_vec()).await?;
    for kind in ["application/vnd.goharbor.harbor.sbom.v1", "application/spdx+json", "application/vnd.cncf.notary.signature", "application/vnd.x",
        "application/vnd.dev.cosign.artifact.sig.v1+json", "application/sarif+json"] {
        image::attach(&server, "p/r", &digest, kind).await?;
    }
    let list = format!("/projects/p/repositories/r/artifacts/{digest}/accessories");
    let (all, total, _) = rows(&server, &format!("{list}?sort=id")).await?;
    assert_eq!((all.len(), total), (6, 6));
    assert!(all.iter().any(|row| row["type"] == "sbom.harbor"), "{all:?}");
    // Each value that a row shows finds the rows that show it, and no other.
    for (key, text) in [("type", true), ("digest", true), ("size", false), ("id", false), ("artifact_id", false), ("creation_time", true)] {
        for row in &all {
            let value = if text { row[key].as_str().context("no text")?.to_owned() } else { row[key].to_string() };
            let wanted: Vec<&Value> = all.iter().filter(|other| other[key] == row[key]).collect();
            let asked = if key == "creation_time" { format!("[{value}~{value}]") } else { value };
            let (found, total, _) = rows(&server, &format!("{list}?sort=id&q={key}={asked}")).await?;
            assert_eq!((found.iter().collect::<Vec<_>>(), total), (wanted.clone(), wanted.len() as i64), "{key}={asked}");
        }
    }
    assert_eq!(names(&rows(&server, &format!("{list}?q=type={{sbom.harbor%20signature.notation}}&sort=type")).await?.0, "type"),
        ["sbom.harbor", "signature.notation"]);
    assert_eq!(rows(&server, &format!("{list}?sort=-creation_time&page=2&page_size=4")).await?.0.len(), 2);
    assert_eq!(rows(&server, &format!("{list}?q=type=moon")).await?.1, 0);
    refused(&server, Method::GET, &format!("{list}?q=icon=x"), json!(null), &["icon"]).await?;
    refused(&server, Method::GET, &format!("{list}?sort=icon"), json!(null), &["icon"]).await
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn an_object_is_an_object_and_a_body_is_there() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let robot = json!({ "name": "r", "level": "project", "permissions": [
        { "kind": "project", "namespace": "p", "access": [{ "resource": "repository", "action": "pull" }] },
    ] });
    let made = server.call(Method::POST, "/robots", robot.clone()).await?;
    let secret = made["secret"].as_str().context("no secret")?.to_owned();
    let mut nested = robot.clone();
    nested["permissions"] = json!([["project", "p", []]]);
    for (method, path, body) in [
        (Method::POST, "/projects", json!(["q60"])), (Method::PUT, "/projects/p", json!([])), (Method::PATCH, "/robots/1", json!([])),
        (Method::POST, "/robots", nested), (Method::POST, "/projects/p/members", json!({ "role_id": 1, "member_user": ["admin"] })),
        (Method::POST, "/projects", json!(7)), (Method::POST, "/replication/executions", json!([1])),
    ] {
        refused(&server, method, path, body, &["not understood"]).await?;
    }
    let answer = server.api(Method::PATCH, "/robots/1").send().await?;
    assert_eq!((answer.status().as_u16(), answer.text().await?.contains("body")), (400, true));
    // The secret is what it was.
    let name = made["name"].as_str().context("no name")?;
    let token = server.client.get(server.url("/service/token?service=x&scope=repository:p/r:pull")).basic_auth(name, Some(&secret)).send().await?;
    assert_eq!(token.status(), 200);
    assert_eq!(rows(&server, "/projects").await?.1, 1);
    // Nor is a manifest's descriptor an array.
    let config = image::blob(&server, "p/r", b"{}".to_vec()).await?;
    let text = format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":["{CONFIG}","{config}",2],"layers":[]}}"#);
    assert_eq!(put(&server, "/v2/p/r/manifests/1", MANIFEST, &text).await?, 400);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn people_keep_their_own_account_and_go_leaves_out_what_is_false() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let (ann, bob) = (user(&server, "ann").await?, user(&server, "bob").await?);
    let profile = json!({ "email": "new@example.com", "realname": "Ann", "comment": "hello" });
    assert_eq!(status(&server, "ann", Method::GET, &format!("/users/{ann}"), json!(null)).await?, 200);
    assert_eq!(status(&server, "ann", Method::PUT, &format!("/users/{ann}"), profile.clone()).await?, 200);
    assert_eq!(server.call(Method::GET, &format!("/users/{ann}"), json!(null)).await?["email"], "new@example.com");
    for (method, body) in [(Method::GET, json!(null)), (Method::PUT, profile), (Method::DELETE, json!(null))] {
        assert_eq!(status(&server, "ann", method, &format!("/users/{bob}"), body).await?, 403);
    }
    server.call(Method::PUT, &format!("/users/{ann}/sysadmin"), json!({ "sysadmin_flag": true })).await?;
    server.call(Method::PUT, &format!("/users/{ann}/sysadmin"), json!({})).await?;
    assert_eq!(server.call(Method::GET, &format!("/users/{ann}"), json!(null)).await?["sysadmin_flag"], false);
    // To who administers, what cannot be called so is not there; to others it looks like what they may not see.
    for name in ["P", "A_B!", "%C3%A9", "p%2Fq"] {
        assert_eq!(status(&server, "admin", Method::GET, &format!("/projects/{name}"), json!(null)).await?, 404, "{name}");
        assert_eq!(status(&server, "bob", Method::GET, &format!("/projects/{name}"), json!(null)).await?, 403, "{name}");
    }
    let answer = server.api(Method::GET, "/projects/%ff").send().await?;
    assert_eq!(answer.status(), 400);
    assert!(answer.json::<Value>().await?["errors"][0]["message"].is_string());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn what_cannot_be_so_is_named_by_the_api_s_own_names() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let there = target(&server).await?;
    for (method, path, body, words) in [
        (Method::POST, "/users", json!({ "username": "ann", "email": "a@example.com", "password": PASSWORD }), "realname"),
        (Method::POST, "/projects", json!({ "project_name": "" }), "project_name"), (Method::POST, "/projects", json!({ "project_name": "q", "storage_limit": 0 }),
            "storage_limit"),
        (Method::PUT, "/projects/p", json!({ "registry_id": 1 }), "registry_id"),
        (Method::POST, "/projects/p/members", json!({ "role_id": 1 }), "member_user"),
        (Method::POST, "/projects/p/members", json!({ "role_id": 1, "member_group": { "ldap_group_dn": "cn=x", "group_type": 1 } }), "groups"),
        (Method::POST, "/replication/policies", json!({ "name": "r", "dest_registry": { "id": 9 } }), "dest_registry"),
        (Method::POST, "/replication/policies", rule("r", json!({ "dest_namespace": "A b" })), "dest_namespace"),
        (Method::POST, "/replication/policies", rule("r", json!({ "dest_namespace_replace_count": 9 })), "dest_namespace_replace_count"),
        (Method::POST, "/registries", json!({ "name": "x", "type": "docker-registry", "url": there.url, "credential": { "type": "oauth" } }), "credential.type"),
        (Method::PUT, "/registries/1", json!({ "url": "http://127.0.0.1:1" }), "reached"),
    ] {
        refused(&server, method, path, body, &[words]).await?;
    }
    // What is tested is what is sent, over what is stored.
    for (body, status) in [
        (json!({ "id": 1 }), 200), (json!({ "id": 1, "proxy": "http://127.0.0.1:1" }), 400), (json!({ "id": 1, "url": there.url, "access_secret": "*****" }), 200),
        (json!({ "id": 1, "access_key": "somebody" }), 200), (json!({ "id": 1, "url": "http://127.0.0.1:1" }), 400),
    ] {
        let answer = server.api(Method::POST, "/registries/ping").json(&body).send().await?;
        assert_eq!(answer.status(), status, "{body}: {}", answer.text().await?);
    }
    // A registry that is changed is looked at again.
    assert_eq!(server.call(Method::GET, "/registries/1", json!(null)).await?["status"], "healthy");
    server.call(Method::PUT, "/registries/1", json!({ "description": "ours" })).await?;
    let read = server.call(Method::GET, "/registries/1", json!(null)).await?;
    assert_eq!((&read["status"], &read["description"]), (&json!("healthy"), &json!("ours")));
    // The schedule as it reads is taken back, and stays.
    let schedule = server.call(Method::GET, "/system/gc/schedule", json!(null)).await?;
    server.call(Method::PUT, "/system/gc/schedule", json!({ "schedule": schedule["schedule"] })).await?;
    assert_eq!(server.call(Method::GET, "/system/gc/schedule", json!(null)).await?["schedule"]["type"], schedule["schedule"]["type"]);
    let summary = server.call(Method::GET, "/projects/p/summary", json!(null)).await?;
    assert_eq!((&summary["project_admin_count"], &summary["developer_count"]), (&json!(1), &json!(0)));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn an_index_tells_its_windows_apart() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let mut children = Vec::new();
    for version in ["10.0.17763.1", "10.0.20348.2"] {
        let digest = image::push(&server, "p/win", version, version.as_bytes().to_vec()).await?;
        let size = get(&server, &format!("/v2/p/win/manifests/{digest}")).await?.bytes().await?.len();
        children.push(json!({ "mediaType": MANIFEST, "digest": digest, "size": size, "annotations": { "of": version }, "urls": ["https://example.com/a"],
            "platform": { "os": "windows", "architecture": "amd64", "os.version": version, "os.features": ["win32k"] } }));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": children }).to_string();
    assert_eq!(put(&server, "/v2/p/win/manifests/all", INDEX, &index).await?, 201);
    let read = server.call(Method::GET, "/projects/p/repositories/win/artifacts/all", json!(null)).await?;
    let listed = rows(&server, "/projects/p/repositories/win/artifacts?q=tags=all").await?.0;
    assert_eq!(read["references"], listed[0]["references"]);
    for (n, child) in children.iter().enumerate() {
        let one = &read["references"][n];
        let alone = server.call(Method::GET, &format!("/projects/p/repositories/win/artifacts/{}", child["digest"].as_str().context("digest")?), json!(null)).await?;
        assert_eq!((&one["child_id"], &one["child_digest"]), (&alone["id"], &child["digest"]));
        assert_eq!((&one["annotations"], &one["urls"], &one["platform"]["os.version"]), (&child["annotations"], &child["urls"], &child["platform"]["os.version"]));
        assert_eq!(one["platform"]["os.features"], child["platform"]["os.features"]);
    }
    Ok(())
}
