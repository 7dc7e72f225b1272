//! The portal's files: wasm, script, style, icon; hashed, compressed, and written down as a table to embed.

use crate::{root, run, tools};
use anyhow::{Context, Result, anyhow};
use aws_lc_rs::digest::{SHA256, digest};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
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
    Ok(target().join(if release { "release" } else { "debug" }).join("wharf"))
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

/// Makes everything under `target/site`; answers the table's path.
pub fn site(release: bool) -> Result<PathBuf> {
    let (root, target) = (root(), target());
    let profile = if release { "wasm-release" } else { "wasm-dev" };
    // The wasm half may need another toolchain than the rest: the script prints how to select it.
    let mut cargo = Command::new("bash");
    cargo.current_dir(&root).args([
        "-c",
        r#"sel=$(server/crates/xtask/scripts/wasm-toolchain.sh) && eval "$sel" && exec cargo "$@""#,
        "wasm",
        "build", "-p", "hydrate", "--target", "wasm32-unknown-unknown", "--profile", profile,
    ]);
    if release {
        cargo.env("CARGO_ENCODED_RUSTFLAGS", remap());
    }
    run(&mut cargo)?;
    let wasm = target.join("wasm32-unknown-unknown").join(profile).join("hydrate.wasm");
    let site = target.join("site");
    fs::create_dir_all(&site)?;
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(&wasm)
        .web(true)?
        .typescript(false)
        .out_name("wharf")
        .remove_name_section(release)
        .remove_producers_section(release)
        .generate(&site)?;
    let out = site.join("wharf_bg.wasm");
    if release {
        run(Command::new(tools::wasm_opt()?).arg("-Oz").arg(&out).arg("-o").arg(&out))?;
    }
    let options = grass::Options::default().style(grass::OutputStyle::Compressed);
    let css = grass::from_path(root.join("style/main.scss"), &options).map_err(|error| anyhow!("{error}"))?;
    fs::write(site.join("wharf.css"), css)?;
    fs::copy(root.join("public/favicon.svg"), site.join("favicon.svg"))?;
    write_table(&site, release)
}

fn write_table(site: &std::path::Path, release: bool) -> Result<PathBuf> {
    const FILES: [(&str, &str); 4] = [
        ("wharf.js", "text/javascript; charset=utf-8"),
        ("wharf_bg.wasm", "application/wasm"),
        ("wharf.css", "text/css; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
    ];
    let mut all = Vec::new();
    for (name, _) in FILES {
        all.extend(fs::read(site.join(name)).with_context(|| name.to_owned())?);
    }
    let hash = &hex::encode(digest(&SHA256, &all))[..16];
    let mut table = format!("pub static FOLDER: &str = \"/pkg/{hash}\";\npub static ASSETS: &[super::Asset] = &[\n");
    for (name, content_type) in FILES {
        let path = site.join(name);
        let raw = fs::read(&path)?;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&raw)?;
        let gzip = gzip.finish()?;
        let mut packed = Vec::new();
        let quality = if release { 11 } else { 4 };
        brotli::CompressorWriter::new(&mut packed, 1 << 16, quality, 22).write_all(&raw)?;
        println!("{name}: {} bytes, gzip {}, brotli {}", raw.len(), gzip.len(), packed.len());
        fs::write(path.with_extension(format!("{}.gz", extension(name))), gzip)?;
        fs::write(path.with_extension(format!("{}.br", extension(name))), packed)?;
        let include = |more: &str| format!("include_bytes!({:?})", site.join(format!("{name}{more}")));
        writeln!(
            table,
            "    super::Asset {{ path: \"/pkg/{hash}/{name}\", content_type: {content_type:?}, raw: {}, gzip: {}, brotli: {} }},",
            include(""), include(".gz"), include(".br"),
        )?;
    }
    table.push_str("];\n");
    let path = site.join("assets.rs");
    if fs::read_to_string(&path).ok().as_deref() != Some(&table) {
        fs::write(&path, table)?;
    }
    Ok(path)
}

fn extension(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}
