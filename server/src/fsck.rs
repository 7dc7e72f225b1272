//! `wharf fsck`: the check of `domain::fsck` for the terminal, with the server stopped.

use crate::config::Config;
use crate::wiring;
use domain::datadir::DataDir;
use domain::fsck::{Options, Report, Severity, check};
use std::process::ExitCode;

/// Checks, prints what it found, and answers 0 (all is well), 1 (only space is wasted or a figure is wrong) or 2 (something is lost).
pub async fn run(config: &Config, options: Options) -> Result<ExitCode, String> {
    if !config.data.join("wharf").exists() {
        return Err(format!("{} is no data directory of Wharf", config.data.display()));
    }
    let data = DataDir::open(&config.data).map_err(|refusal| refusal.to_string())?;
    let ctx = wiring::context(config, &data, "http://localhost".into(), Vec::new()).await?;
    let report = check(&ctx, options).await.map_err(|error| error.to_string())?;
    Ok(print(&report, options))
}

/// Prints what was found, and answers how bad it is.
pub fn print(report: &Report, options: Options) -> ExitCode {
    for finding in &report.findings {
        let kind = match finding.severity {
            Severity::Loss => "LOSS ",
            Severity::Space => "space",
            Severity::Count => "count",
        };
        println!("{kind}  {}{}", finding.text, if finding.mended { " (mended)" } else { "" });
    }
    let size = model::stamp::bytes(report.bytes as i64);
    let depth = if options.deep { "every byte read" } else { "sizes only, --deep reads every byte" };
    let count = |n: u64, noun: &str| model::stamp::count(n as i64, noun);
    println!("{} and {} of {size} checked ({depth})", count(report.artifacts, "artifact"), count(report.blobs, "blob"));
    if report.elsewhere > 0 {
        println!("{} not here: their images say that they may be elsewhere", count(report.elsewhere, "layer"));
    }
    if report.awaited > 0 {
        println!("{} not here that an index lists: this server takes indexes before what they list", count(report.awaited, "manifest"));
    }
    let (code, words) = match report.worst() {
        None => (0, "all is well"),
        Some(Severity::Space) if options.repair => (0, "what was wasted is set aside: delete it when you are sure"),
        Some(Severity::Count) if options.repair => (0, "what was counted wrong is counted again"),
        Some(Severity::Count) => (1, "nothing is lost; wharf fsck --repair counts again"),
        Some(Severity::Space) => (1, "nothing is lost; wharf fsck --repair sets aside what is wasted"),
        Some(Severity::Loss) => (2, "something is lost: push it again, or restore a backup"),
    };
    println!("{words}");
    ExitCode::from(code)
}
