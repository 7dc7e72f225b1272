//! The clients and peers that tests use, pinned, installed where they are missing; each says what it does.
//!
//! Go tools go to the user's cache, one folder a version; Debian's packages by apt; npm's beside the browser tests.

use crate::{root, run};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Name, binary, Go package and version.
const GO: [(&str, &str, &str, &str); 9] = [
    ("cosign", "cosign", "github.com/sigstore/cosign/v3/cmd/cosign", "v3.1.3"),
    ("cosign2", "cosign", "github.com/sigstore/cosign/v2/cmd/cosign", "v2.6.5"),
    ("crane", "crane", "github.com/google/go-containerregistry/cmd/crane", "v0.22.1"),
    ("oras", "oras", "oras.land/oras/cmd/oras", "v1.3.6"),
    ("regctl", "regctl", "github.com/regclient/regclient/cmd/regctl", "v0.11.7"),
    ("helm", "helm", "helm.sh/helm/v4/cmd/helm", "v4.3.1"),
    (
        "conformance",
        "conformance",
        "github.com/opencontainers/distribution-spec/conformance",
        "v0.0.0-20260831232431-97274622c111",
    ),
    ("minio", "minio", "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c"),
    ("distribution", "registry", "github.com/distribution/distribution/v3/cmd/registry", "v3.1.2"),
];

/// Debian's: package and a file that shows it is there.
const APT: [(&str, &str); 7] = [
    ("openssl", "/usr/bin/openssl"),
    ("chromium", "/usr/bin/chromium"),
    ("skopeo", "/usr/bin/skopeo"),
    ("podman", "/usr/bin/podman"),
    ("docker-registry", "/usr/bin/docker-registry"),
    ("postgresql", "/usr/lib/postgresql"),
    ("strace", "/usr/bin/strace"),
];

fn cache() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    Ok(base.context("HOME is not set")?.join("wharf").join("tools"))
}

/// The path of a Go tool, installed if need be.
pub fn go(name: &str) -> Result<PathBuf> {
    let Some((_, binary, package, version)) = GO.iter().find(|tool| tool.0 == name) else { bail!("unknown tool {name}") };
    let folder = cache()?.join(format!("{binary}-{version}"));
    let path = folder.join(binary);
    if !path.exists() {
        println!("installing {name} {version} (go install)");
        std::fs::create_dir_all(&folder)?;
        run(Command::new("go").args(["install", &format!("{package}@{version}")]).env("GOBIN", &folder))?;
    }
    Ok(path)
}

/// Debian's packages, those that are missing.
pub fn apt() -> Result<()> {
    packages(&APT)
}

/// nginx, for the benchmark alone.
pub fn nginx() -> Result<&'static Path> {
    packages(&[("nginx-light", "/usr/sbin/nginx")]).map(|()| Path::new("/usr/sbin/nginx"))
}

fn packages(wanted: &[(&'static str, &'static str)]) -> Result<()> {
    let missing: Vec<&str> =
        wanted.iter().filter(|(_, file)| !Path::new(file).exists()).map(|(package, _)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing {} (apt-get)", missing.join(", "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-o", "DPkg::Lock::Timeout=600", "-q", "-y"]).args(arguments);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command)
    };
    let mut install = vec!["install", "--no-install-recommends"];
    install.extend(&missing);
    apt(&["update"]).and_then(|()| apt(&install)).with_context(|| {
        format!("these packages are needed and could not be installed (are you root?): {}", missing.join(" "))
    })
}

/// npm's packages, as locked.
pub fn npm() -> Result<PathBuf> {
    let folder = root().join("end2end");
    // npm notes what it installed last; an older note is of another lock file.
    let at = |name: &str| folder.join(name).metadata().and_then(|file| file.modified()).ok();
    let installed = at("node_modules/.package-lock.json");
    if installed.is_none() || installed < at("package-lock.json") {
        println!("installing the browser tests' packages (npm ci)");
        run(Command::new("npm").current_dir(&folder).args(["ci", "--no-audit", "--no-fund"]))?;
    }
    Ok(folder)
}

/// wasm-opt, from npm's binaryen.
pub fn wasm_opt() -> Result<PathBuf> {
    Ok(npm()?.join("node_modules/.bin/wasm-opt"))
}

/// The folder of PostgreSQL's programs.
pub fn postgres() -> Result<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .context("PostgreSQL is not installed")?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|path| path.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().context("PostgreSQL is not installed")
}

/// `cargo xtask tools`: all, or those named.
pub fn install(names: &[&str]) -> Result<()> {
    let all = ["apt", "npm", "cosign", "cosign2", "crane", "oras", "regctl", "helm", "conformance", "minio"];
    for name in if names.is_empty() { &all[..] } else { names } {
        match *name {
            "apt" => apt()?,
            "npm" => npm().map(drop)?,
            name => println!("{name}: {}", go(name)?.display()),
        }
    }
    Ok(())
}
