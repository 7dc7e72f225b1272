//! The OCI conformance suite: with its defaults, and with the five switches that are off by default.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use std::process::Command;
use testkit::Server;

/// What the suite leaves off by default.
const SWITCHES: [&str; 5] = [
    "OCI_DATA_SPARSE", "OCI_API_BLOBS_UPLOAD_CANCEL", "OCI_API_BLOBS_DIGEST_HEADER", "OCI_API_MANIFESTS_DIGEST_HEADER",
    "OCI_API_MANIFESTS_TAG_PARAM",
];

#[tokio::test]
#[ignore = "needs the conformance suite: cargo xtask test clients"]
async fn the_oci_conformance_suite_passes() -> Result<()> {
    run(&[], &[]).await
}

#[tokio::test]
#[ignore = "needs the conformance suite: cargo xtask test clients"]
async fn the_oci_conformance_suite_passes_with_every_switch_on() -> Result<()> {
    run(&[("WHARF_SPARSE", "indexes,images")], &SWITCHES).await
}

#[tokio::test]
#[ignore = "needs PostgreSQL, MinIO and the conformance suite: cargo xtask test clients"]
async fn the_oci_conformance_suite_passes_on_postgres_and_s3() -> Result<()> {
    let bucket = url::Url::parse(&std::env::var("WHARF_TEST_S3")?)?;
    let endpoint = format!("http://{}:{}", bucket.host_str().unwrap_or_default(), bucket.port().unwrap_or_default());
    let database = std::env::var("WHARF_TEST_POSTGRES")?;
    let environment = [
        ("WHARF_DATABASE_URL", database.as_str()), ("WHARF_S3_ENDPOINT", &endpoint), ("WHARF_S3_BUCKET", bucket.path().trim_matches('/')),
        ("WHARF_S3_ACCESS_KEY", bucket.username()), ("WHARF_S3_SECRET_KEY", bucket.password().unwrap_or_default()),
        ("WHARF_SPARSE", "indexes,images"),
    ];
    run(&environment, &SWITCHES).await
}

async fn run(environment: &[(&str, &str)], switches: &[&str]) -> Result<()> {
    let server = Server::start(&crate::binary()?, environment).await?;
    // The suite mounts with a token for the destination alone, which is enough where everybody may read the source.
    let project = json!({ "project_name": "conformance", "metadata": { "public": "true" } });
    server.call(Method::POST, "/projects", project).await?;
    let results = tempfile::tempdir()?;
    let output = Command::new(std::env::var("WHARF_TEST_CONFORMANCE")?)
        .envs(switches.iter().map(|name| (name, "true")))
        .env("OCI_REGISTRY", server.host())
        .env("OCI_TLS", "disabled")
        .env("OCI_REPO1", "conformance/one")
        .env("OCI_REPO2", "conformance/two")
        .env("OCI_USERNAME", "admin")
        .env("OCI_PASSWORD", testkit::PASSWORD)
        .env("OCI_RESULTS_DIR", results.path())
        .output()?;
    let report = std::fs::read_to_string(results.path().join("junit.xml"))?;
    let suite = report.lines().find(|line| line.contains("OCI Conformance Test")).unwrap_or_default().trim();
    println!("{suite}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(suite.contains("failures=\"0\"") && suite.contains("errors=\"0\""), "{suite}");
    // An attribute of zero is left out.
    assert!(!suite.contains("skipped="), "{suite}");
    Ok(())
}
