//! Real clients: cosign, crane, oras, regctl, helm, skopeo, with a configuration folder of their own.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Programs with a folder for keys, credentials and files.
pub struct Clients {
    folder: TempDir,
}

/// A tool by the variable that `cargo xtask test` sets.
fn tool(variable: &str) -> Result<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .with_context(|| format!("{variable} is not set: run these tests by “cargo xtask test clients”"))
}

impl Clients {
    /// A fresh folder with a key pair and a small layer.
    pub fn new() -> Result<Clients> {
        let clients = Clients { folder: tempfile::Builder::new().prefix("wharf-clients-").tempdir()? };
        clients.cosign(&["generate-key-pair"])?;
        std::fs::create_dir(clients.path("layer"))?;
        std::fs::write(clients.path("layer").join("file"), format!("content of {:?}", clients.folder.path()))?;
        clients.run("tar", &["cf", "layer.tar", "-C", "layer", "file"])?;
        Ok(clients)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a program in the folder; an error holds what it printed.
    pub fn run(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Result<String> {
        let output = self.output(program.as_ref(), arguments)?;
        if !output.status.success() {
            bail!(
                "{} {}: {}\n{}{}",
                program.as_ref().display(),
                arguments.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr),
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    pub fn output(&self, program: &Path, arguments: &[&str]) -> Result<Output> {
        Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("DOCKER_CONFIG", self.folder.path())
            .env("COSIGN_PASSWORD", "")
            .env("SSL_CERT_FILE", self.path("ca.pem"))
            .env("REGCTL_CONFIG", self.path("regctl.json"))
            .env("HELM_REGISTRY_CONFIG", self.path("config.json"))
            .env("HELM_CACHE_HOME", self.path("helm"))
            .output()
            .with_context(|| format!("{} does not run", program.display()))
    }

    pub fn cosign(&self, arguments: &[&str]) -> Result<String> {
        self.run(tool("WHARF_TEST_COSIGN")?, arguments)
    }

    pub fn cosign2(&self, arguments: &[&str]) -> Result<String> {
        self.run(tool("WHARF_TEST_COSIGN2")?, arguments)
    }

    pub fn crane(&self, arguments: &[&str]) -> Result<String> {
        self.run(tool("WHARF_TEST_CRANE")?, arguments)
    }

    pub fn oras(&self, arguments: &[&str]) -> Result<String> {
        self.run(tool("WHARF_TEST_ORAS")?, arguments)
    }

    pub fn regctl(&self, arguments: &[&str]) -> Result<String> {
        self.run(tool("WHARF_TEST_REGCTL")?, arguments)
    }

    pub fn helm(&self, arguments: &[&str]) -> Result<String> {
        self.run(tool("WHARF_TEST_HELM")?, arguments)
    }

    /// Signs in to a registry for crane, cosign, oras and skopeo alike.
    pub fn login(&self, host: &str, user: &str, secret: &str) -> Result<()> {
        self.crane(&["auth", "login", host, "-u", user, "-p", secret]).map(drop)
    }

    /// Pushes a small image; answers its digest.
    pub fn push(&self, image: &str) -> Result<String> {
        self.crane(&["append", "--oci-empty-base", "-f", "layer.tar", "-t", image])?;
        self.crane(&["digest", image])
    }

    /// Signs by digest in cosign 3's form, a bundle.
    pub fn sign_bundle(&self, image: &str) -> Result<String> {
        self.cosign(&[
            "sign", "--key", "cosign.key", "--yes", "--use-signing-config=false", "--tlog-upload=false",
            "--allow-insecure-registry", image,
        ])
    }

    /// Signs in cosign 2's form, a `.sig` tag.
    pub fn sign_legacy(&self, image: &str) -> Result<String> {
        self.cosign2(&["sign", "--key", "cosign.key", "--yes", "--tlog-upload=false", "--allow-insecure-registry", image])
    }

    pub fn verify(&self, image: &str) -> Result<String> {
        self.cosign(&["verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-insecure-registry", image])
    }

    /// Verifies the `.sig` form.
    pub fn verify_legacy(&self, image: &str) -> Result<String> {
        self.cosign(&[
            "verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-insecure-registry",
            "--new-bundle-format=false", image,
        ])
    }

    pub fn attest(&self, image: &str) -> Result<String> {
        std::fs::write(self.path("predicate.json"), r#"{"builder":"test"}"#)?;
        self.cosign(&[
            "attest", "--key", "cosign.key", "--yes", "--use-signing-config=false", "--tlog-upload=false",
            "--allow-insecure-registry", "--predicate", "predicate.json", "--type", "custom", image,
        ])
    }

    /// Attests in cosign 2's form, a `.att` tag.
    pub fn attest_legacy(&self, image: &str) -> Result<String> {
        std::fs::write(self.path("legacy.json"), r#"{"builder":"legacy"}"#)?;
        self.cosign2(&[
            "attest", "--key", "cosign.key", "--yes", "--tlog-upload=false", "--allow-insecure-registry",
            "--predicate", "legacy.json", "--type", "custom", image,
        ])
    }

    /// Attaches an SBOM in cosign 2's form, a `.sbom` tag.
    pub fn attach_sbom_legacy(&self, image: &str) -> Result<String> {
        std::fs::write(self.path("legacy.spdx.json"), r#"{"spdxVersion":"SPDX-2.3"}"#)?;
        self.cosign2(&["attach", "sbom", "--allow-insecure-registry", "--sbom", "legacy.spdx.json", "--type", "spdx", "--input-format", "json", image])
    }

    /// Signs in cosign 2's "OCI 1.1" mode, a referrer without a bundle.
    pub fn sign_referrer(&self, image: &str) -> Result<String> {
        let cosign2 = tool("WHARF_TEST_COSIGN2")?;
        self.run("env", &[
            "COSIGN_EXPERIMENTAL=1", &cosign2.display().to_string(), "sign", "--registry-referrers-mode=oci-1-1",
            "--key", "cosign.key", "--yes", "--tlog-upload=false", "--allow-insecure-registry", image,
        ])
    }

    /// Verifies the "OCI 1.1" form.
    pub fn verify_referrer(&self, image: &str) -> Result<String> {
        self.cosign(&[
            "verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-insecure-registry",
            "--experimental-oci11", "--new-bundle-format=false", image,
        ])
    }

    /// Everything that cosign 2 can hang under an image: `.sig`, `.att` and `.sbom` tags, and a referrer.
    pub fn every_legacy_form(&self, image: &str) -> Result<()> {
        self.sign_legacy(image)?;
        self.attest_legacy(image)?;
        self.attach_sbom_legacy(image)?;
        self.sign_referrer(image).map(drop)
    }

    /// Attaches a file by `subject`; answers the new manifest's digest.
    pub fn attach(&self, image: &str, artifact_type: &str, file: &str, content: &str) -> Result<String> {
        std::fs::write(self.path(file), content)?;
        let said = self.oras(&[
            "attach", "--plain-http", "--artifact-type", artifact_type, image, file, "--format", "json",
        ])?;
        let json: serde_json::Value = serde_json::from_str(&said)?;
        Ok(json["digest"].as_str().context("oras said no digest")?.to_owned())
    }

    /// The graph under an artifact as oras sees it: digests and types, sorted, without names of the registry.
    pub fn graph(&self, image: &str) -> Result<Vec<String>> {
        let said = self.oras(&["discover", "--plain-http", "--format", "json", image])?;
        let json: serde_json::Value = serde_json::from_str(&said)?;
        let mut found = Vec::new();
        walk(&json, 0, &mut found);
        found.sort();
        Ok(found)
    }
}

fn walk(node: &serde_json::Value, depth: usize, found: &mut Vec<String>) {
    let children = node.get("referrers").or_else(|| node.get("manifests")).and_then(|list| list.as_array());
    for child in children.into_iter().flatten() {
        let text = |name: &str| child.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        found.push(format!("{depth} {} {}", text("artifactType"), text("digest")));
        walk(child, depth + 1, found);
    }
}
