//! `cargo xtask bench [ROUNDS [PART]]`: Wharf beside Debian's docker-registry and distribution 3, one table.

use crate::{root, run, site, tools};
use anyhow::Result;
use std::process::Command;

/// Rounds unless the command says otherwise.
const ROUNDS: &str = "5";

pub fn bench(rest: &[&str]) -> Result<()> {
    let rounds = rest.first().copied().unwrap_or(ROUNDS);
    // Only the experiments whose name has this in it.
    let part = rest.get(1).copied().unwrap_or_default();
    tools::apt()?;
    let nginx = tools::nginx()?;
    let distribution = tools::go("distribution")?;
    let binary = site::target().join("release").join("wharf");
    if !binary.exists() {
        site::build(true)?;
    }
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(root())
        .args(["run", "-q", "--release", "-p", "testkit", "--bin", "bench", "--"])
        .arg(binary)
        .args([rounds, "docker-registry=/usr/bin/docker-registry"])
        .arg(format!("distribution={}", distribution.display()))
        .arg(format!("nginx={}", nginx.display()))
        .env("WHARF_BENCH_ONLY", part)
        // The same as the build's, so that nothing is compiled twice.
        .env("CARGO_ENCODED_RUSTFLAGS", site::remap());
    run(&mut command)
}
