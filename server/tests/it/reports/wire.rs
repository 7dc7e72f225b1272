//! Group 1: what goes over the wire.

use super::*;
use crate::server_with;
use anyhow::{Context, Result};

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_1_2_what_is_null_or_missing_is_taken_and_kept_byte_for_byte() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let config = image::blob(&server, "p/r", br#"{"os":"linux"}"#.to_vec()).await?;
    let config = format!(r#"{{"mediaType":"{CONFIG}","digest":"{config}","size":14}}"#);
    let image = |more: &str| format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config}{more}}}"#);
    let mut taken = Vec::new();
    for more in [
        "", r#","layers":null"#, r#","layers":[]"#, r#","layers":[],"annotations":null"#, r#","layers":null,"subject":null,"artifactType":null"#,
        r#","layers":[],"annotations":{"a":null,"b":"c"}"#, r#","manifests":null"#,
    ] {
        taken.push((MANIFEST, image(more)));
    }
    for more in ["", r#","manifests":null"#, r#","manifests":[],"annotations":null"#, r#","manifests":[],"layers":null,"config":null"#] {
        taken.push((INDEX, format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}"{more}}}"#)));
    }
    for (n, (media_type, text)) in taken.iter().enumerate() {
        let at = format!("/v2/p/r/manifests/t{n}");
        assert_eq!(put(&server, &at, media_type, text).await?, 201, "{text}");
        assert_eq!(get(&server, &at).await?.text().await?, *text);
    }
    let child = image::sha256(taken[0].1.as_bytes());
    let size = taken[0].1.len();
    for platform in ["null", r#"{"os":null,"architecture":"arm64","variant":null}"#] {
        let entry = format!(r#"{{"mediaType":"{MANIFEST}","digest":"{child}","size":{size},"platform":{platform},"annotations":null,"urls":null}}"#);
        let text = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{entry}]}}"#);
        assert_eq!(put(&server, "/v2/p/r/manifests/index", INDEX, &text).await?, 201, "{text}");
    }
    // What says nothing at all stays refused.
    let array = format!(r#"[2,"{MANIFEST}",null,{config},[],null,null,null]"#);
    for text in [format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","layers":[]}}"#), image("").replace(&config, "null"), array] {
        assert_eq!(put(&server, "/v2/p/r/manifests/none", MANIFEST, &text).await?, 400, "{text}");
    }
    assert_eq!(get(&server, "/v2/p/r/manifests/none").await?.status(), 404);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_1_3_several_ranges_of_a_blob_are_several_parts() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    let digest = image::blob(&server, "p/r", bytes.clone()).await?;
    let at = format!("/v2/p/r/blobs/{digest}");
    for asked in [vec![(0, 9), (100, 119)], vec![(500_000, 500_009), (0, 0), (999_999, 999_999)], (0..600).map(|n| (n * 1000, n * 1000 + 7)).collect()] {
        let header: Vec<String> = asked.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        let answer = ask(&server, Method::GET, &at, &[("range", &format!("bytes={}", header.join(",")))], Vec::new()).await?;
        assert_eq!(answer.status(), 206);
        let kind = answer.headers()["content-type"].to_str()?.to_owned();
        let length: usize = answer.headers()["content-length"].to_str()?.parse()?;
        let boundary = kind.strip_prefix("multipart/byteranges; boundary=").context(kind.clone())?.to_owned();
        let body = answer.bytes().await?.to_vec();
        assert_eq!(body.len(), length);
        // Each part in its order, with its place and exactly its bytes.
        let mut expected = Vec::new();
        for (first, last) in &asked {
            let head = format!("\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {first}-{last}/1000000\r\n\r\n");
            expected.extend_from_slice(head.as_bytes());
            expected.extend_from_slice(&bytes[*first..=*last]);
        }
        expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        assert!(body == expected, "parts of {header:?}");
    }
    for (range, status, length) in [
        ("bytes=0-9", 206, 10), ("bytes=0-9,2000000-2000001", 206, 10), ("bytes=2000000-,3000000-", 416, 0), ("bytes=0-,0-", 200, 1_000_000),
        ("bytes=0-9,x", 200, 1_000_000),
    ] {
        let answer = ask(&server, Method::GET, &at, &[("range", range)], Vec::new()).await?;
        assert_eq!(answer.status(), status, "{range}");
        if status != 416 {
            assert_eq!(answer.bytes().await?.len(), length, "{range}");
        }
    }
    let head = ask(&server, Method::HEAD, &at, &[("range", "bytes=0-9,20-29")], Vec::new()).await?;
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str()?), (200, "1000000"));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_1_6_an_upload_without_a_byte_is_told_from_one_with_one() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let started = ask(&server, Method::POST, "/v2/p/r/blobs/uploads/", &[], Vec::new()).await?;
    let place = started.headers()["location"].to_str()?.to_owned();
    let how_far = async || -> Result<Option<String>> {
        let answer = get(&server, &place).await?;
        anyhow::ensure!(answer.status() == 204);
        Ok(answer.headers().get("range").and_then(|value| value.to_str().ok()).map(str::to_owned))
    };
    let none = how_far().await?;
    let binary = [("content-type", "application/octet-stream")];
    // Who believes that one byte is there is told where it is, and can go on.
    let wrong = ask(&server, Method::PATCH, &place, &[("content-range", "1-1")], b"y".to_vec()).await?;
    assert_eq!((wrong.status().as_u16(), wrong.headers()["range"].to_str()?), (416, "0--1"));
    let one = ask(&server, Method::PATCH, &place, &binary, b"x".to_vec()).await?;
    assert_eq!(one.headers()["range"].to_str()?, "0-0");
    assert_eq!(how_far().await?.as_deref(), Some("0-0"));
    assert_ne!(none, how_far().await?);
    let two = ask(&server, Method::PATCH, &place, &binary, b"y".to_vec()).await?;
    assert_eq!(two.headers()["range"].to_str()?, "0-1");
    let digest = image::sha256(b"xy");
    assert_eq!(ask(&server, Method::PUT, &format!("{place}?digest={digest}"), &binary, Vec::new()).await?.status(), 201);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_1_10_a_plus_that_was_not_encoded_is_a_plus() -> Result<()> {
    let server = server_with(&["p"]).await?;
    let digest = image::push(&server, "p/r", "1", b"x".to_vec()).await?;
    let empty = image::blob(&server, "p/r", b"{}".to_vec()).await?;
    let empty = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 });
    for kind in ["application/spdx+json", "application/vnd.a+b+json", "application/plain"] {
        let made = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "config": empty, "layers": [empty],
            "subject": { "mediaType": MANIFEST, "digest": digest, "size": 1 },
        });
        assert_eq!(put(&server, &format!("/v2/p/r/manifests/{}", image::sha256(made.to_string().as_bytes())), MANIFEST, &made.to_string()).await?, 201);
    }
    for (asked, found) in [
        ("application/spdx+json", 1), ("application/spdx%2Bjson", 1), ("application/spdx%20json", 1), ("application%2Fvnd.a+b%2Bjson", 1),
        ("application/plain", 1), ("application/spdx", 0), ("", 3),
    ] {
        let answer = get(&server, &format!("/v2/p/r/referrers/{digest}?artifactType={asked}")).await?;
        assert_eq!(answer.headers().contains_key("oci-filters-applied"), !asked.is_empty(), "{asked}");
        let list: Value = answer.json().await?;
        assert_eq!(list["manifests"].as_array().map(Vec::len), Some(found), "{asked}: {list}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn c_1_9_what_is_addressed_by_sha512_is_so_there_too() -> Result<()> {
    let (here, there) = (server_with(&["p"]).await?, server_with(&["p"]).await?);
    let config = image::blob(&here, "p/r", b"{}".to_vec()).await?;
    let made = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": { "mediaType": CONFIG, "digest": config, "size": 2 }, "layers": [] }).to_string();
    let digest = domain::blobs::digest_of(model::Algorithm::Sha512, made.as_bytes()).to_string();
    assert_eq!(put(&here, &format!("/v2/p/r/manifests/{digest}?tag=v1"), MANIFEST, &made).await?, 201);
    let credential = json!({ "access_key": "admin", "access_secret": PASSWORD });
    here.call(Method::POST, "/registries", json!({ "name": "t", "type": "harbor", "url": there.url(""), "credential": credential })).await?;
    here.call(Method::POST, "/replication/policies", rule("r", json!({ "override": false, "dest_namespace_replace_count": 0 }))).await?;
    // The second run finds all there, though it may replace nothing.
    for _ in 0..2 {
        let started = here.api(Method::POST, "/replication/executions").json(&json!({ "policy_id": 1 })).send().await?;
        let at = started.headers()["location"].to_str()?.trim_start_matches("/api/v2.0").to_owned();
        let done = loop {
            let found = here.call(Method::GET, &at, json!(null)).await?;
            if found["status"] != "InProgress" {
                break found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        assert_eq!((&done["status"], &done["failed"]), (&json!("Succeed"), &json!(0)), "{done}");
        for server in [&here, &there] {
            for reference in ["v1", digest.as_str()] {
                for method in [Method::HEAD, Method::GET] {
                    let answer = ask(server, method.clone(), &format!("/v2/p/r/manifests/{reference}"), &[], Vec::new()).await?;
                    assert_eq!(answer.status(), 200, "{reference}");
                    assert_eq!(answer.headers()["docker-content-digest"].to_str()?, digest, "{method} {reference}");
                }
            }
            let tags = server.call(Method::GET, "/projects/p/repositories/r/artifacts", json!(null)).await?;
            assert_eq!((tags.as_array().map(Vec::len), &tags[0]["digest"]), (Some(1), &json!(digest)), "one artifact, no twin");
        }
    }
    Ok(())
}
