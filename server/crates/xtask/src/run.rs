//! `cargo xtask run`: one server with everything embedded.

use crate::{root, run as run_command, site};
use anyhow::Result;
use std::process::Command;

pub fn run(rest: &[&str]) -> Result<()> {
    let binary = site::build(true)?;
    let data = root().join(".wharf");
    let listen = rest.iter().find_map(|argument| argument.strip_prefix("--listen=")).unwrap_or("127.0.0.1:8080");
    let password = data.join("initial-admin-password");
    println!("sign in as admin; the first password is in {} (or what you changed it to)", password.display());
    run_command(Command::new(binary).args(["serve", "--data"]).arg(&data).args(["--listen", listen]))
}
