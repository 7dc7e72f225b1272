//! Secrets are types: what is shown once, what is stored hashed, what is stored sealed. None of them prints.

use crate::clock::Random;
use crate::error::{Error, Result};
use crate::keys::Keys;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret in clear: a password on its way to the hasher, a robot's secret on its way to its one reader, a target's
/// on its way to the wire. Wiped when dropped; prints as `***`; neither serializes nor compares.
#[derive(Clone)]
pub struct PlainSecret(Zeroizing<String>);

impl PlainSecret {
    pub fn new(text: String) -> Self {
        PlainSecret(Zeroizing::new(text))
    }

    /// A fresh 256-bit secret behind a prefix that secret scanners recognise.
    pub fn generate(random: &Random, prefix: &str) -> Self {
        PlainSecret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random.bytes::<32>())))
    }

    /// The text itself: for hashing, sealing, sending, and the one page that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// From a form's field, without a copy that outlives it.
impl<'de> serde::Deserialize<'de> for PlainSecret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(PlainSecret::new)
    }
}

impl std::fmt::Debug for PlainSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// SHA-256 of a secret of high entropy (a robot's, a session's), in hexadecimal. A fast hash is enough: 256 random
/// bits are not guessed.
#[derive(Clone)]
pub struct HashedSecret(String);

impl HashedSecret {
    pub fn of(secret: &str) -> Self {
        HashedSecret(hex::encode(digest::digest(&digest::SHA256, secret.as_bytes())))
    }

    /// From the database.
    pub fn stored(hex: String) -> Self {
        HashedSecret(hex)
    }

    /// For the database.
    pub fn as_stored(&self) -> &str {
        &self.0
    }

    /// In constant time.
    pub fn matches(&self, secret: &str) -> bool {
        let other = HashedSecret::of(secret);
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl std::fmt::Debug for HashedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Where a sealed secret stands: sealing binds it there, so that it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct SealedAt {
    pub table: &'static str,
    pub column: &'static str,
    pub row: i64,
    /// Counts up with each new secret of the row, so that an older one does not open either.
    pub version: i64,
}

impl SealedAt {
    /// Length-prefixed, so that two places never read alike.
    fn associated(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [self.table, self.column] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes.extend(self.row.to_be_bytes());
        bytes.extend(self.version.to_be_bytes());
        bytes
    }
}

const FORMAT: &[u8] = b"w1";

/// A secret at rest: `w1 | nonce (12) | AES-256-GCM ciphertext and tag`, bound to its [`SealedAt`].
#[derive(Clone)]
pub struct SealedSecret(Vec<u8>);

impl SealedSecret {
    pub fn seal(keys: &Keys, random: &Random, place: SealedAt, secret: &PlainSecret) -> Result<Self> {
        let nonce = random.bytes::<12>();
        let mut sealed = secret.reveal().as_bytes().to_vec();
        sealing_key(keys)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.associated()), &mut sealed)
            .map_err(|_| Error::Internal("sealing failed".to_owned()))?;
        Ok(SealedSecret([FORMAT, &nonce, &sealed].concat()))
    }

    /// From the database.
    pub fn stored(bytes: Vec<u8>) -> Self {
        SealedSecret(bytes)
    }

    /// For the database.
    pub fn as_stored(&self) -> &[u8] {
        &self.0
    }

    /// Opens it, or fails closed: never text that was not sealed here.
    pub fn open(&self, keys: &Keys, place: SealedAt, what: &str) -> Result<PlainSecret> {
        let unreadable = || Error::CredentialUnreadable(what.to_owned());
        let rest = self.0.strip_prefix(FORMAT).ok_or_else(unreadable)?;
        let (nonce, sealed) = rest.split_at_checked(12).ok_or_else(unreadable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| unreadable())?;
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let clear = sealing_key(keys)?
            .open_in_place(nonce, Aad::from(place.associated()), &mut bytes)
            .map_err(|_| unreadable())?;
        Ok(PlainSecret::new(String::from_utf8(clear.to_vec()).map_err(|_| unreadable())?))
    }
}

impl std::fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

fn sealing_key(keys: &Keys) -> Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, &*keys.derive(b"wharf secrets at rest v1"))
        .map(LessSafeKey::new)
        .map_err(|_| Error::Internal("the sealing key is unusable".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(row: i64, version: i64) -> SealedAt {
        SealedAt { table: "targets", column: "secret", row, version }
    }

    #[test]
    fn n_146_a_sealed_secret_opens_only_where_it_was_sealed() {
        let (keys, random) = (Keys::from_bytes([7; 32]), Random::default());
        let sealed = SealedSecret::seal(&keys, &random, place(1, 1), &PlainSecret::new("canary".into())).unwrap();
        assert_eq!(sealed.open(&keys, place(1, 1), "target").unwrap().reveal(), "canary");
        let refused = |sealed: &SealedSecret, keys: &Keys, place| {
            assert!(matches!(sealed.open(keys, place, "target"), Err(Error::CredentialUnreadable(_))));
        };
        refused(&sealed, &keys, place(2, 1)); // another row
        refused(&sealed, &keys, place(1, 2)); // an older secret of the row
        refused(&sealed, &Keys::from_bytes([8; 32]), place(1, 1)); // another key
        let mut flipped = sealed.as_stored().to_vec();
        *flipped.last_mut().unwrap() ^= 1;
        refused(&SealedSecret::stored(flipped), &keys, place(1, 1));
        // Neither clear text nor base64 is taken for a secret.
        for raw in [&b"canary"[..], b"Y2FuYXJ5", b"", b"w1"] {
            refused(&SealedSecret::stored(raw.to_vec()), &keys, place(1, 1));
        }
    }

    #[test]
    fn n_129_secrets_do_not_print() {
        let plain = PlainSecret::new("canary".into());
        assert_eq!(format!("{plain:?} {:?}", HashedSecret::of("canary")), "*** ***");
    }
}
