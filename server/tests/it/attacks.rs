//! The attacks of the first security reading over the wire, as a stranger would make them: against any binary that
//! `WHARF_TEST_BINARY` names. All of them worked on f2fd1bf. What they have in common with their neighbours is tried beside the code.

use crate::{binary, server_with};
use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, Row};
use std::time::Duration;
use testkit::image::sha256;
use testkit::{PASSWORD, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const OCTETS: &str = "application/octet-stream";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Who asks: a name and a secret.
type Who<'a> = (&'a str, &'a str);
const ADMIN: Who = ("admin", PASSWORD);
const NOBODY: Who = ("", "");

async fn ask(server: &Server, who: Who<'_>, method: Method, path: &str, body: Option<Value>) -> Result<(u16, String)> {
    let mut request = server.client.request(method, server.url(path));
    if !who.0.is_empty() {
        request = request.basic_auth(who.0, Some(who.1));
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

async fn user<'a>(server: &Server, name: &'a str) -> Result<Who<'a>> {
    let body = json!({ "username": name, "email": format!("{name}@example.com"), "realname": name, "password": PASSWORD });
    server.call(Method::POST, "/users", body).await?;
    Ok((name, PASSWORD))
}

async fn member(server: &Server, project: &str, name: &str, role: u8) -> Result<()> {
    let body = json!({ "role_id": role, "member_user": { "username": name } });
    server.call(Method::POST, &format!("/projects/{project}/members"), body).await.map(drop)
}

fn entry(media_type: &str, content: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": sha256(content), "size": content.len() })
}

async fn blob(server: &Server, repository: &str, media_type: &str, content: &[u8]) -> Result<Value> {
    testkit::image::blob(server, repository, content.to_vec()).await?;
    Ok(entry(media_type, content))
}

/// Pushes a manifest; its descriptor, or the refusal.
async fn push(server: &Server, who: Who<'_>, repository: &str, tag: &str, made: &Value) -> Result<Result<Value, StatusCode>> {
    let text = made.to_string();
    let media_type = if made["manifests"].is_array() { INDEX } else { MANIFEST };
    let reference = if tag.is_empty() { sha256(text.as_bytes()) } else { tag.to_owned() };
    let url = server.url(&format!("/v2/{repository}/manifests/{reference}"));
    let request = server.client.put(url).basic_auth(who.0, Some(who.1)).header("content-type", media_type);
    let status = request.body(text.clone()).send().await?.status();
    Ok(if status == 201 { Ok(entry(media_type, text.as_bytes())) } else { Err(status) })
}

async fn pushed(server: &Server, repository: &str, tag: &str, made: &Value) -> Result<Value> {
    push(server, ADMIN, repository, tag, made).await?.map_err(|status| anyhow::anyhow!("{status} for {made:.200}"))
}

/// A manifest of a config and layers, attached to something or not.
async fn made(server: &Server, repository: &str, config: &str, layers: &[(&str, &[u8])], subject: Option<&Value>) -> Result<Value> {
    let mut all = Vec::new();
    for (media_type, content) in layers {
        all.push(blob(server, repository, media_type, content).await?);
    }
    let mut made = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": blob(server, repository, config, b"{}").await?, "layers": all });
    if let Some(subject) = subject {
        made["subject"] = subject.clone();
    }
    Ok(made)
}

async fn image(server: &Server, repository: &str, tag: &str, text: &str) -> Result<Value> {
    pushed(server, repository, tag, &made(server, repository, CONFIG, &[(LAYER, text.as_bytes())], None).await?).await
}

fn index(entries: Vec<Value>) -> Value {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries })
}

fn attests(mut entry: Value, of: &Value) -> Value {
    entry["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": of["digest"] });
    entry
}

fn artifact(repository: &str, reference: &Value) -> String {
    let (project, repository) = repository.split_once('/').unwrap_or_default();
    format!("/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{}", reference.as_str().unwrap_or_default())
}

/// The most memory that the server had, in MiB.
fn peak(server: &Server) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid().context("it runs")?))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("its peak")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
}

/// A public project.
async fn open_to_all(server: &Server, project: &str) -> Result<()> {
    server.call(Method::POST, "/projects", json!({ "project_name": project, "public": true })).await.map(drop)
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_01_s_02_an_index_costs_what_it_lists_once() -> Result<()> {
    let server = server_with(&[]).await?;
    open_to_all(&server, "p").await?;
    let one = image(&server, "p/r", "1", "an image").await?;
    for n in 0..20 {
        let attached = made(&server, "p/r", EMPTY, &[("application/spdx+json", format!("[{n}]").as_bytes())], Some(&one)).await?;
        pushed(&server, "p/r", "", &attached).await?;
    }
    let mut large = made(&server, "p/r", CONFIG, &[("application/vnd.in-toto+json", b"{}")], None).await?;
    large["annotations"] = json!({ "a": "x".repeat(500_000) });
    let large = pushed(&server, "p/r", "", &large).await?;
    let entries = [vec![one.clone(); 1000], vec![attests(large, &one); 20]].concat();
    pushed(&server, "p/r", "many", &index(entries)).await?;
    let (status, text) = ask(&server, ADMIN, Method::GET, &artifact("p/r", &json!("many")), None).await?;
    ensure!(status == 200, "{text:.300}");
    let listed = serde_json::from_str::<Value>(&text)?["references"].as_array().map_or(0, Vec::len);
    ensure!((1..=2).contains(&listed), "each once, not {listed} times");
    let digest = serde_json::from_str::<Value>(&text)?["digest"].as_str().unwrap_or_default().to_owned();
    let (status, page) = ask(&server, NOBODY, Method::GET, &format!("/projects/p/repositories/r/artifacts/{digest}"), None).await?;
    ensure!(status == 200 && page.len() < 2 << 20, "{status}: a page of {} kB", page.len() / 1000);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_03_a_page_of_rows_is_bounded_and_lacks_none() -> Result<()> {
    let server = server_with(&[]).await?;
    open_to_all(&server, "p").await?;
    for n in 0..10 {
        let mut made = made(&server, "p/r", CONFIG, &[(LAYER, b"a layer")], None).await?;
        made["annotations"] = json!({ "a": "x".repeat(1_000_000), "n": n.to_string() });
        pushed(&server, "p/r", &format!("t{n}"), &made).await?;
    }
    for size in [100, 0] {
        let path = format!("/api/v2.0/projects/p/repositories/r/artifacts?page_size={size}");
        let (status, text) = ask(&server, NOBODY, Method::GET, &path, None).await?;
        let rows = serde_json::from_str::<Value>(&text)?.as_array().map_or(0, Vec::len);
        ensure!((status, rows) == (200, 10) && text.len() < 1 << 20, "{status}: {rows} rows, {} kB", text.len() / 1000);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_04_who_may_not_push_is_refused_before_the_body() -> Result<()> {
    let server = server_with(&[]).await?;
    for path in ["/v2/a/b/manifests/x", "/api/v2.0/projects", "/v2/a/b/blobs/uploads/"] {
        let mut stream = tokio::net::TcpStream::connect(server.host()).await?;
        let method = if path.ends_with('x') { "PUT" } else { "POST" };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 200000\r\n\r\n", server.host());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&[b' '; 100_000]).await?;
        let mut answer = [0; 12];
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut answer)).await;
        ensure!(read.is_ok(), "{path}: it waits for the rest of a body that it will refuse");
        read??;
        assert_eq!(&answer, b"HTTP/1.1 401", "{path}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_05_a_developer_deletes_no_image_by_way_of_an_accessory() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let dev = user(&server, "dev").await?;
    member(&server, "p", "dev", 2).await?;
    let standing = async |which: &Value| Ok::<_, anyhow::Error>(ask(&server, ADMIN, Method::GET, &artifact("p/r", &which["digest"]), None).await?.0);
    // A chart that an index calls an attestation of an accessory.
    let root = image(&server, "p/r", "1", "an image").await?;
    let chart = pushed(&server, "p/r", "chart", &made(&server, "p/r", "application/vnd.cncf.helm.config.v1+json", &[("application/x", b"tgz")], None).await?).await?;
    let accessory = made(&server, "p/r", EMPTY, &[("application/spdx+json", b"{}")], Some(&root)).await?;
    let accessory = push(&server, dev, "p/r", "", &accessory).await?.map_err(|status| anyhow::anyhow!("{status}"))?;
    let _ = push(&server, dev, "p/r", "all", &index(vec![attests(chart.clone(), &accessory)])).await?;
    ask(&server, dev, Method::DELETE, &artifact("p/r", &accessory["digest"]), None).await?;
    assert_eq!(standing(&chart).await?, 200, "the chart stands");
    // An image whose tag moved on, listed by an index that calls itself attached.
    let victim = image(&server, "p/r", "v", "a victim").await?;
    image(&server, "p/r", "v", "the next").await?;
    let mut trap = index(vec![victim.clone()]);
    trap["subject"] = root.clone();
    let trap = push(&server, dev, "p/r", "", &trap).await?.map_err(|status| anyhow::anyhow!("{status}"))?;
    let (status, _) = ask(&server, dev, Method::DELETE, &artifact("p/r", &trap["digest"]), None).await?;
    assert_eq!((status, standing(&victim).await?, standing(&trap).await?), (403, 200, 200));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_06_robots_of_a_project_share_its_uploads() -> Result<()> {
    let server = server_with(&["p", "q"]).await?;
    let mut robots = Vec::new();
    for name in ["one", "two"] {
        let access = json!([{ "resource": "repository", "action": "push" }, { "resource": "repository", "action": "pull" }]);
        let body = json!({ "name": name, "level": "project", "duration": 30, "permissions": [{ "kind": "project", "namespace": "p", "access": access }] });
        let robot = server.call(Method::POST, "/robots", body).await?;
        robots.push((robot["name"].as_str().unwrap_or_default().to_owned(), robot["secret"].as_str().unwrap_or_default().to_owned()));
    }
    let begin = async |who: Who<'_>, repository: &str| -> Result<u16> {
        Ok(ask(&server, who, Method::POST, &format!("/v2/{repository}/blobs/uploads/"), None).await?.0)
    };
    let (one, two) = ((robots[0].0.as_str(), robots[0].1.as_str()), (robots[1].0.as_str(), robots[1].1.as_str()));
    for n in 0..1000 {
        assert_eq!(begin(one, "p/r").await?, 202, "{n}");
    }
    assert_eq!((begin(two, "p/r").await?, begin(ADMIN, "q/r").await?), (429, 202), "a project's, and another's");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_07_s_08_foreign_and_monstrous_bundles_tell_and_cost_nothing() -> Result<()> {
    let server = server_with(&["mine", "foreign"]).await?;
    let root = image(&server, "mine/r", "1", "an image").await?;
    let secret = br#"{"dsseEnvelope":{"payload":"eyJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9zZWNyZXQuZXhhbXBsZS8iLCJzdWJqZWN0IjpbXX0="}}"#;
    let mut there = blob(&server, "foreign/r", BUNDLE, secret).await?;
    there["urls"] = json!(["https://example.com/"]);
    let mut oracle = made(&server, "mine/r", EMPTY, &[], Some(&root)).await?;
    oracle["layers"] = json!([there]);
    oracle["artifactType"] = json!(BUNDLE);
    let _ = push(&server, ADMIN, "mine/r", "", &oracle).await?;
    let root_path = format!("/projects/mine/repositories/r/artifacts/{}", root["digest"].as_str().unwrap_or_default());
    for path in [artifact("mine/r", &root["digest"]) + "/accessories", artifact("mine/r", &root["digest"]) + "?with_accessory=true", root_path] {
        let (_, text) = ask(&server, ADMIN, Method::GET, &path, None).await?;
        ensure!(!text.contains("secret.example"), "{path} tells what a foreign bundle holds");
    }
    let before = peak(&server)?;
    let monster = format!("[{}0]", "0,".repeat(15 << 20));
    let mut monster = made(&server, "mine/r", EMPTY, &[(BUNDLE, monster.as_bytes())], Some(&root)).await?;
    monster["artifactType"] = json!(BUNDLE);
    let _ = push(&server, ADMIN, "mine/r", "", &monster).await?;
    let more = peak(&server)? - before;
    ensure!(more < 150, "a bundle of 30 MiB took {more} MiB");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_09_signing_in_leads_nowhere_else() -> Result<()> {
    let server = server_with(&[]).await?;
    for next in ["/\t/evil.example/x", "/\n/evil.example", "//evil.example", "/\\evil.example"] {
        let form = [("name", "admin"), ("password", PASSWORD), ("next", next)];
        let request = server.client.post(server.url("/fn/sign-in")).header("origin", server.url("")).form(&form);
        let response = request.header("accept", "text/html").send().await?;
        let to = response.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default().replace(&server.url(""), "");
        assert_eq!((response.status().as_u16() / 100, to.as_str()), (3, "/projects"), "{next:?}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_10_s_11_guesses_are_counted_whatever_they_say_of_their_address_and_however_many_at_once() -> Result<()> {
    let server = Server::start(&binary()?, &[("WHARF_TRUSTED_PROXIES", "127.0.0.0/8")]).await?;
    user(&server, "ada").await?;
    user(&server, "bob").await?;
    let guess = async |name: &str, spoofed: &str| {
        let request = server.client.get(server.url("/api/v2.0/users/current")).basic_auth(name, Some("a wrong guess"));
        let response = request.header("x-forwarded-for", spoofed).header("x-forwarded-for", "198.51.100.7").send().await;
        response.map_or(0, |response| response.status().as_u16())
    };
    let mut tried = 0;
    for n in 0..20 {
        tried += usize::from(guess("ada", &format!("203.0.113.{n}")).await == 401);
    }
    ensure!(tried <= 6, "{tried} guesses of 20 were tried: the first line is the client's own");
    let crowd = futures_util::future::join_all((0..120).map(|_| guess("bob", "203.0.113.99"))).await;
    let tried = crowd.iter().filter(|status| **status == 401).count();
    ensure!(tried <= 6, "{tried} guesses of 120 at once were tried");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_12_strangers_make_no_rows_at_will() -> Result<()> {
    let server = server_with(&["p"]).await?;
    // The table has had another name.
    sqlx::any::install_default_drivers();
    let mut c = sqlx::AnyConnection::connect(&format!("sqlite://{}", server.data().join("wharf.db").display())).await?;
    let named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('events', 'audit', 'audit_log')";
    let table: String = sqlx::query(named).fetch_one(&mut c).await?.get("name");
    let mut total = async || -> Result<i64> {
        let text = format!("SELECT COUNT(*) AS n FROM {table}");
        Ok(sqlx::query(sqlx::AssertSqlSafe(text)).fetch_one(&mut c).await?.get("n"))
    };
    let before = total().await?;
    for n in 0..300 {
        let request = server.client.put(server.url(&format!("/v2/p/r{n}/manifests/x"))).header("content-type", MANIFEST);
        assert_eq!(request.body("{}").send().await?.status(), 401);
    }
    // What is noted now is written after all that was noted before.
    server.client.post(server.url("/api/v2.0/projects")).json(&json!({})).send().await?;
    while total().await? < before + 2 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let made = total().await? - before;
    ensure!(made <= 2, "300 refusals made {made} rows");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_13_a_repair_of_what_does_not_belong_together_changes_nothing() -> Result<()> {
    let mut full = server_with(&["p"]).await?;
    image(&full, "p/r", "1", "an image").await?;
    let mut fresh = server_with(&[]).await?;
    full.terminate().await?;
    fresh.terminate().await?;
    // The blobs of one beside the database of the other.
    std::fs::remove_dir_all(fresh.data().join("blobs"))?;
    std::fs::rename(full.data().join("blobs"), fresh.data().join("blobs"))?;
    fn files(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { usize::from(entry.metadata().is_ok_and(|m| m.len() > 0)) }).sum()
    }
    let before = files(&fresh.data().join("blobs"));
    ensure!(before >= 2, "there are blobs");
    let done = tokio::process::Command::new(binary()?).args(["fsck", "--repair", "--data"]).arg(fresh.data()).env_clear().output().await?;
    assert_eq!((done.status.success(), files(&fresh.data().join("blobs"))), (false, before), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_14_signed_is_what_the_signatures_tag_says_now() -> Result<()> {
    let server = server_with(&["p"]).await?;
    server.call(Method::PUT, "/projects/p", json!({ "metadata": { "enable_content_trust_cosign": "true" } })).await?;
    let guest = user(&server, "guest").await?;
    member(&server, "p", "guest", 3).await?;
    let target = image(&server, "p/r", "1", "an image").await?;
    let digest = target["digest"].as_str().unwrap_or_default().to_owned();
    let tag = format!("{}.sig", digest.replace(':', "-"));
    let critical = json!({ "identity": { "docker-reference": "" }, "image": { "docker-manifest-digest": digest }, "type": "cosign container image signature" });
    let payload = json!({ "critical": critical, "optional": null }).to_string();
    let mut layer = blob(&server, "p/r", "application/vnd.dev.cosign.simplesigning.v1+json", payload.as_bytes()).await?;
    layer["annotations"] = json!({ "dev.cosignproject.cosign/signature": "MEUCIQ==" });
    let mut signature = made(&server, "p/r", CONFIG, &[], None).await?;
    signature["layers"] = json!([layer]);
    let may = async || Ok::<_, anyhow::Error>(ask(&server, guest, Method::GET, &format!("/v2/p/r/manifests/{digest}"), None).await?.0);
    assert_eq!(may().await?, 403);
    pushed(&server, "p/r", &tag, &signature).await?;
    assert_eq!(may().await?, 200);
    // Under another name too, which moves on.
    pushed(&server, "p/r", "junk", &signature).await?;
    image(&server, "p/r", "junk", "something else").await?;
    assert_eq!(may().await?, 200, "the signature's own tag stands");
    assert_eq!(ask(&server, ADMIN, Method::DELETE, &format!("/v2/p/r/manifests/{tag}"), None).await?.0, 202);
    assert_eq!(may().await?, 403, "the signature's tag is gone");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_15_the_gate_knows_an_image_by_any_media_type() -> Result<()> {
    let server = server_with(&["p"]).await?;
    server.call(Method::PUT, "/projects/p", json!({ "metadata": { "enable_content_trust_cosign": "true" } })).await?;
    let guest = user(&server, "guest").await?;
    member(&server, "p", "guest", 3).await?;
    let root = image(&server, "p/r", "1", "an image").await?;
    let archive = b"\x1f\x8b\x08an archive";
    let loud = ("APPLICATION/VND.OCI.IMAGE.CONFIG.V1+JSON", "APPLICATION/VND.OCI.IMAGE.LAYER.V1.TAR");
    for (config, layer) in [(OCTETS, OCTETS), (CONFIG, "application/vnd.in-toto+json"), loud] {
        let sly = pushed(&server, "p/r", "", &made(&server, "p/r", config, &[(layer, archive)], Some(&root)).await?).await?;
        let path = format!("/v2/p/r/manifests/{}", sly["digest"].as_str().unwrap_or_default());
        assert_eq!(ask(&server, guest, Method::GET, &path, None).await?.0, 403, "{config} over {layer}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_16_to_20_nothing_is_told_to_who_may_not_see_it() -> Result<()> {
    let mut found = Vec::new();
    let server = server_with(&[]).await?;
    for name in ["aa", "mm", "zz"] {
        open_to_all(&server, name).await?;
    }
    for name in ["bb-secret", "yy-secret", "v2x"] {
        server.call(Method::POST, "/projects", json!({ "project_name": name })).await?;
    }
    let id = async |name: &str| -> Result<i64> {
        Ok(server.call(Method::GET, &format!("/projects/{name}"), Value::Null).await?["project_id"].as_i64().unwrap_or_default())
    };
    let mut seen = Vec::new();
    for after in [id("bb-secret").await?, id("yy-secret").await?, 999_999] {
        let (_, page) = ask(&server, NOBODY, Method::GET, &format!("/projects?sort=name&after={after}"), None).await?;
        seen.push(["aa", "mm", "zz"].map(|name| page.contains(&format!("/projects/{name}\""))));
    }
    if seen[0] != seen[2] || seen[1] != seen[2] {
        found.push("S-16: a cursor tells where a hidden name stands");
    }
    if image(&server, "v2x/r", "1", "an image").await.is_err() || ask(&server, ADMIN, Method::GET, "/v2/v2/_catalog", None).await?.0 != 404 {
        found.push("S-17: a name that begins like the path is taken for the path");
    }
    let boss = user(&server, "boss").await?;
    let victim = user(&server, "victoria").await?;
    ask(&server, boss, Method::POST, "/api/v2.0/projects", Some(json!({ "project_name": "bosses" }))).await?;
    if ask(&server, boss, Method::GET, "/api/v2.0/users/search?username=v", None).await?.1.contains(victim.0) {
        found.push("S-18: one letter finds a user");
    }
    let number: Value = serde_json::from_str(&ask(&server, victim, Method::GET, "/api/v2.0/users/current", None).await?.1)?;
    let body = json!({ "role_id": 3, "member_user": { "user_id": number["user_id"] } });
    if ask(&server, boss, Method::POST, "/api/v2.0/projects/bosses/members", Some(body)).await?.0 == 201 {
        found.push("S-18: a number finds a user");
    }
    for name in ["bb-secret/one", "bb-secret/two"] {
        image(&server, name, "1", "an image").await?;
    }
    let (_, token) = ask(&server, ADMIN, Method::GET, "/service/token?service=harbor-registry&scope=repository:bb-secret/one:pull", None).await?;
    let token: Value = serde_json::from_str(&token)?;
    let request = server.client.get(server.url("/v2/_catalog")).bearer_auth(token["token"].as_str().unwrap_or_default());
    if request.send().await?.text().await?.contains("bb-secret/two") {
        found.push("S-19: a token lists more than its scope");
    }
    let form = [("name", "admin"), ("password", PASSWORD), ("next", "/projects")];
    let response = server.client.post(server.url("/fn/sign-in")).header("origin", server.url("")).header("accept", "text/html").form(&form).send().await?;
    let cookie = response.headers().get("set-cookie").context("a cookie")?.to_str()?.split(';').next().unwrap_or_default().to_owned();
    server.client.get(server.url("/c/log_out")).header("cookie", &cookie).header("sec-fetch-site", "cross-site").send().await?;
    if server.client.get(server.url("/account")).header("cookie", &cookie).send().await?.status() != 200 {
        found.push("S-20: another site signs people out");
    }
    let access = json!([{ "resource": "repository", "action": "pull" }]);
    let body = json!({ "name": "all", "level": "system", "duration": 30, "permissions": [{ "kind": "project", "namespace": "*", "access": access }] });
    let robot = server.call(Method::POST, "/robots", body).await?["id"].as_i64().unwrap_or_default();
    let there = ask(&server, victim, Method::GET, &format!("/api/v2.0/robots/{robot}"), None).await?.0;
    if there != ask(&server, victim, Method::GET, "/api/v2.0/robots/99999", None).await?.0 {
        found.push("S-20: robots of the system are told from none");
    }
    assert_eq!(found, Vec::<&str>::new());
    Ok(())
}
