//! Lines that are slow or end badly, and what never goes where it does not belong.

use super::{BUNDLE, attach, green, ready, run};
use crate::{binary, server_with};
use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use testkit::{Server, image};
use testkit::odd::{Odd, Registry};

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn x_x1_a_blob_takes_as_long_as_its_bytes_move() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let layer: Vec<u8> = (0..3 << 20).map(|n: u32| (n % 251) as u8).collect();
    image::push(&server, "p/a", "1", layer.clone()).await?;
    // Longer than the minute after which requests were given up, and after which silence ends one.
    let there = Registry::start(Odd { slow: Some(45_000), ..Odd::default() }).await?;
    ready(&server, &there.url, json!({})).await?;
    let (done, log) = run(&server).await?;
    green(&done, &log);
    assert!(there.has_blob("p/a", &image::sha256(&layer)));
    assert_eq!(there.asked("PUT /v2/p/a/blobs"), 2, "it was sent once, as was the configuration: {log}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn x_x1_a_rule_sends_as_slowly_as_it_says() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let layer: Vec<u8> = (0..3 << 20).map(|n: u32| (n % 251) as u8).collect();
    image::push(&server, "p/a", "1", layer.clone()).await?;
    let there = Registry::start(Odd { slow: Some(1 << 20), ..Odd::default() }).await?;
    ready(&server, &there.url, json!({ "speed": 2000 })).await?;
    let (done, log) = run(&server).await?;
    green(&done, &log);
    assert!(there.has_blob("p/a", &image::sha256(&layer)));
    for (sent, read) in [(-1, -1), (0, 0), (500, 500)] {
        let mut rule = server.call(Method::GET, "/replication/policies/1", json!(null)).await?;
        rule["speed"] = json!(sent);
        server.call(Method::PUT, "/replication/policies/1", rule).await?;
        assert_eq!(server.call(Method::GET, "/replication/policies/1", json!(null)).await?["speed"], read);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_3_credentials_go_to_the_target_and_nowhere_else() -> Result<()> {
    let server = server_with(&["p"]).await?;
    image::push(&server, "p/a", "1", b"x".to_vec()).await?;
    let stranger = Registry::start(Odd::default()).await?;
    let there = Registry::start(Odd { tokens: true, ..Odd::default() }).await?;
    ready(&server, &there.url, json!({})).await?;
    let at = |path: &str| Some(format!("{}{path}", stranger.url));
    // A token is asked for where the target says it is, by both ways of asking, and by no other way.
    for by_post in [false, true] {
        there.becomes(Odd { tokens: true, tokens_by_post: by_post, tokens_at: at("/token"), ..Odd::default() });
        let (done, log) = run(&server).await?;
        assert_eq!(done["status"], "Failed", "{done}");
        assert!(log.contains("it sends us to http://127.0.0.1"), "{log}");
        assert_eq!(stranger.asked(""), 0, "its token service sent us to a stranger, and we went");
    }
    // Content may lie elsewhere; it is fetched there like by anybody.
    there.becomes(Odd { tokens: true, manifests_at: at(""), head_manifest: Some(405), ..Odd::default() });
    run(&server).await?;
    assert!(stranger.asked("GET /v2/p/a/manifests") > 0, "the redirect was not followed");
    assert_eq!(stranger.signed(), 0, "credentials went to a stranger");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_3_3_tokens_are_asked_for_when_they_are_needed() -> Result<()> {
    let server = server_with(&["p"]).await?;
    for n in 0..5 {
        let digest = image::push(&server, &format!("p/r{n}"), "1", format!("layer {n}").into_bytes()).await?;
        attach(&server, &format!("p/r{n}"), &digest, BUNDLE).await?;
    }
    let there = Registry::start(Odd { tokens: true, ..Odd::default() }).await?;
    ready(&server, &there.url, json!({})).await?;
    there.becomes(Odd { tokens: true, forgets: Some(20), unavailable: Some(3), ..Odd::default() });
    let (done, log) = run(&server).await?;
    green(&done, &log);
    assert!(there.asked("GET /token") > 5, "tokens were not forgotten");
    assert_eq!(there.idle_tokens(), 0, "of {} tokens", there.asked("GET /token"));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_3_4_chunks_that_are_too_small_and_too_large_end() -> Result<()> {
    let layer: Vec<u8> = (0..9 << 20).map(|n: u32| (n % 251) as u8).collect();
    // What stands before the registry lets less through than the registry takes at least: no size will do.
    for (least, cap, rule, ends_well) in [
        (2 << 20, 1 << 20, json!({}), false),
        (2 << 20, 1 << 20, json!({ "copy_by_chunk": true }), false),
        (2 << 20, 4 << 20, json!({}), true),
        (20 << 20, 20 << 20, json!({ "copy_by_chunk": true }), true),
    ] {
        let server = server_with(&["p"]).await?;
        image::push(&server, "p/big", "1", layer.clone()).await?;
        let there = Registry::start(Odd { least: Some(least), cap: Some(cap), ..Odd::default() }).await?;
        ready(&server, &there.url, rule.clone()).await?;
        let (done, log) = run(&server).await?;
        match ends_well {
            true => {
                green(&done, &log);
                assert!(there.has_blob("p/big", &image::sha256(&layer)));
            }
            false => {
                assert_eq!(done["status"], "Failed", "{done}");
                assert!(log.contains("413") && log.contains("client_max_body_size"), "{log}");
                assert!(there.asked("") < 60, "{} requests for what cannot go", there.asked(""));
            }
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_3_9_targets_are_reached_through_proxies() -> Result<()> {
    let proxy = Registry::start(Odd::default()).await?;
    let own = proxy.url.replace("http://", "http://name:pass%40word@");
    let exceptions = "127.0.0.1, .direct.invalid";
    for (server_wide, target, said, reached) in [
        // A name that only the proxy knows.
        (false, "http://registry.invalid", json!(proxy.url), true),
        (true, "http://registry.invalid", json!(""), true),
        (true, "http://registry.invalid", json!("direct"), false),
        (true, "http://registry.direct.invalid", json!(""), false),
        (false, "http://registry.invalid", json!(""), false),
        (false, "http://registry.invalid", json!("http://127.0.0.1:9"), false),
    ] {
        let variables: &[(&str, &str)] = match server_wide {
            true => &[("WHARF_OUTBOUND_PROXY", &own), ("WHARF_OUTBOUND_NO_PROXY", exceptions)],
            // What stands in the environment for others is not heeded.
            false => &[("HTTP_PROXY", &own), ("http_proxy", &own), ("ALL_PROXY", &own)],
        };
        let server = Server::start(&binary()?, variables).await?;
        server.call(Method::POST, "/projects", json!({ "project_name": "p" })).await?;
        image::push(&server, "p/a", "1", target.as_bytes().to_vec()).await?;
        let before = proxy.proxied();
        let body = json!({ "name": "odd", "type": "docker-registry", "url": target, "proxy": said });
        let made = server.api(Method::POST, "/registries").json(&body).send().await?;
        let (status, text) = (made.status(), made.text().await?);
        if !reached {
            assert_eq!(status, 400, "{server_wide} {target} {said}: {text}");
            assert_eq!(proxy.proxied().0, before.0, "{server_wide} {target} {said}: it went through the proxy");
            let words = if said == "http://127.0.0.1:9" { "through the proxy http://127.0.0.1:9" } else { "does not resolve" };
            assert!(text.contains(words), "{text}");
            continue;
        }
        assert_eq!(status, 201, "{server_wide} {target} {said}: {text}");
        let read = server.call(Method::GET, "/registries/1", json!(null)).await?;
        assert_eq!(read["proxy"], said);
        let rule = json!({ "name": "r", "dest_registry": { "id": 1 }, "enabled": true, "override": true, "dest_namespace_replace_count": 0 });
        server.call(Method::POST, "/replication/policies", rule).await?;
        let (done, log) = run(&server).await?;
        green(&done, &log);
        let (count, signed) = proxy.proxied();
        assert!(count > before.0 + 5 && proxy.digest("p/a", "1").is_some(), "{log}");
        assert_eq!(signed.iter().any(|value| value.starts_with("Basic ")), server_wide || !before.1.is_empty(), "{signed:?}");
        assert!(!server.log()?.contains("pass@word") && !log.contains("pass@word"));
    }
    // A target's own way past the server's proxy, to an address that is not excepted.
    let there = Registry::start(Odd::default()).await?;
    let server = Server::start(&binary()?, &[("WHARF_OUTBOUND_PROXY", &own)]).await?;
    let before = proxy.proxied().0;
    let body = json!({ "name": "odd", "type": "docker-registry", "url": there.url, "proxy": "direct" });
    assert_eq!(server.api(Method::POST, "/registries").json(&body).send().await?.status(), 201);
    assert_eq!(proxy.proxied().0, before);
    // The policy judges where a request ends, whatever is in between.
    let server = Server::start(&binary()?, &[("WHARF_OUTBOUND_PROXY", &own), ("WHARF_OUTBOUND_ALLOW", "192.0.2.0/24")]).await?;
    for (url, field) in [("http://127.0.0.1:1", "url"), ("http://10.0.0.1", "url"), ("http://169.254.169.254", "url"), ("http://registry.invalid", "proxy")] {
        let own = if field == "proxy" { proxy.url.clone() } else { String::new() };
        let body = json!({ "name": "odd", "type": "docker-registry", "url": url, "proxy": own });
        let answer = server.api(Method::POST, "/registries").json(&body).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        assert!(status == 400 && text.contains("not a public address"), "{url}: {status} {text}");
    }
    assert_eq!(proxy.proxied().0, before);
    Ok(())
}
