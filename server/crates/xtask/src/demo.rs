//! `cargo xtask demo`.

use crate::site;
use anyhow::Result;

pub fn demo() -> Result<()> {
    let binary = site::build(true)?;
    tokio::runtime::Runtime::new()?.block_on(testkit::demo::run(&binary))
}
