//! SQL of users.

use crate::db::{Listing, folded, like_prefix, named};
use crate::error::Result;
use model::list::Query;
use model::user::{NewUser, User};
use model::{Page, Role, Stamp, UserId, UserName};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

const COLUMNS: &str =
    "t.id AS id, t.name AS name, t.email AS email, t.full_name AS full_name, t.comment AS comment, t.admin AS admin, \
     t.disabled AS disabled, t.created_at AS created_at, t.updated_at AS updated_at";

static LIST: Listing = Listing {
    from: "users AS t",
    columns: COLUMNS,
    sorts: &[("name", "t.name_folded"), ("email", "t.email"), ("created", "t.created_at"), ("id", "t.id"), ("updated", "t.updated_at")],
    descending: false,
    keys: &[("id", "t.id"), ("email", "t.email"), ("full_name", "t.full_name"), ("comment", "t.comment"), ("admin", "t.admin"), ("created", "t.created_at"), ("updated",
        "t.updated_at")],
};

/// What authentication needs of a user.
pub(crate) struct Credentials {
    pub id: UserId,
    pub name: String,
    pub password_hash: String,
    pub disabled: bool,
    pub credentials_version: i64,
}

fn user(row: &AnyRow) -> User {
    User {
        id: UserId(row.get("id")),
        name: row.get("name"),
        email: row.get("email"),
        full_name: row.get("full_name"),
        comment: row.get("comment"),
        admin: row.get::<i64, _>("admin") != 0,
        disabled: row.get::<i64, _>("disabled") != 0,
        created_at: Stamp(row.get("created_at")),
        updated_at: Stamp(row.get("updated_at")),
    }
}

pub async fn any(c: &mut AnyConnection) -> Result<bool> {
    Ok(sqlx::query("SELECT id FROM users LIMIT 1").fetch_optional(c).await?.is_some())
}

/// `None`: the name is taken.
pub async fn insert(
    c: &mut AnyConnection,
    now: Stamp,
    name: &UserName,
    input: &NewUser,
    hash: &str,
    admin: bool,
) -> Result<Option<UserId>> {
    let row = sqlx::query(
        "INSERT INTO users (name, name_folded, email, full_name, comment, password_hash, admin, disabled,
           credentials_version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 1, $8, $8)
         ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(name.as_str())
    .bind(name.folded())
    .bind(input.email.as_str())
    .bind(input.full_name.as_str())
    .bind(input.comment.as_str())
    .bind(hash)
    .bind(i64::from(admin))
    .bind(now.0)
    .fetch_optional(c)
    .await?;
    Ok(row.map(|row| UserId(row.get("id"))))
}

pub async fn get(c: &mut AnyConnection, id: UserId) -> Result<Option<User>> {
    let row = sqlx::query(
        "SELECT id, name, email, full_name, comment, admin, disabled, created_at, updated_at
         FROM users WHERE id = $1 AND deleted_at IS NULL",
    )
    .bind(id.0)
    .fetch_optional(c)
    .await?;
    Ok(row.as_ref().map(user))
}

pub async fn list(c: &mut AnyConnection, query: &Query) -> Result<Page<User>> {
    LIST.fetch(
        c,
        query,
        |w| {
            w.and("t.deleted_at IS NULL");
            named(w, query, "t.name_folded", "t.name");
        },
        |row| Ok(user(row)),
    )
    .await
}

/// A user whose name begins so.
pub async fn named_like(c: &mut AnyConnection, begin: &str) -> Result<Option<String>> {
    let text = "SELECT name FROM users WHERE name_folded LIKE $1 ESCAPE '\\' AND deleted_at IS NULL ORDER BY name_folded LIMIT 1";
    let row = sqlx::query(text).bind(like_prefix(&folded(begin))).fetch_optional(c).await?;
    Ok(row.map(|row| row.get("name")))
}

pub async fn search(c: &mut AnyConnection, text: &str, most: i64) -> Result<Vec<(UserId, String, String)>> {
    let rows = sqlx::query(
        "SELECT id, name, full_name FROM users
         WHERE deleted_at IS NULL AND name_folded LIKE $1 ESCAPE '\\' ORDER BY name_folded LIMIT $2",
    )
    .bind(like_prefix(&folded(text)))
    .bind(most)
    .fetch_all(c)
    .await?;
    Ok(rows.iter().map(|row| (UserId(row.get("id")), row.get("name"), row.get("full_name"))).collect())
}

pub async fn share_a_project(c: &mut AnyConnection, one: UserId, other: UserId) -> Result<bool> {
    let text = "SELECT a.id AS id FROM members AS a JOIN members AS b ON b.project_id = a.project_id WHERE a.user_id = $1 AND b.user_id = $2 LIMIT 1";
    Ok(sqlx::query(text).bind(one.0).bind(other.0).fetch_optional(c).await?.is_some())
}

pub async fn administers_a_project(c: &mut AnyConnection, id: UserId) -> Result<bool> {
    let row = sqlx::query("SELECT id FROM members WHERE user_id = $1 AND role = $2 LIMIT 1")
        .bind(id.0)
        .bind(Role::ProjectAdmin.id())
        .fetch_optional(c)
        .await?;
    Ok(row.is_some())
}

pub async fn credentials(c: &mut AnyConnection, name: &str) -> Result<Option<Credentials>> {
    let row = sqlx::query(
        "SELECT id, name, password_hash, disabled, credentials_version FROM users
         WHERE name_folded = $1 AND deleted_at IS NULL",
    )
    .bind(name.to_ascii_lowercase())
    .fetch_optional(c)
    .await?;
    Ok(row.map(|row| Credentials {
        id: UserId(row.get("id")),
        name: row.get("name"),
        password_hash: row.get("password_hash"),
        disabled: row.get::<i64, _>("disabled") != 0,
        credentials_version: row.get("credentials_version"),
    }))
}

pub async fn update(
    c: &mut AnyConnection,
    now: Stamp,
    id: UserId,
    email: &str,
    full_name: &str,
    comment: &str,
) -> Result<()> {
    sqlx::query("UPDATE users SET email = $2, full_name = $3, comment = $4, updated_at = $5 WHERE id = $1 AND deleted_at IS NULL")
        .bind(id.0)
        .bind(email)
        .bind(full_name)
        .bind(comment)
        .bind(now.0)
        .execute(c)
        .await?;
    Ok(())
}

/// Ends every session, and by the version every token.
pub async fn set_password(c: &mut AnyConnection, now: Stamp, id: UserId, hash: &str) -> Result<i64> {
    sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(id.0).execute(&mut *c).await?;
    let row = sqlx::query(
        "UPDATE users SET password_hash = $2, credentials_version = credentials_version + 1, updated_at = $3
         WHERE id = $1 RETURNING credentials_version",
    )
    .bind(id.0)
    .bind(hash)
    .bind(now.0)
    .fetch_one(c)
    .await?;
    Ok(row.get("credentials_version"))
}

pub async fn other_admins(c: &mut AnyConnection, id: UserId) -> Result<i64> {
    let row = sqlx::query(
        "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM users
         WHERE admin = 1 AND disabled = 0 AND deleted_at IS NULL AND id <> $1",
    )
    .bind(id.0)
    .fetch_one(c)
    .await?;
    Ok(row.get("n"))
}

pub async fn set_admin(c: &mut AnyConnection, now: Stamp, id: UserId, admin: bool) -> Result<()> {
    sqlx::query("UPDATE users SET admin = $2, updated_at = $3 WHERE id = $1")
        .bind(id.0)
        .bind(i64::from(admin))
        .bind(now.0)
        .execute(c)
        .await?;
    Ok(())
}

pub async fn set_disabled(c: &mut AnyConnection, now: Stamp, id: UserId, disabled: bool) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(id.0).execute(&mut *c).await?;
    sqlx::query(
        "UPDATE users SET disabled = $2, credentials_version = credentials_version + 1, updated_at = $3 WHERE id = $1",
    )
    .bind(id.0)
    .bind(i64::from(disabled))
    .bind(now.0)
    .execute(c)
    .await?;
    Ok(())
}

pub async fn delete(c: &mut AnyConnection, now: Stamp, id: UserId) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(id.0).execute(&mut *c).await?;
    sqlx::query(
        "UPDATE projects SET member_count = member_count - 1
         WHERE id IN (SELECT project_id FROM members WHERE user_id = $1)",
    )
    .bind(id.0)
    .execute(&mut *c)
    .await?;
    sqlx::query("DELETE FROM members WHERE user_id = $1").bind(id.0).execute(&mut *c).await?;
    sqlx::query("UPDATE users SET deleted_at = $2, credentials_version = credentials_version + 1 WHERE id = $1")
        .bind(id.0)
        .bind(now.0)
        .execute(c)
        .await?;
    Ok(())
}
