//! Content digests: OCI image-spec 1.1, descriptor.md "Digests".

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// The registered algorithms that Wharf stores content under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    /// As it stands before the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }

    /// Length of the encoded part, in hexadecimal digits.
    pub fn hex_len(self) -> usize {
        match self {
            Algorithm::Sha256 => 64,
            Algorithm::Sha512 => 128,
        }
    }
}

/// `algorithm:hex`, checked: a known algorithm, lower-case hexadecimal, the right length.
/// File paths are built from values of this type only.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    text: Box<str>,
}

impl Digest {
    /// From raw hash bytes. Panics if `hex` does not fit the algorithm: it comes from our own hasher.
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Digest {
        format!("{}:{hex}", algorithm.as_str()).parse().expect("our own hasher's output is a digest")
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The part after the colon.
    pub fn hex(&self) -> &str {
        &self.text[self.algorithm.as_str().len() + 1..]
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Middle-truncated for a person: `sha256:b31bfb4d…0b7a`.
    pub fn short(&self) -> String {
        short(&self.text)
    }

    /// `sha256-<hex>`: the referrers tag schema of distribution-spec 1.1 and the stem of cosign's tags.
    pub fn tag_stem(&self) -> String {
        format!("{}-{}", self.algorithm.as_str(), self.hex())
    }
}

/// A text for people: every digest in it, also one in a tag of cosign's, as short as in [`Digest::short`].
pub fn short(text: &str) -> String {
    let hex = |c: char| c.is_ascii_digit() || matches!(c, 'a'..='f');
    let mut rest = text;
    let mut out = String::new();
    while let Some(start) = rest.find(hex) {
        let end = rest[start..].find(|c| !hex(c)).map_or(rest.len(), |length| start + length);
        out.push_str(&rest[..start]);
        match &rest[start..end] {
            run if run.len() >= Algorithm::Sha256.hex_len() => write!(out, "{}…{}", &run[..8], &run[run.len() - 4..]).expect("a string takes all"),
            run => out.push_str(run),
        }
        rest = &rest[end..];
    }
    out + rest
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (algorithm, hex) = text.split_once(':').ok_or("is not a digest (algorithm:hex)")?;
        let algorithm = match algorithm {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => return Err("has an unsupported digest algorithm (sha256 and sha512 are supported)".into()),
        };
        if hex.len() != algorithm.hex_len() || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(format!(
                "is not a {} digest ({} lower-case hexadecimal digits)",
                algorithm.as_str(),
                algorithm.hex_len()
            ));
        }
        Ok(Digest { algorithm, text: text.into() })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_072_only_well_formed_digests_of_known_algorithms_parse() {
        let ok = format!("sha256:{}", "a".repeat(64));
        assert_eq!(ok.parse::<Digest>().unwrap().hex(), "a".repeat(64));
        assert!(format!("sha512:{}", "0".repeat(128)).parse::<Digest>().is_ok());
        for bad in [
            format!("sha256:{}", "a".repeat(63)),
            format!("sha256:{}", "a".repeat(65)),
            format!("sha256:{}", "A".repeat(64)),
            format!("md5:{}", "a".repeat(32)),
            format!("sha512:{}", "a".repeat(64)),
            "sha256:../../x".to_owned(),
            "sha256".to_owned(),
            String::new(),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad} parsed");
        }
    }

    #[test]
    fn a_digest_is_shortened_in_the_middle() {
        let digest: Digest = format!("sha256:{}0b7a", "b31bfb4d".repeat(8)[..60].to_owned()).parse().unwrap();
        assert_eq!(digest.short(), "sha256:b31bfb4d…0b7a");
        for (text, said) in [
            (format!("p/r@{digest}"), "p/r@sha256:b31bfb4d…0b7a"), (format!("p/r:{}.sig", digest.tag_stem()), "p/r:sha256-b31bfb4d…0b7a.sig"),
            (format!("{digest} and {digest}"), "sha256:b31bfb4d…0b7a and sha256:b31bfb4d…0b7a"), (format!("ä{}ö", "0".repeat(128)), "ä00000000…0000ö"),
            ("cafe/decade:v1".into(), "cafe/decade:v1"), ("a".repeat(63), &"a".repeat(63)), (String::new(), ""),
        ] {
            assert_eq!(short(&text), said);
        }
    }
}
