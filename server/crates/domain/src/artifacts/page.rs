//! An artifact's page: what it is, the tree under it, and what an index lists.

use super::{Reference, sql};
use crate::access;
use crate::accessories;
use crate::aside;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::identity::Principal;
use crate::manifest::{Manifest, Platform};
use crate::policy::{self, blocked::At, locks::Locks};
use model::artifact::{ArtifactPage, Child, From, TAGS};
use model::{Action, Digest, ProjectName, RepositoryName};
use std::collections::BTreeMap;

/// Most platforms of an index that its page shows at once.
const CHILDREN: i64 = 200;

/// An artifact's page: the row, the tree under it and under its platform children, and what it is made of.
pub async fn page(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    from: From,
) -> Result<ArtifactPage> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
    let found = sql::found(&mut proof, repository, reference).await?;
    let c = proof.conn();
    let (repository_id, mut artifact) = sql::one(c, project, repository, found.id).await?;
    sql::complete(c, repository_id, std::slice::from_mut(&mut artifact), TAGS).await?;
    if from.tags > 0 {
        artifact.tags = sql::tags_from(c, found.id, from.tags, TAGS).await?;
    }
    policy::blocked::veil(&mut proof, repository, repository_id, std::slice::from_mut(&mut artifact)).await?;
    Locks::of(&proof.project, repository)?.mark(&mut artifact.tags);
    let c = proof.conn();
    let children = sql::children(c, repository_id, found.id, from.children.max(0), CHILDREN).await?;
    let mut roots = vec![(artifact.digest.clone(), None)];
    roots.extend(children.iter().map(|child| (child.digest.clone(), Some(child.platform.clone()))));
    let tree = accessories::grow(c, repository_id, &roots, from.attached).await?;
    let parents = sql::parents(c, repository_id, &artifact.digest).await?;
    let subjects = if artifact.accessory.is_some() { accessories::sql::subjects_of(c, found.id).await? } else { Vec::new() };
    let all = artifact.platforms.map_or(0, |platforms| platforms.total);
    Ok(ArtifactPage {
        tree: tree.nodes,
        tree_more: tree.more,
        children_more: (all - from.children.max(0) - children.len() as i64).max(0),
        tags_more: (artifact.tag_count - from.tags.max(0) - artifact.tags.len() as i64).max(0),
        artifact,
        children,
        parents,
        subjects,
    })
}

/// Of a longer index, in bytes, rows tell the platforms of what it lists and no more: a list may show a hundred of them.
const TOLD: i64 = 32 * 1024;

/// What an index lists, with what it says of each.
pub async fn references(ctx: &Ctx, who: &Principal, project: &ProjectName, repository: &RepositoryName, index: &Digest) -> Result<Vec<IndexEntry>> {
    let (children, content) = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
        let found = sql::find(&mut proof, repository, &Reference::Digest(index.clone())).await?;
        let Some(found) = found else { return Ok(Vec::new()) };
        let children = sql::children(proof.conn(), found.repository_id, found.id, 0, CHILDREN).await?;
        let at = At { repository: found.repository_id, id: found.id, digest: &found.digest };
        // Of what is blocked nothing is told but what it lists.
        let is_blocked = policy::blocked::artifact(&mut proof, repository, at).await?.is_some();
        let is_short = !is_blocked && sql::length_of(proof.conn(), found.id).await? as i64 <= TOLD;
        (children, if is_short { Some(sql::content(&mut proof, found.id).await?) } else { None })
    };
    let Some(content) = content else { return Ok(children.into_iter().flat_map(IndexEntry::of).collect()) };
    // One of before, that would not be taken now, is shown as its rows say.
    let Ok(manifest) = aside::run(content.len(), move || Manifest::parse(&content, None)).await else {
        return Ok(children.into_iter().flat_map(IndexEntry::of).collect());
    };
    let known: BTreeMap<Digest, Child> = children.into_iter().map(|child| (child.digest.clone(), child)).collect();
    let listed = manifest.manifests.into_iter().filter_map(|descriptor| {
        let child = known.get(&descriptor.digest)?.clone();
        let annotations = descriptor.annotations.unwrap_or_default().0;
        Some(IndexEntry { child, platform: descriptor.platform.unwrap_or_default(), annotations, urls: descriptor.urls.unwrap_or_default() })
    });
    Ok(listed.collect())
}

/// What an index says of one that it lists: image-spec 1.1, "Image Index Property Descriptions".
pub struct IndexEntry {
    pub child: Child,
    pub platform: Platform,
    pub annotations: BTreeMap<String, String>,
    pub urls: Vec<String>,
}

impl IndexEntry {
    /// As far as the rows tell: one image may be for several platforms.
    fn of(child: Child) -> Vec<IndexEntry> {
        let one = |text: &str| {
            let mut parts = text.split('/').map(str::to_owned);
            let mut part = || parts.next().unwrap_or_default();
            let platform = Platform { os: part(), architecture: part(), variant: part(), ..Platform::default() };
            IndexEntry { child: child.clone(), platform, annotations: BTreeMap::new(), urls: Vec::new() }
        };
        child.platform.split(", ").map(one).collect()
    }
}
