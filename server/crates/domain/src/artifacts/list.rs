//! Showing artifacts: a repository's list, a project's, and an artifact's page.

use super::{Reference, sql};
use crate::access;
use crate::accessories;
use crate::aside;
use crate::ctx::Ctx;
use crate::db::{Conditions, Listing, between, named, folded, like_contains, like_prefix, one_of};
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::manifest::{self, Manifest, Platform};
use model::accessory::Kind;
use model::artifact::{Also, Artifact, ArtifactPage, Child, Filter, From, TAGS, TagView, Type};
use model::list::{Query, Window};
use model::{Action, ArtifactId, Digest, Page, ProjectId, ProjectName, RepositoryName, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::BTreeMap;

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
    keys: &[],
};

/// A page of more rows than this has less of each: of annotations 512 bytes, and of tags [`FEW`]; 10,000 rows are 30 MB at most.
const ROWS: i64 = 100;
const FEW: i64 = 5;
macro_rules! long {
    () => {
        columns!(
            "CASE WHEN LENGTH(t.annotations) > 512 THEN 'null' ELSE t.annotations END",
            "CASE WHEN LENGTH(t.attributes) > 512 THEN '' ELSE t.attributes END"
        )
    };
}
static LONG: Listing = Listing { columns: long!(), ..LIST };

/// The same of all repositories of a project, whose names are in the rows.
static ALL: Listing = Listing {
    from: "artifacts AS t JOIN repositories AS r ON r.id = t.repository_id",
    columns: concat!(columns!("t.annotations", "t.attributes"), ", r.name AS repository"),
    ..LIST
};
static LONG_ALL: Listing = Listing { columns: concat!(long!(), ", r.name AS repository"), ..ALL };

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
    let long = is_long(query);
    let mut page = if long { &LONG } else { &LIST }
        .fetch_of(
            c,
            query,
            known,
            |w| {
                let n = w.bind(id);
                conditions(w, &format!("repository_id = {n}"), filter);
            },
            |row| artifact(project, repository, row).map(|(_, artifact)| artifact),
        )
        .await?;
    sql::complete(c, id, &mut page.items, if long { FEW } else { TAGS }).await?;
    Ok(page)
}

/// As [`list`], of all repositories of a project: each artifact with the number of its repository.
pub async fn list_all(ctx: &Ctx, who: &Principal, project: &ProjectName, query: &Query, filter: &Filter) -> Result<(ProjectId, Page<(i64, Artifact)>)> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactList).await?;
    let id = proof.project.id;
    let c = proof.conn();
    let long = is_long(query);
    let mut page = if long { &LONG_ALL } else { &ALL }
        .fetch_of(
            c,
            query,
            None,
            |w| {
                let n = w.bind(id.0);
                w.and(format!("t.project_id = {n}"));
                conditions(w, &format!("repository_id IN (SELECT id FROM repositories WHERE project_id = {n} AND pushed_at IS NOT NULL)"), filter);
            },
            |row| {
                let repository = row.get::<String, _>("repository").parse().map_err(|what| Error::Internal(format!("a stored name {what}")))?;
                artifact(project, &repository, row)
            },
        )
        .await?;
    let mut of: BTreeMap<i64, Vec<(usize, Artifact)>> = BTreeMap::new();
    for (n, (repository, artifact)) in std::mem::take(&mut page.items).into_iter().enumerate() {
        of.entry(repository).or_default().push((n, artifact));
    }
    let mut done = BTreeMap::new();
    for (repository, rows) in of {
        let (places, mut rows): (Vec<usize>, Vec<Artifact>) = rows.into_iter().unzip();
        sql::complete(c, repository, &mut rows, if long { FEW } else { TAGS }).await?;
        done.extend(places.into_iter().zip(rows.into_iter().map(|row| (repository, row))));
    }
    page.items = done.into_values().collect();
    Ok((id, page))
}

fn is_long(query: &Query) -> bool {
    matches!(query.window, Window::Number { size, .. } if size > ROWS)
}

/// `within` says which repositories, of `t` and of `tags`.
fn conditions(w: &mut Conditions, within: &str, filter: &Filter) {
    w.and(format!("t.{within} AND t.listed = 1"));
    if let Some(text) = filter.text.as_deref().filter(|text| !text.is_empty()) {
        let (tag, digest) = (w.bind(like_contains(&folded(text))), w.bind(like_prefix(text)));
        w.and(format!(
            "(t.digest LIKE {digest} ESCAPE '\\' OR t.id IN (SELECT artifact_id FROM tags WHERE {within} AND LOWER(name) LIKE {tag} ESCAPE '\\'))"
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
    filter.also.iter().for_each(|also| condition(w, within, also));
}

fn condition(w: &mut Conditions, within: &str, also: &Also) {
    let tagged = |w: &mut Conditions, of: &str| w.and(format!("t.id IN (SELECT artifact_id FROM tags WHERE {within} AND {of})"));
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
        Also::Latest => w.and(
            "t.id = (SELECT o.id FROM artifacts AS o WHERE o.repository_id = t.repository_id AND o.listed = 1 ORDER BY o.pushed_at DESC, o.id DESC LIMIT 1)",
        ),
        Also::Digests(digests) => one_of(w, "t.digest", digests),
        Also::Kinds(kinds) => one_of(w, "t.kind", &kinds.iter().map(|kind| kind.key().to_owned()).collect::<Vec<_>>()),
        Also::ArtifactTypes(types) => one_of(w, "t.artifact_type", types),
        Also::MediaTypes(types) => one_of(w, "t.media_type", types),
        Also::Pushed(from, to) => between(w, "t.pushed_at", (*from, *to)),
        Also::Pulled(from, to) => between(w, "t.pulled_at", (*from, *to)),
        Also::Size(from, to) => between(w, "t.size", (*from, *to)),
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
                number: row.get::<Option<i64>, _>("id").map(ArtifactId),
                here: row.get::<Option<i64>, _>("id").is_some(),
            })
        })
        .collect()
}

static OF_TAGS: Listing = Listing {
    from: "tags AS t",
    columns: "t.id AS id, t.name AS name, t.pushed_at AS pushed_at, t.pulled_at AS pulled_at",
    sorts: &[("name", "t.name"), ("pushed", "t.pushed_at"), ("pulled", "COALESCE(t.pulled_at, 0)"), ("id", "t.id")],
    descending: false,
    keys: &[("id", "t.id"), ("pushed", "t.pushed_at"), ("pulled", "t.pulled_at")],
};

/// The tags of an artifact, by name unless told: a page of them, and how many there are.
pub async fn tags(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    query: &Query,
) -> Result<Page<TagView>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::TagList).await?;
    let found = sql::find(&mut proof, repository, reference)
        .await?
        .ok_or_else(|| Error::not_found("artifact", format!("{project}/{repository} {reference}")))?;
    let c = proof.conn();
    let all = query.search.is_empty() && query.names.is_none();
    let known = if all { Some(sql::tag_count(c, found.id).await?) } else { None };
    let of = |w: &mut Conditions| {
        let n = w.bind(found.id);
        w.and(format!("t.artifact_id = {n}"));
        named(w, query, "LOWER(t.name)", "t.name");
    };
    OF_TAGS.fetch_of(c, query, known, of, sql::view).await
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
    /// As [`Artifact::artifact_type`].
    pub artifact_type: String,
    pub size: i64,
    pub pushed_at: Stamp,
}

/// The accessories that hang directly under an artifact: a page of them, the oldest first unless the query asks otherwise.
pub async fn attached(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    query: &Query,
) -> Result<Page<Attached>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::AccessoryList).await?;
    let found = sql::find(&mut proof, repository, reference)
        .await?
        .ok_or_else(|| Error::not_found("artifact", format!("{project}/{repository} {reference}")))?;
    let Page { items, total, next } = accessories::sql::list(proof.conn(), found.repository_id, &found.digest, query).await?;
    let attached = |a: accessories::sql::Accessory| Attached {
        id: a.id,
        artifact_id: a.artifact_id,
        digest: a.digest,
        kind: a.kind,
        artifact_type: a.artifact_type,
        size: a.size,
        pushed_at: a.pushed_at,
    };
    Ok(Page { items: items.into_iter().map(attached).collect(), total, next })
}
