//! JSON that can be read in one way only.

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;

/// Is it one JSON document (RFC 8259), whatever it says?
pub fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// What a part of a manifest is, which says how its members are called.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Manifest,
    Descriptor,
    Platform,
    /// Anything else: what is in it is nobody's to call by a name.
    Free,
}

impl Part {
    /// The members that readers of a manifest look for: image-spec 1.1, Docker's schema 2 and those before it.
    fn members(self) -> &'static [&'static str] {
        match self {
            Part::Manifest => &[
                "schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "blobs", "subject", "annotations", "fsLayers", "history",
                "signatures", "name", "tag", "architecture",
            ],
            Part::Descriptor => &["mediaType", "artifactType", "digest", "size", "urls", "annotations", "data", "platform"],
            Part::Platform => &["os", "architecture", "variant", "os.version", "os.features", "features"],
            Part::Free => &[],
        }
    }

    fn of(self, member: &str) -> Part {
        match (self, member) {
            (Part::Manifest, "config" | "layers" | "manifests" | "blobs" | "subject") => Part::Descriptor,
            (Part::Descriptor, "platform") => Part::Platform,
            _ => Part::Free,
        }
    }

    /// The member that Go's `encoding/json` takes this one for, though it is not called so: it folds letters, also the long s and the
    /// Kelvin sign, and the last of two counts.
    fn mistaken(self, member: &str) -> Option<&'static str> {
        let fold = |c: char| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        };
        let like = |known: &&&str| known.chars().map(fold).eq(member.chars().map(fold)) && **known != member;
        self.members().iter().find(like).copied()
    }
}

/// Reads JSON that everybody reads alike: no object has a key twice, and none that some reader takes for another.
pub(super) fn check(bytes: &[u8]) -> serde_json::Result<()> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    Part::Manifest.deserialize(&mut json)?;
    json.end()
}

impl<'de> DeserializeSeed<'de> for Part {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.contains(&key) {
                map.next_value::<IgnoredAny>()?;
                return Err(de::Error::custom(format!("the key {key:?} stands twice")));
            }
            if let Some(known) = self.mistaken(&key) {
                map.next_value::<IgnoredAny>()?;
                return Err(de::Error::custom(format!("the key {key:?} is read as {known:?} by some clients and not by others")));
            }
            map.next_value_seed(self.of(&key))?;
            keys.insert(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_client_reads_another_reads() {
        for fine in [
            r#"{"layers":[{"digest":"a","annotations":{"Digest":"b","digest":"c","LAYERS":"d"}}],"x-own":{"Config":1,"config":2}}"#,
            r#"{"annotations":{"Layers":"x","Subject":"y"},"history":[{"v1Compatibility":"{}"}],"Layers2":[]}"#,
            r#"{"config":{"platform":{"os":"linux","x":{"OS":1}}},"layer":[]}"#,
        ] {
            assert!(check(fine.as_bytes()).is_ok(), "{fine}");
        }
        for bad in [
            r#"{"Layers":[]}"#, r#"{"layers":[],"LAYERS":[]}"#, r#"{"layer\u017f":[]}"#, r#"{"\u004cayers":[]}"#, r#"{"Subject":null}"#, r#"{"mediatype":""}"#,
            r#"{"layers":[{"Digest":"a"}]}"#, r#"{"config":{"dige\u017ft":"a"}}"#, r#"{"manifests":[{"platform":{"OS":"x"}}]}"#, r#"{"subject":{"Size":1}}"#,
            r#"{"manifests":[{"platform":{"os.Version":"x"}}]}"#, r#"{"MANIFESTS":[]}"#, r#"{"Config":{}}"#, r#"{"config":1,"config":2}"#,
                r#"{"annotations":{"a":1,"a":2}}"#,
            r#"{"FSLayers":[]}"#, r#"{"blob\u017f":[]}"#,
        ] {
            assert!(check(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
