//! Signatures as cosign makes them with a key pair: ECDSA over P-256, in both of its forms.

use anyhow::{Result, anyhow};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// SubjectPublicKeyInfo of an uncompressed P-256 point, up to the point (RFC 5480).
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
    0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A fresh key.
pub struct Signer(EcdsaKeyPair);

impl Signer {
    pub fn generate() -> Result<Signer> {
        Ok(Signer(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| anyhow!("no key"))?))
    }

    fn spki(&self) -> Vec<u8> {
        [&SPKI[..], self.0.public_key().as_ref()].concat()
    }

    /// The public key as `cosign verify --key` reads it.
    pub fn public_key_pem(&self) -> String {
        let text = STANDARD.encode(self.spki());
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    fn sign(&self, bytes: &[u8]) -> Result<String> {
        let signature = self.0.sign(&SystemRandom::new(), bytes).map_err(|_| anyhow!("signing failed"))?;
        Ok(STANDARD.encode(signature.as_ref()))
    }

    /// The simple-signing payload for an image's digest, and its signature in base64.
    pub fn simple_signing(&self, image: &str) -> Result<(Vec<u8>, String)> {
        let payload = json!({
            "critical": {
                "identity": { "docker-reference": "" },
                "image": { "docker-manifest-digest": image },
                "type": "cosign container image signature",
            },
            "optional": null,
        });
        let payload = payload.to_string().into_bytes();
        let signature = self.sign(&payload)?;
        Ok((payload, signature))
    }

    /// A Sigstore bundle v0.3 with a DSSE envelope over an in-toto statement about a digest.
    pub fn bundle(&self, subject: &str, predicate_type: &str, predicate: Value) -> Result<Vec<u8>> {
        const TYPE: &str = "application/vnd.in-toto+json";
        let hex = subject.trim_start_matches("sha256:");
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "digest": { "sha256": hex } }],
            "predicateType": predicate_type,
            "predicate": predicate,
        })
        .to_string();
        // DSSE's pre-authentication encoding.
        let pae = format!("DSSEv1 {} {TYPE} {} {statement}", TYPE.len(), statement.len());
        let hint = STANDARD.encode(digest(&SHA256, &self.spki()));
        let bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": { "publicKey": { "hint": hint } },
            "dsseEnvelope": {
                "payload": STANDARD.encode(&statement), "payloadType": TYPE,
                "signatures": [{ "sig": self.sign(pae.as_bytes())? }],
            },
        });
        Ok(bundle.to_string().into_bytes())
    }
}
