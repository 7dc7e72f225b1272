//! Reading manifests: OCI image-spec 1.1 (manifest.md, image-index.md) and Docker's schema 2; and recognising what is
//! attached to what. A leaf: everything here is a function of bytes, and knows no database.
//!
//! The same bytes are stored, hashed and parsed. What two readers could understand in two ways is refused: duplicate
//! keys, a manifest that is also an index, a media type that the header contradicts.

mod attributes;
mod json;
mod merge;
pub mod media;
mod passive;
mod recognise;
mod said;

pub use attributes::{attributes, telling};
pub use passive::{is_passive, looks_like_image, looks_passive, read_to_judge};
pub use recognise::{Recognised, is_referrers_list, is_referrers_tag, lists_referrers_of, machinery_subject, read_to_recognise, recognise};

pub use said::{read_to_say, said};

use crate::error::{Error, Result};
use model::Digest;
use model::artifact::Type;
use media::plain;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Largest manifest, in bytes: distribution-spec 1.1, "Pushing Manifests".
pub const MAX: usize = 4 * 1024 * 1024;

/// Largest blob, in bytes: no descriptor says more.
pub const MAX_BLOB: u64 = 64 << 30;

/// Most manifests an index may list, and most layers an image may have: a push places them in one transaction, which others
/// wait for. Docker stops at 127 layers; the largest indexes that are known list some dozens of platforms, and lists of
/// referrers some hundred.
pub const CHILDREN: usize = 2048;
/// Longest media type and platform, in bytes.
pub const SAID: usize = 255;
pub const LAYERS: usize = 4096;

pub use merge::{Merge, layers, merge};
pub use media::{DOCKER_LIST, DOCKER_MANIFEST, EMPTY, OCI_INDEX, OCI_MANIFEST};

/// Bytes of small blobs, by digest: what a recogniser is given to look into.
pub type Parts = HashMap<Digest, bytes::Bytes>;

/// A descriptor: image-spec 1.1, descriptor.md. Fields we do not use are left alone in the stored bytes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    #[serde(default, deserialize_with = "or_default")]
    pub media_type: String,
    pub digest: Digest,
    /// Docker's own tools leave a size of nothing out.
    #[serde(default, deserialize_with = "or_default")]
    pub size: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    #[serde(default, skip_serializing)]
    pub platform: Option<Platform>,
    #[serde(default, skip_serializing)]
    pub urls: Option<Vec<String>>,
}

/// What an index says of a child.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Platform {
    #[serde(default, deserialize_with = "or_default")]
    pub os: String,
    #[serde(default, deserialize_with = "or_default")]
    pub architecture: String,
    #[serde(default, deserialize_with = "or_default")]
    pub variant: String,
    #[serde(default, rename = "os.version", deserialize_with = "or_default")]
    pub os_version: String,
    #[serde(default, rename = "os.features", deserialize_with = "or_default")]
    pub os_features: Vec<String>,
}

/// Annotations; a value that is null is an empty one, as other registries read it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Annotations(pub BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let read = BTreeMap::<String, Option<String>>::deserialize(deserializer)?;
        Ok(Annotations(read.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect()))
    }
}

impl std::ops::Deref for Annotations {
    type Target = BTreeMap<String, String>;
    fn deref(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

/// What is null is as if it were not there.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> std::result::Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Descriptor {
    /// `os/architecture[/variant]`, or nothing.
    pub fn platform_text(&self) -> String {
        match &self.platform {
            None => String::new(),
            Some(p) if p.variant.is_empty() => format!("{}/{}", p.os, p.architecture),
            Some(p) => format!("{}/{}/{}", p.os, p.architecture, p.variant),
        }
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// BuildKit's attestation child: the digest of the sibling it describes.
    pub fn attests_sibling(&self) -> Option<Digest> {
        (self.annotation("vnd.docker.reference.type") == Some("attestation-manifest"))
            .then(|| self.annotation("vnd.docker.reference.digest")?.parse().ok())
            .flatten()
    }

    /// A layer that registries need not hold (image-spec 1.1, "Non-distributable layers"). One that was pushed nevertheless
    /// is kept like any other.
    pub fn may_be_elsewhere(&self) -> bool {
        let media_type = plain(&self.media_type);
        self.urls.as_ref().is_some_and(|urls| !urls.is_empty())
            || media_type.contains("nondistributable")
            || media_type.contains("foreign")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    schema_version: Option<i64>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    subject: Option<Descriptor>,
    #[serde(default)]
    annotations: Option<Annotations>,
}

/// A manifest that was read and makes sense.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub media_type: String,
    pub artifact_type: Option<String>,
    pub config: Option<Descriptor>,
    pub layers: Vec<Descriptor>,
    /// The children of an index.
    pub manifests: Vec<Descriptor>,
    pub subject: Option<Descriptor>,
    pub annotations: BTreeMap<String, String>,
    pub size: i64,
}

/// A manifest's annotations as JSON, an empty object where there are none.
pub fn annotations(content: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Annotated<'a> {
        #[serde(borrow, default)]
        annotations: Option<&'a serde_json::value::RawValue>,
    }
    let read = serde_json::from_slice::<Annotated<'_>>(content).ok().and_then(|read| read.annotations);
    read.map_or_else(|| "{}".to_owned(), |text| text.get().to_owned())
}

fn bad(message: impl Into<String>) -> Error {
    Error::Manifest { message: message.into(), missing: Vec::new() }
}

impl Manifest {
    /// Reads `bytes` that were sent as `content_type`.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Manifest> {
        if bytes.len() > MAX {
            return Err(bad(format!("a manifest is at most {MAX} bytes long")));
        }
        json::check(bytes).map_err(|error| bad(format!("the manifest is no JSON that we take: {error}")))?;
        let raw: Raw =
            crate::strict::from_slice(bytes).map_err(|error| bad(format!("the manifest is malformed: {error}")))?;
        let sent = content_type.map(|t| t.split(';').next().unwrap_or_default().trim()).filter(|t| !t.is_empty());
        let media_type = match (sent, raw.media_type.as_deref().filter(|own| !own.is_empty())) {
            (Some(sent), Some(own)) if sent != own => {
                return Err(bad(format!("it was sent as {sent} but its mediaType is {own}")));
            }
            (Some(media_type), _) | (None, Some(media_type)) => media_type.to_owned(),
            (None, None) if raw.manifests.is_some() => OCI_INDEX.to_owned(),
            (None, None) => OCI_MANIFEST.to_owned(),
        };
        if raw.schema_version != Some(2) {
            return Err(bad("schemaVersion must be 2"));
        }
        let is_index = match media_type.as_str() {
            OCI_MANIFEST | DOCKER_MANIFEST => false,
            OCI_INDEX | DOCKER_LIST => true,
            other => return Err(bad(format!("media type {other} is not a manifest's (OCI and Docker schema 2 are)"))),
        };
        if is_index && (raw.config.is_some() || raw.layers.is_some()) {
            return Err(bad("an index must not have config or layers"));
        }
        if !is_index && raw.manifests.is_some() {
            return Err(bad("an image manifest must not have manifests"));
        }
        // Tools that write no layers, or null for none, are out there, and the bytes may not be changed to please us.
        if !is_index && raw.config.is_none() {
            return Err(bad("an image manifest must have a config"));
        }
        let manifest = Manifest {
            media_type,
            artifact_type: raw.artifact_type.filter(|t| !t.is_empty()),
            config: raw.config,
            layers: raw.layers.unwrap_or_default(),
            manifests: raw.manifests.unwrap_or_default(),
            subject: raw.subject,
            annotations: raw.annotations.unwrap_or_default().0,
            size: bytes.len() as i64,
        };
        let all = manifest.config.iter().chain(&manifest.layers).chain(&manifest.manifests).chain(&manifest.subject);
        // Sums of sizes must stay numbers.
        let most = i64::try_from(MAX_BLOB).unwrap_or(i64::MAX);
        if let Some(wrong) = all.into_iter().find(|d| !(0..=most).contains(&d.size)) {
            return Err(bad(format!("the descriptor of {} has a size that no content has", wrong.digest)));
        }
        Ok(manifest)
    }

    pub fn is_index(&self) -> bool {
        matches!(self.media_type.as_str(), OCI_INDEX | DOCKER_LIST)
    }

    /// The blobs that it names as its own, each once: config and layers. Those that [`Descriptor::may_be_elsewhere`] it does
    /// without.
    pub fn blobs(&self) -> Vec<&Descriptor> {
        let mut seen = HashSet::new();
        self.config.iter().chain(&self.layers).filter(|d| seen.insert(d.digest.as_str())).collect()
    }

    /// What an index lists, each digest once, in its order.
    pub fn children(&self) -> Vec<Child> {
        let (mut children, mut at) = (Vec::<Child>::new(), HashMap::new());
        for entry in &self.manifests {
            let n = *at.entry(entry.digest.as_str()).or_insert(children.len());
            let platform = entry.platform_text();
            match children.get_mut(n) {
                // One image for two platforms.
                Some(child) if !platform.is_empty() && !child.platform.split(", ").any(|known| known == platform) => {
                    if child.platform.len() < 256 {
                        child.platform = if child.platform.is_empty() { platform } else { format!("{}, {platform}", child.platform) };
                    }
                }
                Some(_) => {}
                None => children.push(Child {
                    digest: entry.digest.clone(),
                    size: entry.size,
                    media_type: entry.media_type.clone(),
                    platform,
                    attests: entry.attests_sibling(),
                }),
            }
        }
        children
    }

    /// Whether it stays within what one push may cost.
    pub fn check_bounds(&self) -> Result<()> {
        if self.manifests.len() > CHILDREN {
            return Err(bad(format!("an index lists at most {CHILDREN} manifests; this one lists {}", self.manifests.len())));
        }
        if self.layers.len() > LAYERS {
            return Err(bad(format!("an image has at most {LAYERS} layers; this one has {}", self.layers.len())));
        }
        // RFC 6838, 4.2: a type and a subtype of at most 127 characters each. Rows of lists say them again and again.
        let descriptors = self.config.iter().chain(&self.layers).chain(&self.manifests);
        let types = descriptors.clone().map(|descriptor| descriptor.media_type.as_str());
        if let Some(long) = types.chain(self.artifact_type.as_deref()).find(|text| text.len() > SAID) {
            return Err(bad(format!("a media type has at most {SAID} characters; one here has {}", long.len())));
        }
        if descriptors.clone().any(|descriptor| descriptor.platform_text().len() > SAID) {
            return Err(bad(format!("a platform has at most {SAID} characters")));
        }
        Ok(())
    }

    /// Its artifactType, else its config's media type: distribution-spec 1.1, "Listing Referrers".
    pub fn effective_type(&self) -> &str {
        self.artifact_type.as_deref().or(self.config.as_ref().map(|c| c.media_type.as_str())).unwrap_or_default()
    }

    /// What it is to a person.
    pub fn kind(&self) -> Type {
        let config = self.config.as_ref().map_or(String::new(), |c| plain(&c.media_type));
        let is_cache = |media_type: &str| plain(media_type) == media::BUILD_CACHE;
        if is_cache(&config) || self.manifests.iter().any(|entry| is_cache(&entry.media_type)) {
            return Type::Cache;
        }
        match config.as_str() {
            _ if self.is_index() => Type::Index,
            config if media::is_image_config(config) && self.artifact_type.is_none() => Type::Image,
            media::HELM_CONFIG => Type::Chart,
            config if config.starts_with(media::WASM_CONFIG) => Type::Wasm,
            _ => Type::Other,
        }
    }
}

/// What an index lists: a manifest of its repository, or a blob of it (BuildKit's older caches list their layers).
#[derive(Clone, Debug)]
pub struct Child {
    pub digest: Digest,
    pub size: i64,
    pub media_type: String,
    /// `os/architecture[/variant]`, several joined by commas, or nothing.
    pub platform: String,
    /// It describes this sibling, as the index says.
    pub attests: Option<Digest>,
}

impl Child {
    /// Nothing but a manifest has one of these types.
    pub fn is_manifest(&self) -> bool {
        self.media_type.is_empty() || media::is_manifest(&self.media_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(c: char) -> String {
        format!("sha256:{}", c.to_string().repeat(64))
    }

    fn image() -> String {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{{"mediaType":"c","digest":"{}","size":2}},"layers":[]}}"#,
            digest('a')
        )
    }

    #[test]
    fn n_078_a_manifest_of_very_many_parts_is_read() {
        let layers: Vec<String> = (0..20_000).map(|n| format!(r#"{{"mediaType":"l","digest":"sha256:{n:064x}","size":1}}"#)).collect();
        let annotations: Vec<String> = (0..40_000).map(|n| format!(r#""a{n}":"x""#)).collect();
        let many = format!(r#""layers":[{}],"annotations":{{{}}}"#, layers.join(","), annotations.join(","));
        let text = image().replace(r#""layers":[]"#, &many);
        assert!(text.len() < MAX);
        let manifest = Manifest::parse(text.as_bytes(), Some(OCI_MANIFEST)).unwrap();
        assert_eq!((manifest.blobs().len(), manifest.annotations.len()), (20_001, 40_000));
    }

    #[test]
    fn n_079_what_could_be_read_in_two_ways_is_refused() {
        assert!(Manifest::parse(image().as_bytes(), Some(OCI_MANIFEST)).is_ok());
        let both = image().replace(r#""layers":[]"#, r#""layers":[],"manifests":[]"#);
        let twice = image().replace(r#""layers":[]"#, r#""layers":[],"layers":[]"#);
        let deep = image().replace(r#""layers":[]"#, r#""layers":[],"x":{"a":1,"a":2}"#);
        let sizes = image().replace(r#""size":2"#, r#""size":-1"#);
        let huge = image().replace(r#""size":2"#, r#""size":9223372036854775808"#);
        for text in [both, twice, deep, sizes, huge, "{".into(), "[]".into(), String::new(), format!("{} x", image())] {
            assert!(matches!(Manifest::parse(text.as_bytes(), Some(OCI_MANIFEST)), Err(Error::Manifest { .. })), "{text}");
        }
        assert!(Manifest::parse(image().as_bytes(), Some(OCI_INDEX)).is_err(), "the header contradicts the body");
        assert!(Manifest::parse(image().as_bytes(), Some("text/html")).is_err());
    }
}
