//! Artifacts: one manifest digest in one repository, with its tags and accessories.

use crate::accessory::{Kind, Node};
use crate::{ArtifactId, Digest, ProjectName, RepositoryName, Stamp, Tag, TagId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an artifact is to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Type {
    Image,
    /// An index: one name for several platforms.
    Index,
    Chart,
    Wasm,
    Other,
}

impl Type {
    pub const ALL: [Type; 5] = [Type::Image, Type::Index, Type::Chart, Type::Wasm, Type::Other];

    /// The stored form.
    pub fn key(self) -> &'static str {
        match self {
            Type::Image => "image",
            Type::Index => "index",
            Type::Chart => "chart",
            Type::Wasm => "wasm",
            Type::Other => "other",
        }
    }

    /// From the stored form or a query.
    pub fn from_key(key: &str) -> Option<Type> {
        Type::ALL.into_iter().find(|t| t.key() == key)
    }

    pub fn label(self) -> &'static str {
        match self {
            Type::Image => "Image",
            Type::Index => "Image index",
            Type::Chart => "Helm chart",
            Type::Wasm => "Wasm module",
            Type::Other => "Artifact",
        }
    }

    /// Harbor's `type`: an index of images is an image there.
    pub fn harbor(self) -> &'static str {
        match self {
            Type::Image | Type::Index => "IMAGE",
            Type::Chart => "CHART",
            Type::Wasm => "WASM",
            Type::Other => "UNKNOWN",
        }
    }
}

/// A tag of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagView {
    pub id: TagId,
    pub name: Tag,
    pub pushed_at: Stamp,
    pub pulled_at: Option<Stamp>,
}

/// One row in a repository's list, and the head of an artifact's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    pub id: ArtifactId,
    pub project: ProjectName,
    pub repository: RepositoryName,
    pub digest: Digest,
    pub media_type: String,
    /// The manifest's artifactType, else its config's media type.
    pub artifact_type: String,
    pub kind: Type,
    /// Bytes: manifest, config and layers; for an index also its children.
    pub size: i64,
    pub tags: Vec<TagView>,
    /// Kinds of what is attached, each once, signatures first.
    pub attached: Vec<Kind>,
    /// How many accessories hang directly under it.
    pub accessory_count: i64,
    /// A signature is present. Nothing here says who signed.
    pub signed: bool,
    /// Not signed itself, but listed by a signed index of this repository.
    pub signed_by_index: Option<Digest>,
    pub annotations: BTreeMap<String, String>,
    pub pushed_at: Stamp,
    pub pulled_at: Option<Stamp>,
    pub pull_count: i64,
    /// It is an accessory itself (reached by digest).
    pub accessory: Option<Kind>,
}

/// A child of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    pub digest: Digest,
    /// `os/architecture[/variant]`, where the index says it.
    pub platform: String,
    pub size: i64,
    pub signed: bool,
}

/// An artifact's page: the row, the tree, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactPage {
    pub artifact: Artifact,
    pub tree: Vec<Node>,
    pub children: Vec<Child>,
    /// Indexes of this repository that list it.
    pub parents: Vec<Digest>,
}

/// What deleting an artifact takes along: shown before, and what the deletion then does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionPlan {
    pub digest: Digest,
    pub tags: Vec<Tag>,
    /// Accessories of every depth.
    pub accessories: Vec<(Kind, Digest)>,
    /// Untagged children that no other index lists.
    pub children: Vec<Digest>,
    /// Indexes that list it: while there are any, it is not deleted.
    pub kept_by: Vec<Digest>,
    /// Bytes no other artifact of the repository uses.
    pub freed: i64,
    /// How long it can be undone, in ms; 0 for not at all.
    pub kept_for: i64,
}

/// What a repository's list is filtered by; all in the page's address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Part of a tag or the start of a digest.
    pub text: Option<String>,
    pub signed: Option<bool>,
    pub tagged: Option<bool>,
    pub kind: Option<Type>,
}
