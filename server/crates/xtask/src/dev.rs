//! `cargo xtask dev`: watches the sources, builds what changed, restarts the server over the same data. Its pages reload by themselves:
//! the feature `dev` of the server serves the portal's files from the disk and tells them of changes (`server/src/assets/dev.rs`).

use crate::{root, run, site};
use anyhow::Result;
use notify::{RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// An editor writes a file in several steps: what follows within this belongs together.
const TOGETHER: Duration = Duration::from_millis(60);

/// Appended to the script: reloads the page, or its style alone.
const RELOAD: &str = r#"
const changes = new EventSource("/pkg/dev/changes");
let server;
changes.addEventListener("server", (event) => { if (server && server !== event.data) location.reload(); server = event.data; });
changes.addEventListener("page", () => location.reload());
changes.addEventListener("style", () => {
  const old = document.querySelector("link[rel=stylesheet]"), fresh = old.cloneNode();
  fresh.href = old.href.split("?")[0] + "?" + Date.now();
  fresh.onload = () => old.remove();
  old.after(fresh);
});
"#;

pub fn dev(rest: &[&str]) -> Result<()> {
    let (tell, changed) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading a file is no change.
        if let Some(event) = event.ok().filter(|event| !event.kind.is_access()) {
            let _ = tell.send(event.paths);
        }
    })?;
    for folder in ["app", "server/src", "server/crates", "style", "public", "Cargo.toml"] {
        watcher.watch(&root().join(folder), RecursiveMode::Recursive)?;
    }
    let mut server = match build() {
        Ok(binary) => Some(start(&binary, rest)?),
        Err(error) => told(error),
    };
    loop {
        let paths = next(&changed);
        let begin = Instant::now();
        let names = paths.iter().filter_map(|path| path.file_name()).map(|name| name.display().to_string());
        println!("changed: {}", names.collect::<Vec<_>>().join(", "));
        let style = root().join("style");
        if paths.iter().all(|path| path.starts_with(&style)) {
            if let Err(error) = site::style(&site::folder(false)) {
                told::<()>(error);
            }
        } else {
            match build() {
                // The old server goes on where the new one does not build.
                Err(error) => drop(told::<()>(error)),
                Ok(binary) if is_newer(&binary, begin) => {
                    server.take().map(end).transpose()?;
                    server = Some(start(&binary, rest)?);
                }
                Ok(_) => {}
            }
        }
        println!("ready after {:.1} s", begin.elapsed().as_secs_f32());
    }
}

/// The files that changed, once they have come to rest.
fn next(changed: &Receiver<Vec<PathBuf>>) -> BTreeSet<PathBuf> {
    let counts = |path: &PathBuf| path.extension().is_some_and(|end| ["rs", "scss", "svg", "js", "sql", "toml"].iter().any(|known| end == *known));
    loop {
        let mut all: BTreeSet<PathBuf> = changed.recv().unwrap_or_default().into_iter().collect();
        while let Ok(more) = changed.recv_timeout(TOGETHER) {
            all.extend(more);
        }
        all.retain(counts);
        if !all.is_empty() {
            return all;
        }
    }
}

fn build() -> Result<PathBuf> {
    site::site(false)?;
    let site = site::folder(false);
    // The server serves what lies here, not what is embedded: the page's script with the line that reloads it.
    let script = std::fs::read_to_string(site.join("wharf.js"))?;
    site::write_changed(&site.join("dev.js"), (script + RELOAD).as_bytes())?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["build", "-p", "server", "--features", "dev"]).env("WHARF_DEV_SITE", &site);
    run(&mut cargo)?;
    Ok(site::target_binary(false))
}

fn start(binary: &Path, rest: &[&str]) -> Result<Child> {
    Ok(crate::run::serve(binary, rest).spawn()?)
}

/// The data may have one server only: the next starts when this one is gone.
fn end(mut server: Child) -> Result<()> {
    server.kill()?;
    server.wait()?;
    Ok(())
}

fn is_newer(binary: &Path, begin: Instant) -> bool {
    let age = std::fs::metadata(binary).and_then(|file| file.modified()).ok().and_then(|at| at.elapsed().ok());
    age.is_none_or(|age| age < begin.elapsed())
}

fn told<T>(error: anyhow::Error) -> Option<T> {
    eprintln!("{error:#}");
    None
}
