//! Everything that makes up an artifact, as a copy of it carries it elsewhere.

use super::{Reference, sql};
use crate::access;
use crate::accessories;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::identity::Principal;
use crate::manifest;
use crate::policy::{self, blocked::At};
use model::accessory::{Attachment, Kind};
use model::{Action, Digest, ProjectName, RepositoryName, Tag};
use sqlx::AnyConnection;
use std::collections::{HashSet, VecDeque};

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

/// One manifest of the graph, before it is read.
pub(super) struct Step {
    pub id: i64,
    pub digest: Digest,
    pub kind: Option<Kind>,
    /// What it hangs on or is listed by; the artifact itself by nothing.
    pub under: Option<i64>,
    /// It is attached, or listed by something that is.
    pub attached: bool,
}

/// What makes up an artifact, in the order in which it can be pushed: children before their index, the artifact itself, then what is
/// attached to any of these, and what is attached to that. Each digest once; past `most` of them it ends.
pub(super) async fn walk(c: &mut AnyConnection, repository: i64, id: i64, digest: Digest, most: usize) -> Result<Vec<Step>> {
    let (mut seen, mut done) = (HashSet::from([digest.clone()]), HashSet::new());
    let (mut steps, mut stack) = (Vec::new(), vec![(Step { id, digest, kind: None, under: None, attached: false }, false)]);
    // What is attached comes after everything that is made of children: an index among it may list what is not done before.
    let mut later = VecDeque::new();
    loop {
        let Some((step, children_done)) = stack.pop() else {
            let Some(next) = later.pop_front() else { return Ok(steps) };
            stack.push((next, false));
            continue;
        };
        if done.contains(&step.digest) {
            continue;
        }
        let children = if children_done { Vec::new() } else { sql::children_here(c, repository, step.id).await? };
        if !children.is_empty() {
            let (parent, attached) = (step.id, step.attached);
            stack.push((step, true));
            for (id, digest) in children.into_iter().rev() {
                if seen.insert(digest.clone()) {
                    stack.push((Step { id, digest, kind: None, under: Some(parent), attached }, false));
                } else if let Some(at) = later.iter().position(|waiting: &Step| waiting.digest == digest) {
                    stack.extend(later.remove(at).map(|waiting| (waiting, false)));
                }
            }
            continue;
        }
        for accessory in accessories::sql::in_force(c, repository, std::slice::from_ref(&step.digest), 0, GRAPH).await? {
            // BuildKit's children come with their index.
            if accessory.attachment != Attachment::IndexChild && seen.insert(accessory.digest.clone()) {
                let (id, digest, kind) = (accessory.artifact_id, accessory.digest, Some(accessory.kind));
                later.push_back(Step { id, digest, kind, under: Some(step.id), attached: true });
            }
        }
        done.insert(step.digest.clone());
        steps.push(step);
        if steps.len() > most {
            return Ok(steps);
        }
    }
}

/// Everything that makes up an artifact. The tags are the accessories' only.
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
    let found = sql::found(&mut proof, repository, &Reference::Digest(digest.clone())).await?;
    if let Some(blocked) = policy::blocked::artifact(&mut proof, repository, At { repository: found.repository_id, id: found.id, digest: &found.digest }).await? {
        return Err(blocked);
    }
    let steps = walk(proof.conn(), found.repository_id, found.id, found.digest.clone(), usize::MAX).await?;
    // What is attached and blocked stays here.
    let mut left = HashSet::new();
    for step in steps.iter().filter(|step| step.attached) {
        if policy::blocked::artifact(&mut proof, repository, At { repository: found.repository_id, id: step.id, digest: &step.digest }).await?.is_some() {
            left.insert(step.id);
        }
    }
    hangs_on(&mut left, &steps);
    let c = proof.conn();
    let mut nodes = Vec::new();
    for step in steps.iter().filter(|step| !left.contains(&step.id)) {
        nodes.push(node(c, step.id, step.kind).await?);
    }
    Ok(nodes)
}

/// With what is left out goes all that hangs on it or is listed by it.
pub(super) fn hangs_on(left: &mut HashSet<i64>, steps: &[Step]) {
    let mut before = usize::MAX;
    while before != left.len() {
        before = left.len();
        left.extend(steps.iter().filter(|step| step.under.is_some_and(|under| left.contains(&under))).map(|step| step.id).collect::<Vec<_>>());
    }
}

/// The tags under which cosign finds an accessory. A person's tag on one is that person's, here.
pub(super) async fn machinery_tags(c: &mut AnyConnection, id: i64) -> Result<Vec<Tag>> {
    let tags = sql::tags_of(c, id).await?.into_iter().map(|tag| tag.name);
    Ok(tags.filter(|tag| manifest::machinery_subject(tag).is_some()).collect())
}

async fn node(c: &mut AnyConnection, id: i64, kind: Option<Kind>) -> Result<GraphNode> {
    let head = sql::head(c, id).await?;
    let blobs = sql::blobs_here(c, id).await?;
    let tags = match kind {
        Some(_) => machinery_tags(c, id).await?.iter().map(ToString::to_string).collect(),
        None => Vec::new(),
    };
    let content = sql::content_of(c, id).await?;
    Ok(GraphNode {
        digest: head.digest,
        media_type: head.media_type,
        artifact_type: head.artifact_type,
        annotations: if head.annotations == sql::LEFT_OUT { manifest::annotations(&content) } else { head.annotations },
        content,
        blobs,
        tags,
        subject: head.subject,
        kind,
    })
}
