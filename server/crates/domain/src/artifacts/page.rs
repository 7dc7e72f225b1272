//! An artifact's page: what it is, the tree under it, and what an index lists.

use super::list::{COLUMNS, artifact};
use super::{Reference, sql};
use crate::access;
use crate::accessories;
use crate::aside;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::identity::Principal;
use crate::manifest::{Manifest, Platform};
use crate::policy::locks::Locks;
use model::artifact::{Artifact, ArtifactPage, Child, From, TAGS};
use model::{Action, ArtifactId, Digest, ProjectName, RepositoryName};
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::BTreeMap;

async fn one(
    c: &mut AnyConnection,
    project: &ProjectName,
    repository: &RepositoryName,
    id: i64,
) -> Result<(i64, Artifact)> {
    let text = format!("SELECT {COLUMNS} FROM artifacts AS t WHERE t.id = $1");
    let row = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_one(&mut *c).await?;
    let (repository_id, mut found) = artifact(project, repository, &row)?;
    sql::complete(c, repository_id, std::slice::from_mut(&mut found), TAGS).await?;
    Ok((repository_id, found))
}

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
    let (repository_id, mut artifact) = one(c, project, repository, found.id).await?;
    if from.tags > 0 {
        artifact.tags = sql::tags_from(c, found.id, from.tags, TAGS).await?;
    }
    Locks::of(&proof.project, repository)?.mark(&mut artifact.tags);
    let c = proof.conn();
    let children = children(c, repository_id, found.id, from.children.max(0)).await?;
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
pub async fn references(ctx: &Ctx, who: &Principal, project: &ProjectName, repository: &RepositoryName, index: &Digest) -> Result<Vec<Listed>> {
    let (children, content) = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
        let found = sql::find(&mut proof, repository, &Reference::Digest(index.clone())).await?;
        let Some(found) = found else { return Ok(Vec::new()) };
        let children = children(proof.conn(), found.repository_id, found.id, 0).await?;
        let is_short = sql::length_of(proof.conn(), found.id).await? as i64 <= TOLD;
        (children, if is_short { Some(sql::content(&mut proof, found.id).await?) } else { None })
    };
    let Some(content) = content else { return Ok(children.into_iter().flat_map(Listed::of).collect()) };
    // One of before, that would not be taken now, is shown as its rows say.
    let Ok(manifest) = aside::run(content.len(), move || Manifest::parse(&content, None)).await else {
        return Ok(children.into_iter().flat_map(Listed::of).collect());
    };
    let known: BTreeMap<Digest, Child> = children.into_iter().map(|child| (child.digest.clone(), child)).collect();
    let listed = manifest.manifests.into_iter().filter_map(|descriptor| {
        let child = known.get(&descriptor.digest)?.clone();
        let annotations = descriptor.annotations.unwrap_or_default().0;
        Some(Listed { child, platform: descriptor.platform.unwrap_or_default(), annotations, urls: descriptor.urls.unwrap_or_default() })
    });
    Ok(listed.collect())
}

/// What an index says of one that it lists: image-spec 1.1, "Image Index Property Descriptions".
pub struct Listed {
    pub child: Child,
    pub platform: Platform,
    pub annotations: BTreeMap<String, String>,
    pub urls: Vec<String>,
}

impl Listed {
    /// As far as the rows tell: one image may be for several platforms.
    fn of(child: Child) -> Vec<Listed> {
        let one = |text: &str| {
            let mut parts = text.split('/').map(str::to_owned);
            let mut part = || parts.next().unwrap_or_default();
            let platform = Platform { os: part(), architecture: part(), variant: part(), ..Platform::default() };
            Listed { child: child.clone(), platform, annotations: BTreeMap::new(), urls: Vec::new() }
        };
        child.platform.split(", ").map(one).collect()
    }
}

/// The platforms of an index, without BuildKit's attestations, which hang in the tree; with those that have not come.
async fn children(c: &mut AnyConnection, repository: i64, index: i64, skip: i64) -> Result<Vec<Child>> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT x.child_digest AS digest, x.platform AS platform, a.id AS id, COALESCE(a.size, 0) AS size, COALESCE(a.signed, 0) AS signed
         FROM artifact_children AS x
         LEFT JOIN artifacts AS a ON a.repository_id = x.repository_id AND a.digest = x.child_digest
         WHERE x.parent_id = $1 AND x.repository_id = $2 AND {} ORDER BY x.position LIMIT $3 OFFSET $4",
        sql::IS_PLATFORM
    )))
    .bind(index)
    .bind(repository)
    .bind(CHILDREN)
    .bind(skip)
    .fetch_all(c)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Child {
                digest: sql::digest(row.get("digest"))?,
                platform: row.get("platform"),
                size: row.get("size"),
                signed: row.get::<i64, _>("signed") != 0,
                number: row.get::<Option<i64>, _>("id").map(ArtifactId),
                here: row.get::<Option<i64>, _>("id").is_some(),
            })
        })
        .collect()
}
