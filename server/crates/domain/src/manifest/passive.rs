//! What an accessory may look like that is let through where only signed artifacts are: a list of what is known, and
//! everything else is not passive. What a manifest says of itself is not believed: a runtime takes layers of any type, so
//! where there is an image's config every layer is looked into.

use super::{Manifest, Parts, json, media};
use media::plain;
use model::Digest;

/// Most bytes that are looked into, of all layers of a manifest.
const MOST: i64 = 4 << 20;
const LAYERS: usize = 100;

/// A layer as signatures, attestations, bills of materials and reports have them.
fn is_known_layer(media_type: &str) -> bool {
    let t = plain(media_type);
    matches!(t.as_str(), media::SIMPLE_SIGNING | media::DSSE | media::IN_TOTO | "application/jose+json" | "application/cose" | "application/sarif+json")
        || t.starts_with(media::BUNDLE)
        || media::is_sbom(&t)
}

/// As it is known before its layers are looked into: by the types that it says.
pub fn looks_passive(manifest: &Manifest) -> bool {
    let config = manifest.config.as_ref().map_or(String::new(), |config| plain(&config.media_type));
    !manifest.is_index()
        && manifest.manifests.is_empty()
        && (config == media::EMPTY || config == media::NOTATION || media::is_image_config(&config))
        // An image without layers is one: it has a configuration, and an environment.
        && !(media::is_image_config(&config) && manifest.layers.is_empty())
        && manifest.layers.len() <= LAYERS
        && manifest.layers.iter().all(|layer| is_known_layer(&layer.media_type))
}

/// Would something that runs images take it for one, by the types that it says?
pub fn looks_like_image(manifest: &Manifest) -> bool {
    manifest.config.as_ref().is_some_and(|config| media::is_image_config(&plain(&config.media_type))) && !looks_passive(manifest)
}

/// The blobs that [`is_passive`] asks for; none where it will not be.
pub fn read_to_judge(manifest: &Manifest) -> Vec<(&Digest, u64)> {
    let sum: i64 = manifest.layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.size));
    match looks_passive(manifest) && sum <= MOST {
        true => manifest.layers.iter().map(|layer| (&layer.digest, layer.size as u64)).collect(),
        false => Vec::new(),
    }
}

/// Does nothing that runs images take it for one? Each layer is a document, by its bytes: JSON, or, where the config is no
/// image's, one of the few other forms that signatures and bills of materials have.
pub fn is_passive(manifest: &Manifest, parts: &Parts) -> bool {
    let runs = manifest.config.as_ref().is_some_and(|config| media::is_image_config(&plain(&config.media_type)));
    looks_passive(manifest)
        && manifest.layers.iter().all(|layer| {
            parts.get(&layer.digest).is_some_and(|bytes| !is_archive(bytes) && (json::is_json(bytes) || !runs && is_other_document(&layer.media_type, bytes)))
        })
}

/// A tar archive may be a JSON document at the same time: nothing in its header has to be a NUL. Its first block has the sum of its bytes,
/// as octal digits, where eight spaces are counted instead (POSIX.1-2017, pax, "ustar Interchange Format"; some write signed bytes).
fn is_archive(bytes: &[u8]) -> bool {
    let Some(block) = bytes.get(..512) else { return false };
    let (before, field, after) = (&block[..148], &block[148..156], &block[156..]);
    let number = field.iter().skip_while(|b| matches!(b, b' ' | 0)).take_while(|b| matches!(b, b'0'..=b'7'));
    let digits: String = number.map(|b| char::from(*b)).collect();
    let Ok(said) = i64::from_str_radix(&digits, 8) else { return false };
    let all = || before.iter().chain(after);
    let unsigned: i64 = all().map(|b| i64::from(*b)).sum::<i64>() + 8 * 32;
    let signed: i64 = all().map(|b| i64::from(b.cast_signed())).sum::<i64>() + 8 * 32;
    said == unsigned || said == signed
}

/// COSE (RFC 9052) begins with its tag or an array of four; SPDX has lines of text, CycloneDX may be XML.
fn is_other_document(media_type: &str, bytes: &[u8]) -> bool {
    match plain(media_type).as_str() {
        "application/cose" => matches!(bytes.first(), Some(0xd2 | 0x84)),
        "text/spdx" | "application/vnd.cyclonedx+xml" | "application/vnd.cyclonedx" => {
            std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'))
        }
        _ => false,
    }
}
