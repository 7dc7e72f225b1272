//! The project's own commands: `cargo xtask --help`.

mod bench;
mod demo;
mod dev;
mod run;
mod services;
mod site;
mod test;
mod tools;
mod torture;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

const HELP: &str = "\
cargo xtask build [--release]   the portal's wasm, style and assets, then the server with all of it embedded
cargo xtask site [--release]    only the portal's files
cargo xtask run                 build for release, then serve on 127.0.0.1:8080 with data in .wharf/
cargo xtask dev                 serve on 127.0.0.1:8080 with the data of `run`; a changed file is built and the page reloads
cargo xtask demo                two servers with the story prepared: what is left is to press Replicate
cargo xtask test [STEP …]       every check: fmt, clippy, unit (both databases), build, clients, browser, docs
                                each installs what it needs and says so
cargo xtask bench [ROUNDS [PART]] Wharf beside docker-registry 2.8 and distribution 3: speed, CPU and memory in one table
cargo xtask torture WHAT        try to break it: power, kill, gc, races, memory, resume, slow, hostile, field, plan, scale, growth; each with its figures
cargo xtask tools [NAME …]      install the clients that tests use: cosign, cosign2, crane, oras, regctl, helm, conformance, minio, distribution, apt, npm";

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(3).expect("three folders above the crate").to_path_buf()
}

/// Runs a command to its end; an error names it.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let release = rest.contains(&"--release");
    match arguments.first().map(String::as_str) {
        Some("build") => site::build(release).map(drop),
        Some("site") => site::site(release).map(drop),
        Some("run") => run::run(&rest),
        Some("dev") => dev::dev(&rest),
        Some("demo") => demo::demo(),
        Some("test") => test::test(&rest),
        Some("bench") => bench::bench(&rest),
        Some("torture") => torture::torture(&rest),
        Some("tools") => tools::install(&rest),
        Some("--help" | "help") => {
            println!("{HELP}");
            Ok(())
        }
        _ => bail!("unknown command\n{HELP}"),
    }
}
