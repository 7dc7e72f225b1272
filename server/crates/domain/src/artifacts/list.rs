//! Showing artifacts: a repository's list, an artifact's page, and the graph that replication copies.

use super::{Reference, sql};
use crate::access;
use crate::accessories;
use crate::aside;
use crate::ctx::Ctx;
use crate::db::{Conditions, Listing, folded, like_contains, like_prefix, one_of};
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::manifest::{self, Manifest};
use model::accessory::{Attachment, Kind};
use model::artifact::{Also, Artifact, ArtifactPage, Child, Filter, From, TAGS, TagView, Type};
use model::list::{Query, Window};
use model::{Action, ArtifactId, Digest, Page, ProjectName, RepositoryName, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::HashSet;

macro_rules! columns {
    ($annotations:literal, $attributes:literal) => {
        concat!(
            "t.id AS id, t.repository_id AS repository_id, t.digest AS digest, t.media_type AS media_type, \
    t.artifact_type AS artifact_type, t.kind AS kind, t.size AS size, t.accessory_kind AS accessory_kind, \
    t.subject_digest AS subject_digest, t.tag_count AS tag_count, t.signed AS signed, \
    t.pushed_at AS pushed_at, t.pulled_at AS pulled_at, t.pull_count AS pull_count, ",
            $annotations,
            " AS annotations, ",
            $attributes,
            " AS attributes"
        )
    };
}

const COLUMNS: &str = columns!("t.annotations", "t.attributes");

static LIST: Listing = Listing {
    from: "artifacts AS t",
    columns: COLUMNS,
    sorts: &[("pushed", "t.pushed_at"), ("size", "t.size"), ("pulled", "COALESCE(t.pulled_at, 0)"), ("id", "t.id")],
    descending: true,
};

/// A page of more rows than this has less of each: of annotations 512 bytes, and of tags [`FEW`]; 10,000 rows are 30 MB at most.
const ROWS: i64 = 100;
const FEW: i64 = 5;
static LONG: Listing = Listing {
    columns: columns!(
        "CASE WHEN LENGTH(t.annotations) > 512 THEN 'null' ELSE t.annotations END",
        "CASE WHEN LENGTH(t.attributes) > 512 THEN '' ELSE t.attributes END"
    ),
    ..LIST
};

fn artifact(project: &ProjectName, repository: &RepositoryName, row: &AnyRow) -> Result<(i64, Artifact)> {
    let annotations: String = row.get("annotations");
    let found = Artifact {
        id: ArtifactId(row.get("id")),
        project: project.clone(),
        repository: repository.clone(),
        digest: sql::digest(row.get("digest"))?,
        media_type: row.get("media_type"),
        artifact_type: row.get("artifact_type"),
        kind: Type::from_key(&row.get::<String, _>("kind")).unwrap_or(Type::Other),
        size: row.get("size"),
        tags: Vec::new(),
        tag_count: row.get("tag_count"),
        attached: Vec::new(),
        accessory_count: 0,
        signed: row.get::<i64, _>("signed") != 0,
        signed_by_index: None,
        platforms: None,
        annotations_left_out: annotations == sql::LEFT_OUT,
        annotations: serde_json::from_str(&annotations).unwrap_or_default(),
        attributes: row.get("attributes"),
        pushed_at: Stamp(row.get("pushed_at")),
        pulled_at: row.get::<Option<i64>, _>("pulled_at").map(Stamp),
        pull_count: row.get("pull_count"),
        accessory: row.get::<Option<String>, _>("accessory_kind").map(|key| Kind::from_key(&key)),
        subject: row.get::<Option<String>, _>("subject_digest").map(sql::digest).transpose()?,
    };
    Ok((row.get("repository_id"), found))
}

/// What a repository holds for a person: no accessories of what is here, no lists of referrers, no untagged children of indexes.
pub async fn list(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    query: &Query,
    filter: &Filter,
) -> Result<Page<Artifact>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactList).await?;
    let id = sql::repository(&mut proof, repository)
        .await?
        .ok_or_else(|| Error::not_found("repository", format!("{project}/{repository}")))?;
    let c = proof.conn();
    let known = if *filter == Filter::default() { Some(sql::listed_count(c, id).await?) } else { None };
    let is_long = matches!(query.window, Window::Number { size, .. } if size > ROWS);
    let mut page = if is_long { &LONG } else { &LIST }
        .fetch_of(
            c,
            query,
            known,
            |w| {
                let n = w.bind(id);
                w.and(format!("t.repository_id = {n} AND t.listed = 1"));
                if let Some(text) = filter.text.as_deref().filter(|text| !text.is_empty()) {
                    let (tag, digest) = (w.bind(like_contains(&folded(text))), w.bind(like_prefix(text)));
                    w.and(format!(
                        "(t.digest LIKE {digest} ESCAPE '\\' OR t.id IN
                          (SELECT artifact_id FROM tags WHERE repository_id = {n} AND LOWER(name) LIKE {tag} ESCAPE '\\'))"
                    ));
                }
                if let Some(signed) = filter.signed {
                    let n = w.bind(i64::from(signed));
                    w.and(format!("t.signed = {n} AND t.accessory_kind IS NULL"));
                }
                match filter.tagged {
                    Some(true) => w.and("t.tag_count > 0"),
                    Some(false) => w.and("t.tag_count = 0"),
                    None => {}
                }
                if let Some(kind) = filter.kind {
                    let n = w.bind(kind.key());
                    w.and(format!("t.kind = {n}"));
                }
                filter.also.iter().for_each(|also| condition(w, &n, also));
            },
            |row| artifact(project, repository, row).map(|(_, artifact)| artifact),
        )
        .await?;
    sql::complete(c, id, &mut page.items, if is_long { FEW } else { TAGS }).await?;
    Ok(page)
}

fn condition(w: &mut Conditions, repository: &str, also: &Also) {
    let tagged = |w: &mut Conditions, of: &str| w.and(format!("t.id IN (SELECT artifact_id FROM tags WHERE repository_id = {repository} AND {of})"));
    let span = |w: &mut Conditions, column: &str, (from, to): (Option<i64>, Option<i64>)| {
        for (sign, bound) in [(">=", from), ("<=", to)] {
            if let Some(bound) = bound {
                let n = w.bind(bound);
                w.and(format!("{column} {sign} {n}"));
            }
        }
    };
    match also {
        Also::AnyTag(names) => {
            let places: Vec<String> = names.iter().map(|name| w.bind(name.replace('\0', "\u{fffd}"))).collect();
            tagged(w, &if places.is_empty() { "1 = 0".to_owned() } else { format!("name IN ({})", places.join(", ")) });
        }
        // None at all is none that it could have.
        Also::AllTags(names) if names.is_empty() => w.and("1 = 0"),
        Also::AllTags(names) => {
            for name in names {
                let n = w.bind(name.replace('\0', "\u{fffd}"));
                tagged(w, &format!("name = {n}"));
            }
        }
        Also::TagLike(part) => {
            let n = w.bind(like_contains(&folded(part)));
            tagged(w, &format!("LOWER(name) LIKE {n} ESCAPE '\\'"));
        }
        Also::Digests(digests) => one_of(w, "t.digest", digests),
        Also::Kinds(kinds) => one_of(w, "t.kind", &kinds.iter().map(|kind| kind.key().to_owned()).collect::<Vec<_>>()),
        Also::ArtifactTypes(types) => one_of(w, "t.artifact_type", types),
        Also::MediaTypes(types) => one_of(w, "t.media_type", types),
        Also::Pushed(from, to) => span(w, "t.pushed_at", (*from, *to)),
        Also::Pulled(from, to) => span(w, "t.pulled_at", (*from, *to)),
        Also::Size(from, to) => span(w, "t.size", (*from, *to)),
    }
}

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
    let found = sql::find(&mut proof, repository, reference)
        .await?
        .ok_or_else(|| Error::not_found("artifact", format!("{project}/{repository} {reference}")))?;
    let c = proof.conn();
    let (repository_id, mut artifact) = one(c, project, repository, found.id).await?;
    if from.tags > 0 {
        artifact.tags = sql::tags_from(c, found.id, from.tags, TAGS).await?;
    }
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

/// What an index lists, as its page shows it.
pub async fn references(ctx: &Ctx, who: &Principal, project: &ProjectName, repository: &RepositoryName, index: &Digest) -> Result<Vec<Child>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
    let found = sql::find(&mut proof, repository, &Reference::Digest(index.clone())).await?;
    let Some(found) = found else { return Ok(Vec::new()) };
    children(proof.conn(), found.repository_id, found.id, 0).await
}

/// The platforms of an index, without BuildKit's attestations, which hang in the tree; with those that have not come.
async fn children(c: &mut AnyConnection, repository: i64, index: i64, skip: i64) -> Result<Vec<Child>> {
    let rows = sqlx::query(
AssertSqlSafe(format!(
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
                here: row.get::<Option<i64>, _>("id").is_some(),
            })
        })
        .collect()
}

/// The tags of an artifact, by name: a page of them, and how many there are.
pub async fn tags(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    window: (i64, i64),
) -> Result<Page<TagView>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::TagList).await?;
    let found = sql::find(&mut proof, repository, reference)
        .await?
        .ok_or_else(|| Error::not_found("artifact", format!("{project}/{repository} {reference}")))?;
    let c = proof.conn();
    let (number, size) = window;
    let items = sql::tags_from(c, found.id, (number - 1).saturating_mul(size), size).await?;
    Ok(Page { items, total: sql::tag_count(c, found.id).await?, next: None })
}

/// What an accessory says, as far as it can be read: names and values. Looked into are blobs of its repository only.
pub async fn said(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Vec<(String, String)>> {
    let missing = || Error::not_found("artifact", format!("{project}/{repository}@{digest}"));
    let at = Reference::Digest(digest.clone());
    let found = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
        let found = sql::find(&mut proof, repository, &at).await?.ok_or_else(missing)?;
        (found.id, sql::length_of(proof.conn(), found.id).await?)
    };
    // Nobody holds a reader of the database while waiting for the turn, nor while a manifest is gone through.
    let _turn = aside::turn(found.1).await;
    let (content, found) = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
        let found = sql::find(&mut proof, repository, &at).await?.ok_or_else(missing)?;
        (sql::content(&mut proof, found.id).await?, found)
    };
    let manifest = aside::run_now(content.len(), move || Manifest::parse(&content, Some(&found.media_type))).await?;
    let linked = {
        let wanted = manifest::read_to_say(&manifest);
        let mut c = ctx.db.read().await?;
        sql::blobs_in(&mut c, found.repository_id, wanted.iter().map(|(digest, _)| *digest)).await?
    };
    let parts = accessories::read(ctx, &manifest::read_to_say(&manifest), |digest| linked.get(digest.as_str()).copied()).await?;
    Ok(aside::run_now(accessories::length(&parts), move || manifest::said(&manifest, &parts)).await)
}

/// Does this tag name it?
pub async fn names(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    tag: &model::Tag,
) -> Result<bool> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::TagList).await?;
    let found = sql::find(&mut proof, repository, reference)
        .await?
        .ok_or_else(|| Error::not_found("artifact", format!("{project}/{repository} {reference}")))?;
    let named = sql::find(&mut proof, repository, &Reference::Tag(tag.clone())).await?;
    Ok(named.is_some_and(|named| named.id == found.id))
}

/// What hangs directly under an artifact, one row each.
#[derive(Clone, Debug)]
pub struct Attached {
    pub id: i64,
    pub artifact_id: i64,
    pub digest: Digest,
    pub kind: Kind,
    pub size: i64,
    pub pushed_at: Stamp,
}

/// The accessories that hang directly under an artifact, oldest first: a page of them, and how many there are.
pub async fn attached(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    kinds: Option<&[Kind]>,
    window: (i64, i64),
) -> Result<Page<Attached>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::AccessoryList).await?;
    let found = sql::find(&mut proof, repository, reference)
        .await?
        .ok_or_else(|| Error::not_found("artifact", format!("{project}/{repository} {reference}")))?;
    let (number, size) = window;
    let window = ((number - 1).saturating_mul(size), size);
    let (rows, total) = accessories::sql::in_force_of(proof.conn(), found.repository_id, &found.digest, kinds, window).await?;
    let attached = |a: accessories::sql::Accessory| Attached {
        id: a.id,
        artifact_id: a.artifact_id,
        digest: a.digest,
        kind: a.kind,
        size: a.size,
        pushed_at: a.pushed_at,
    };
    Ok(Page { items: rows.into_iter().map(attached).collect(), total, next: None })
}

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
