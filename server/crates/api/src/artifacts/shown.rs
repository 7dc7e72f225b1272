//! How artifacts, their tags and accessories are shown.

use crate::answers::Time;
use crate::call::{Call, truth};
use crate::errors::ApiError;
use crate::labels::Label;
use domain::artifacts::{self, Attached, IndexEntry};
use model::artifact::{self, TagView, Type};
use model::{Digest, ProjectName, RepositoryName};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Most accessories of a row: a list of rows has an end, and `…/accessories` has them all.
pub const ATTACHED: usize = 100;

#[derive(Serialize, ToSchema)]
pub struct Tag {
    id: i64,
    artifact_id: i64,
    repository_id: i64,
    name: String,
    push_time: Time,
    pull_time: Time,
    /// A rule keeps it where it is.
    immutable: bool,
}

impl Tag {
    pub fn new(tag: &TagView, artifact: &artifact::Artifact, repository: i64) -> Tag {
        Tag {
            id: tag.id.0, artifact_id: artifact.id.0, repository_id: repository, name: tag.name.to_string(), push_time: tag.pushed_at.into(),
            pull_time: tag.pulled_at.into(), immutable: tag.locked.is_some(),
        }
    }
}

/// What hangs directly under an artifact: a signature, an attestation, an SBOM.
#[derive(Serialize, ToSchema)]
pub struct Accessory {
    id: i64,
    artifact_id: i64,
    subject_artifact_id: i64,
    subject_artifact_digest: String,
    subject_artifact_repo: String,
    /// In bytes.
    size: i64,
    digest: String,
    /// signature.cosign, signature.notation or subject.accessory.
    #[serde(rename = "type")]
    kind: &'static str,
    icon: &'static str,
    creation_time: Time,
}

impl Accessory {
    pub fn new(attached: &Attached, subject: &artifact::Artifact) -> Accessory {
        Accessory {
            id: attached.id, artifact_id: attached.artifact_id, subject_artifact_id: subject.id.0,
            subject_artifact_digest: subject.digest.to_string(), subject_artifact_repo: format!("{}/{}", subject.project, subject.repository),
            size: attached.size, digest: attached.digest.to_string(), kind: attached.kind.harbor_type(&attached.artifact_type), icon: "",
            creation_time: attached.pushed_at.into(),
        }
    }
}

/// A child of an index, and what it is for.
#[derive(Serialize, ToSchema)]
#[schema(as = Reference)]
pub struct Refers {
    parent_id: i64,
    /// 0 where it has not come.
    child_id: i64,
    child_digest: String,
    platform: Platform,
    /// With the URLs, left out of an index that is too long for a list.
    annotations: BTreeMap<String, String>,
    urls: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: String,
    #[serde(rename = "os.version", skip_serializing_if = "String::is_empty")]
    os_version: String,
    #[serde(rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    os_features: Vec<String>,
}

fn refers(artifact: &artifact::Artifact, listed: &IndexEntry) -> Refers {
    let platform = listed.platform.clone();
    Refers {
        parent_id: artifact.id.0, child_id: listed.child.number.map_or(0, |id| id.0), child_digest: listed.child.digest.to_string(),
        platform: Platform {
            os: platform.os, architecture: platform.architecture, variant: platform.variant, os_version: platform.os_version,
            os_features: platform.os_features,
        },
        annotations: listed.annotations.clone(), urls: listed.urls.clone(),
    }
}

/// Where more is said.
#[derive(Serialize, ToSchema)]
pub struct AdditionLink {
    absolute: bool,
    href: String,
}

/// Its path.
pub fn place(project: &ProjectName, repository: &RepositoryName, digest: &Digest) -> String {
    format!("/api/v2.0/projects/{project}/repositories/{}/artifacts/{digest}", repository.as_str().replace('/', "%252F"))
}

/// Where more is said of it: only what is there.
fn additions(artifact: &artifact::Artifact) -> BTreeMap<&'static str, AdditionLink> {
    let place = place(&artifact.project, &artifact.repository, &artifact.digest);
    let history = || AdditionLink { absolute: false, href: format!("{place}/additions/build_history") };
    // An index, and an image whose configuration could not be read, tell nothing.
    let tells = artifact.kind == Type::Image && !matches!(artifact.attributes.as_str(), "" | "{}");
    tells.then(|| ("build_history", history())).into_iter().collect()
}

/// An artifact: a manifest with its tags and what hangs under it.
#[derive(Serialize, ToSchema)]
pub struct Artifact {
    id: i64,
    /// IMAGE, CHART, …: by what its configuration says it is.
    #[serde(rename = "type")]
    kind: &'static str,
    media_type: String,
    manifest_media_type: String,
    artifact_type: String,
    project_id: i64,
    repository_id: i64,
    repository_name: String,
    digest: String,
    /// Bytes: manifest, configuration and layers; of an index also its children.
    size: i64,
    icon: &'static str,
    push_time: Time,
    pull_time: Time,
    /// What its configuration says.
    #[schema(value_type = Object)]
    extra_attrs: Value,
    annotations: BTreeMap<String, String>,
    references: Vec<Refers>,
    /// There is more than a row of so long a list shows: each by itself has it, annotations also the manifest.
    annotations_left_out: bool,
    extra_attrs_left_out: bool,
    references_left_out: bool,
    /// How many are attached, of which at most a hundred are shown here.
    accessory_count: i64,
    tag_count: i64,
    tags: Vec<Tag>,
    labels: Vec<Label>,
    addition_links: BTreeMap<&'static str, AdditionLink>,
    accessories: Vec<Accessory>,
}

/// What hangs on a row of a list.
pub struct Hangs {
    attached: Vec<Attached>,
    children: Vec<IndexEntry>,
    left_out: bool,
    /// Its tags, too.
    tags: bool,
}

impl Hangs {
    /// What an index lists is looked into where `whole`.
    pub async fn of(call: &Call, artifact: &artifact::Artifact, attached: Vec<Attached>, whole: bool) -> Result<Hangs, ApiError> {
        let (mut children, mut left_out) = (Vec::new(), false);
        if artifact.kind == Type::Index {
            left_out = !whole;
            if whole {
                children = artifacts::references(&call.ctx, &call.who, &artifact.project, &artifact.repository, &artifact.digest).await?;
            }
        }
        Ok(Hangs { attached, children, left_out, tags: call.param("with_tag").and_then(truth) != Some(false) })
    }
}

impl Artifact {
    pub fn new(artifact: &artifact::Artifact, (project, repository): (i64, i64), hangs: &Hangs) -> Artifact {
        let tags: &[TagView] = if hangs.tags { &artifact.tags } else { &[] };
        let media_type = if artifact.artifact_type.is_empty() { &artifact.media_type } else { &artifact.artifact_type };
        Artifact {
            id: artifact.id.0, kind: artifact.kind.harbor(), media_type: media_type.clone(), manifest_media_type: artifact.media_type.clone(),
            artifact_type: artifact.artifact_type.clone(), project_id: project, repository_id: repository,
            repository_name: format!("{}/{}", artifact.project, artifact.repository), digest: artifact.digest.to_string(), size: artifact.size,
            icon: "", push_time: artifact.pushed_at.into(), pull_time: artifact.pulled_at.into(),
            extra_attrs: Value::Object(serde_json::from_str(&artifact.attributes).unwrap_or_default()),
            extra_attrs_left_out: artifact.attributes == artifact::LEFT_OUT, references_left_out: hangs.left_out, accessory_count: artifact.accessory_count,
            annotations: artifact.annotations.clone(), references: hangs.children.iter().map(|listed| refers(artifact, listed)).collect(),
            annotations_left_out: artifact.annotations_left_out, tag_count: artifact.tag_count,
            tags: tags.iter().map(|tag| Tag::new(tag, artifact, repository)).collect(), labels: artifact.labels.iter().cloned().map(Label::from).collect(),
                addition_links: additions(artifact),
            accessories: hangs.attached.iter().map(|attached| Accessory::new(attached, artifact)).collect(),
        }
    }
}
