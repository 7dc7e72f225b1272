//! `wharf backup`, `wharf verify` and `wharf restore` for the terminal. A running server makes the backup itself: it is asked
//! through its socket.

use crate::config::Config;
use crate::{admin, fsck, wiring};
use domain::backup::{Done, make, restore, verify};
use domain::datadir::DataDir;
use model::stamp::{bytes, count};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the key is that this configuration uses.
pub fn key_of(config: &Config) -> PathBuf {
    config.key_file.clone().unwrap_or_else(|| config.data.join("key"))
}

/// Makes a backup in `to`: 0, or 2 where something was lost already.
pub async fn run(config: &Config, to: &Path, with_key: bool) -> Result<ExitCode, String> {
    if !config.data.join("wharf").exists() {
        return Err(format!("{} is no data directory of Wharf", config.data.display()));
    }
    // The server has a folder of its own to start from.
    let to = std::path::absolute(to).map_err(|error| format!("{}: {error}", to.display()))?;
    let say = |line: &str| eprintln!("{line}");
    let done: Done = match admin::ask_for_backup(&config.data, &to, with_key, say).await? {
        Some(done) => done,
        None => {
            let data = DataDir::open(&config.data).map_err(|refusal| refusal.to_string())?;
            let ctx = wiring::context(config, &data, "http://localhost".into(), Vec::new()).await?;
            let key = with_key.then(|| key_of(config));
            make(&ctx, &to, key.as_deref(), |line| say(&line)).await.map_err(|error| error.to_string())?
        }
    };
    for lost in &done.lost {
        println!("LOSS   blob {lost}: it is not in the backup; push it again");
    }
    println!("{} of {} in {}; {} copied this time", count(done.blobs as i64, "blob"), bytes(done.bytes as i64), to.display(), bytes(done.copied as i64));
    match done.lost.is_empty() {
        true => println!("Everything acknowledged before {} and known to the database is in it.", done.started_at),
        false => println!("The rest of what was acknowledged before {} is in it.", done.started_at),
    }
    if !with_key {
        println!("The key is not in it: keep {} apart from it. Without the key nothing can be restored.", key_of(config).display());
    }
    Ok(if done.lost.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Reads every byte of a backup: 0 (whole) to 2 (something is lost), as `wharf fsck` answers.
pub async fn check(config: &Config, from: &Path) -> Result<ExitCode, String> {
    let (done, report) = verify(from, config.sparse).await.map_err(|error| error.to_string())?;
    println!("backup of {}", done.started_at);
    Ok(fsck::print(&report, domain::fsck::Options { deep: true, repair: false }))
}

/// Makes the data directory of the configuration from a backup.
pub async fn bring_back(config: &Config, from: &Path) -> Result<ExitCode, String> {
    if !config.database_url.is_empty() {
        return Err("database_url is set: a backup's database is SQLite's, restore PostgreSQL's own with pg_restore".into());
    }
    let (key, bucket) = (config.key_file.as_deref(), config.bucket.as_ref());
    let done = restore(from, &config.data, key, bucket, |line| eprintln!("{line}")).await.map_err(|error| error.to_string())?;
    let key = config.key_file.as_ref().map(|file| format!(" --key-file {}", file.display())).unwrap_or_default();
    println!("{data} stands as of {}: start it with `wharf serve --data {data}{key}`", done.started_at, data = config.data.display());
    Ok(ExitCode::SUCCESS)
}
