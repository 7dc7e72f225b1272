//! `cargo xtask test`: every check of the project, step by step, with a table of minutes at the end.

use crate::{root, run, site, tools};
use anyhow::{Context, Result, bail};
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
    run(&mut cargo(&["clippy", "--all-targets", "--", "-D", "warnings"]))
}

/// The same tests on SQLite and on PostgreSQL; the two counts are compared.
fn unit() -> Result<()> {
    tools::apt()?;
    let sqlite = counted(cargo(&["test"]))?;
    let server = Postgres::start()?;
    let mut command = cargo(&["test", "-p", "domain", "-p", "oci", "-p", "api"]);
    command.env("WHARF_TEST_POSTGRES", server.url());
    let postgres = counted(command)?;
    let mut again = cargo(&["test", "-p", "domain", "-p", "oci", "-p", "api"]);
    let same = counted({
        again.env_remove("WHARF_TEST_POSTGRES");
        again
    })?;
    if same != postgres {
        bail!("{same} tests ran on SQLite and {postgres} on PostgreSQL");
    }
    println!("{sqlite} tests on SQLite; {postgres} of domain, oci and api on both engines");
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
    command.env("WHARF_TEST_BINARY", binary()?);
    for (name, variable) in [
        ("cosign", "WHARF_TEST_COSIGN"),
        ("cosign2", "WHARF_TEST_COSIGN2"),
        ("crane", "WHARF_TEST_CRANE"),
        ("oras", "WHARF_TEST_ORAS"),
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

/// A PostgreSQL on a socket in a temporary folder; it ends with the value.
struct Postgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
}

impl Postgres {
    fn start() -> Result<Postgres> {
        let programs = tools::postgres()?;
        let folder = tempfile::Builder::new().prefix("wharf-pg").tempdir()?;
        let server = Postgres { folder, programs };
        let data = server.data();
        // PostgreSQL refuses to run as root: then it runs as the package's own user.
        if is_root() {
            run(Command::new("chown").arg("-R").arg("postgres").arg(server.folder.path()))?;
        }
        run(server.program("initdb").args(["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "-D"]).arg(&data).stdout(std::process::Stdio::null()))?;
        let options = format!(
            "-k {} -c listen_addresses='' -c fsync=off -c max_connections=500 -c shared_buffers=128MB",
            server.folder.path().display()
        );
        run(server
            .program("pg_ctl")
            .args(["-w", "-D"])
            .arg(&data)
            .args(["-l"])
            .arg(server.folder.path().join("log"))
            .args(["-o", &options, "start"])
            .stdout(std::process::Stdio::null()))
        .context("PostgreSQL did not start")?;
        Ok(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path).current_dir(self.folder.path());
            command
        } else {
            Command::new(path)
        }
    }

    fn url(&self) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{folder}/postgres")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        let _ = self.program("pg_ctl").args(["-m", "immediate", "-D"]).arg(data).arg("stop").status();
    }
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}
