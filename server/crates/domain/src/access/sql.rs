//! SQL of authorization.

use super::ProjectRow;
use crate::error::Result;
use crate::identity::Principal;
use crate::policy;
use model::{Action, ProjectId, ProjectName, Role, RobotId, Stamp, UserId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::sync::Arc;

/// What is asked of a project `p` wherever it is looked at: with it whether the server is read-only, and what the system demands.
const PROJECT: &str = "p.id AS id, p.public AS public, p.require_signature AS require_signature, p.policy AS policy, p.owner_id AS owner_id,
  CAST(CASE WHEN EXISTS (SELECT 1 FROM configuration WHERE name = 'quota_per_project_enable' AND value = 'false') THEN -1 ELSE p.storage_limit END
    AS BIGINT) AS storage_limit,
  CAST(CASE WHEN EXISTS (SELECT 1 FROM configuration WHERE name = 'read_only' AND value = 'true') THEN 1 ELSE 0 END AS BIGINT) AS read_only,
  (SELECT value FROM configuration WHERE name = 'policy') AS system_policy";

fn row(name: &ProjectName, row: &AnyRow) -> Result<ProjectRow> {
    let limit = model::quota::from_number(row.get("storage_limit"));
    let mut policy = policy::read(row.get("policy"), row.get::<i64, _>("require_signature") != 0, limit)?;
    if let Some(system) = row.get::<Option<&str>, _>("system_policy") {
        policy.bind(policy::read(system, false, None)?);
    }
    Ok(ProjectRow {
        id: ProjectId(row.get("id")),
        name: name.clone(),
        public: row.get::<i64, _>("public") != 0,
        policy: Arc::new(policy),
        owner_id: UserId(row.get("owner_id")),
        read_only: row.get::<i64, _>("read_only") != 0,
    })
}

/// The project of this name.
pub async fn project(c: &mut AnyConnection, name: &ProjectName) -> Result<Option<ProjectRow>> {
    let text = format!("SELECT {PROJECT} FROM projects AS p WHERE p.name = $1 AND p.deleted_at IS NULL");
    let found = sqlx::query(AssertSqlSafe(text)).bind(name.as_str()).fetch_optional(c).await?;
    found.map(|found| row(name, &found)).transpose()
}

/// How a user's account stands.
pub struct User {
    pub admin: bool,
    disabled: bool,
    version: i64,
}

impl User {
    fn of(row: &AnyRow) -> User {
        User { admin: row.get::<i64, _>("admin") != 0, disabled: row.get::<i64, _>("disabled") != 0, version: row.get("credentials_version") }
    }

    /// Is the account what the caller signed in with?
    pub fn live(&self, who: &Principal) -> bool {
        !self.disabled && self.version == who.credentials_version
    }
}

pub async fn user(c: &mut AnyConnection, id: UserId) -> Result<Option<User>> {
    let text = "SELECT admin, disabled, credentials_version FROM users WHERE id = $1 AND deleted_at IS NULL";
    Ok(sqlx::query(text).bind(id.0).fetch_optional(c).await?.as_ref().map(User::of))
}

/// A user, and the project of this name, if there is one, with their role in it.
pub async fn user_in(c: &mut AnyConnection, id: UserId, name: &ProjectName) -> Result<Option<(User, Option<(ProjectRow, Option<Role>)>)>> {
    let text = format!(
        "SELECT {PROJECT}, u.admin AS admin, u.disabled AS disabled, u.credentials_version AS credentials_version, m.role AS role
         FROM users AS u LEFT JOIN projects AS p ON p.name = $2 AND p.deleted_at IS NULL
         LEFT JOIN members AS m ON m.project_id = p.id AND m.user_id = u.id
         WHERE u.id = $1 AND u.deleted_at IS NULL"
    );
    let Some(found) = sqlx::query(AssertSqlSafe(text)).bind(id.0).bind(name.as_str()).fetch_optional(c).await? else { return Ok(None) };
    let user = User::of(&found);
    let Some(_) = found.get::<Option<i64>, _>("id") else { return Ok(Some((user, None))) };
    let role = found.get::<Option<i64>, _>("role").and_then(Role::from_id);
    Ok(Some((user, Some((row(name, &found)?, role)))))
}

/// How a robot account stands.
pub struct Robot {
    disabled: bool,
    version: i64,
    /// When it ends by itself.
    pub until: Option<Stamp>,
}

impl Robot {
    /// Is the account what the caller signed in with, and has it not ended?
    pub fn live(&self, who: &Principal, now: Stamp) -> bool {
        !self.disabled && self.until.is_none_or(|at| at > now) && self.version == who.credentials_version
    }
}

pub async fn robot(c: &mut AnyConnection, id: RobotId) -> Result<Option<Robot>> {
    let row = sqlx::query("SELECT disabled, expires_at, credentials_version FROM robots WHERE id = $1").bind(id.0).fetch_optional(c).await?;
    Ok(row.map(|row| Robot {
        disabled: row.get::<i64, _>("disabled") != 0,
        version: row.get("credentials_version"),
        until: row.get::<Option<i64>, _>("expires_at").map(Stamp),
    }))
}

/// What a robot account is granted on the system (`system`) and in every project (`all`).
pub async fn grants_everywhere(c: &mut AnyConnection, id: RobotId) -> Result<Vec<(String, Action)>> {
    let text = "SELECT scope, action FROM robot_grants WHERE robot_id = $1 AND project_id = 0";
    let rows = sqlx::query(text).bind(id.0).fetch_all(c).await?;
    Ok(rows.iter().filter_map(|row| Some((row.get("scope"), Action::by_name(row.get("action"))?))).collect())
}

/// What it is granted in this project.
pub async fn grants_in(c: &mut AnyConnection, id: RobotId, project: ProjectId) -> Result<Vec<Action>> {
    let text = "SELECT action FROM robot_grants WHERE robot_id = $1 AND scope = 'project' AND project_id = $2";
    let rows = sqlx::query(text).bind(id.0).bind(project.0).fetch_all(c).await?;
    Ok(rows.iter().filter_map(|row| Action::by_name(row.get("action"))).collect())
}

/// May whoever signs in make a project?
pub async fn everyone_makes_projects(c: &mut AnyConnection) -> Result<bool> {
    let text = "SELECT value FROM configuration WHERE name = 'project_creation_restriction' AND value = 'adminonly'";
    Ok(sqlx::query(text).fetch_optional(c).await?.is_none())
}
