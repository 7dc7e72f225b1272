//! `cargo xtask bench [ROUNDS [PART [BEFORE]]]`: Wharf beside Debian's docker-registry and distribution 3, one table; or beside
//! an older Wharf, whose program is at BEFORE, round by round.

use crate::{root, run, site, tools};
use anyhow::Result;
use std::process::Command;

/// Rounds unless the command says otherwise.
const ROUNDS: &str = "5";

pub fn bench(rest: &[&str]) -> Result<()> {
    let rounds = rest.first().copied().unwrap_or(ROUNDS);
    // Only the experiments whose name has this in it.
    let part = rest.get(1).copied().unwrap_or_default();
    let peers = match rest.get(2) {
        Some(before) => vec![format!("before={before}")],
        None => {
            tools::apt()?;
            let nginx = tools::nginx()?;
            let distribution = tools::go("distribution")?;
            vec![
                "docker-registry=/usr/bin/docker-registry".to_owned(),
                format!("distribution={}", distribution.display()),
                format!("nginx={}", nginx.display()),
            ]
        }
    };
    let binary = site::target().join("release").join("wharf");
    if !binary.exists() {
        site::build(true)?;
    }
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(root())
        .args(["run", "-q", "--release", "-p", "testkit", "--bin", "bench", "--"])
        .arg(binary)
        .arg(rounds)
        .args(peers)
        .env("WHARF_BENCH_ONLY", part)
        // The same as the build's, so that nothing is compiled twice.
        .env("CARGO_ENCODED_RUSTFLAGS", site::remap());
    run(&mut command)
}
