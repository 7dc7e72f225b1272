//! Artifacts: one manifest digest in one repository, with its tags and accessories.

use crate::accessory::{Kind, Node};
use crate::label::Label;
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
    /// What BuildKit exports for later builds, as an index or as an image manifest.
    Cache,
    Other,
}

impl Type {
    pub const ALL: [Type; 6] = [Type::Image, Type::Index, Type::Chart, Type::Wasm, Type::Cache, Type::Other];

    /// The stored form.
    pub fn key(self) -> &'static str {
        match self {
            Type::Image => "image",
            Type::Index => "index",
            Type::Chart => "chart",
            Type::Wasm => "wasm",
            Type::Cache => "cache",
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
            Type::Cache => "Build cache",
            Type::Other => "Artifact",
        }
    }

    /// Harbor's `type`: an index of images is an image there.
    pub fn harbor(self) -> &'static str {
        match self {
            Type::Image | Type::Index => "IMAGE",
            Type::Chart => "CHART",
            Type::Wasm => "WASM",
            Type::Cache => "BUILD-CACHE",
            Type::Other => "UNKNOWN",
        }
    }
}

/// Longest annotations of a row, in bytes of JSON: with longer ones a list would have no bound. The manifest has them all.
pub const ANNOTATIONS: usize = 16 * 1024;

/// Said in place of annotations, or of attributes, that are longer than a row may be.
pub const LEFT_OUT: &str = "null";

/// Most tags of a row.
pub const TAGS: i64 = 100;

/// How many platforms of an index are signed by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platforms {
    pub signed: i64,
    pub total: i64,
    /// How many have a bill of materials.
    pub described: i64,
}

/// A tag of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagView {
    pub id: TagId,
    pub name: Tag,
    pub pushed_at: Stamp,
    pub pulled_at: Option<Stamp>,
    /// The rule that keeps it where it is, as a sentence.
    pub locked: Option<String>,
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
    /// The first [`TAGS`] by name.
    pub tags: Vec<TagView>,
    /// How many there are.
    pub tag_count: i64,
    /// By name.
    pub labels: Vec<Label>,
    /// Kinds of what is attached, each once, signatures first.
    pub attached: Vec<Kind>,
    /// How many accessories hang directly under it.
    pub accessory_count: i64,
    /// A signature is present. Nothing here says who signed.
    pub signed: bool,
    /// Not signed itself, but listed by a signed index of this repository.
    pub signed_by_index: Option<Digest>,
    /// Of an index that lists platforms.
    pub platforms: Option<Platforms>,
    pub annotations: BTreeMap<String, String>,
    /// There are more than [`ANNOTATIONS`]: the manifest has them.
    pub annotations_left_out: bool,
    /// What its configuration says, a JSON object; empty where that is not known, or too long for a long list.
    pub attributes: String,
    pub pushed_at: Stamp,
    pub pulled_at: Option<Stamp>,
    pub pull_count: i64,
    /// It is an accessory itself.
    pub accessory: Option<Kind>,
    /// What it is attached to, where it refers to that by its `subject`.
    pub subject: Option<Digest>,
}

/// A child of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    pub digest: Digest,
    /// `os/architecture[/variant]`, where the index says it.
    pub platform: String,
    pub size: i64,
    pub signed: bool,
    /// Of its artifact, where that is here.
    pub number: Option<ArtifactId>,
    /// False where the server lets an index come without all that it lists, and this has not come.
    pub here: bool,
}

/// From where on an artifact's page shows what there are many of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct From {
    pub attached: i64,
    pub children: i64,
    pub tags: i64,
}

/// An artifact's page: the row, the tree, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactPage {
    pub artifact: Artifact,
    pub tree: Vec<Node>,
    /// How many more are attached.
    pub tree_more: i64,
    pub children: Vec<Child>,
    pub children_more: i64,
    pub tags_more: i64,
    /// What it is attached to, as an accessory: at most a few.
    pub subjects: Vec<Subject>,
    /// Indexes of this repository that list it.
    pub parents: Vec<Digest>,
}

/// What an accessory is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub digest: Digest,
    pub attachment: crate::accessory::Attachment,
    pub detail: String,
    /// It is in the repository.
    pub here: bool,
    /// The tag by which it was attached names another one by now.
    pub superseded: bool,
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
    /// People's tags of what goes along: at most a hundred.
    pub tags_along: Vec<(Digest, Tag)>,
    /// Indexes that list it: while there are any, it is not deleted.
    pub kept_by: Vec<Digest>,
    /// Bytes no other artifact of the repository uses.
    pub freed: i64,
    /// What counts as unsigned without it.
    pub unsigned: Vec<Digest>,
    /// How long it can be undone, in ms; 0 for not at all.
    pub kept_for: i64,
    /// Why an immutable tag keeps it.
    pub locked: Option<String>,
}

/// What removing a tag does besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRemoval {
    /// The artifact goes with it: a list of referrers stands by its tag alone.
    pub goes: bool,
    /// What counts as unsigned after it.
    pub unsigned: Vec<Digest>,
}

/// What a repository's list is filtered by; all in the page's address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Part of a tag or the start of a digest.
    pub text: Option<String>,
    pub signed: Option<bool>,
    pub tagged: Option<bool>,
    pub kind: Option<Type>,
    /// What an API's client asks besides: all of it holds.
    pub also: Vec<Also>,
}

/// One condition on a list's artifacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Also {
    /// It has one of these tags; all of them; one whose name holds this.
    AnyTag(Vec<String>),
    AllTags(Vec<String>),
    TagLike(String),
    /// It is the latest of its repository that was pushed.
    Latest,
    Digests(Vec<String>),
    /// It carries all of these labels, by their numbers.
    Labels(Vec<i64>),
    Kinds(Vec<Type>),
    /// Its artifact type, its manifest's media type.
    ArtifactTypes(Vec<String>),
    MediaTypes(Vec<String>),
    /// From and to, both included, in ms since 1970; in bytes.
    Pushed(Option<i64>, Option<i64>),
    Pulled(Option<i64>, Option<i64>),
    Size(Option<i64>, Option<i64>),
}
