//! Signatures under a tag of their own (cosign's `.sig`, `.att`, `.sbom`): of two manifests under one tag the layers of both stay in force.

use model::Tag;
use serde_json::{Value, json};

/// What becomes of a tag that names `theirs` where `ours` comes.
#[derive(Debug, PartialEq, Eq)]
pub enum Merge {
    /// Theirs holds all of ours.
    Nothing,
    /// Ours takes the place.
    Ours,
    /// This does, with this configuration; so many of its layers are theirs alone.
    Both { config: Vec<u8>, manifest: Value, theirs: usize },
}

/// The layers of a manifest, as they stand in it.
pub fn layers(manifest: &Value) -> Vec<Value> {
    manifest.get("layers").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Merges what comes under `tag` with what is there.
pub fn merge(tag: &Tag, ours: &Value, theirs: &Value) -> Merge {
    let (own, mut all) = (layers(ours), layers(theirs));
    let new: Vec<Value> = own.iter().filter(|layer| !all.contains(layer)).cloned().collect();
    if new.is_empty() {
        return Merge::Nothing;
    }
    // A bill of materials is one document: the newer replaces the older.
    let kept = all.iter().filter(|layer| !own.contains(layer)).count();
    if kept == 0 || tag.as_str().ends_with(".sbom") {
        return Merge::Ours;
    }
    all.extend(new);
    let digests: Vec<Value> = all.iter().filter_map(|layer| layer.get("digest").cloned()).collect();
    let began = json!({ "created": "0001-01-01T00:00:00Z" });
    // As cosign writes it: the layers are documents, so their digests are those of what they unpack to.
    let config = json!({
        "architecture": "", "os": "", "created": "0001-01-01T00:00:00Z", "config": {},
        "history": vec![began; digests.len()], "rootfs": { "type": "layers", "diff_ids": digests },
    })
    .to_string()
    .into_bytes();
    let mut manifest = ours.clone();
    manifest["config"]["digest"] = crate::blobs::digest_of(model::Algorithm::Sha256, &config).as_str().into();
    manifest["config"]["size"] = config.len().into();
    manifest["layers"] = all.into();
    Merge::Both { config, manifest, theirs: kept }
}
