//! Group 4: what the API answers.

use super::*;
use crate::server_with;
use anyhow::Result;

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_4_1_every_list_ends() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let digest = image::push(&server, "p/r", "t0", b"x".to_vec()).await?;
    for n in 1..25 {
        let body = json!({ "name": format!("t{n}") });
        server.call(Method::POST, &format!("/projects/p/repositories/r/artifacts/{digest}/tags"), body).await?;
    }
    for n in 0..24 {
        let body = json!({ "username": format!("user{n}"), "email": format!("u{n}@x.example"), "realname": "u", "password": "User-Pass-12345" });
        server.call(Method::POST, "/users", body).await?;
    }
    for (list, key, total) in [
        (format!("/projects/p/repositories/r/artifacts/{digest}/tags?"), "name", 25),
        ("/users/search?username=user&".to_owned(), "username", 24),
        ("/users?".to_owned(), "username", 25),
    ] {
        let (mut all, mut page) = (Vec::new(), 1);
        loop {
            let (found, said, more) = rows(&server, &format!("{list}page={page}&page_size=10")).await?;
            assert_eq!(said, total, "{list}");
            all.extend(names(&found, key));
            assert_eq!(more, page < 3, "{list} page {page}");
            if found.len() < 10 {
                break;
            }
            page += 1;
            assert!(page < 5, "{list} has no end");
        }
        let count = all.len() as i64;
        all.sort();
        all.dedup();
        assert_eq!((all.len() as i64, count), (total, total), "{list}");
        assert_eq!(rows(&server, &format!("{list}page=9&page_size=10")).await?.0, Vec::<Value>::new());
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_4_2_what_is_granted_is_read_back_and_what_nobody_knows_is_named() -> Result<()> {
    let server = server_with(&["p", "q"]).await?;
    let access = |pairs: &[&str]| -> Value {
        let pairs = pairs.iter().filter_map(|pair| pair.split_once(':'));
        pairs.map(|(resource, action)| json!({ "resource": resource, "action": action })).collect()
    };
    let robot = |name: &str, permissions: Value| json!({ "name": name, "level": "project", "duration": -1, "permissions": permissions });
    let within = |project: &str, pairs: &[&str]| json!({ "kind": "project", "namespace": project, "access": access(pairs) });
    let all = ["repository:push", "repository:pull", "scan:create", "helm-chart:read", "label:create", "quota:read"];
    let read = async |id: &str| -> Result<Vec<String>> {
        let found = server.call(Method::GET, &format!("/robots/{id}"), json!(null)).await?;
        let rows = found["permissions"][0]["access"].as_array().cloned().unwrap_or_default();
        let mut pairs: Vec<String> = rows.iter().map(|row| format!("{}:{}", row["resource"].as_str().unwrap_or(""), row["action"].as_str().unwrap_or(""))).collect();
        pairs.sort();
        Ok(pairs)
    };
    let mut sorted: Vec<String> = all.iter().map(|pair| pair.to_string()).collect();
    sorted.sort();
    let made = server.call(Method::POST, "/robots", robot("tf", json!([within("p", &all)]))).await?;
    let id = made["id"].to_string();
    assert_eq!(read(&id).await?, sorted);
    // What is read is what is sent: nothing changes.
    let whole = server.call(Method::GET, &format!("/robots/{id}"), json!(null)).await?;
    server.call(Method::PUT, &format!("/robots/{id}"), whole.clone()).await?;
    assert_eq!(read(&id).await?, sorted);
    for (pairs, named) in [
        (vec!["repository:pull", "repository:pusch"], vec!["repository:pusch"]),
        (vec!["repositories:pull", "scan:delete", "label:create"], vec!["repositories:pull", "scan:delete"]),
        (vec!["tag:"], vec!["tag:"]),
    ] {
        refused(&server, Method::POST, "/robots", robot("odd", json!([within("p", &pairs)])), &named).await?;
        let mut changed = whole.clone();
        changed["permissions"] = json!([within("p", &pairs)]);
        refused(&server, Method::PUT, &format!("/robots/{id}"), changed, &named).await?;
    }
    assert_eq!(read(&id).await?, sorted);
    // An account of a project is one of the first namespace, whatever that one grants.
    refused(&server, Method::POST, "/robots", robot("two", json!([within("p", &["scan:create"]), within("q", &["repository:push"])])), &["p"]).await?;
    assert_eq!(rows(&server, "/robots?q=Level%3Dproject,ProjectID%3Dq").await?.1, 0);
    // What gives nothing gives nothing.
    let made = server.call(Method::POST, "/robots", robot("none", json!([within("p", &["scan:create", "quota:read"])]))).await?;
    let (name, secret) = (made["name"].as_str().unwrap_or(""), made["secret"].as_str().unwrap_or(""));
    for path in ["/v2/p/r/tags/list", "/api/v2.0/projects/p/repositories"] {
        let answer = server.client.get(server.url(path)).basic_auth(name, Some(secret)).send().await?;
        assert!(matches!(answer.status().as_u16(), 401 | 403 | 404), "{path}: {}", answer.status());
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_4_4_a_robot_s_secret_is_chosen_by_harbor_s_rule() -> Result<()> {
    let server = server_with(&["p"]).await?;
    image::push(&server, "p/r", "1", b"x".to_vec()).await?;
    let robot = |name: &str, secret: &str| json!({
        "name": name, "level": "project", "duration": -1, "secret": secret,
        "permissions": [{ "kind": "project", "namespace": "p", "access": [{ "resource": "repository", "action": "pull" }] }],
    });
    let works = async |name: &str, secret: &str| -> Result<u16> {
        let answer = server.client.get(server.url("/v2/p/r/tags/list")).basic_auth(name, Some(secret)).send().await?;
        Ok(answer.status().as_u16())
    };
    for (n, secret) in ["Passw0rd1234", "Aa345678", &format!("Aa1{}", "x".repeat(125)), "Ü-Aa1:$%&/\"'", "long-enough-without-a-capital-letter-0"].iter().enumerate() {
        let made = server.call(Method::POST, "/robots", robot(&format!("r{n}"), secret)).await?;
        let name = made["name"].as_str().unwrap_or_default();
        assert_eq!(works(name, secret).await?, 200, "{secret}");
        assert_eq!(works(name, &format!("{secret}x")).await?, 401, "{secret}");
    }
    for secret in ["Aa34567", "passw0rd1234", "PASSW0RD1234", "Passwordxyz", "Passw0rd 1234", "Passw0rd\t1234", &format!("Aa1{}", "x".repeat(126))] {
        refused(&server, Method::POST, "/robots", robot("bad", secret), &["8 to 128", "digit"]).await?;
        refused(&server, Method::PATCH, "/robots/1", json!({ "secret": secret }), &["8 to 128"]).await?;
    }
    assert_eq!(works("robot$p+r0", "Passw0rd1234").await?, 200, "a refused one changes nothing");
    // A secret that a server made is taken by another.
    let made = server.call(Method::POST, "/robots", robot("made", "")).await?;
    let secret = made["secret"].as_str().unwrap_or_default().to_owned();
    server.call(Method::PATCH, "/robots/1", json!({ "secret": secret })).await?;
    assert_eq!((works("robot$p+r0", &secret).await?, works("robot$p+r0", "Passw0rd1234").await?), (200, 401));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_4_6_digits_are_names() -> Result<()> {
    let server = server_with(&["one", "two", "20250101", "002", "7"]).await?;
    let get = async |path: &str, by_name: bool| -> Result<(u16, String)> {
        let mut request = server.api(Method::GET, path);
        if by_name {
            request = request.header("x-is-resource-name", "true");
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.json::<Value>().await?["name"].as_str().unwrap_or_default().to_owned()))
    };
    let id = server.call(Method::GET, "/projects/two", json!(null)).await?["project_id"].to_string();
    for (path, by_name, found) in [
        ("20250101", false, "20250101"), ("002", false, "002"), ("7", true, "7"), ("20250101", true, "20250101"), (id.as_str(), false, "two"),
    ] {
        assert_eq!(get(&format!("/projects/{path}"), by_name).await?, (200, found.to_owned()), "{path} {by_name}");
    }
    for path in ["999999", "0", "-1", "00"] {
        assert_eq!(get(&format!("/projects/{path}"), false).await?.0, 404, "{path}");
    }
    // A deletion hits what the name says.
    assert_eq!(server.api(Method::DELETE, "/projects/002").send().await?.status(), 200);
    let mut left = names(&rows(&server, "/projects?page_size=100").await?.0, "name");
    left.sort();
    assert!(left.contains(&"two".to_owned()) && !left.contains(&"002".to_owned()), "{left:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_4_8_rows_say_what_they_are() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let config = r#"{"os":"linux","architecture":"arm64","created":"2024-05-06T07:08:09Z","author":"ada","config":{"Env":["A=1"]},"history":[{"created_by":"COPY"}]}"#;
    let digest = image::blob(&server, "p/n/r", config.as_bytes().to_vec()).await?;
    let made = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": { "mediaType": CONFIG, "digest": digest, "size": config.len() }, "layers": [] }).to_string();
    assert_eq!(put(&server, "/v2/p/n/r/manifests/plain", MANIFEST, &made).await?, 201);
    let child = image::sha256(made.as_bytes());
    let entry = json!({ "mediaType": MANIFEST, "digest": child, "size": made.len(), "platform": { "os": "linux", "architecture": "arm64", "variant": "v8" } });
    let multi = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] }).to_string();
    assert_eq!(put(&server, "/v2/p/n/r/manifests/multi", INDEX, &multi).await?, 201);
    let said = r#"{"name":"c","version":"1.2.3+b5","appVersion":"7.8","apiVersion":"v2"}"#;
    let chart = image::blob(&server, "p/n/r", said.as_bytes().to_vec()).await?;
    let kind = "application/vnd.cncf.helm.config.v1+json";
    let made = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": { "mediaType": kind, "digest": chart, "size": said.len() }, "layers": [] });
    assert_eq!(put(&server, "/v2/p/n/r/manifests/1.2.3_b5", MANIFEST, &made.to_string()).await?, 201);
    let base = "/projects/p/repositories/n%252Fr/artifacts";
    let (found, total, _) = rows(&server, &format!("{base}?page_size=50&with_tag=false")).await?;
    assert_eq!(total, 3);
    assert!(found.iter().all(|row| row["tags"].as_array().is_some_and(Vec::is_empty)), "{found:?}");
    let tags = names(&rows(&server, &format!("{base}?page_size=50")).await?.0.iter().map(|row| row["tags"][0].clone()).collect::<Vec<_>>(), "name");
    assert_eq!(tags.len(), 3, "{tags:?}");
    let of = async |tag: &str| server.call(Method::GET, &format!("{base}/{tag}"), json!(null)).await;
    let row = |digest: &Value| found.iter().find(|row| row["digest"] == *digest).cloned().unwrap_or_default();
    for (tag, check) in [
        ("plain", json!({ "os": "linux", "architecture": "arm64", "author": "ada", "created": "2024-05-06T07:08:09Z", "config": { "Env": ["A=1"] } })),
        ("1.2.3_b5", json!({ "name": "c", "version": "1.2.3+b5", "appVersion": "7.8", "apiVersion": "v2" })),
        ("multi", json!({})),
    ] {
        let one = of(tag).await?;
        assert_eq!((&one["extra_attrs"], &row(&one["digest"])["extra_attrs"]), (&check, &check), "{tag}");
        for (_, link) in one["addition_links"].as_object().into_iter().flatten() {
            let answer = get(&server, link["href"].as_str().unwrap_or_default()).await?;
            assert_eq!(answer.status(), 200, "{link}");
            assert_eq!(answer.json::<Value>().await?[0]["created_by"], "COPY");
        }
    }
    let index = of("multi").await?;
    let references = row(&index["digest"])["references"].clone();
    assert_eq!(references, index["references"]);
    assert_eq!((&references[0]["child_digest"], &references[0]["platform"]["variant"]), (&json!(child), &json!("v8")), "{references}");
    // What a link leads to is there, also where it says nothing; where nothing can be read there is no link.
    for (tag, config, steps) in [
        ("bare", r#"{"os":"linux"}"#, Some(json!([]))), ("null", r#"{"os":"linux","history":null}"#, Some(json!([]))), ("odd", "nonsense", None),
        ("mixed", r#"{"os":"linux","history":[1,"a",null,{"created_by":"RUN"}]}"#, Some(json!([{ "created_by": "RUN" }]))),
    ] {
        let digest = image::blob(&server, "p/n/r", config.as_bytes().to_vec()).await?;
        let made = json!({ "schemaVersion": 2, "config": { "mediaType": CONFIG, "digest": digest, "size": config.len() }, "layers": [] });
        assert_eq!(put(&server, &format!("/v2/p/n/r/manifests/{tag}"), MANIFEST, &made.to_string()).await?, 201);
        let link = of(tag).await?["addition_links"]["build_history"]["href"].clone();
        assert_eq!(link.is_string(), steps.is_some(), "{tag}: {link}");
        if let Some(steps) = steps {
            assert_eq!(get(&server, link.as_str().unwrap_or_default()).await?.json::<Value>().await?, steps, "{tag}");
        }
    }
    for tag in ["multi", "odd"] {
        assert_eq!(of(tag).await?["addition_links"], json!({}), "{tag}");
        assert_eq!(server.api(Method::GET, &format!("{base}/{tag}/additions/build_history")).send().await?.status(), 404);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_4_9_exact_is_exact_and_what_is_not_known_is_named() -> Result<()> {
    let server = server_with(&["p", "pp"]).await?;
    for tag in ["1.0", "11.0", "1.0-rc", "v1.0"] {
        image::push(&server, "p/r", tag, tag.as_bytes().to_vec()).await?;
    }
    image::push(&server, "p/rr", "1", b"x".to_vec()).await?;
    for n in ["1", "10"] {
        for (level, namespace) in [("system", "*"), ("project", "p")] {
            let access = json!([{ "resource": "repository", "action": "pull" }]);
            let permissions = json!([{ "kind": "project", "namespace": namespace, "access": access }]);
            let body = json!({ "name": format!("test-{n}"), "level": level, "duration": -1, "permissions": permissions });
            server.call(Method::POST, "/robots", body).await?;
        }
        let user = json!({ "username": format!("ada{n}"), "email": format!("a{n}@x.example"), "realname": "a", "password": "User-Pass-12345" });
        server.call(Method::POST, "/users", user).await?;
    }
    let found = async |list: &str, q: &str, key: &str| -> Result<Vec<String>> {
        let q = q.replace('%', "%25").replace('+', "%2B").replace('=', "%3D").replace(' ', "%20").replace('&', "%26");
        let mut all = names(&rows(&server, &format!("{list}?q={q}&page_size=100")).await?.0, key);
        all.sort();
        Ok(all)
    };
    let artifacts = "/projects/p/repositories/r/artifacts";
    for (list, q, expected) in [
        ("/robots", "name=test-1", vec!["robot$test-1"]), ("/robots", "name=robot$test-1", vec!["robot$test-1"]),
        ("/robots", "name=~test-1", vec!["robot$test-1", "robot$test-10"]), ("/robots", "name={test-1 test-10 x}", vec!["robot$test-1", "robot$test-10"]),
        ("/robots", "name=p+test-1", vec!["robot$p+test-1"]), ("/robots", "name=robot$p+test-1", vec!["robot$p+test-1"]),
        ("/robots", "Level=project,ProjectID=p,name=test-1", vec!["robot$p+test-1"]), ("/robots", "name=pp+test-1", vec![]),
        ("/robots", "Level=project,ProjectID=pp,name=p+test-1", vec![]), ("/robots", "Level=system,name=p+test-1", vec![]),
        ("/projects", "name=p", vec!["p"]), ("/projects", "name=~p", vec!["p", "pp"]), ("/projects", "name={p pp}", vec!["p", "pp"]),
        ("/projects/p/repositories", "name=r", vec!["p/r"]), ("/projects/p/repositories", "name=p/r", vec!["p/r"]),
        ("/projects/p/repositories", "name=~r", vec!["p/r", "p/rr"]),
    ] {
        assert_eq!(found(list, q, "name").await?, expected, "{list} {q}");
    }
    assert_eq!(found("/users", "username=ada1", "username").await?, ["ada1"]);
    assert_eq!(found("/users", "username=~ada1", "username").await?, ["ada1", "ada10"]);
    let count = async |q: &str| -> Result<usize> { Ok(found(artifacts, q, "digest").await?.len()) };
    for (q, expected) in [
        ("tags=1.0", 1), ("tags=~1.0", 4), ("tags={1.0 v1.0 x}", 2), ("tags=(1.0 v1.0)", 0), ("tags=*", 4), ("tags=nil", 0), ("type=CHART", 0),
        ("type=IMAGE", 4), ("type={IMAGE CHART}", 4), ("push_time=[2020-01-01~2021-01-01]", 0), ("push_time=[2020-01-01~]", 4),
        ("push_time=[~2020-01-01 10:00:00]", 0), ("size=[1~]", 4), ("media_type=x/y", 0), ("tags=1.0,type=IMAGE", 1), ("tags=1.0,type=CHART", 0),
    ] {
        assert_eq!(count(q).await?, expected, "{q}");
    }
    // Whether an image looks signed to Harbor's portal is asked so.
    let digest = rows(&server, &format!("{artifacts}?q=tags%3D1.0")).await?.0[0]["digest"].as_str().unwrap_or_default().to_owned();
    let empty = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": image::blob(&server, "p/r", b"{}".to_vec()).await?, "size": 2 });
    for kind in ["application/vnd.cncf.notary.signature", "application/spdx+json", "application/x"] {
        let made = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "config": empty, "layers": [empty],
            "subject": { "mediaType": MANIFEST, "digest": digest, "size": 1 },
        });
        let at = format!("/v2/p/r/manifests/{}", image::sha256(made.to_string().as_bytes()));
        assert_eq!(put(&server, &at, MANIFEST, &made.to_string()).await?, 201);
    }
    let accessories = format!("{artifacts}/{digest}/accessories");
    for (q, expected) in [
        ("", 3), ("type%3Dsignature.notation", 1), ("type%3D{signature.cosign%20signature.notation}", 1), ("type%3Dsignature.cosign", 0),
        ("type%3Dsubject.accessory", 2), ("type%3Dnothing", 0),
    ] {
        let (found, total, _) = rows(&server, &format!("{accessories}?q={q}")).await?;
        assert_eq!((found.len() as i64, total), (expected, expected), "{q}");
    }
    for (list, q, named) in [
        (accessories.as_str(), "bogus%3D1", "bogus"),
        (artifacts, "labels%3Dx", "labels"), (artifacts, "typo%3D1", "typo"), ("/robots", "Level%3Dbogus", "Level"), ("/robots", "Level%3Dproject", "ProjectID"),
        ("/robots", "nmae%3Dx", "nmae"), ("/projects", "owner%3Dx", "owner"), ("/users", "mail%3Dx", "mail"), ("/registries", "uri%3Dx", "uri"),
        ("/replication/policies", "enable%3Dtrue", "enable"), ("/replication/executions", "x%3D1", "x"), ("/projects", "name%3Da,name%3Db", "twice"),
        (artifacts, "push_time%3Dyesterday", "push_time"), (artifacts, "tags%3D[1~2]", "tags"), ("/projects", "public%3Dmaybe", "public"),
    ] {
        refused(&server, Method::GET, &format!("{list}?q={q}"), json!(null), &[named]).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_4_3_a_rule_reads_back_as_it_was_sent() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let _there = target(&server).await?;
    for (n, (sent, read)) in [
        (json!({ "speed": -1 }), json!({ "speed": -1 })), (json!({ "speed": 0 }), json!({ "speed": 0 })), (json!({ "speed": 1000 }), json!({ "speed": 1000 })),
        (json!({ "filters": [{ "type": "resource", "value": "artifact" }, { "type": "name", "value": "p/**" }] }), json!({ "filters": 2 })),
        (json!({ "filters": [{ "type": "resource", "value": "image" }] }), json!({ "filters": 1 })),
        (json!({ "dest_namespace": "q", "dest_namespace_replace_count": -1 }), json!({ "dest_namespace_replace_count": -1 })),
        (json!({ "dest_namespace": "q", "dest_namespace_replace_count": 2 }), json!({ "dest_namespace_replace_count": 2 })),
        (json!({ "trigger": { "type": "manual" } }), json!({})), (json!({ "copy_by_chunk": true }), json!({ "copy_by_chunk": true })),
        (json!({ "single_active_replication": true }), json!({ "single_active_replication": true })),
    ].into_iter().enumerate() {
        server.call(Method::POST, "/replication/policies", rule(&format!("r{n}"), sent.clone())).await?;
        let at = format!("/replication/policies/{}", n + 1);
        let first = server.call(Method::GET, &at, json!(null)).await?;
        for (name, value) in read.as_object().into_iter().flatten() {
            match name.as_str() {
                "filters" => assert_eq!(first[name].as_array().map(Vec::len), value.as_u64().map(|n| n as usize), "{sent}: {first}"),
                _ => assert_eq!(first[name], *value, "{sent}"),
            }
        }
        // Sent back, nothing changes, however often.
        for _ in 0..2 {
            server.call(Method::PUT, &at, first.clone()).await?;
            let mut again = server.call(Method::GET, &at, json!(null)).await?;
            again["update_time"] = first["update_time"].clone();
            assert_eq!(again, first);
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_4_5_a_filter_is_kept_or_refused_by_name() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let _there = target(&server).await?;
    for (filters, named) in [
        (json!([{ "type": "name", "value": "p/a" }, { "type": "name", "value": "[" }]), "filters"),
        (json!([{ "type": "tag", "value": "a" }, { "type": "tag", "value": "b\u{7}" }]), "tag"),
        (json!([{ "type": "bogus", "value": "" }]), "bogus"), (json!([{ "type": "bogus", "value": "x" }]), "bogus"),
        (json!([{ "type": "label", "value": [1] }]), "label"), (json!([{ "type": "label", "value": "" }]), "label"),
        (json!([{ "type": "tag", "value": "v*", "decoration": "sometimes" }]), "decoration"),
        (json!([{ "type": "resource", "value": "helm" }]), "resource"), (json!([{ "type": "name", "value": ["p/a"] }]), "name"),
    ] {
        refused(&server, Method::POST, "/replication/policies", rule("r", json!({ "filters": filters })), &[named]).await?;
    }
    refused(&server, Method::POST, "/replication/policies", rule("r", json!({ "accept_missing": ["sbom", "colour"] })), &["accept_missing", "colour"]).await?;
    let many: Vec<Value> = (0..40).map(|n| json!({ "type": "tag", "value": format!("v{n}") })).collect();
    refused(&server, Method::POST, "/replication/policies", rule("r", json!({ "filters": many })), &["filters"]).await?;
    assert_eq!(rows(&server, "/replication/policies").await?.1, 0, "what is refused is not there");
    // Several of a kind, in both senses, and what may stay behind: as they were sent.
    let filters = json!([
        { "type": "name", "value": "p/**" }, { "type": "tag", "value": "v1.*", "decoration": "matches" }, { "type": "resource", "value": "image" },
        { "type": "name", "value": "**/a b" }, { "type": "name", "value": "p/secret", "decoration": "excludes" },
        { "type": "tag", "value": "*-rc", "decoration": "excludes" }, { "type": "resource", "value": "chart", "decoration": "excludes" },
    ]);
    let sent = rule("r", json!({ "filters": filters, "accept_missing": ["attestation", "sbom"] }));
    server.call(Method::POST, "/replication/policies", sent.clone()).await?;
    for _ in 0..2 {
        let read = server.call(Method::GET, "/replication/policies/1", json!(null)).await?;
        assert_eq!((&read["filters"], &read["accept_missing"]), (&filters, &sent["accept_missing"]));
        server.call(Method::PUT, "/replication/policies/1", sent.clone()).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_4_7_nested_names_are_reached_encoded_once_and_twice() -> Result<()> {
    let server = server_with(&["p"]).await?;
    for name in ["a/b", "repositories", "a/artifacts", "artifacts/tags", "a/b/c/d", "projects/p", "accessories", "a.b_c-d/e"] {
        let digest = image::push(&server, &format!("p/{name}"), "1", name.as_bytes().to_vec()).await?;
        let mut answers = Vec::new();
        for slash in ["%2F", "%252F", "%2f"] {
            let at = format!("/projects/p/repositories/{}", name.replace('/', slash));
            let found = server.call(Method::GET, &at, json!(null)).await?;
            assert_eq!(found["name"], format!("p/{name}"), "{at}");
            let artifacts = server.call(Method::GET, &format!("{at}/artifacts"), json!(null)).await?;
            assert_eq!(artifacts[0]["digest"], json!(digest), "{at}");
            answers.push((found, artifacts));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{name}");
        if name.contains('/') {
            let raw = server.api(Method::GET, &format!("/projects/p/repositories/{name}")).send().await?;
            assert_eq!(raw.status(), 404, "{name}");
            // What is cut into parts, by a client or by a proxy that decodes paths, is told why it is not found.
            let (said, is_word) = (raw.text().await?, name.ends_with("/artifacts"));
            assert!(is_word || said.contains(r#"{"errors":[{"code":"NOT_FOUND""#) && said.contains("%252F") && said.contains("proxy"), "{name}: {said}");
        }
        let at = format!("/projects/p/repositories/{}", name.replace('/', "%252F"));
        server.call(Method::POST, &format!("{at}/artifacts/{digest}/tags"), json!({ "name": "two" })).await?;
        for gone in [format!("{at}/artifacts/{digest}/tags/two"), format!("{at}/artifacts/{digest}"), at.clone()] {
            assert_eq!(server.api(Method::DELETE, &gone).send().await?.status(), 200, "{gone}");
        }
        assert_eq!(server.api(Method::GET, &at).send().await?.status(), 404, "{name}");
    }
    Ok(())
}
