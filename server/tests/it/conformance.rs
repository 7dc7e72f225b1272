//! The OCI conformance suite, with its defaults.

use crate::server_with;
use anyhow::Result;
use std::process::Command;

#[tokio::test]
#[ignore = "needs the conformance suite: cargo xtask test clients"]
async fn the_oci_conformance_suite_passes() -> Result<()> {
    let server = server_with(&["conformance"]).await?;
    let results = tempfile::tempdir()?;
    let output = Command::new(std::env::var("WHARF_TEST_CONFORMANCE")?)
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
    Ok(())
}
