//! Whole-product tests: the built binary, real sockets, real clients, two servers. `cargo xtask test clients` runs them;
//! a plain `cargo test` has no binary and no clients, so they are ignored there, which its output says.

mod arrows;
mod attacks;
mod bad_days;
mod backup;
mod clients;
mod conformance;
mod demo;
mod doors;
mod forms;
mod fsck;
mod full;
mod gc;
mod hostile;
mod inside;
mod matrix;
mod numbers;
mod policies;
mod odd;
mod program;
mod quotas;
mod removals;
mod replication;
mod reports;
mod session;
mod terraform;
mod tls;
mod torture;
mod wire;

use anyhow::{Context, Result};
use std::path::PathBuf;
use testkit::Server;

/// The binary under test.
fn binary() -> Result<PathBuf> {
    std::env::var_os("WHARF_TEST_BINARY").map(PathBuf::from).context("WHARF_TEST_BINARY is not set")
}

async fn server() -> Result<Server> {
    Server::start(&binary()?, &[]).await
}

/// A server with projects.
async fn server_with(projects: &[&str]) -> Result<Server> {
    let server = server().await?;
    for project in projects {
        server.call(reqwest::Method::POST, "/projects", serde_json::json!({ "project_name": project })).await?;
    }
    Ok(server)
}
