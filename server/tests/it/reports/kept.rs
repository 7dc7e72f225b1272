//! What is accepted is kept, obeyed and read back, or it is refused by its name; what is left out of a list is said to be.

use super::*;
use crate::server_with;
use anyhow::{Context, Result};

async fn count(server: &Server, path: &str) -> Result<usize> {
    Ok(rows(server, path).await?.0.len())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn what_cannot_be_obeyed_is_refused_by_its_name() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let digest = image::push(&server, "p/r", "1", b"x".to_vec()).await?;
    let dry = |kind: &str| json!({ "schedule": { "type": kind, "cron": if kind == "Custom" { "0 * * * * *" } else { "" } }, "parameters": { "dry_run": true } });
    let before = server.call(Method::GET, "/system/gc/schedule", json!(null)).await?;
    for kind in ["Custom", "Daily", "None"] {
        for method in [Method::PUT, Method::POST] {
            refused(&server, method, "/system/gc/schedule", dry(kind), &["parameters.dry_run"]).await?;
        }
    }
    let never = json!({ "schedule": { "type": "Custom", "cron": "0 0 0 30 2 *" } });
    refused(&server, Method::PUT, "/system/gc/schedule", never, &["never"]).await?;
    assert_eq!(server.call(Method::GET, "/system/gc/schedule", json!(null)).await?, before);
    refused(&server, Method::PUT, "/projects/p", json!({ "project_name": "other" }), &["project_name"]).await?;
    // A project that leaves no room for a repository is none.
    refused(&server, Method::POST, "/projects", json!({ "project_name": "x".repeat(254) }), &["project_name", "253"]).await?;
    let longest = "x".repeat(253);
    server.call(Method::POST, "/projects", json!({ "project_name": longest })).await?;
    image::push(&server, &format!("{longest}/r"), "1", b"x".to_vec()).await?;
    let tags = format!("/projects/p/repositories/r/artifacts/{digest}/tags");
    refused(&server, Method::POST, &tags, json!({ "name": "v", "immutable": true }), &["immutable"]).await?;
    for (metadata, named) in [("severity", "bogus"), ("auto_scan", "perhaps"), ("proxy_speed_kb", "abc"), ("reuse_sys_cve_allowlist", "x")] {
        refused(&server, Method::PUT, "/projects/p", json!({ "metadata": { metadata: named } }), &[metadata]).await?;
    }
    for list in [json!("x"), json!([]), json!({ "items": "x" }), json!({ "items": [{ "cve_id": "CVE-1" }] }), json!({ "expires_at": 1_900_000_000 })] {
        refused(&server, Method::PUT, "/projects/p", json!({ "cve_allowlist": list }), &["cve_allowlist"]).await?;
    }
    for list in [json!({}), json!({ "items": [], "expires_at": null, "project_id": 1 }), json!({ "items": null })] {
        server.call(Method::PUT, "/projects/p", json!({ "cve_allowlist": list })).await?;
    }
    assert_eq!(server.call(Method::GET, &tags, json!(null)).await?.as_array().map(Vec::len), Some(1));
    // What is obeyed: both ways to say that everybody may pull.
    for (body, public) in [
        (json!({ "public": true }), "true"), (json!({ "metadata": { "public": "false" } }), "false"), (json!({ "project_name": "p", "public": true }), "true"),
    ] {
        server.call(Method::PUT, "/projects/p", body).await?;
        assert_eq!(server.call(Method::GET, "/projects/p", json!(null)).await?["metadata"]["public"], public);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_rule_keeps_every_filter_and_nothing_that_says_nothing() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let _there = target(&server).await?;
    for (filter, named) in [
        (json!({ "type": "tag", "value": "" }), "tag"), (json!({ "type": "tag", "value": null }), "tag"), (json!({ "type": "name" }), "name"),
        (json!({ "type": "", "value": "x" }), "type"), (json!({ "value": "x" }), "type"), (json!({ "type": "tag", "value": " v* " }), "spaces"),
    ] {
        refused(&server, Method::POST, "/replication/policies", rule("r", json!({ "filters": [filter] })), &["filters", named]).await?;
    }
    let trigger = json!({ "type": "manual", "trigger_settings": { "cron": "0 0 0 * * *" } });
    refused(&server, Method::POST, "/replication/policies", rule("r", json!({ "trigger": trigger })), &["cron"]).await?;
    assert_eq!(count(&server, "/replication/policies").await?, 0);
    // Credentials are taken away by saying that there are none.
    let input = |key: &str, secret: &str| json!({ "access_key": key, "access_secret": secret });
    server.call(Method::PUT, "/registries/1", input("bob", "secret")).await?;
    let stored = async || anyhow::Ok(server.call(Method::GET, "/registries/1", json!(null)).await?["credential"].clone());
    assert_eq!(stored().await?["access_secret"], "*****");
    server.call(Method::PUT, "/registries/1", json!({ "description": "the same" })).await?;
    assert_eq!((&stored().await?["access_key"], &stored().await?["access_secret"]), (&json!("bob"), &json!("*****")));
    server.call(Method::PUT, "/registries/1", input("", "")).await?;
    assert!(stored().await?["access_key"].as_str().unwrap_or_default().is_empty() && stored().await?["access_secret"] != "*****");
    server.call(Method::PUT, "/registries/1", json!({ "credential": { "type": "basic", "access_key": "bob", "access_secret": "secret" } })).await?;
    server.call(Method::PUT, "/registries/1", json!({ "credential": { "type": "basic", "access_key": "", "access_secret": "" } })).await?;
    assert_ne!(stored().await?["access_secret"], "*****");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_list_of_everything_says_what_it_leaves_out() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let mut digests = Vec::new();
    for n in 0..105 {
        let digest = image::push(&server, "p/r", &format!("v{n}"), format!("{n}").into_bytes()).await?;
        image::attach(&server, "p/r", &digest, "application/vnd.cncf.notary.signature").await?;
        digests.push(digest);
    }
    let env = "x".repeat(600);
    let config = format!(r#"{{"os":"linux","architecture":"amd64","config":{{"Env":["A={env}"]}}}}"#);
    let blob = image::blob(&server, "p/r", config.clone().into_bytes()).await?;
    let made = json!({ "schemaVersion": 2, "config": { "mediaType": CONFIG, "digest": blob, "size": config.len() }, "layers": [] });
    assert_eq!(put(&server, "/v2/p/r/manifests/long", MANIFEST, &made.to_string()).await?, 201);
    for list in ["/projects/p/repositories/r/artifacts", "/projects/p/artifacts"] {
        let (all, total, more) = rows(&server, &format!("{list}?page_size=0&with_accessory=true")).await?;
        assert_eq!((all.len(), total, more), (106, 106, false));
        for row in &all {
            let is_long = row["tags"][0]["name"] == "long";
            assert_eq!(row["accessories"].as_array().map(Vec::len), Some(usize::from(!is_long)), "{row}");
            assert_eq!(row["accessory_count"], i64::from(!is_long));
            assert_eq!(row["extra_attrs_left_out"], is_long, "{row}");
        }
        assert_eq!(count(&server, &format!("{list}?page_size=0&page=2")).await?, 0);
        let (few, ..) = rows(&server, &format!("{list}?page_size=0&q=tags=long")).await?;
        assert_eq!((few[0]["extra_attrs_left_out"].clone(), few[0]["extra_attrs"]["os"].clone()), (json!(false), json!("linux")));
    }
    // By itself an artifact has them unless that is not wanted; and what is false is so in each of its words.
    let one = format!("/projects/p/repositories/r/artifacts/{}", digests[0]);
    for (query, shown) in [("", 1), ("?with_accessory=true", 1), ("?with_accessory=false", 0), ("?with_accessory=0", 0)] {
        assert_eq!(server.call(Method::GET, &format!("{one}{query}"), json!(null)).await?["accessories"].as_array().map(Vec::len), Some(shown), "{query}");
    }
    for no in ["false", "False", "0", "f"] {
        assert_eq!(server.call(Method::GET, &format!("{one}?with_tag={no}"), json!(null)).await?["tags"], json!([]), "{no}");
    }
    // What was never pulled was pulled before any time.
    let list = "/projects/p/repositories/r/artifacts?page_size=1";
    assert_eq!(rows(&server, &format!("{list}&q=pull_time=[~2100-01-01]")).await?.1, 106);
    get(&server, "/v2/p/r/manifests/v0").await?;
    assert_eq!(rows(&server, &format!("{list}&q=pull_time=[~2020-01-01]")).await?.1 + rows(&server, &format!("{list}&q=pull_time=[2020-01-01~]")).await?.1, 106);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn lists_are_sorted_and_searched_by_all_that_was_said() -> Result<()> {
    let server = server_with(&["p", "q"]).await?;
    for (at, tags) in [("p/a", 2), ("p/b", 1), ("p/c", 2), ("q/p", 1)] {
        for n in 0..tags {
            image::push(&server, at, &format!("v{n}"), format!("{at} {n}").into_bytes()).await?;
        }
    }
    for (level, name) in [("project", "ci"), ("project", "cd"), ("system", "sy")] {
        let namespace = if level == "project" { "p" } else { "*" };
        let robot = json!({ "name": name, "level": level, "duration": -1,
            "permissions": [{ "kind": "project", "namespace": namespace, "access": [{ "resource": "repository", "action": "pull" }] }] });
        server.call(Method::POST, "/robots", robot).await?;
    }
    for (path, wanted) in [
        ("/projects/p/repositories?sort=-artifact_count,-name", vec!["p/c", "p/a", "p/b"]),
        ("/projects/p/repositories?sort=artifact_count,name", vec!["p/b", "p/a", "p/c"]),
        ("/projects/p/repositories?q=name=~p/", vec!["p/a", "p/b", "p/c"]), ("/projects/p/repositories?q=name=~/b", vec!["p/b"]),
        ("/projects/p/repositories?q=name=p/c", vec!["p/c"]), ("/repositories?q=name=~q/p", vec!["q/p"]), ("/projects?sort=-repo_count,name", vec!["p", "q"]),
        ("/robots?q=Level=project,ProjectID=p,name=~robot$p&sort=name", vec!["robot$p+cd", "robot$p+ci"]), ("/robots?q=name=~bot$s", vec!["robot$sy"]),
        ("/robots?q=name={robot$p%2Bci%20p%2Bcd}&sort=name", vec!["robot$p+cd", "robot$p+ci"]), ("/robots?q=name=robot$sy", vec!["robot$sy"]),
        ("/robots?q=Level=project,ProjectID=p,name=ci", vec!["robot$p+ci"]), ("/robots?q=name=robot$q%2Bci", vec![]),
    ] {
        assert_eq!(names(&rows(&server, path).await?.0, "name"), wanted, "{path}");
    }
    for (path, named) in [
        ("/projects?sort=name,bogus", "bogus"), ("/projects/p/repositories?sort=pulls", "pull_count"), ("/projects?name=p&q=name=~q", "name"),
        ("/projects?public=true&q=public=false", "public"), ("/projects?q=name=p&q=name=q", "q"), ("/projects?page=1&page=2", "page"),
        ("/robots?q=name={robot$p%2Bci%20robot$sy}", "names"), ("/robots?q=Level=system,ProjectID=1", "ProjectID"),
        ("/replication/executions?status=Failed&q=status=Succeed", "status"),
    ] {
        refused(&server, Method::GET, path, json!(null), &[named]).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_manifest_is_what_its_parameters_say() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let (config, nothing) = (image::blob(&server, "p/r", b"{}".to_vec()).await?, image::blob(&server, "p/r", Vec::new()).await?);
    let layer = |more: &str| format!(r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{nothing}"{more}}}"#);
    let text = |layer: &str, kind: &str| format!(r#"{{"schemaVersion":2{kind},"config":{{"mediaType":"{CONFIG}","digest":"{config}","size":2}},"layers":[{layer}]}}"#);
    // Docker's tools leave a size of nothing out.
    for (n, more) in ["", r#","size":null"#, r#","size":0"#].iter().enumerate() {
        let made = text(&layer(more), r#","mediaType":"""#);
        assert_eq!(put(&server, &format!("/v2/p/r/manifests/t{n}"), MANIFEST, &made).await?, 201, "{made}");
        assert_eq!(get(&server, &format!("/v2/p/r/manifests/t{n}")).await?.text().await?, made);
    }
    let wrong = text(&layer(""), "").replace(r#","size":2"#, "");
    assert_eq!(put(&server, "/v2/p/r/manifests/none", MANIFEST, &wrong).await?, 400, "a size that is not its own");
    let made = text(&layer(r#","size":0"#), "");
    let (own, other) = (image::sha256(made.as_bytes()), image::sha256(b"other"));
    let long = domain::blobs::digest_of(model::Algorithm::Sha512, made.as_bytes()).to_string();
    for (at, status) in [
        (format!("tag?digest={other}"), 400), (format!("tag?digest={own}&digest={other}"), 400), (format!("{own}?digest={other}"), 400), ("tag?digest=x".into(), 400),
        (format!("tag?digest={own}"), 201), (format!("long?digest={long}&tag=more"), 201), (format!("{own}?digest={own}&tag=z"), 201),
    ] {
        assert_eq!(put(&server, &format!("/v2/p/r/manifests/{at}"), MANIFEST, &made).await?, status, "{at}");
    }
    for (tag, digest) in [("tag", own.clone()), ("long", long.clone()), ("more", long), ("z", own)] {
        let answer = get(&server, &format!("/v2/p/r/manifests/{tag}")).await?;
        assert_eq!(answer.headers().get("docker-content-digest").context(tag.to_owned())?, digest.as_str(), "{tag}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn what_a_robot_was_granted_reads_as_it_was_said() -> Result<()> {
    let server = server_with(&["p"]).await?;
    for (n, effect) in [json!("allow"), json!(null)].into_iter().enumerate() {
        let access = |pairs: &[(&str, &str)]| -> Vec<Value> {
            let one = |(resource, action): &(&str, &str)| {
                let mut one = json!({ "resource": resource, "action": action });
                if !effect.is_null() {
                    one["effect"] = effect.clone();
                }
                one
            };
            pairs.iter().map(one).collect()
        };
        let permissions = json!([
            { "kind": "project", "namespace": "p", "access": access(&[("repository", "pull"), ("repository", "push"), ("scan", "create")]) },
            { "kind": "system", "namespace": "/", "access": access(&[("catalog", "read")]) },
        ]);
        let robot = json!({ "name": format!("r{n}"), "level": "system", "duration": -1, "permissions": permissions });
        let id = server.call(Method::POST, "/robots", robot).await?["id"].to_string();
        let read = async || server.call(Method::GET, &format!("/robots/{id}"), json!(null)).await;
        let first = read().await?;
        let all: Vec<&Value> = first["permissions"].as_array().into_iter().flatten().flat_map(|part| part["access"].as_array().into_iter().flatten()).collect();
        assert_eq!(all.len(), 4, "{first}");
        assert!(all.iter().all(|one| one.get("effect").cloned().unwrap_or_default() == effect), "{first}");
        server.call(Method::PUT, &format!("/robots/{id}"), first.clone()).await?;
        assert_eq!(read().await?["permissions"], first["permissions"]);
    }
    for (kind, namespace, effect) in [("system", "foo", "allow"), ("project", "p", "deny")] {
        let access = json!([{ "resource": "repository", "action": "pull", "effect": effect }]);
        let robot = json!({ "name": "no", "level": "system", "duration": -1, "permissions": [{ "kind": kind, "namespace": namespace, "access": access }] });
        refused(&server, Method::POST, "/robots", robot, &[if kind == "system" { "namespace" } else { "effect" }]).await?;
    }
    assert_eq!(count(&server, "/robots").await?, 2);
    Ok(())
}
