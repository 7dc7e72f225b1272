//! Everything that makes up an artifact, as a copy of it carries it elsewhere.

use super::{Reference, sql};
use crate::access;
use crate::accessories;
use crate::aside;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::manifest::{self, Manifest};
use model::accessory::{Attachment, Kind};
use model::{Action, Digest, ProjectName, RepositoryName};
use sqlx::{AnyConnection, Row};
use std::collections::HashSet;

/// One manifest of the graph that is copied, with the blobs it needs.
#[derive(Clone, Debug)]
pub struct GraphNode {
    pub digest: Digest,
    pub media_type: String,
    pub artifact_type: String,
    pub annotations: String,
    pub content: Vec<u8>,
    pub blobs: Vec<(Digest, i64)>,
    /// cosign's tags, under which an accessory of the legacy form is found.
    pub tags: Vec<String>,
    /// The manifest's `subject`.
    pub subject: Option<Digest>,
    /// Set for an accessory.
    pub kind: Option<Kind>,
}

impl GraphNode {
    /// Bytes of its manifest and blobs.
    pub fn size(&self) -> i64 {
        self.content.len() as i64 + self.blobs.iter().map(|(_, size)| size).sum::<i64>()
    }
}

/// Most accessories of one artifact that are copied.
const GRAPH: i64 = 10_000;

/// Everything that makes up an artifact, in the order in which it can be pushed: children before their index, the
/// artifact itself, then its accessories and theirs. Each digest once. The tags are the accessories' only.
pub async fn graph(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Vec<GraphNode>> {
    let mut c = ctx.db.read().await?;
    let right = Action::RepositoryPull;
    let mut proof = access::repository(&mut c, ctx.now(), who, project, repository.as_str(), right).await?;
    let found = sql::find(&mut proof, repository, &Reference::Digest(digest.clone()))
        .await?
        .ok_or_else(|| Error::not_found("artifact", format!("{project}/{repository}@{digest}")))?;
    let c = proof.conn();
    let mut nodes = Vec::new();
    let mut seen = HashSet::from([found.digest.clone()]);
    // (artifact, what it is attached as, children done)
    let mut stack = vec![(found.id, None::<Kind>, false)];
    while let Some((id, kind, ready)) = stack.pop() {
        let node = node(c, id, kind).await?;
        let length = node.content.len();
        let parse = move || (Manifest::parse(&node.content, Some(&node.media_type)), node);
        let (manifest, node) = aside::run(length, parse).await;
        let manifest = manifest?;
        if !ready && !manifest.manifests.is_empty() {
            stack.push((id, kind, true));
            for child in manifest.manifests.iter().rev() {
                if let Some(child_id) = sql::artifact_id(c, found.repository_id, &child.digest).await?
                    && seen.insert(child.digest.clone())
                {
                    stack.push((child_id, None, false));
                }
            }
            continue;
        }
        let attached = accessories::sql::in_force(c, found.repository_id, std::slice::from_ref(&node.digest), 0, GRAPH).await?;
        for accessory in attached.into_iter().rev() {
            // BuildKit's children come with their index.
            if accessory.attachment != Attachment::IndexChild && seen.insert(accessory.digest.clone()) {
                stack.push((accessory.artifact_id, Some(accessory.kind), false));
            }
        }
        nodes.push(node);
    }
    // An accessory of a child was pushed on the stack above its index: subjects are allowed to come later.
    Ok(nodes)
}

async fn node(c: &mut AnyConnection, id: i64, kind: Option<Kind>) -> Result<GraphNode> {
    let row = sqlx::query(
        "SELECT digest, media_type, artifact_type, annotations, subject_digest FROM artifacts WHERE id = $1",
    )
    .bind(id)
    .fetch_one(&mut *c)
    .await?;
    let blobs = sqlx::query(
        // What is not here, because it may be elsewhere, is left out.
        "SELECT b.digest AS digest, b.size AS size FROM artifact_blobs AS b WHERE b.artifact_id = $1 AND (b.optional = 0 OR EXISTS
           (SELECT 1 FROM repository_blobs AS l WHERE l.digest = b.digest AND l.repository_id = b.repository_id)) ORDER BY b.digest")
        .bind(id)
        .fetch_all(&mut *c)
        .await?;
    let tags = match kind {
        Some(_) => sql::tags_of(c, id).await?.into_iter().map(|tag| tag.name.to_string()).collect(),
        None => Vec::new(),
    };
    let content = sql::content_of(c, id).await?;
    let annotations: String = row.get("annotations");
    Ok(GraphNode {
        digest: sql::digest(row.get("digest"))?,
        media_type: row.get("media_type"),
        artifact_type: row.get("artifact_type"),
        annotations: if annotations == sql::LEFT_OUT { manifest::annotations(&content) } else { annotations },
        content,
        blobs: blobs
            .iter()
            .map(|row| Ok((sql::digest(row.get("digest"))?, row.get::<i64, _>("size"))))
            .collect::<Result<_>>()?,
        tags,
        subject: row.get::<Option<String>, _>("subject_digest").map(sql::digest).transpose()?,
        kind,
    })
}
