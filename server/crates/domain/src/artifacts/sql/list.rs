//! SQL of lists of artifacts: a repository's, and a project's; and of one artifact as they show it.

use super::{LEFT_OUT, digest};
use crate::db::{Conditions, Listing, between, folded, like_contains, like_prefix, one_of};
use crate::error::{Error, Result};
use model::accessory::Kind;
use model::artifact::{Also, Artifact, Child, Filter, Type};
use model::list::{Query, Window};
use model::{ArtifactId, Page, ProjectName, RepositoryName, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

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

/// A page of more rows than this has less of each: annotations and attributes up to 512 bytes, or [`super::LEFT_OUT`], and of tags [`FEW`];
/// 10,000 rows are 30 MB at most.
const ROWS: i64 = 100;
pub const FEW: i64 = 5;
macro_rules! long {
    () => {
        columns!(
            "CASE WHEN LENGTH(t.annotations) > 512 THEN 'null' ELSE t.annotations END",
            "CASE WHEN LENGTH(t.attributes) > 512 THEN 'null' ELSE t.attributes END"
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
        digest: digest(row.get("digest"))?,
        media_type: row.get("media_type"),
        artifact_type: row.get("artifact_type"),
        kind: Type::from_key(&row.get::<String, _>("kind")).unwrap_or(Type::Other),
        size: row.get("size"),
        tags: Vec::new(),
        labels: Vec::new(),
        tag_count: row.get("tag_count"),
        attached: Vec::new(),
        accessory_count: 0,
        signed: row.get::<i64, _>("signed") != 0,
        signed_by_index: None,
        platforms: None,
        annotations_left_out: annotations == LEFT_OUT,
        annotations: serde_json::from_str(&annotations).unwrap_or_default(),
        attributes: row.get("attributes"),
        pushed_at: Stamp(row.get("pushed_at")),
        pulled_at: row.get::<Option<i64>, _>("pulled_at").map(Stamp),
        pull_count: row.get("pull_count"),
        accessory: row.get::<Option<String>, _>("accessory_kind").map(|key| Kind::from_key(&key)),
        subject: row.get::<Option<String>, _>("subject_digest").map(digest).transpose()?,
    };
    Ok((row.get("repository_id"), found))
}

/// A page of a repository's list, of which `count` artifacts are listed; whether it has less of each row, being long.
pub async fn list(
    c: &mut AnyConnection,
    (project, repository, id): (&ProjectName, &RepositoryName, i64),
    count: i64,
    query: &Query,
    filter: &Filter,
) -> Result<(Page<Artifact>, bool)> {
    let known = (*filter == Filter::default()).then_some(count);
    let within = |w: &mut Conditions| {
        let n = w.bind(id);
        conditions(w, &format!("repository_id = {n}"), filter);
    };
    let row = |row: &AnyRow| artifact(project, repository, row).map(|(_, artifact)| artifact);
    fetch((&LIST, &LONG), c, query, known, within, row).await
}

/// As [`list`], of all repositories of a project: each artifact with the number of its repository.
pub async fn list_all(c: &mut AnyConnection, (project, id): (&ProjectName, i64), query: &Query, filter: &Filter) -> Result<(Page<(i64, Artifact)>, bool)> {
    let within = |w: &mut Conditions| {
        let n = w.bind(id);
        w.and(format!("t.project_id = {n}"));
        conditions(w, &format!("repository_id IN (SELECT id FROM repositories WHERE project_id = {n} AND pushed_at IS NOT NULL)"), filter);
    };
    let row = |row: &AnyRow| {
        let repository = row.get::<String, _>("repository").parse().map_err(|what| Error::Internal(format!("a stored name {what}")))?;
        artifact(project, &repository, row)
    };
    fetch((&ALL, &LONG_ALL), c, query, None, within, row).await
}

/// One artifact as lists show it, and the number of its repository.
pub async fn one(c: &mut AnyConnection, project: &ProjectName, repository: &RepositoryName, id: i64) -> Result<(i64, Artifact)> {
    let text = format!("SELECT {COLUMNS} FROM artifacts AS t WHERE t.id = $1");
    let row = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_one(c).await?;
    artifact(project, repository, &row)
}

/// A page of whole rows where they are few, whatever number of them was asked for; else, said by the second answer, with less of each.
async fn fetch<T>(
    (whole, less): (&Listing, &Listing),
    c: &mut AnyConnection,
    query: &Query,
    known: Option<i64>,
    within: impl Fn(&mut Conditions),
    row: impl Fn(&AnyRow) -> Result<T>,
) -> Result<(Page<T>, bool)> {
    let Window::Number { number, size } = query.window else { return Ok((whole.fetch_of(c, query, known, within, row).await?, false)) };
    let long = size > ROWS;
    if !long || number == 1 {
        let few = Query { window: Window::Number { number, size: size.min(ROWS) }, ..query.clone() };
        let page = whole.fetch_of(&mut *c, &few, known, &within, &row).await?;
        if !long || page.total <= ROWS {
            return Ok((page, false));
        }
    }
    Ok((less.fetch_of(c, query, known, within, row).await?, true))
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
        Also::Labels(labels) if labels.is_empty() => w.and("1 = 0"),
        Also::Labels(labels) => {
            for label in labels {
                let n = w.bind(*label);
                w.and(format!("t.id IN (SELECT artifact_id FROM artifact_labels WHERE label_id = {n})"));
            }
        }
        Also::Digests(digests) => one_of(w, "t.digest", digests),
        Also::Kinds(kinds) => one_of(w, "t.kind", &kinds.iter().map(|kind| kind.key().to_owned()).collect::<Vec<_>>()),
        Also::ArtifactTypes(types) => one_of(w, "t.artifact_type", types),
        Also::MediaTypes(types) => one_of(w, "t.media_type", types),
        Also::Pushed(from, to) => between(w, "t.pushed_at", (*from, *to)),
        Also::Pulled(from, to) => between(w, "COALESCE(t.pulled_at, 0)", (*from, *to)),
        Also::Size(from, to) => between(w, "t.size", (*from, *to)),
    }
}

/// The platforms of an index, without BuildKit's attestations, which hang in the tree; with those that have not come.
pub async fn children(c: &mut AnyConnection, repository: i64, index: i64, skip: i64, limit: i64) -> Result<Vec<Child>> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT x.child_digest AS digest, x.platform AS platform, a.id AS id, COALESCE(a.size, 0) AS size, COALESCE(a.signed, 0) AS signed
         FROM artifact_children AS x
         LEFT JOIN artifacts AS a ON a.repository_id = x.repository_id AND a.digest = x.child_digest
         WHERE x.parent_id = $1 AND x.repository_id = $2 AND {} ORDER BY x.position LIMIT $3 OFFSET $4",
        super::IS_PLATFORM
    )))
    .bind(index)
    .bind(repository)
    .bind(limit)
    .bind(skip)
    .fetch_all(c)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Child {
                digest: digest(row.get("digest"))?,
                platform: row.get("platform"),
                size: row.get("size"),
                signed: row.get::<i64, _>("signed") != 0,
                number: row.get::<Option<i64>, _>("id").map(ArtifactId),
                here: row.get::<Option<i64>, _>("id").is_some(),
            })
        })
        .collect()
}
