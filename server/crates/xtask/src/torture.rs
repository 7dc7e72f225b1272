//! `cargo xtask torture WHAT [NUMBER]`: the experiments that try to break the server, in their long form.

use crate::{root, run, site, tools};
use anyhow::{Result, bail};
use std::process::Command;

pub const HELP: &str = "power [CUTS], kill [ROUNDS], gc [ROUNDS], races [NUMBER], memory [PUSHES], resume, slow [CONNECTIONS], \
    hostile [SECONDS], field [IMAGES], plan [ARTIFACTS], scale [ARTIFACTS], growth [PUSHES]";

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(arguments);
    command
}

pub fn torture(rest: &[&str]) -> Result<()> {
    let Some((what, number)) = rest.split_first() else { bail!("which experiment: {HELP}") };
    match *what {
        // In one process with the store's own code, by the recorder of `domain/tests/durable`.
        "power" => {
            let cuts = number.first().copied().unwrap_or("10000");
            let test = ["test", "-p", "domain", "--test", "durable", "--", "--nocapture", "--test-threads", "1"];
            run(cargo(&test).env("WHARF_TORTURE_CUTS", cuts))
        }
        "scale" => {
            let artifacts = number.first().copied().unwrap_or("1000000");
            let test = ["test", "-p", "domain", "--test", "scale", "--", "--nocapture"];
            run(cargo(&test).env("WHARF_TORTURE_SCALE", artifacts).env("WHARF_TEST_BINARY", binary()?))
        }
        "growth" => {
            let pushes = number.first().copied().unwrap_or("1000000");
            let test = ["test", "-p", "domain", "--lib", "--", "--nocapture", "a_year_of_pushes"];
            run(cargo(&test).env("WHARF_TORTURE_GROWTH", pushes))
        }
        "races" => {
            let races = number.first().copied().unwrap_or("100000");
            let test = ["test", "-p", "server", "--test", "it", "--", "--ignored", "--nocapture", "r_16"];
            run(cargo(&test).env("WHARF_TORTURE_RACES", races).env("WHARF_TEST_BINARY", binary()?))
        }
        "kill" | "gc" | "memory" | "resume" | "slow" | "hostile" | "field" | "plan" => {
            let program = ["run", "-q", "--release", "-p", "testkit", "--bin", "torture", "--"];
            // The same flags as the build's, so that nothing is compiled twice.
            let mut command = cargo(&program);
            command.arg(binary()?).args(rest).env("CARGO_ENCODED_RUSTFLAGS", site::remap());
            if *what == "field" {
                for (client, variable) in [("cosign", "WHARF_TEST_COSIGN"), ("crane", "WHARF_TEST_CRANE"), ("oras", "WHARF_TEST_ORAS")] {
                    command.env(variable, tools::go(client)?);
                }
            }
            run(&mut command)
        }
        other => bail!("{other} is no experiment; there are {HELP}"),
    }
}

fn binary() -> Result<std::path::PathBuf> {
    let binary = site::target().join("release").join("wharf");
    if !binary.exists() {
        site::build(true)?;
    }
    Ok(binary)
}
