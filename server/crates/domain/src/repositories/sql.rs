//! SQL of repositories.

use super::Seen;
use crate::access::Authorized;
use crate::db::{Conditions, Listing, folded, like_contains, named};
use crate::error::{Error, Result};
use model::list::{Query, Window};
use model::repository::{Repository, Storage};
use model::{Digest, Page, ProjectId, ProjectName, RepositoryId, RepositoryName, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

macro_rules! columns {
    ($description:literal) => {
        concat!(
            "t.id AS id, t.project_id AS project_id, t.name AS name, ",
            $description,
            " AS description, CAST(LENGTH(t.description) AS BIGINT) AS said, \
    t.artifact_count AS artifact_count, t.pull_count AS pull_count, t.stored_bytes AS stored_bytes, \
    t.logical_bytes AS logical_bytes, t.created_at AS created_at, t.updated_at AS updated_at"
        )
    };
    ($description:literal, $more:literal) => {
        concat!(columns!($description), $more)
    };
}
const COLUMNS: &str = columns!("t.description");

static LIST: Listing = Listing {
    from: "repositories AS t",
    columns: COLUMNS,
    sorts: &[
        ("name", "t.name"),
        ("artifacts", "t.artifact_count"),
        ("pulls", "t.pull_count"),
        ("stored", "t.stored_bytes"),
        ("created", "t.created_at"),
        ("updated", "t.updated_at"), ("id", "t.id")
    ],
    descending: false,
    keys: &[
        ("id", "t.id"), ("artifacts", "t.artifact_count"), ("pulls", "t.pull_count"), ("created", "t.created_at"), ("updated", "t.updated_at"),
        ("full_name", "t.full_name"),
    ],
};
/// Of a list of more than a hundred rows: long descriptions are left out, with all of them it had no bound.
static LONG: Listing = Listing { columns: columns!("CASE WHEN LENGTH(t.description) > 512 THEN '' ELSE t.description END"), ..LIST };

/// The same over all projects.
static EVERYWHERE: Listing = Listing {
    from: "repositories AS t JOIN projects AS p ON p.id = t.project_id",
    columns: columns!("t.description", ", p.name AS project, p.public AS public"),
    sorts: &[
        ("name", "t.full_name"), ("artifacts", "t.artifact_count"), ("pulls", "t.pull_count"), ("created", "t.created_at"), ("updated", "t.updated_at"),
        ("id", "t.id"),
    ],
    ..LIST
};
static LONG_EVERYWHERE: Listing = Listing {
    columns: columns!("CASE WHEN LENGTH(t.description) > 512 THEN '' ELSE t.description END", ", p.name AS project, p.public AS public"),
    ..EVERYWHERE
};

/// Is this more than a page of whole rows?
fn is_long(query: &Query) -> bool {
    matches!(query.window, Window::Number { size, .. } if size > 100)
}

pub async fn list_everywhere(c: &mut AnyConnection, seen_by: &Seen, query: &Query) -> Result<Page<(Repository, bool)>> {
    let among = |w: &mut Conditions| {
        seen(w, seen_by);
        named(w, query, "t.full_name", "t.full_name");
    };
    if is_long(query) { &LONG_EVERYWHERE } else { &EVERYWHERE }.fetch(c, query, among, everywhere).await
}

/// As [`list_everywhere`], of those that hold a blob.
pub async fn list_holding(c: &mut AnyConnection, seen_by: &Seen, digest: &Digest, query: &Query) -> Result<Page<(Repository, bool)>> {
    let among = |w: &mut Conditions| {
        seen(w, seen_by);
        named(w, query, "t.full_name", "t.full_name");
        let n = w.bind(digest.to_string());
        w.and(format!("t.id IN (SELECT repository_id FROM repository_blobs WHERE digest = {n})"));
    };
    if is_long(query) { &LONG_EVERYWHERE } else { &EVERYWHERE }.fetch(c, query, among, everywhere).await
}

fn everywhere(row: &AnyRow) -> Result<(Repository, bool)> {
    let project = row.get::<String, _>("project");
    let project = project.parse().map_err(|_| Error::Internal(format!("project name {project:?} in the database")))?;
    Ok((repository(&project, row)?, row.get::<i64, _>("public") != 0))
}

fn repository(project: &ProjectName, row: &AnyRow) -> Result<Repository> {
    let name: String = row.get("name");
    Ok(Repository {
        id: RepositoryId(row.get("id")),
        project_id: ProjectId(row.get("project_id")),
        project: project.clone(),
        name: name
            .parse::<RepositoryName>()
            .map_err(|_| Error::Internal(format!("repository name {name:?} in the database")))?,
        description_left_out: row.get::<&str, _>("description").is_empty() && row.get::<i64, _>("said") > 0,
        description: row.get("description"),
        artifact_count: row.get("artifact_count"),
        pull_count: row.get("pull_count"),
        storage: Storage { stored: row.get("stored_bytes"), logical: row.get("logical_bytes") },
        created_at: Stamp(row.get("created_at")),
        updated_at: Stamp(row.get("updated_at")),
    })
}

pub async fn list(proof: &mut Authorized<'_>, query: &Query, unsigned: bool) -> Result<Page<Repository>> {
    let project = proof.project.clone();
    let c = proof.conn();
    let known = if !unsigned && query.search.is_empty() && query.names.is_none() { Some(count(c, project.id).await?) } else { None };
    let within = |w: &mut Conditions| {
        let n = w.bind(project.id.0);
        w.and(format!("t.project_id = {n} AND t.pushed_at IS NOT NULL"));
        if unsigned {
            w.and("EXISTS (SELECT 1 FROM artifacts AS a WHERE a.repository_id = t.id AND a.listed = 1 AND a.signed = 0 AND a.accessory_kind IS NULL)");
        }
        named(w, query, "t.name", "t.name");
    };
    if is_long(query) { &LONG } else { &LIST }.fetch_of(c, query, known, within, |row| repository(&project.name, row)).await
}

async fn count(c: &mut AnyConnection, project: ProjectId) -> Result<i64> {
    let row = sqlx::query("SELECT repository_count FROM projects WHERE id = $1").bind(project.0).fetch_one(c).await?;
    Ok(row.get("repository_count"))
}

pub async fn get(proof: &mut Authorized<'_>, name: &RepositoryName) -> Result<Option<Repository>> {
    let project = proof.project.clone();
    let text = format!(
        "SELECT {COLUMNS} FROM repositories AS t WHERE t.project_id = $1 AND t.name = $2 AND t.pushed_at IS NOT NULL"
    );
    let row = sqlx::query(AssertSqlSafe(text))
        .bind(project.id.0)
        .bind(name.as_str())
        .fetch_optional(proof.conn())
        .await?;
    row.as_ref().map(|row| repository(&project.name, row)).transpose()
}

pub async fn describe(
    proof: &mut Authorized<'_>,
    now: Stamp,
    name: &RepositoryName,
    description: &str,
) -> Result<bool> {
    let project = proof.project.id.0;
    let done = sqlx::query(
        "UPDATE repositories SET description = $3, updated_at = $4
         WHERE project_id = $1 AND name = $2 AND pushed_at IS NOT NULL",
    )
    .bind(project)
    .bind(name.as_str())
    .bind(description)
    .bind(now.0)
    .execute(proof.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What of `repositories AS t` and `projects AS p` a caller is shown.
fn seen(w: &mut Conditions, seen: &Seen) {
    w.and("p.deleted_at IS NULL AND t.pushed_at IS NOT NULL");
    if !seen.all {
        let (m, r, right) = (w.bind(seen.member), w.bind(seen.robot), seen.right.name());
        w.and(format!(
            "(p.public = 1 OR p.id IN (SELECT project_id FROM members WHERE user_id = {m})
              OR EXISTS (SELECT 1 FROM robot_grants AS g WHERE g.robot_id = {r} AND g.action = '{right}'
                         AND (g.scope = 'all' OR g.project_id = p.id)))"
        ));
    }
    if let Some(names) = &seen.ceiling {
        let places: Vec<String> = names.iter().map(|name| w.bind(name.clone())).map(|n| n.to_string()).collect();
        match places.is_empty() {
            true => w.and("1 = 0"),
            false => w.and(format!("(CAST(p.id AS TEXT) || '/' || t.name) IN ({})", places.join(", "))),
        }
    }
}

pub async fn search(c: &mut AnyConnection, seen_by: &Seen, text: &str, limit: i64) -> Result<Vec<(ProjectName, RepositoryName)>> {
    let mut w = Conditions::new();
    seen(&mut w, seen_by);
    let (like, n) = (w.bind(like_contains(&folded(text))), w.bind(limit));
    w.and(format!("t.full_name LIKE {like} ESCAPE '\\'"));
    let text = format!(
        "SELECT p.name AS project, t.name AS name FROM repositories AS t JOIN projects AS p ON p.id = t.project_id{} ORDER BY t.full_name LIMIT {n}",
        w.clause()
    );
    let rows = sqlx::query_with(AssertSqlSafe(text), w.arguments()).fetch_all(c).await?;
    let parsed = |row: &AnyRow| Some((row.get::<String, _>("project").parse().ok()?, row.get::<String, _>("name").parse().ok()?));
    Ok(rows.iter().filter_map(parsed).collect())
}

pub async fn catalog(c: &mut AnyConnection, seen_by: &Seen, last: &str, limit: i64) -> Result<Vec<String>> {
    let mut w = Conditions::new();
    seen(&mut w, seen_by);
    w.and("t.artifact_count > 0");
    if !last.is_empty() {
        let n = w.bind(last.to_owned());
        w.and(format!("t.full_name > {n}"));
    }
    let n = w.bind(limit);
    let text = format!(
        "SELECT t.full_name AS full_name FROM repositories AS t JOIN projects AS p ON p.id = t.project_id{}
         ORDER BY t.full_name LIMIT {n}",
        w.clause()
    );
    let rows = sqlx::query_with(AssertSqlSafe(text), w.arguments()).fetch_all(c).await?;
    Ok(rows.iter().map(|row| row.get("full_name")).collect())
}
