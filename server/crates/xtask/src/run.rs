//! `cargo xtask run`: one server with everything embedded.

use crate::{root, run as run_command, site};
use anyhow::Result;
use std::path::Path;
use std::process::Command;

pub fn run(rest: &[&str]) -> Result<()> {
    run_command(&mut serve(&site::build(true)?, rest))
}

/// The server over the data that stays in the checkout.
pub fn serve(binary: &Path, rest: &[&str]) -> Command {
    let data = root().join(".wharf");
    let listen = rest.iter().find_map(|argument| argument.strip_prefix("--listen=")).unwrap_or("127.0.0.1:8080");
    let password = data.join("initial-admin-password");
    println!("sign in as admin; the first password is in {} (or what you changed it to)", password.display());
    let mut command = Command::new(binary);
    command.args(["serve", "--data"]).arg(&data).args(["--listen", listen]);
    command
}
