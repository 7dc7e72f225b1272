//! The demo's story: what is left is the click, and real cosign agrees with its signatures on both servers.

use crate::server;
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};
use testkit::{Clients, PASSWORD, demo};

#[tokio::test]
#[ignore = "needs cosign and oras: cargo xtask test clients"]
async fn the_demo_is_one_click_away_from_two_signed_images() -> Result<()> {
    let (first, second, clients) = (server().await?, server().await?, Clients::new()?);
    let story = demo::prepare(&first, &second, &second.url("")).await?;
    std::fs::write(clients.path("cosign.pub"), &story.public_key)?;
    for host in [first.host(), second.host()] {
        clients.login(&host, "admin", PASSWORD)?;
    }
    let place = first.api(Method::POST, "/replication/executions").json(&json!({ "policy_id": story.rule })).send().await?;
    let id = place.headers()["location"].to_str()?.rsplit('/').next().context("an id")?.to_owned();
    let begin = Instant::now();
    loop {
        let found = first.call(Method::GET, &format!("/replication/executions/{id}"), json!(null)).await?;
        match found["status"].as_str() {
            Some("Succeed") => break,
            Some("InProgress") if begin.elapsed() < Duration::from_secs(30) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            _ => anyhow::bail!("{found}"),
        }
    }
    for host in [first.host(), second.host()] {
        let image = format!("{host}/cosign/pause@{}", story.digest);
        clients.verify(&image)?;
        clients.verify_legacy(&image)?;
        assert_eq!(clients.graph(&image)?.len(), 4, "signature, attestation, SBOM and the signature on it");
    }
    Ok(())
}
