//! The portal's files: wasm, script, style, icon; hashed, compressed, and written down as a table to embed.

use crate::{root, run, tools};
use anyhow::{Context, Result, anyhow};
use aws_lc_rs::digest::{SHA256, digest};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the site, then the server with it embedded. Answers the binary's path.
pub fn build(release: bool) -> Result<PathBuf> {
    let table = site(release)?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["build", "-p", "server", "--features", "embed"]).env("WHARF_ASSETS", table);
    if release {
        cargo.arg("--release").env("CARGO_ENCODED_RUSTFLAGS", remap());
    }
    run(&mut cargo)?;
    Ok(target_binary(release))
}

/// Where cargo puts the server.
pub fn target_binary(release: bool) -> PathBuf {
    target().join(if release { "release" } else { "debug" }).join("wharf")
}

/// Panics of a release name `registry/src/…`, not the folders of the machine that built it.
pub fn remap() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let paths = [home, Some(root())];
    paths.iter().flatten().map(|path| format!("--remap-path-prefix={}=", path.display())).collect::<Vec<_>>().join("\u{1f}")
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Where a build's files lie.
pub fn folder(release: bool) -> PathBuf {
    target().join("site").join(if release { "release" } else { "debug" })
}

/// Makes everything under `target/site/{release,debug}`; answers the table's path. What is made of what it was made of before is left
/// as it is, so that nothing after it is made again.
pub fn site(release: bool) -> Result<PathBuf> {
    let site = folder(release);
    fs::create_dir_all(&site)?;
    wasm(&site, release)?;
    style(&site)?;
    write_changed(&site.join("favicon.svg"), &fs::read(root().join("public/favicon.svg"))?)?;
    write_table(&site, release)
}

/// The islands: wasm and the script that loads it.
fn wasm(site: &Path, release: bool) -> Result<()> {
    let profile = if release { "wasm-release" } else { "wasm-dev" };
    // The wasm half may need another toolchain than the rest: the script prints how to select it.
    let mut cargo = Command::new("bash");
    cargo.current_dir(root()).args([
        "-c",
        r#"sel=$(server/crates/xtask/scripts/wasm-toolchain.sh) && eval "$sel" && exec cargo "$@""#,
        "wasm",
        "build", "-p", "hydrate", "--target", "wasm32-unknown-unknown", "--profile", profile,
    ]);
    if release {
        cargo.env("CARGO_ENCODED_RUSTFLAGS", remap());
    }
    run(&mut cargo)?;
    let wasm = target().join("wasm32-unknown-unknown").join(profile).join("hydrate.wasm");
    let (out, script) = (site.join("wharf_bg.wasm"), site.join("wharf.js"));
    let made_of = hash(&fs::read(&wasm)?);
    if out.exists() && script.exists() && is_made_of(&out, &made_of) {
        return Ok(());
    }
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(&wasm)
        .web(true)?
        .typescript(false)
        .out_name("wharf")
        .remove_name_section(release)
        .remove_producers_section(release)
        .generate(site)?;
    if release {
        run(Command::new(tools::wasm_opt()?).arg("-Oz").arg(&out).arg("-o").arg(&out))?;
    }
    note_made_of(&out, &made_of)
}

/// The style sheet; it takes some milliseconds.
pub fn style(site: &Path) -> Result<()> {
    let options = grass::Options::default().style(grass::OutputStyle::Compressed);
    let css = grass::from_path(root().join("style/main.scss"), &options).map_err(|error| anyhow!("{error}"))?;
    write_changed(&site.join("wharf.css"), css.as_bytes())
}

const FILES: [(&str, &str); 4] = [
    ("wharf.js", "text/javascript; charset=utf-8"),
    ("wharf_bg.wasm", "application/wasm"),
    ("wharf.css", "text/css; charset=utf-8"),
    ("favicon.svg", "image/svg+xml"),
];

fn write_table(site: &Path, release: bool) -> Result<PathBuf> {
    let mut all = Vec::new();
    for (name, _) in FILES {
        all.extend(fs::read(site.join(name)).with_context(|| name.to_owned())?);
    }
    let hash = &hash(&all)[..16];
    let mut table = format!("pub static FOLDER: &str = \"/pkg/{hash}\";\npub static ASSETS: &[super::Asset] = &[\n");
    for (name, content_type) in FILES {
        pack(&site.join(name), release)?;
        let include = |more: &str| format!("include_bytes!({:?})", site.join(format!("{name}{more}")));
        writeln!(
            table,
            "    super::Asset {{ path: \"/pkg/{hash}/{name}\", content_type: {content_type:?}, raw: {}, gzip: {}, brotli: {} }},",
            include(""), include(".gz"), include(".br"),
        )?;
    }
    table.push_str("];\n");
    let path = site.join("assets.rs");
    write_changed(&path, table.as_bytes())?;
    Ok(path)
}

/// Compresses a file beside itself.
fn pack(path: &Path, release: bool) -> Result<()> {
    let raw = fs::read(path)?;
    let (gzip, packed) = (beside(path, ".gz"), beside(path, ".br"));
    let made_of = hash(&raw);
    if gzip.exists() && is_made_of(&packed, &made_of) {
        return Ok(());
    }
    let mut small = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    small.write_all(&raw)?;
    fs::write(gzip, small.finish()?)?;
    let mut smaller = Vec::new();
    let quality = if release { 11 } else { 4 };
    brotli::CompressorWriter::new(&mut smaller, 1 << 16, quality, 22).write_all(&raw)?;
    println!("{}: {} bytes, brotli {}", path.file_name().unwrap_or_default().display(), raw.len(), smaller.len());
    fs::write(&packed, smaller)?;
    note_made_of(&packed, &made_of)
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

/// Is the file there, and made of what has this hash?
fn is_made_of(path: &Path, made_of: &str) -> bool {
    path.exists() && fs::read_to_string(beside(path, ".of")).is_ok_and(|before| before == made_of)
}

fn note_made_of(path: &Path, made_of: &str) -> Result<()> {
    Ok(fs::write(beside(path, ".of"), made_of)?)
}

/// Writes what is not there already: a file that stays keeps its time, by which cargo knows it.
pub fn write_changed(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).ok().as_deref() != Some(content) {
        fs::write(path, content)?;
    }
    Ok(())
}
