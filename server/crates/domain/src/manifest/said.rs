//! What an accessory says, as far as it can be read: for people, who look at a signature and want to know of what, and by which key.
//! Said is not proved: nothing here verifies anything.

use super::media::{BUNDLE, SIMPLE_SIGNING, plain};
use super::{Manifest, Parts};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Digest;
use serde_json::Value;

/// Layers that are looked into, the most bytes of each, and the longest text that is shown.
const LAYERS: usize = 10;
const MOST: u64 = 256 * 1024;
const LONGEST: usize = 400;

/// The blobs that [`said`] looks into.
pub fn read_to_say(manifest: &Manifest) -> Vec<(&Digest, u64)> {
    let documents = |media_type: &str| {
        let media_type = plain(media_type);
        media_type == SIMPLE_SIGNING || media_type.starts_with(BUNDLE)
    };
    manifest.layers.iter().filter(|layer| documents(&layer.media_type)).take(LAYERS).map(|layer| (&layer.digest, MOST)).collect()
}

/// Names and values, in the order in which they are shown.
pub fn said(manifest: &Manifest, parts: &Parts) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for layer in manifest.layers.iter().take(LAYERS) {
        let annotation = |key: &str| layer.annotations.as_ref().and_then(|all| all.get(key)).map(String::as_str);
        let document = parts.get(&layer.digest).and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
        let media_type = plain(&layer.media_type);
        match document {
            Some(payload) if media_type == SIMPLE_SIGNING => {
                say(&mut all, "Signed digest", super::recognise::named_digest(&payload));
                say(&mut all, "Signed name", text(&payload, "/critical/identity/docker-reference"));
                say(&mut all, "Payload type", text(&payload, "/critical/type"));
                let optional = payload.pointer("/optional").filter(|value| value.as_object().is_some_and(|map| !map.is_empty()));
                say(&mut all, "Also signed", optional.map(ToString::to_string));
                say(&mut all, "Signature", annotation("dev.cosignproject.cosign/signature").map(str::to_owned));
                let certificate = annotation("dev.sigstore.cosign/certificate").is_some();
                let key = if certificate { "a certificate, which the signature brings along" } else { "a key, which the signature does not name" };
                say(&mut all, "Key", Some(key.to_owned()));
            }
            Some(bundle) if media_type.starts_with(BUNDLE) => say_bundle(&mut all, &bundle),
            _ => {
                let size = model::stamp::bytes(layer.size);
                say(&mut all, "Content", Some(format!("{size} of {}", layer.media_type)));
            }
        }
    }
    if manifest.layers.len() > LAYERS {
        say(&mut all, "Content", Some(format!("and {} more layers", manifest.layers.len() - LAYERS)));
    }
    all
}

fn say_bundle(all: &mut Vec<(String, String)>, bundle: &Value) {
    let decoded = text(bundle, "/dsseEnvelope/payload").and_then(|payload| STANDARD.decode(payload).ok());
    let statement = decoded.and_then(|payload| serde_json::from_slice::<Value>(&payload).ok());
    if let Some(statement) = &statement {
        say(all, "Statement", text(statement, "/predicateType"));
        for subject in statement.pointer("/subject").and_then(Value::as_array).into_iter().flatten().take(LAYERS) {
            let digest = subject.pointer("/digest").and_then(Value::as_object).and_then(|digests| digests.iter().next());
            say(all, "Signed digest", digest.and_then(|(algorithm, hex)| Some(format!("{algorithm}:{}", hex.as_str()?))));
        }
    }
    say(all, "Payload type", text(bundle, "/dsseEnvelope/payloadType"));
    say(all, "Signature", text(bundle, "/messageSignature/signature").or_else(|| text(bundle, "/dsseEnvelope/signatures/0/sig")));
    let material = bundle.pointer("/verificationMaterial");
    let key = material.and_then(|material| match text(material, "/publicKey/hint") {
        Some(hint) => Some(format!("a public key with the hint {hint}")),
        None if material.get("publicKey").is_some() => Some("a public key, without a hint".to_owned()),
        None if material.get("certificate").or(material.get("x509CertificateChain")).is_some() => Some("a certificate, which the signature brings along".to_owned()),
        None => None,
    });
    say(all, "Key", key);
    let entries = material.and_then(|material| material.pointer("/tlogEntries")).and_then(Value::as_array).map_or(0, Vec::len);
    say(all, "Transparency log", (entries > 0).then(|| model::stamp::count(entries as i64, "entry")));
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn say(all: &mut Vec<(String, String)>, name: &str, value: Option<String>) {
    if let Some(mut value) = value.filter(|_| all.len() < 60) {
        if value.len() > LONGEST {
            value.truncate(value.floor_char_boundary(LONGEST));
            value.push('…');
        }
        all.push((name.to_owned(), value));
    }
}
