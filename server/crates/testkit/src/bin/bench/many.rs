//! A repository with many tags, and a manifest with many referrers.

use super::subject::{Process, Subject};
use super::{MANIFEST, MB, manifest, prepared, timed};
use anyhow::Result;
use testkit::image::sha256;

/// Tags of the repository that lists them, and what refers to its manifest.
const TAGS: usize = 100_000;
pub(super) const REFERRERS: usize = 1000;
/// Tags of one manifest: fewer than Wharf lets one have.
const EACH: usize = 2000;

/// The manifests of that experiment: one, and those that refer to it.
pub(super) fn json(n: usize) -> String {
    let (digest, size) = (prepared(MB).0, MB);
    let plain = manifest((&digest, size), (&digest, size));
    if n == 0 {
        return plain;
    }
    let subject = serde_json::json!({ "mediaType": MANIFEST, "digest": sha256(plain.as_bytes()), "size": plain.len() });
    let mut manifest: serde_json::Value = serde_json::from_str(&plain).expect("it is JSON");
    manifest["subject"] = subject;
    manifest["artifactType"] = "application/vnd.example.note".into();
    manifest["annotations"] = serde_json::json!({ "n": n.to_string() });
    manifest.to_string()
}

/// A manifest that has some of the tags.
fn holder(n: usize) -> String {
    let mut manifest: serde_json::Value = serde_json::from_str(&json(0)).expect("it is JSON");
    manifest["annotations"] = serde_json::json!({ "holder": n.to_string() });
    manifest.to_string()
}

/// Makes them. A peer's tags are written as it writes them itself: by its API it would take minutes.
pub(super) async fn prepare(subject: &Subject) -> Result<()> {
    let digest = sha256(json(0).as_bytes());
    subject.push_manifest(&digest, json(0)).await?;
    let names: Vec<String> = (0..TAGS).map(|n| format!("tag-{n:06}")).collect();
    match &subject.process {
        Process::Wharf { .. } => {
            let parts: Vec<_> = names.chunks(50).collect();
            timed(parts.len(), 8, async |n| {
                let tags: Vec<String> = parts[n].iter().map(|tag| format!("tag={tag}")).collect();
                let json = holder(n * 50 / EACH);
                subject.push_manifest(&format!("{}?{}", sha256(json.as_bytes()), tags.join("&")), json).await
            })
            .await?;
            timed(REFERRERS, 8, async |n| {
                let json = json(n + 1);
                subject.push_manifest(&sha256(json.as_bytes()), json).await
            })
            .await?;
        }
        Process::Peer { folder, .. } => {
            let tags = folder.path().join("data/docker/registry/v2/repositories/bench/images/_manifests/tags");
            for name in &names {
                let current = tags.join(name).join("current");
                std::fs::create_dir_all(&current)?;
                std::fs::write(current.join("link"), &digest)?;
            }
        }
    }
    Ok(())
}
