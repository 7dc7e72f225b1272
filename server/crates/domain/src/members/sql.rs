//! SQL of members.

use crate::access::Authorized;
use crate::db::{Listing, named};
use crate::error::{Error, Result};
use model::list::Query;
use model::project::Member;
use model::{MemberId, Page, ProjectId, Role, Stamp, UserId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

const FROM: &str = "members AS t JOIN users AS u ON u.id = t.user_id";
const COLUMNS: &str = "t.id AS id, t.project_id AS project_id, t.user_id AS user_id, u.name AS user_name, \
    u.full_name AS full_name, t.role AS role, t.created_at AS created_at";

static LIST: Listing = Listing {
    from: FROM,
    columns: COLUMNS,
    sorts: &[("created", "t.created_at"), ("role", "t.role"), ("id", "t.id"), ("name", "u.name_folded")],
    descending: false,
    keys: &[],
};

fn member(row: &AnyRow) -> Result<Member> {
    let role: i64 = row.get("role");
    Ok(Member {
        id: MemberId(row.get("id")),
        project_id: ProjectId(row.get("project_id")),
        user_id: UserId(row.get("user_id")),
        user_name: row.get("user_name"),
        full_name: row.get("full_name"),
        role: Role::from_id(role).ok_or_else(|| Error::Internal(format!("role {role} in the database")))?,
        created_at: Stamp(row.get("created_at")),
    })
}

pub async fn list(proof: &mut Authorized<'_>, query: &Query) -> Result<Page<Member>> {
    let id = proof.project.id.0;
    LIST.fetch(
        proof.conn(),
        query,
        |w| {
            let n = w.bind(id);
            w.and(format!("t.project_id = {n}"));
            named(w, query, "u.name_folded", "u.name");
        },
        member,
    )
    .await
}

pub async fn get(proof: &mut Authorized<'_>, id: MemberId) -> Result<Option<Member>> {
    let text = format!("SELECT {COLUMNS} FROM {FROM} WHERE t.id = $1 AND t.project_id = $2");
    let project = proof.project.id.0;
    let row = sqlx::query(AssertSqlSafe(text)).bind(id.0).bind(project).fetch_optional(proof.conn()).await?;
    row.as_ref().map(member).transpose()
}

pub async fn user_id(c: &mut AnyConnection, name: &str) -> Result<Option<UserId>> {
    let row = sqlx::query("SELECT id FROM users WHERE name_folded = $1 AND deleted_at IS NULL")
        .bind(name.to_ascii_lowercase().replace('\0', ""))
        .fetch_optional(c)
        .await?;
    Ok(row.map(|row| UserId(row.get("id"))))
}

/// `None`: a member already. The caller has checked the right, or has just made the project.
pub async fn add(
    c: &mut AnyConnection,
    now: Stamp,
    project: ProjectId,
    user: UserId,
    role: Role,
) -> Result<Option<MemberId>> {
    let row = sqlx::query(
        "INSERT INTO members (project_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(project.0)
    .bind(user.0)
    .bind(role.id())
    .bind(now.0)
    .fetch_optional(&mut *c)
    .await?;
    let Some(row) = row else { return Ok(None) };
    sqlx::query("UPDATE projects SET member_count = member_count + 1 WHERE id = $1").bind(project.0).execute(c).await?;
    Ok(Some(MemberId(row.get("id"))))
}

/// Refuses to lose the project's last admin.
pub async fn keep_an_admin(proof: &mut Authorized<'_>, id: MemberId) -> Result<()> {
    let project = proof.project.id.0;
    let row = sqlx::query("SELECT id FROM members WHERE project_id = $1 AND role = $2 AND id <> $3 LIMIT 1")
        .bind(project)
        .bind(Role::ProjectAdmin.id())
        .bind(id.0)
        .fetch_optional(proof.conn())
        .await?;
    if row.is_some() {
        return Ok(());
    }
    Err(Error::conflict("role", "is that of the project's last admin: make another member project admin first"))
}

/// How many members have which role.
pub async fn roles(proof: &mut Authorized<'_>) -> Result<Vec<(Role, i64)>> {
    let project = proof.project.id.0;
    let text = "SELECT role, CAST(COUNT(*) AS BIGINT) AS n FROM members WHERE project_id = $1 GROUP BY role";
    let rows = sqlx::query(text).bind(project).fetch_all(proof.conn()).await?;
    Ok(rows.iter().filter_map(|row| Some((Role::from_id(row.get("role"))?, row.get("n")))).collect())
}

pub async fn set_role(proof: &mut Authorized<'_>, id: MemberId, role: Role) -> Result<()> {
    let project = proof.project.id.0;
    sqlx::query("UPDATE members SET role = $3 WHERE id = $1 AND project_id = $2")
        .bind(id.0)
        .bind(project)
        .bind(role.id())
        .execute(proof.conn())
        .await?;
    Ok(())
}

pub async fn delete(proof: &mut Authorized<'_>, id: MemberId) -> Result<()> {
    let project = proof.project.id.0;
    sqlx::query("DELETE FROM members WHERE id = $1 AND project_id = $2")
        .bind(id.0)
        .bind(project)
        .execute(proof.conn())
        .await?;
    sqlx::query("UPDATE projects SET member_count = member_count - 1 WHERE id = $1")
        .bind(project)
        .execute(proof.conn())
        .await?;
    Ok(())
}
