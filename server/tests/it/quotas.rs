//! A full project, with real clients and as Harbor's clients ask for it.

use crate::server_with;
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Clients, PASSWORD, Server};

async fn quota(server: &Server, id: i64) -> Result<(i64, i64)> {
    let read = server.call(Method::GET, &format!("/quotas/{id}"), json!(null)).await?;
    Ok((read["hard"]["storage"].as_i64().unwrap_or(0), read["used"]["storage"].as_i64().unwrap_or(0)))
}

async fn limit(server: &Server, id: i64, bytes: i64) -> Result<Value> {
    server.call(Method::PUT, &format!("/quotas/{id}"), json!({ "hard": { "storage": bytes } })).await
}

async fn number(server: &Server, project: &str) -> Result<i64> {
    Ok(server.call(Method::GET, &format!("/projects/{project}"), json!(null)).await?["project_id"].as_i64().unwrap_or(0))
}

#[tokio::test]
#[ignore = "needs cosign, crane and oras: cargo xtask test clients"]
async fn a_full_project_refuses_images_and_takes_signatures_in_every_form() -> Result<()> {
    let (server, clients) = (server_with(&["cosign", "source"]).await?, Clients::new()?);
    clients.login(&server.host(), "admin", PASSWORD)?;
    let id = number(&server, "cosign").await?;
    let image = |reference: &str| format!("{}/cosign/pause{reference}", server.host());
    let digest = clients.push(&image(":v1"))?;
    let (_, used) = quota(&server, id).await?;
    assert!(used > 0);
    limit(&server, id, used).await?;
    testkit::image::push(&server, "source/other", "x", b"another image".to_vec()).await?;
    let refused = clients.crane(&["copy", &format!("{}/source/other:x", server.host()), &image(":v2")]).unwrap_err().to_string();
    assert!(refused.contains("DENIED") && refused.contains("project cosign is full") && refused.contains("more"), "{refused}");
    // Of what is large not a byte is sent: it is refused by what it says of its length.
    let large = format!("{:#}", testkit::image::push_zeros(&server, "cosign/large", "x", 40 << 20).await.unwrap_err());
    assert!(large.contains("project cosign is full"), "{large}");
    assert_eq!(quota(&server, id).await?, (used, used));
    let signed = image(&format!("@{digest}"));
    clients.every_legacy_form(&signed)?;
    clients.sign_legacy(&signed)?;
    clients.sign_bundle(&signed)?;
    clients.attest(&signed)?;
    clients.verify(&signed)?;
    clients.verify_legacy(&signed)?;
    assert!(quota(&server, id).await?.1 > used);
    // A deletion makes room for the next, at once.
    server.call(Method::DELETE, &format!("/projects/cosign/repositories/pause/artifacts/{digest}"), json!(null)).await?;
    clients.crane(&["copy", &format!("{}/source/other:x", server.host()), &image(":v2")])?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn harbor_s_clients_read_and_set_quotas() -> Result<()> {
    let server = server_with(&["p", "q"]).await?;
    testkit::image::push(&server, "q/r", "1", vec![7; 100_000]).await?;
    let (p, q) = (number(&server, "p").await?, number(&server, "q").await?);
    let all = server.call(Method::GET, "/quotas/?page=1&page_size=100&sort=-used.storage", json!(null)).await?;
    let names: Vec<&Value> = all.as_array().into_iter().flatten().map(|one| &one["ref"]["name"]).collect();
    assert_eq!(names, ["q", "p"]);
    assert_eq!((&all[0]["id"], &all[0]["ref"]["id"], &all[0]["hard"]["storage"]), (&json!(q), &json!(q), &json!(-1)));
    assert!(all[0]["used"]["storage"].as_i64() > Some(100_000));
    assert_eq!(server.call(Method::GET, "/quotas/?page=2&page_size=100", json!(null)).await?, json!([]), "Terraform's provider reads until there are no more");
    let one = server.call(Method::GET, &format!("/quotas?reference=project&reference_id={p}"), json!(null)).await?;
    assert_eq!((one.as_array().map(Vec::len), &one[0]["ref"]["name"]), (Some(1), &json!("p")));
    limit(&server, p, 5_000_000).await?;
    limit(&server, p, 5_000_000).await?;
    let summary = server.call(Method::GET, "/projects/p/summary", json!(null)).await?;
    assert_eq!(summary["quota"], json!({ "hard": { "storage": 5_000_000 }, "used": { "storage": 0 } }));
    // As it was made, by its own limit and by the usual one.
    server.call(Method::PUT, "/configurations", json!({ "storage_per_project": 7_000_000 })).await?;
    server.call(Method::POST, "/projects", json!({ "project_name": "own", "storage_limit": 9_000_000 })).await?;
    server.call(Method::POST, "/projects", json!({ "project_name": "usual" })).await?;
    server.call(Method::POST, "/projects", json!({ "project_name": "endless", "storage_limit": -1 })).await?;
    for (name, bytes) in [("own", 9_000_000), ("usual", 7_000_000), ("endless", -1)] {
        assert_eq!(quota(&server, number(&server, name).await?).await?.0, bytes, "{name}");
    }
    // What is sent with every project is no wish; another limit is.
    server.call(Method::PUT, "/projects/own", json!({ "storage_limit": -1 })).await?;
    assert_eq!(quota(&server, number(&server, "own").await?).await?.0, 9_000_000);
    server.call(Method::PUT, "/projects/own", json!({ "storage_limit": 8_000_000 })).await?;
    assert_eq!(quota(&server, number(&server, "own").await?).await?.0, 8_000_000);
    for (path, body) in [
        (format!("/quotas/{p}"), json!({ "hard": { "storage": 0 } })), (format!("/quotas/{p}"), json!({ "hard": { "storage": -2 } })),
        (format!("/quotas/{p}"), json!({ "hard": {} })), (format!("/quotas/{p}"), json!({})), (format!("/quotas/{p}"), json!({ "hard": { "storage": "1" } })),
        (format!("/quotas/{p}"), json!({ "hard": { "storage": i64::MAX } })),
    ] {
        let answer = server.api(Method::PUT, &path).json(&body).send().await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        assert!(status == 400 && text.contains("errors"), "{path} {body}: {status} {text}");
    }
    assert_eq!(quota(&server, p).await?.0, 5_000_000);
    for path in ["/quotas/99999", "/quotas?reference=robot", "/quotas?reference_id=x", "/quotas/x"] {
        let status = server.api(Method::GET, path).send().await?.status().as_u16();
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
    Ok(())
}
