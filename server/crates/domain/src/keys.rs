//! The one master key, and the keys derived from it (HKDF-SHA256, RFC 5869), each for one purpose.

use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

/// The master key, 256 bits. Neither prints nor serializes.
pub struct Keys(Zeroizing<[u8; 32]>);

impl Keys {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Keys(Zeroizing::new(bytes))
    }

    /// From the key file: 64 hexadecimal digits. Says what is wrong without printing any of it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice())
            .map_err(|_| "it must hold 64 hexadecimal digits (256 bits)".to_owned())?;
        Ok(Keys(bytes))
    }

    fn root(&self) -> Prk {
        Salt::new(HKDF_SHA256, b"wharf").extract(self.0.as_slice())
    }

    /// A 256-bit key for `purpose`.
    pub fn derive(&self, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        self.root()
            .expand(&[purpose], HKDF_SHA256)
            .and_then(|okm| okm.fill(key.as_mut_slice()))
            .expect("32 bytes is a length HKDF-SHA256 gives");
        key
    }

    /// A key for HMAC-SHA256 for `purpose`.
    pub fn hmac(&self, purpose: &[u8]) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &*self.derive(purpose))
    }

    /// What the database keeps to refuse a wrong key; tells nothing of the key.
    pub fn check_value(&self) -> String {
        hex::encode(&self.derive(b"wharf key check v1")[..16])
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
