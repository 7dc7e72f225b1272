//! SQL of projects.

use super::{Filter, New};
use crate::access::Authorized;
use crate::db::{Conditions, Listing, named, one_of};
use crate::error::{Error, Result};
use crate::identity::{Principal, Who};
use model::list::Query;
use model::quota::{self, Quota};
use model::repository::Storage;
use model::project::{Project, ProjectDeletion, SignatureForecast};
use model::{Page, ProjectId, ProjectName, RetentionId, Role, Stamp, UserId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::BTreeMap;

const FROM: &str = "projects AS t LEFT JOIN users AS o ON o.id = t.owner_id";

const COLUMNS: &str = "t.id AS id, t.name AS name, t.public AS public, t.require_signature AS require_signature, t.policy AS policy, \
    (SELECT x.id FROM retentions AS x WHERE x.project_id = t.id) AS retention_id, \
    t.owner_id AS owner_id, COALESCE(o.name, '') AS owner_name, t.repository_count AS repository_count, \
    t.artifact_count AS artifact_count, t.member_count AS member_count, t.stored_bytes AS stored_bytes, t.logical_bytes AS logical_bytes, \
    t.used_bytes AS used_bytes, t.storage_limit AS storage_limit, t.created_at AS created_at, \
    t.updated_at AS updated_at, t.kept AS kept";

static LIST: Listing = Listing {
    from: FROM,
    columns: COLUMNS,
    sorts: &[
        ("name", "t.name"),
        ("repositories", "t.repository_count"),
        ("stored", "t.stored_bytes"),
        ("used", "t.used_bytes"),
        ("limit", "t.storage_limit"),
        ("created", "t.created_at"),
        ("updated", "t.updated_at"), ("id", "t.id")
    ],
    descending: false,
    keys: &[("id", "t.id"), ("owner", "t.owner_id"), ("created", "t.created_at"), ("updated", "t.updated_at")],
};

fn project(row: &AnyRow) -> Result<Project> {
    let name: String = row.get("name");
    let quota = Quota { used: row.get("used_bytes"), limit: quota::from_number(row.get("storage_limit")) };
    Ok(Project {
        id: ProjectId(row.get("id")),
        name: name.parse().map_err(|_| Error::Internal(format!("project name {name:?} in the database")))?,
        public: row.get::<i64, _>("public") != 0,
        policy: crate::policy::read(row.get("policy"), row.get::<i64, _>("require_signature") != 0, quota.limit)?,
        owner_id: UserId(row.get("owner_id")),
        owner_name: row.get("owner_name"),
        repository_count: row.get("repository_count"),
        artifact_count: row.get("artifact_count"),
        member_count: row.get("member_count"),
        storage: Storage { stored: row.get("stored_bytes"), logical: row.get("logical_bytes") },
        quota,
        role: None,
        retention: row.get::<Option<i64>, _>("retention_id").map(RetentionId),
        kept: serde_json::from_str(&row.get::<String, _>("kept")).unwrap_or_default(),
        created_at: Stamp(row.get("created_at")),
        updated_at: Stamp(row.get("updated_at")),
    })
}

/// Keeps what was sent, beside what was kept before; what is empty is kept no longer.
pub async fn keep(c: &mut AnyConnection, id: ProjectId, new: &BTreeMap<String, String>) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let row = sqlx::query("SELECT kept FROM projects WHERE id = $1").bind(id.0).fetch_one(&mut *c).await?;
    let mut kept: BTreeMap<String, String> = serde_json::from_str(&row.get::<String, _>("kept")).unwrap_or_default();
    kept.extend(new.clone());
    kept.retain(|_, value| !value.is_empty());
    let text = serde_json::to_string(&kept).map_err(|error| Error::Internal(error.to_string()))?;
    sqlx::query("UPDATE projects SET kept = $2 WHERE id = $1").bind(id.0).bind(text).execute(c).await?;
    Ok(())
}

/// How many there are, by whether they are public: projects, repositories, bytes.
pub async fn statistics(c: &mut AnyConnection, who: &Principal, sees_all: bool) -> Result<Vec<(bool, i64, i64, i64)>> {
    let mut w = Conditions::new();
    w.and("t.deleted_at IS NULL");
    visible(&mut w, who, sees_all);
    let text = format!(
        "SELECT t.public AS public, CAST(COUNT(*) AS BIGINT) AS n, CAST(SUM(t.repository_count) AS BIGINT) AS repositories,
           CAST(SUM(t.stored_bytes) AS BIGINT) AS bytes FROM projects AS t{} GROUP BY t.public",
        w.clause()
    );
    let rows = sqlx::query_with(AssertSqlSafe(text), w.arguments()).fetch_all(c).await?;
    Ok(rows.iter().map(|row| (row.get::<i64, _>("public") != 0, row.get("n"), row.get("repositories"), row.get("bytes"))).collect())
}

/// `None`: the name is taken.
pub async fn insert(
    c: &mut AnyConnection,
    now: Stamp,
    name: &ProjectName,
    new: &New,
    limit: Option<i64>,
    owner: Option<UserId>,
) -> Result<Option<ProjectId>> {
    let row = sqlx::query(
        "INSERT INTO projects (name, public, require_signature, owner_id, repository_count, artifact_count,
           member_count, storage_limit, created_at, updated_at)
         VALUES ($1, $2, $3, $4, 0, 0, 0, $6, $5, $5) ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(name.as_str())
    .bind(i64::from(new.public))
    .bind(i64::from(new.require_signature))
    .bind(owner.map_or(0, |id| id.0))
    .bind(now.0)
    .bind(quota::to_number(limit))
    .fetch_optional(c)
    .await?;
    Ok(row.map(|row| ProjectId(row.get("id"))))
}

async fn role(c: &mut AnyConnection, who: &Principal, id: ProjectId) -> Result<Option<Role>> {
    let Who::User { id: user, .. } = &who.who else { return Ok(None) };
    let row = sqlx::query("SELECT role FROM members WHERE project_id = $1 AND user_id = $2")
        .bind(id.0)
        .bind(user.0)
        .fetch_optional(c)
        .await?;
    Ok(row.and_then(|row| Role::from_id(row.get("role"))))
}

pub async fn get(c: &mut AnyConnection, who: &Principal, id: ProjectId) -> Result<Option<Project>> {
    let text = format!("SELECT {COLUMNS} FROM {FROM} WHERE t.id = $1 AND t.deleted_at IS NULL");
    let Some(row) = sqlx::query(AssertSqlSafe(text)).bind(id.0).fetch_optional(&mut *c).await? else {
        return Ok(None);
    };
    let mut project = project(&row)?;
    project.role = role(c, who, id).await?;
    Ok(Some(project))
}

pub async fn was(c: &mut AnyConnection, id: ProjectId) -> Result<bool> {
    Ok(sqlx::query("SELECT id FROM projects WHERE id = $1").bind(id.0).fetch_optional(c).await?.is_some())
}

pub async fn name(c: &mut AnyConnection, id: ProjectId) -> Result<Option<ProjectName>> {
    let row = sqlx::query("SELECT name FROM projects WHERE id = $1 AND deleted_at IS NULL")
        .bind(id.0)
        .fetch_optional(c)
        .await?;
    Ok(row.and_then(|row| row.get::<String, _>("name").parse().ok()))
}

pub async fn name_taken(c: &mut AnyConnection, name: &ProjectName) -> Result<bool> {
    let row = sqlx::query("SELECT id FROM projects WHERE name = $1 AND deleted_at IS NULL")
        .bind(name.as_str())
        .fetch_optional(c)
        .await?;
    Ok(row.is_some())
}

/// Adds the condition under which the caller sees a row of `projects AS t`.
fn visible(w: &mut Conditions, who: &Principal, sees_all: bool) {
    match &who.who {
        _ if sees_all => {}
        Who::User { id, .. } => {
            let n = w.bind(id.0);
            w.and(format!("(t.public = 1 OR t.id IN (SELECT project_id FROM members WHERE user_id = {n}))"));
        }
        Who::Robot { id, .. } => {
            let n = w.bind(id.0);
            w.and(format!(
                "(t.public = 1 OR t.id IN (SELECT project_id FROM robot_grants WHERE robot_id = {n} AND scope = 'project'))"
            ));
        }
        Who::Anonymous | Who::System => w.and("t.public = 1"),
    }
}

pub async fn list(
    c: &mut AnyConnection,
    who: &Principal,
    sees_all: bool,
    query: &Query,
    filter: &Filter,
) -> Result<Page<Project>> {
    let mut page = LIST
        .fetch(
            c,
            query,
            |w| {
                w.and("t.deleted_at IS NULL");
                visible(w, who, sees_all);
                named(w, query, "t.name", "t.name");
                if let Some(owner) = &filter.owner {
                    one_of(w, "o.name", std::slice::from_ref(owner));
                }
                if let Some(id) = filter.id {
                    let n = w.bind(id.0);
                    w.and(format!("t.id = {n}"));
                }
                if let Some(public) = filter.public {
                    let n = w.bind(i64::from(public));
                    w.and(format!("t.public = {n}"));
                }
            },
            project,
        )
        .await?;
    for project in &mut page.items {
        project.role = role(c, who, project.id).await?;
    }
    Ok(page)
}

pub async fn update(
    proof: &mut Authorized<'_>,
    now: Stamp,
    public: Option<bool>,
    require_signature: Option<bool>,
) -> Result<()> {
    let (public, require_signature) =
        (public.unwrap_or(proof.project.public), require_signature.unwrap_or(proof.project.policy.require_signature));
    let id = proof.project.id;
    sqlx::query("UPDATE projects SET public = $2, require_signature = $3, updated_at = $4 WHERE id = $1")
        .bind(id.0)
        .bind(i64::from(public))
        .bind(i64::from(require_signature))
        .bind(now.0)
        .execute(proof.conn())
        .await?;
    Ok(())
}

pub async fn forecast(proof: &mut Authorized<'_>) -> Result<SignatureForecast> {
    let id = proof.project.id;
    let row = sqlx::query(
        "SELECT CAST(COUNT(*) AS BIGINT) AS total,
           CAST(COALESCE(SUM(CASE WHEN signed = 0 THEN 1 ELSE 0 END), 0) AS BIGINT) AS unsigned
         FROM artifacts WHERE project_id = $1 AND listed = 1 AND accessory_kind IS NULL
           AND repository_id IN (SELECT id FROM repositories WHERE project_id = $1 AND pushed_at IS NOT NULL)",
    )
    .bind(id.0)
    .fetch_one(proof.conn())
    .await?;
    Ok(SignatureForecast { unsigned: row.get("unsigned"), total: row.get("total") })
}

pub async fn deletion(proof: &mut Authorized<'_>, now: Stamp) -> Result<ProjectDeletion> {
    let id = proof.project.id;
    let row = sqlx::query(
        "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM repositories WHERE project_id = $1 AND pushed_at IS NOT NULL) AS repositories,
           (SELECT CAST(COUNT(*) AS BIGINT) FROM members WHERE project_id = $1) AS members,
           (SELECT CAST(COUNT(*) AS BIGINT) FROM robots WHERE project_id = $1) AS robots",
    )
    .bind(id.0)
    .fetch_one(proof.conn())
    .await?;
    let repositories: i64 = row.get("repositories");
    let refused = (repositories > 0)
        .then(|| {
            let them = if repositories == 1 { "it" } else { "them" };
            format!("the project {} holds {}: delete {them} first", proof.project.name, model::stamp::count(repositories, "repository"))
        });
    let waiting = crate::deletions::sql::waiting(proof.conn(), now, Some(id.0)).await?;
    Ok(ProjectDeletion { refused, members: row.get("members"), robots: row.get("robots"), waiting })
}

pub async fn delete(proof: &mut Authorized<'_>, now: Stamp) -> Result<()> {
    let id = proof.project.id.0;
    let c = proof.conn();
    for text in [
        "DELETE FROM robot_grants WHERE robot_id IN (SELECT id FROM robots WHERE project_id = $1)",
        "DELETE FROM robot_grants WHERE scope = 'project' AND project_id = $1",
        "DELETE FROM robots WHERE project_id = $1",
        "DELETE FROM members WHERE project_id = $1",
        "DELETE FROM schedules WHERE kind = 'retention' AND key IN (SELECT CAST(id AS TEXT) FROM retentions WHERE project_id = $1)",
        "DELETE FROM retentions WHERE project_id = $1",
        "DELETE FROM artifact_labels WHERE label_id IN (SELECT id FROM labels WHERE project_id = $1)",
        "DELETE FROM labels WHERE project_id = $1",
        "DELETE FROM uploads WHERE project_id = $1",
        "DELETE FROM repository_days WHERE project_id = $1",
        "DELETE FROM project_days WHERE project_id = $1",
        "DELETE FROM repository_blobs WHERE repository_id IN (SELECT id FROM repositories WHERE project_id = $1 AND name NOT LIKE '#%')",
        "DELETE FROM repositories WHERE project_id = $1 AND name NOT LIKE '#%'",
    ] {
        sqlx::query(text).bind(id).execute(&mut *c).await?;
    }
    crate::deletions::parked::end_all(c, now, id).await?;
    sqlx::query("UPDATE projects SET deleted_at = $2, updated_at = $2 WHERE id = $1")
        .bind(id)
        .bind(now.0)
        .execute(c)
        .await?;
    Ok(())
}
