//! Recognising accessories: signatures, attestations, bills of materials, in every form that cosign, notation, BuildKit
//! and oras write them. A kind is decided from content, not from a tag's looks.
//!
//! Presence only: nothing here verifies a signature. Bytes are handed in ([`Parts`]): only those of the manifest's own
//! repository, so that nobody learns what lies in another.

use super::media::{self, BUNDLE, DSSE, IN_TOTO, SIMPLE_SIGNING, is_sbom, plain};
use super::{Manifest, Parts};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::accessory::{Attachment, Kind};
use model::{Digest, Tag};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::BTreeMap;

/// What `cosign sign` signs in its bundle form.
const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// Bounds of what is read to decide. A signature's bundle has some KiB; what is larger is
/// an attestation, and says of itself which.
const PAYLOAD_MAX: u64 = 64 * 1024;
const BUNDLE_MAX: u64 = 4 * 1024 * 1024;
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
fn stem_digest(stem: &str) -> Option<Digest> {
    let (algorithm, hex) = stem.split_once('-')?;
    format!("{algorithm}:{hex}").parse().ok()
}

/// The digest that a tag of machinery is about: cosign's `.sig`, `.att` and `.sbom`, and lists of referrers. No person's tag
/// looks like that, and no rule about people's tags holds them.
pub fn machinery_subject(tag: &Tag) -> Option<Digest> {
    match cosign_tag(tag) {
        Some((subject, "sig" | "att" | "sbom")) => Some(subject),
        _ => stem_digest(tag.as_str()),
    }
}

/// Of what clients keep a list of referrers under this tag, if they do.
pub fn lists_referrers_of(tag: &Tag) -> Option<Digest> {
    stem_digest(tag.as_str())
}

/// Is it a tag under which clients keep a list of referrers?
pub fn is_referrers_tag(tag: &Tag) -> bool {
    lists_referrers_of(tag).is_some()
}

/// Whose referrers this index lists, as clients keep them under a tag where a registry has no referrers API. It is such a
/// list if all that it lists refers to that digest, which the repository knows: `cosign copy` puts images under the same tag.
pub fn is_referrers_list(manifest: &Manifest, tags: &[Tag]) -> Option<Digest> {
    let fits = manifest.is_index() && manifest.subject.is_none();
    tags.iter().find_map(|tag| stem_digest(tag.as_str())).filter(|_| fits)
}

/// What the manifest is attached to by its subject or one of these tags; the kind is still to be found out.
fn attached<'a>(manifest: &'a Manifest, tags: &'a [Tag]) -> Option<(Digest, Attachment)> {
    if let Some(subject) = &manifest.subject {
        return Some((subject.digest.clone(), Attachment::Subject));
    }
    let has = |of: &dyn Fn(&str) -> bool| manifest.layers.iter().any(|layer| of(&plain(&layer.media_type)));
    let looks_right = |suffix: &str| match suffix {
        "sig" => has(&|t| t == SIMPLE_SIGNING),
        "att" => has(&|t| t == DSSE),
        "sbom" => has(&is_sbom),
        _ => false,
    };
    let by_tag = tags.iter().filter_map(cosign_tag).find(|(_, suffix)| looks_right(suffix));
    by_tag.map(|(subject, _)| (subject, Attachment::CosignTag))
}

/// The blobs that [`recognise`] looks into, with the most bytes of each.
pub fn read_to_recognise<'a>(manifest: &'a Manifest, tags: &'a [Tag]) -> Vec<(&'a Digest, u64)> {
    if attached(manifest, tags).is_none() {
        return Vec::new();
    }
    if is_bundle(manifest) {
        return manifest.layers.first().map(|layer| (&layer.digest, BUNDLE_MAX)).into_iter().collect();
    }
    let signing = manifest.layers.iter().filter(|layer| plain(&layer.media_type) == SIMPLE_SIGNING);
    signing.take(LAYERS_MAX).map(|layer| (&layer.digest, PAYLOAD_MAX)).collect()
}

/// What the manifest is attached to, if anything. `parts` holds what [`read_to_recognise`] asked for, as far as it is there.
pub fn recognise(manifest: &Manifest, tags: &[Tag], parts: &Parts) -> Option<Recognised> {
    let (subject, attachment) = attached(manifest, tags)?;
    let (kind, detail) = judge(manifest, &subject, parts);
    // Rows of lists say it again and again.
    let detail = detail.chars().take(super::SAID).collect();
    Some(Recognised { subject, kind, attachment, detail })
}

fn is_bundle(manifest: &Manifest) -> bool {
    manifest.layers.first().is_some_and(|layer| plain(&layer.media_type).starts_with(BUNDLE)) || plain(manifest.effective_type()).starts_with(BUNDLE)
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
fn judge(manifest: &Manifest, subject: &Digest, parts: &Parts) -> (Kind, String) {
    let kind = plain(manifest.effective_type());
    let layer = manifest.layers.first().map_or(String::new(), |layer| plain(&layer.media_type));
    if is_bundle(manifest) {
        return bundle(manifest, subject, parts);
    }
    if manifest.layers.iter().any(|layer| plain(&layer.media_type) == SIMPLE_SIGNING) {
        return simple_signing(manifest, subject, parts);
    }
    if kind == media::NOTATION {
        return (Kind::NotationSignature, String::new());
    }
    if is_sbom(&kind) || is_sbom(&layer) {
        return (Kind::Sbom, sbom_name(if is_sbom(&layer) { &layer } else { &kind }).to_owned());
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
    (Kind::Other, manifest.effective_type().to_owned())
}

/// What of a Sigstore bundle tells its kind. The rest is read over, so that it takes no memory, whatever it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    #[serde(default)]
    message_signature: Option<IgnoredAny>,
    #[serde(default)]
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize)]
struct Envelope {
    payload: String,
}

/// What of an in-toto statement tells its kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(default)]
    predicate_type: String,
    #[serde(default)]
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

/// A Sigstore bundle: a signature and an attestation have the same types, so the statement inside tells them apart.
fn bundle(manifest: &Manifest, subject: &Digest, parts: &Parts) -> (Kind, String) {
    let annotated = manifest.annotations.get("dev.sigstore.bundle.predicateType");
    let Some(layer) = manifest.layers.first() else { return (Kind::Other, "empty bundle".to_owned()) };
    let Some(bytes) = parts.get(&layer.digest) else {
        // Too large to be a signature, or not here: what it says of itself names the attestation.
        return (Kind::Attestation, annotated.map(|uri| predicate_name(uri)).unwrap_or_default());
    };
    // A struct may be written as an array, too: that is no bundle.
    let unreadable = || (Kind::Other, "unreadable bundle".to_owned());
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return unreadable();
    }
    let Ok(bundle) = serde_json::from_slice::<Bundle>(bytes) else { return unreadable() };
    if bundle.message_signature.is_some() {
        return (Kind::CosignSignature, "bundle".to_owned());
    }
    let payload = bundle.dsse_envelope.and_then(|envelope| STANDARD.decode(envelope.payload).ok());
    let Some(statement) = payload.and_then(|payload| serde_json::from_slice::<Statement>(&payload).ok()) else { return unreadable() };
    if statement.predicate_type != SIGN_PREDICATE {
        return (Kind::Attestation, predicate_name(&statement.predicate_type));
    }
    let names = |s: &Subject| s.digest.get(subject.algorithm().as_str()).is_some_and(|hex| hex == subject.hex());
    match statement.subject.iter().any(names) {
        true => (Kind::CosignSignature, "bundle".to_owned()),
        false => (Kind::Other, "signature of another digest".to_owned()),
    }
}

/// cosign's simple signing: counts the layers whose payload names the subject.
fn simple_signing(manifest: &Manifest, subject: &Digest, parts: &Parts) -> (Kind, String) {
    let layers = manifest.layers.iter().filter(|layer| plain(&layer.media_type) == SIMPLE_SIGNING);
    let signs = |digest: &Digest| parts.get(digest).and_then(|payload| payload_digest(payload)).as_deref() == Some(subject.as_str());
    match layers.take(LAYERS_MAX).filter(|layer| signs(&layer.digest)).count() {
        0 => (Kind::Other, "signature of another digest".to_owned()),
        1 => (Kind::CosignSignature, "1 signature".to_owned()),
        n => (Kind::CosignSignature, format!("{n} signatures")),
    }
}

/// The digest that a simple-signing payload names. Go reads keys without regard to case, and the specification's
/// example differs from the code; a payload with both spellings is refused.
pub fn payload_digest(payload: &[u8]) -> Option<String> {
    named_digest(&serde_json::from_slice(payload).ok()?)
}

pub(super) fn named_digest(payload: &Value) -> Option<String> {
    let image = payload.pointer("/critical/image")?.as_object()?;
    let mut named = image.iter().filter(|(key, _)| key.eq_ignore_ascii_case("docker-manifest-digest"));
    let (_, digest) = named.next()?;
    if named.next().is_some() {
        return None;
    }
    digest.as_str().map(str::to_owned)
}

/// The short name of a predicate's type ; what is not known is shown as it is.
fn predicate_name(uri: &str) -> String {
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
