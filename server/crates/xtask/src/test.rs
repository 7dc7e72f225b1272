//! `cargo xtask test`: every check of the project, step by step, with a table of minutes at the end.

use crate::services::{Minio, Postgres};
use crate::{root, run, site, tools};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 6] =
    [("fmt", fmt), ("clippy", clippy), ("unit", unit), ("build", build), ("clients", clients), ("browser", browser)];

pub fn test(names: &[&str]) -> Result<()> {
    let mut table = Vec::new();
    for (name, step) in STEPS.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
        println!("── {name}");
        let begin = Instant::now();
        let done = step();
        table.push((name, begin.elapsed().as_secs(), done.is_ok()));
        if let Err(error) = done {
            print_table(&table);
            return Err(error.context(format!("step {name}")));
        }
    }
    if table.is_empty() {
        bail!("no such step; there are {}", STEPS.map(|(name, _)| name).join(", "));
    }
    print_table(&table);
    Ok(())
}

fn print_table(table: &[(&&str, u64, bool)]) {
    println!("\nstep       minutes");
    for (name, seconds, fine) in table {
        println!("{name:<10} {:>3}:{:02} {}", seconds / 60, seconds % 60, if *fine { "" } else { "FAILED" });
    }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(arguments);
    command
}

fn fmt() -> Result<()> {
    // The sources are written for 110 columns with short forms kept on a line; rustfmt's own layout is not enforced.
    let long = Command::new("git").current_dir(root()).args(["grep", "-nE", "^.{171,}", "--", "*.rs"]).output()?;
    if !long.stdout.is_empty() {
        bail!("lines past 170 columns:\n{}", String::from_utf8_lossy(&long.stdout));
    }
    Ok(())
}

fn clippy() -> Result<()> {
    run(&mut cargo(&["clippy", "--all-targets", "--", "-D", "warnings"]))?;
    // The browser's half by itself, so that the features are not united.
    run(&mut cargo(&["clippy", "-p", "hydrate", "--", "-D", "warnings"]))
}

/// The same tests on SQLite and disk, and on PostgreSQL and S3; the two counts are compared.
fn unit() -> Result<()> {
    tools::apt()?;
    let sqlite = counted(cargo(&["test"]))?;
    let (database, bucket) = (Postgres::start()?, Minio::start()?);
    let mut command = cargo(&["test", "-p", "domain", "-p", "oci", "-p", "api"]);
    command.env("WHARF_TEST_POSTGRES", database.url()).env("WHARF_TEST_S3", bucket.url());
    let postgres = counted(command)?;
    let mut again = cargo(&["test", "-p", "domain", "-p", "oci", "-p", "api"]);
    let same = counted({
        again.env_remove("WHARF_TEST_POSTGRES").env_remove("WHARF_TEST_S3");
        again
    })?;
    if same != postgres {
        bail!("{same} tests ran on SQLite and disk, {postgres} on PostgreSQL and S3");
    }
    println!("{sqlite} tests on SQLite; {postgres} of domain, oci and api also on PostgreSQL and S3 (MinIO)");
    Ok(())
}

/// Runs tests, prints what they print, and counts the passed ones.
fn counted(mut command: Command) -> Result<u64> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    if !output.status.success() {
        bail!("tests failed");
    }
    let passed = |line: &str| -> Option<u64> {
        line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse().ok()
    };
    Ok(text.lines().filter_map(passed).sum())
}

fn build() -> Result<()> {
    site::build(true).map(drop)
}

fn binary() -> Result<PathBuf> {
    let path = site::target().join("release").join("wharf");
    if !path.exists() {
        build()?;
    }
    Ok(path)
}

/// Real clients against the release binary.
fn clients() -> Result<()> {
    tools::apt()?;
    let mut command = cargo(&["test", "-p", "server", "--test", "it", "--", "--include-ignored", "--test-threads", "2"]);
    let (database, bucket) = (Postgres::start()?, Minio::start()?);
    command.env("WHARF_TEST_BINARY", binary()?).env("WHARF_TEST_POSTGRES", database.url()).env("WHARF_TEST_S3", bucket.url());
    for (name, variable) in [
        ("cosign", "WHARF_TEST_COSIGN"),
        ("cosign2", "WHARF_TEST_COSIGN2"),
        ("crane", "WHARF_TEST_CRANE"),
        ("oras", "WHARF_TEST_ORAS"),
        ("regctl", "WHARF_TEST_REGCTL"),
        ("helm", "WHARF_TEST_HELM"),
        ("conformance", "WHARF_TEST_CONFORMANCE"),
    ] {
        command.env(variable, tools::go(name)?);
    }
    run(&mut command)
}

fn browser() -> Result<()> {
    tools::apt()?;
    let folder = tools::npm()?;
    run(Command::new(folder.join("node_modules/.bin/playwright"))
        .current_dir(&folder)
        .arg("test")
        .env("WHARF_TEST_BINARY", binary()?)
        .env("WHARF_TEST_COSIGN", tools::go("cosign")?)
        .env("WHARF_TEST_COSIGN2", tools::go("cosign2")?)
        .env("WHARF_TEST_CRANE", tools::go("crane")?))
}
