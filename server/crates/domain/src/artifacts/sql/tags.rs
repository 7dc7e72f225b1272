//! Tags of a repository.

use crate::access::Authorized;
use crate::db::{Conditions, Listing, Script, named, parts, placeholders};
use crate::error::{Error, Result};
use model::artifact::TagView;
use model::list::Query;
use model::{Page, Stamp, Tag, TagId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::HashMap;

pub async fn tag_names(proof: &mut Authorized<'_>, repository: i64, last: &str, limit: i64) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT name FROM tags WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3")
        .bind(repository)
        .bind(last)
        .bind(limit)
        .fetch_all(proof.conn())
        .await?;
    Ok(rows.iter().map(|row| row.get("name")).collect())
}

/// Points a tag that is new at the artifact; one that is there is left.
pub fn add_tag(script: &mut Script, now: Stamp, repository: i64, tag: &Tag, artifact: i64) {
    script.add(
        "INSERT INTO tags (repository_id, artifact_id, name, pushed_at) VALUES ($1, $2, $3, $4) ON CONFLICT (repository_id, name) DO NOTHING",
        [repository.into(), artifact.into(), tag.as_str().into(), now.0.into()],
    );
}

/// Points the tag at the artifact. Answers which artifact it pointed at before, if at another.
pub async fn set_tag(
    c: &mut AnyConnection,
    now: Stamp,
    repository: i64,
    tag: &Tag,
    artifact: i64,
) -> Result<Option<i64>> {
    let before = sqlx::query("SELECT artifact_id FROM tags WHERE repository_id = $1 AND name = $2")
        .bind(repository)
        .bind(tag.as_str())
        .fetch_optional(&mut *c)
        .await?
        .map(|row| row.get::<i64, _>("artifact_id"));
    sqlx::query(
        "INSERT INTO tags (repository_id, artifact_id, name, pushed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (repository_id, name) DO UPDATE SET artifact_id = $2, pushed_at = $4, pulled_at = NULL",
    )
    .bind(repository)
    .bind(artifact)
    .bind(tag.as_str())
    .bind(now.0)
    .execute(c)
    .await?;
    Ok(before.filter(|&id| id != artifact))
}

/// How many tags name it now; `tag_count` says so after [`super::relist`].
pub async fn count_tags(c: &mut AnyConnection, artifact: i64) -> Result<i64> {
    let row = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM tags WHERE artifact_id = $1").bind(artifact).fetch_one(c).await?;
    Ok(row.get("n"))
}

/// What the tag names.
pub async fn tagged(c: &mut AnyConnection, repository: i64, name: &str) -> Result<Option<i64>> {
    let row = sqlx::query("SELECT artifact_id FROM tags WHERE repository_id = $1 AND name = $2").bind(repository).bind(name).fetch_optional(c).await?;
    Ok(row.map(|row| row.get("artifact_id")))
}

pub async fn tag_exists(c: &mut AnyConnection, repository: i64, tag: &Tag) -> Result<bool> {
    let row = sqlx::query("SELECT id FROM tags WHERE repository_id = $1 AND name = $2")
        .bind(repository)
        .bind(tag.as_str())
        .fetch_optional(c)
        .await?;
    Ok(row.is_some())
}

pub async fn remove_tag(c: &mut AnyConnection, repository: i64, tag: &Tag) -> Result<()> {
    sqlx::query("DELETE FROM tags WHERE repository_id = $1 AND name = $2")
        .bind(repository)
        .bind(tag.as_str())
        .execute(c)
        .await?;
    Ok(())
}

pub async fn tags_of(c: &mut AnyConnection, artifact: i64) -> Result<Vec<TagView>> {
    let rows = sqlx::query("SELECT id, name, pushed_at, pulled_at FROM tags WHERE artifact_id = $1 ORDER BY name")
        .bind(artifact)
        .fetch_all(c)
        .await?;
    rows.iter().map(view).collect()
}

/// The names of all their tags, in byte order, by artifact: a fixed number of statements for 64 of them.
pub async fn tag_names_of(c: &mut AnyConnection, ids: &[i64]) -> Result<HashMap<i64, Vec<String>>> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!("SELECT artifact_id, name FROM tags WHERE artifact_id IN ({}) ORDER BY artifact_id, name", placeholders(1, part.len()));
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let mut found = HashMap::<i64, Vec<String>>::new();
    for row in script.run(c).await?.iter().flat_map(|ran| &ran.rows) {
        found.entry(row.get("artifact_id")).or_default().push(row.get("name"));
    }
    Ok(found)
}

/// When an artifact or one of its tags was last pushed, and pulled.
pub async fn latest(c: &mut AnyConnection, artifact: i64) -> Result<(i64, Option<i64>)> {
    let row = sqlx::query(
        "SELECT a.pushed_at AS pushed, a.pulled_at AS pulled, MAX(t.pushed_at) AS tag_pushed, MAX(t.pulled_at) AS tag_pulled
         FROM artifacts AS a LEFT JOIN tags AS t ON t.artifact_id = a.id WHERE a.id = $1 GROUP BY a.id, a.pushed_at, a.pulled_at",
    )
    .bind(artifact)
    .fetch_one(c)
    .await?;
    let at = |name: &str| row.get::<Option<i64>, _>(name);
    Ok((row.get::<i64, _>("pushed").max(at("tag_pushed").unwrap_or(0)), at("pulled").max(at("tag_pulled"))))
}

/// Tags by name, from the `skip`th on.
pub async fn tags_from(c: &mut AnyConnection, artifact: i64, skip: i64, limit: i64) -> Result<Vec<TagView>> {
    let rows = sqlx::query("SELECT id, name, pushed_at, pulled_at FROM tags WHERE artifact_id = $1 ORDER BY name LIMIT $2 OFFSET $3")
        .bind(artifact)
        .bind(limit)
        .bind(skip)
        .fetch_all(c)
        .await?;
    rows.iter().map(view).collect()
}

pub async fn tag_count(c: &mut AnyConnection, artifact: i64) -> Result<i64> {
    let row = sqlx::query("SELECT tag_count FROM artifacts WHERE id = $1").bind(artifact).fetch_one(c).await?;
    Ok(row.get("tag_count"))
}

/// A row's `id`, `name`, `pushed_at` and `pulled_at`.
pub fn view(row: &AnyRow) -> Result<TagView> {
    let name: String = row.get("name");
    Ok(TagView {
        id: TagId(row.get("id")),
        name: name.parse().map_err(|_| Error::Internal(format!("tag {name:?} in the database")))?,
        pushed_at: Stamp(row.get("pushed_at")),
        pulled_at: row.get::<Option<i64>, _>("pulled_at").map(Stamp),
        locked: None,
    })
}

static LIST: Listing = Listing {
    from: "tags AS t",
    columns: "t.id AS id, t.name AS name, t.pushed_at AS pushed_at, t.pulled_at AS pulled_at",
    sorts: &[("name", "t.name"), ("pushed", "t.pushed_at"), ("pulled", "COALESCE(t.pulled_at, 0)"), ("id", "t.id")],
    descending: false,
    keys: &[("id", "t.id"), ("pushed", "t.pushed_at"), ("pulled", "COALESCE(t.pulled_at, 0)")],
};

/// A page of an artifact's tags.
pub async fn tags(c: &mut AnyConnection, artifact: i64, query: &Query) -> Result<Page<TagView>> {
    let all = query.search.is_empty() && query.names.is_none();
    let known = if all { Some(tag_count(c, artifact).await?) } else { None };
    let of = |w: &mut Conditions| {
        let n = w.bind(artifact);
        w.and(format!("t.artifact_id = {n}"));
        named(w, query, "LOWER(t.name)", "t.name");
    };
    LIST.fetch_of(c, query, known, of, view).await
}
