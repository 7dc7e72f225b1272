//! Reading manifests: OCI image-spec 1.1 (manifest.md, image-index.md) and Docker's schema 2.
//!
//! The same bytes are stored, hashed and parsed. What two readers could understand in two ways is refused: duplicate
//! keys, a manifest that is also an index, a media type that the header contradicts.

use crate::error::{Error, Result};
use model::Digest;
use model::artifact::Type;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// Largest manifest, in bytes: distribution-spec 1.1, "Pushing Manifests".
pub const MAX: usize = 4 * 1024 * 1024;

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// OCI image-spec 1.1, "Guidance for an Empty Descriptor".
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// A descriptor: image-spec 1.1, descriptor.md. Fields we do not use are left alone in the stored bytes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: Digest,
    pub size: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing)]
    pub platform: Option<Platform>,
    #[serde(default, skip_serializing)]
    pub urls: Option<Vec<String>>,
}

/// What an index says of a child.
#[derive(Clone, Debug, Deserialize)]
pub struct Platform {
    #[serde(default)]
    pub os: String,
    #[serde(default)]
    pub architecture: String,
    #[serde(default)]
    pub variant: String,
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

    /// A layer that registries need not hold (image-spec 1.1, "Non-distributable layers").
    fn may_be_elsewhere(&self) -> bool {
        self.urls.as_ref().is_some_and(|urls| !urls.is_empty())
            || self.media_type.contains("nondistributable")
            || self.media_type.contains("foreign")
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
    annotations: Option<BTreeMap<String, String>>,
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

fn bad(message: impl Into<String>) -> Error {
    Error::Manifest { message: message.into(), missing: Vec::new() }
}

impl Manifest {
    /// Reads `bytes` that were sent as `content_type`.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Manifest> {
        if bytes.len() > MAX {
            return Err(bad(format!("a manifest is at most {MAX} bytes long")));
        }
        serde_json::from_slice::<NoDuplicates>(bytes).map_err(|error| bad(format!("the manifest is no JSON that we take: {error}")))?;
        let raw: Raw =
            serde_json::from_slice(bytes).map_err(|error| bad(format!("the manifest is malformed: {error}")))?;
        let sent = content_type.map(|t| t.split(';').next().unwrap_or_default().trim()).filter(|t| !t.is_empty());
        let media_type = match (sent, raw.media_type.as_deref()) {
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
        if !is_index && (raw.config.is_none() || raw.layers.is_none()) {
            return Err(bad("an image manifest must have config and layers"));
        }
        if is_index && raw.manifests.is_none() {
            return Err(bad("an index must have manifests"));
        }
        let manifest = Manifest {
            media_type,
            artifact_type: raw.artifact_type.filter(|t| !t.is_empty()),
            config: raw.config,
            layers: raw.layers.unwrap_or_default(),
            manifests: raw.manifests.unwrap_or_default(),
            subject: raw.subject,
            annotations: raw.annotations.unwrap_or_default(),
            size: bytes.len() as i64,
        };
        let all = manifest.config.iter().chain(&manifest.layers).chain(&manifest.manifests).chain(&manifest.subject);
        // Sums of sizes must stay numbers.
        let most = i64::try_from(crate::uploads::MAX_BLOB).unwrap_or(i64::MAX);
        if let Some(wrong) = all.into_iter().find(|d| !(0..=most).contains(&d.size)) {
            return Err(bad(format!("the descriptor of {} has a size that no content has", wrong.digest)));
        }
        Ok(manifest)
    }

    pub fn is_index(&self) -> bool {
        matches!(self.media_type.as_str(), OCI_INDEX | DOCKER_LIST)
    }

    /// The blobs it needs, each once: config and layers, without layers that may live elsewhere.
    pub fn blobs(&self) -> Vec<&Descriptor> {
        let mut seen = HashSet::new();
        self.config
            .iter()
            .chain(self.layers.iter().filter(|layer| !layer.may_be_elsewhere()))
            .filter(|d| seen.insert(d.digest.as_str()))
            .collect()
    }

    /// Its artifactType, else its config's media type: distribution-spec 1.1, "Listing Referrers".
    pub fn effective_type(&self) -> &str {
        self.artifact_type.as_deref().or(self.config.as_ref().map(|c| c.media_type.as_str())).unwrap_or_default()
    }

    /// Could a runtime take it for an image? Then calling itself attached to something does not make it an accessory that
    /// is let through unsigned: it has a file system's layer, or an image's config over anything but the layers that
    /// signatures, attestations and bills of materials have.
    pub(crate) fn could_run(&self) -> bool {
        let layer = |prefix: &str| self.layers.iter().any(|l| l.media_type.starts_with(prefix));
        let image_config = self.config.as_ref().is_some_and(|c| is_image_config(&c.media_type));
        self.is_index()
            || layer("application/vnd.oci.image.layer.")
            || layer("application/vnd.docker.image.rootfs.")
            || image_config && !self.layers.iter().all(|l| crate::accessories::is_attached_type(&l.media_type))
    }

    /// What it is to a person.
    pub fn kind(&self) -> Type {
        if self.is_index() {
            return Type::Index;
        }
        let config = self.config.as_ref().map_or("", |c| c.media_type.as_str());
        match config {
            config if is_image_config(config) && self.artifact_type.is_none() => Type::Image,
            "application/vnd.cncf.helm.config.v1+json" => Type::Chart,
            c if c.starts_with("application/vnd.wasm.config.") => Type::Wasm,
            _ => Type::Other,
        }
    }
}

fn is_image_config(media_type: &str) -> bool {
    matches!(media_type, "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json")
}

/// Accepts any JSON value in which no object has a key twice.
struct NoDuplicates;

impl<'de> Deserialize<'de> for NoDuplicates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = NoDuplicates;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, _: bool) -> Result<NoDuplicates, E> {
                Ok(NoDuplicates)
            }
            fn visit_i64<E>(self, _: i64) -> Result<NoDuplicates, E> {
                Ok(NoDuplicates)
            }
            fn visit_u64<E>(self, _: u64) -> Result<NoDuplicates, E> {
                Ok(NoDuplicates)
            }
            fn visit_f64<E>(self, _: f64) -> Result<NoDuplicates, E> {
                Ok(NoDuplicates)
            }
            fn visit_str<E>(self, _: &str) -> Result<NoDuplicates, E> {
                Ok(NoDuplicates)
            }
            fn visit_unit<E>(self) -> Result<NoDuplicates, E> {
                Ok(NoDuplicates)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<NoDuplicates, A::Error> {
                while seq.next_element::<NoDuplicates>()?.is_some() {}
                Ok(NoDuplicates)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NoDuplicates, A::Error> {
                let mut keys = HashSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if keys.contains(&key) {
                        map.next_value::<IgnoredAny>()?;
                        return Err(de::Error::custom(format!("the key {key:?} stands twice")));
                    }
                    keys.insert(key);
                    map.next_value::<NoDuplicates>()?;
                }
                Ok(NoDuplicates)
            }
        }
        deserializer.deserialize_any(Look)
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
