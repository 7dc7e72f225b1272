//! Recognising accessories: signatures, attestations, bills of materials, in every form that cosign, notation, BuildKit
//! and oras write them (reference: signing, section 1.1). A kind is decided from content, not from a tag's looks.
//!
//! Presence only: nothing here verifies a signature.

pub(crate) mod sql;
mod tree;

pub use tree::tree;
pub(crate) use tree::tree_of_child;

use crate::artifacts::Manifest;
use crate::ctx::Ctx;
use crate::error::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::accessory::{Attachment, Kind};
use model::{Digest, Tag};
use serde_json::Value;

pub(crate) const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";
/// What `cosign sign` signs in its bundle form.
const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// Bounds of what is read to decide (reference: signing, section 3.1).
const PAYLOAD_MAX: u64 = 64 * 1024;
const BUNDLE_MAX: u64 = 32 * 1024 * 1024;
const LAYERS_MAX: usize = 100;

/// What a manifest is attached to, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    pub subject: Digest,
    pub kind: Kind,
    pub attachment: Attachment,
    pub detail: String,
}

/// A tag of cosign's scheme: `<algorithm>-<hex>.<suffix>`.
fn cosign_tag(tag: &Tag) -> Option<(Digest, &str)> {
    let (stem, suffix) = tag.as_str().rsplit_once('.')?;
    Some((stem_digest(stem)?, suffix))
}

/// A tag of the referrers tag schema (distribution-spec 1.1): `<algorithm>-<hex>`.
pub(crate) fn stem_digest(stem: &str) -> Option<Digest> {
    let (algorithm, hex) = stem.split_once('-')?;
    format!("{algorithm}:{hex}").parse().ok()
}

/// Is this index the list of referrers that clients keep under a tag where a registry has no referrers API?
/// `cosign copy` puts images under the same tag, so the content decides: no child may be a platform's image.
pub(crate) fn is_fallback_index(manifest: &Manifest, tag: &Tag) -> bool {
    stem_digest(tag.as_str()).is_some()
        && manifest.is_index()
        && manifest.subject.is_none()
        && manifest.manifests.iter().all(|child| child.platform.is_none())
}

/// What the manifest is attached to, if anything. Reads small blobs of it to decide.
pub(crate) async fn recognise(ctx: &Ctx, manifest: &Manifest, tags: &[Tag]) -> Result<Option<Recognised>> {
    if let Some(subject) = &manifest.subject {
        let (kind, detail) = judge(ctx, manifest, &subject.digest).await;
        let subject = subject.digest.clone();
        return Ok(Some(Recognised { subject, kind, attachment: Attachment::Subject, detail }));
    }
    for (subject, suffix) in tags.iter().filter_map(cosign_tag) {
        let has = |of: &dyn Fn(&str) -> bool| manifest.layers.iter().any(|layer| of(&layer.media_type));
        let looks_right = match suffix {
            "sig" => has(&|t| t == SIMPLE_SIGNING),
            "att" => has(&|t| t == DSSE),
            "sbom" => has(&is_sbom),
            _ => false,
        };
        if looks_right {
            let (kind, detail) = judge(ctx, manifest, &subject).await;
            return Ok(Some(Recognised { subject, kind, attachment: Attachment::CosignTag, detail }));
        }
    }
    Ok(None)
}

/// A layer as signatures, attestations and bills of materials have them, in the forms whose config is an image's.
pub(crate) fn is_attached_type(media_type: &str) -> bool {
    matches!(media_type, SIMPLE_SIGNING | DSSE | IN_TOTO) || media_type.starts_with(BUNDLE) || is_sbom(media_type)
}

fn is_sbom(media_type: &str) -> bool {
    let t = media_type.split(';').next().unwrap_or_default().trim();
    matches!(
        t,
        "text/spdx"
            | "text/spdx+json"
            | "application/spdx+json"
            | "application/vnd.cyclonedx"
            | "application/vnd.cyclonedx+json"
            | "application/vnd.cyclonedx+xml"
            | "application/vnd.syft+json"
            | "application/vnd.dev.cosign.artifact.sbom.v1+json"
            | "application/vnd.goharbor.harbor.sbom.v1"
    )
}

fn sbom_name(media_type: &str) -> &'static str {
    match media_type {
        t if t.contains("spdx") => "SPDX",
        t if t.contains("cyclonedx") => "CycloneDX",
        t if t.contains("syft") => "Syft",
        _ => "",
    }
}

/// The kind of a manifest that is attached to `subject`, and a word that tells it from its like.
async fn judge(ctx: &Ctx, manifest: &Manifest, subject: &Digest) -> (Kind, String) {
    let kind = manifest.effective_type();
    let layer = manifest.layers.first().map_or("", |layer| layer.media_type.as_str());
    if layer.starts_with(BUNDLE) || kind.starts_with(BUNDLE) {
        return bundle(ctx, manifest, subject).await;
    }
    if manifest.layers.iter().any(|layer| layer.media_type == SIMPLE_SIGNING) {
        return simple_signing(ctx, manifest, subject).await;
    }
    if kind == "application/vnd.cncf.notary.signature" {
        return (Kind::NotationSignature, String::new());
    }
    if is_sbom(kind) || is_sbom(layer) {
        return (Kind::Sbom, sbom_name(if is_sbom(layer) { layer } else { kind }).to_owned());
    }
    if kind.contains("sarif") || layer.contains("sarif") || kind.contains("cosign-vuln") || kind.contains("cosign.vuln") {
        return (Kind::Report, String::new());
    }
    if layer == DSSE || layer == IN_TOTO || kind == IN_TOTO || kind.starts_with("application/vnd.docker.attestation") {
        let said = manifest.layers.iter().find_map(|l| {
            let annotations = l.annotations.as_ref()?;
            annotations.get("predicateType").or_else(|| annotations.get("in-toto.io/predicate-type"))
        });
        return (Kind::Attestation, said.map(|uri| predicate_name(uri)).unwrap_or_default());
    }
    (Kind::Other, kind.to_owned())
}

/// A Sigstore bundle: a signature and an attestation have the same types, so the statement inside tells them apart.
async fn bundle(ctx: &Ctx, manifest: &Manifest, subject: &Digest) -> (Kind, String) {
    let annotated = manifest.annotations.get("dev.sigstore.bundle.predicateType").cloned();
    let Some(layer) = manifest.layers.first() else { return (Kind::Other, "empty bundle".to_owned()) };
    let bytes = match ctx.blobs.read_small(&layer.digest, BUNDLE_MAX).await {
        Ok(bytes) => bytes,
        // Too large to be a signature: what it says of itself names the attestation.
        Err(_) => return (Kind::Attestation, annotated.map(|uri| predicate_name(&uri)).unwrap_or_default()),
    };
    let Ok(bundle) = serde_json::from_slice::<Value>(&bytes) else {
        return (Kind::Other, "unreadable bundle".to_owned());
    };
    if bundle.get("messageSignature").is_some() {
        return (Kind::CosignSignature, "bundle".to_owned());
    }
    let statement = bundle
        .pointer("/dsseEnvelope/payload")
        .and_then(Value::as_str)
        .and_then(|payload| STANDARD.decode(payload).ok())
        .and_then(|payload| serde_json::from_slice::<Value>(&payload).ok());
    let Some(statement) = statement else { return (Kind::Other, "unreadable bundle".to_owned()) };
    let predicate = statement.get("predicateType").and_then(Value::as_str).unwrap_or_default();
    if predicate != SIGN_PREDICATE {
        return (Kind::Attestation, predicate_name(predicate));
    }
    let names = |s: &Value| {
        s.pointer(&format!("/digest/{}", subject.algorithm().as_str())).and_then(Value::as_str) == Some(subject.hex())
    };
    match statement.get("subject").and_then(Value::as_array) {
        Some(subjects) if subjects.iter().any(names) => (Kind::CosignSignature, "bundle".to_owned()),
        _ => (Kind::Other, "signature of another digest".to_owned()),
    }
}

/// cosign's simple signing: counts the layers whose payload names the subject.
async fn simple_signing(ctx: &Ctx, manifest: &Manifest, subject: &Digest) -> (Kind, String) {
    let mut count = 0;
    let layers = manifest.layers.iter().filter(|layer| layer.media_type == SIMPLE_SIGNING);
    for layer in layers.take(LAYERS_MAX) {
        if let Ok(payload) = ctx.blobs.read_small(&layer.digest, PAYLOAD_MAX).await
            && payload_digest(&payload).as_deref() == Some(subject.as_str())
        {
            count += 1;
        }
    }
    match count {
        0 => (Kind::Other, "signature of another digest".to_owned()),
        1 => (Kind::CosignSignature, "1 signature".to_owned()),
        n => (Kind::CosignSignature, format!("{n} signatures")),
    }
}

/// The digest that a simple-signing payload names. Go reads keys without regard to case, and the specification's
/// example differs from the code; a payload with both spellings is refused.
pub(crate) fn payload_digest(payload: &[u8]) -> Option<String> {
    let payload: Value = serde_json::from_slice(payload).ok()?;
    let image = payload.pointer("/critical/image")?.as_object()?;
    let mut named = image.iter().filter(|(key, _)| key.eq_ignore_ascii_case("docker-manifest-digest"));
    let (_, digest) = named.next()?;
    if named.next().is_some() {
        return None;
    }
    digest.as_str().map(str::to_owned)
}

/// The short name of a predicate's type (reference: signing, section 1.4); what is not known is shown as it is.
pub(crate) fn predicate_name(uri: &str) -> String {
    let known = match uri {
        u if u.starts_with("https://slsa.dev/provenance/") => "SLSA provenance",
        u if u.starts_with("https://spdx.dev/Document") => "SPDX",
        u if u.starts_with("https://cyclonedx.org/bom") => "CycloneDX",
        u if u.starts_with("https://cosign.sigstore.dev/attestation/vuln/") => "vulnerability scan",
        u if u.starts_with("https://openvex.dev/ns") => "OpenVEX",
        u if u.starts_with("https://in-toto.io/Link/") => "in-toto link",
        "https://cosign.sigstore.dev/attestation/v1" => "custom",
        other => return other.to_owned(),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosigns_tags_are_read_and_look_alikes_are_not() {
        let hex = "a".repeat(64);
        let tag = |text: String| text.parse::<Tag>().unwrap();
        assert_eq!(cosign_tag(&tag(format!("sha256-{hex}.sig"))).unwrap().1, "sig");
        for text in [format!("sha256-{hex}"), "sha256-zz.sig".into(), format!("sha256-{}.sig", &hex[1..]), "v1.sig".into()] {
            assert!(cosign_tag(&tag(text)).is_none());
        }
        assert!(stem_digest(&format!("sha256-{hex}")).is_some());
    }

    #[test]
    fn a_payload_names_one_digest_or_none() {
        let named = |image: &str| payload_digest(format!(r#"{{"critical":{{"image":{{{image}}}}}}}"#).as_bytes());
        assert_eq!(named(r#""docker-manifest-digest":"sha256:x""#).as_deref(), Some("sha256:x"));
        assert_eq!(named(r#""Docker-manifest-digest":"sha256:x""#).as_deref(), Some("sha256:x"));
        assert_eq!(named(r#""Docker-manifest-digest":"a","docker-manifest-digest":"b""#), None);
        assert_eq!(payload_digest(b"not json"), None);
    }
}
