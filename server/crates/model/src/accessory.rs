//! Accessories: what is attached to an artifact, and by which way.
//!
//! Matched exhaustively: a new kind is a variant here and a recogniser in `domain::manifest::recognise`; the compiler
//! finds the rest.

use crate::{Digest, Stamp};
use serde::{Deserialize, Serialize};

/// What an accessory is, decided from content, never from a tag's looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A signature by cosign, of any form.
    CosignSignature,
    /// A signature by Notary Project's notation.
    NotationSignature,
    /// A signed or bare in-toto statement that is not a signature: provenance, a scan, a vote.
    Attestation,
    /// A bill of materials.
    Sbom,
    /// A scan report (SARIF, cosign vulnerability).
    Report,
    /// Attached by `subject`, of a type that we do not know.
    Other,
}

impl Kind {
    pub const ALL: [Kind; 6] = [
        Kind::CosignSignature, Kind::NotationSignature, Kind::Attestation, Kind::Sbom, Kind::Report, Kind::Other,
    ];

    /// The stored form.
    pub fn key(self) -> &'static str {
        match self {
            Kind::CosignSignature => "cosign-signature",
            Kind::NotationSignature => "notation-signature",
            Kind::Attestation => "attestation",
            Kind::Sbom => "sbom",
            Kind::Report => "report",
            Kind::Other => "other",
        }
    }

    /// From the stored form; what is unknown (a newer server's) is `Other`.
    pub fn from_key(key: &str) -> Kind {
        Kind::ALL.into_iter().find(|kind| kind.key() == key).unwrap_or(Kind::Other)
    }

    pub fn label(self) -> &'static str {
        match self {
            Kind::CosignSignature => "Cosign signature",
            Kind::NotationSignature => "Notation signature",
            Kind::Attestation => "Attestation",
            Kind::Sbom => "SBOM",
            Kind::Report => "Report",
            Kind::Other => "Attached artifact",
        }
    }

    /// Harbor's `type` of an accessory whose manifest has this artifact type.
    pub fn harbor_type(self, artifact_type: &str) -> &'static str {
        match self {
            // Harbor's own, and no other SBOM.
            Kind::Sbom if artifact_type == "application/vnd.goharbor.harbor.sbom.v1" => "sbom.harbor",
            Kind::CosignSignature => "signature.cosign",
            Kind::NotationSignature => "signature.notation",
            Kind::Attestation | Kind::Sbom | Kind::Report | Kind::Other => "subject.accessory",
        }
    }

    /// Does its presence make the subject "signed"? Attestations and SBOMs do not.
    pub fn is_signature(self) -> bool {
        matches!(self, Kind::CosignSignature | Kind::NotationSignature)
    }
}

/// By which way an accessory hangs under its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// The manifest's `subject` (OCI image-spec 1.1); found by the referrers API.
    Subject,
    /// cosign's `sha256-<hex>.sig|.att|.sbom` tag.
    CosignTag,
    /// A child of the index that describes its sibling (BuildKit, `vnd.docker.reference.digest`).
    IndexChild,
}

impl Attachment {
    pub fn key(self) -> &'static str {
        match self {
            Attachment::Subject => "subject",
            Attachment::CosignTag => "cosign-tag",
            Attachment::IndexChild => "index-child",
        }
    }

    /// From the stored form.
    pub fn from_key(key: &str) -> Attachment {
        match key {
            "cosign-tag" => Attachment::CosignTag,
            "index-child" => Attachment::IndexChild,
            _ => Attachment::Subject,
        }
    }
}

/// One accessory in the tree under an artifact, with what hangs under itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub digest: Digest,
    pub kind: Kind,
    pub attachment: Attachment,
    /// What distinguishes it: the predicate's short name, the tag, "bundle".
    pub detail: String,
    /// Bytes of its manifest and blobs.
    pub size: i64,
    pub pushed_at: Stamp,
    /// The digest it is attached to.
    pub subject: Digest,
    /// Set where the subject is a platform child of the artifact that is shown, e.g. `linux/arm64`.
    pub platform: Option<String>,
    pub children: Vec<Node>,
}

impl Node {
    /// How many accessories stand in this part of the tree, this one included.
    pub fn count(&self) -> usize {
        1 + self.children.iter().map(Node::count).sum::<usize>()
    }
}
