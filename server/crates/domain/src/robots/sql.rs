//! SQL of robot accounts.

use crate::db::{Listing, named};
use crate::error::{Error, Result};
use model::list::Query;
use model::robot::{Grant, NewRobot, Robot, Scope};
use model::{Action, Page, ProjectName, RobotId, RobotName, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::BTreeMap;

const FROM: &str = "robots AS t LEFT JOIN projects AS p ON p.id = t.project_id";
const COLUMNS: &str = "t.id AS id, t.name AS name, COALESCE(p.name, '') AS project, t.description AS description, \
    t.disabled AS disabled, t.days AS days, t.expires_at AS expires_at, t.last_used_at AS last_used_at, \
    t.created_at AS created_at, t.updated_at AS updated_at";

static LIST: Listing = Listing {
    from: FROM,
    columns: COLUMNS,
    sorts: &[("name", "t.name"), ("created", "t.created_at"), ("id", "t.id"), ("updated", "t.updated_at")],
    descending: false,
    keys: &[("id", "t.id"), ("disabled", "t.disabled"), ("description", "t.description"), ("created", "t.created_at"), ("updated", "t.updated_at")],
};

/// What authentication needs of a robot account.
pub struct Credentials {
    pub id: RobotId,
    pub secret_hash: String,
    pub disabled: bool,
    pub expires_at: Option<Stamp>,
    pub credentials_version: i64,
    /// Who made its project, if that is no administrator.
    pub owner: Option<model::UserId>,
}

fn robot(prefix: &str, row: &AnyRow) -> Result<Robot> {
    let broken = |_| Error::Internal("a robot account's name in the database is malformed".to_owned());
    let project: String = row.get("project");
    let name: String = row.get("name");
    let full_name =
        if project.is_empty() { format!("{prefix}{name}") } else { format!("{prefix}{project}+{name}") };
    Ok(Robot {
        id: RobotId(row.get("id")),
        full_name,
        name: name.parse::<RobotName>().map_err(broken)?,
        project: if project.is_empty() { None } else { Some(project.parse::<ProjectName>().map_err(broken)?) },
        description: row.get("description"),
        disabled: row.get::<i64, _>("disabled") != 0,
        days: row.get("days"),
        expires_at: row.get::<Option<i64>, _>("expires_at").map(Stamp),
        grants: Vec::new(),
        last_used_at: row.get::<Option<i64>, _>("last_used_at").map(Stamp),
        created_at: Stamp(row.get("created_at")),
        updated_at: Stamp(row.get("updated_at")),
    })
}

/// `None`: the name is taken.
pub async fn insert(
    c: &mut AnyConnection,
    now: Stamp,
    project: i64,
    name: &RobotName,
    input: &NewRobot,
    hash: &str,
    expires_at: Option<Stamp>,
) -> Result<Option<RobotId>> {
    let row = sqlx::query(
        "INSERT INTO robots (project_id, name, description, secret_hash, disabled, days, expires_at,
           credentials_version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8) ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(project)
    .bind(name.as_str())
    .bind(input.description.as_str())
    .bind(hash)
    .bind(i64::from(input.disabled))
    .bind(input.days)
    .bind(expires_at.map(|at| at.0))
    .bind(now.0)
    .fetch_optional(c)
    .await?;
    Ok(row.map(|row| RobotId(row.get("id"))))
}

/// How a grant's effect is stored, of which something was said.
const ALLOW: &str = "allow";

/// Replaces what the account may do. A project that is not there is refused.
pub async fn set_grants(c: &mut AnyConnection, id: RobotId, grants: &[Grant]) -> Result<()> {
    sqlx::query("DELETE FROM robot_grants WHERE robot_id = $1").bind(id.0).execute(&mut *c).await?;
    for grant in grants {
        let (scope, project) = match &grant.scope {
            Scope::System => ("system", 0),
            Scope::AllProjects => ("all", 0),
            Scope::Project(name) => {
                let row = sqlx::query("SELECT id FROM projects WHERE name = $1 AND deleted_at IS NULL")
                    .bind(name.as_str())
                    .fetch_optional(&mut *c)
                    .await?
                    .ok_or_else(|| {
                        Error::invalid("permissions", format!("name a project that does not exist: {name}"))
                    })?;
                ("project", row.get::<i64, _>("id"))
            }
        };
        // What gives nothing has a name that no right ever has.
        let names = grant.actions.iter().map(|action| action.name().to_owned()).chain(grant.others.iter().map(|other| format!("~{other}")));
        for name in names {
            sqlx::query(
                "INSERT INTO robot_grants (robot_id, scope, project_id, action, effect) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT DO NOTHING",
            )
            .bind(id.0)
            .bind(scope)
            .bind(project)
            .bind(name)
            .bind(if grant.says_allow { ALLOW } else { "" })
            .execute(&mut *c)
            .await?;
        }
    }
    Ok(())
}

async fn grants(c: &mut AnyConnection, id: RobotId) -> Result<Vec<Grant>> {
    let rows = sqlx::query(
        "SELECT g.scope AS scope, COALESCE(p.name, '') AS project, g.action AS action, g.effect AS effect
         FROM robot_grants AS g LEFT JOIN projects AS p ON p.id = g.project_id
         WHERE g.robot_id = $1",
    )
    .bind(id.0)
    .fetch_all(c)
    .await?;
    let mut by_scope: BTreeMap<Scope, Grant> = BTreeMap::new();
    for row in rows {
        let scope = match row.get::<String, _>("scope").as_str() {
            "system" => Scope::System,
            "all" => Scope::AllProjects,
            _ => match row.get::<String, _>("project").parse() {
                Ok(project) => Scope::Project(project),
                Err(_) => continue,
            },
        };
        let name: String = row.get("action");
        let (other, action) = (name.strip_prefix('~'), Action::by_name(&name));
        // A right of a newer server's gives nothing here.
        if other.is_none() && action.is_none() {
            continue;
        }
        let grant = by_scope.entry(scope.clone()).or_insert_with(|| Grant::new(scope, Vec::new()));
        grant.others.extend(other.map(str::to_owned));
        grant.actions.extend(action.filter(|_| other.is_none()));
        grant.says_allow |= row.get::<&str, _>("effect") == ALLOW;
    }
    let sorted = |mut grant: Grant| {
        grant.actions.sort();
        grant.others.sort();
        grant
    };
    Ok(by_scope.into_values().map(sorted).collect())
}

pub async fn get(c: &mut AnyConnection, prefix: &str, id: RobotId) -> Result<Option<Robot>> {
    let text = format!("SELECT {COLUMNS} FROM {FROM} WHERE t.id = $1");
    let Some(row) = sqlx::query(AssertSqlSafe(text)).bind(id.0).fetch_optional(&mut *c).await? else {
        return Ok(None);
    };
    let mut robot = robot(prefix, &row)?;
    robot.grants = grants(c, id).await?;
    Ok(Some(robot))
}

/// Of a project's accounts, or the system's (0). A part is looked for in the whole name, which begins with `before`; whole names may have
/// that or not.
pub async fn list(c: &mut AnyConnection, prefix: &str, before: &str, project: i64, query: &Query) -> Result<Page<Robot>> {
    let short = |name: &String| name.strip_prefix(before).unwrap_or(name).to_owned();
    let query = &Query { names: query.names.as_ref().map(|names| names.iter().map(short).collect()), ..query.clone() };
    let mut page = LIST
        .fetch(
            c,
            query,
            |w| {
                let n = w.bind(project);
                w.and(format!("t.project_id = {n}"));
                let whole = if query.search.is_empty() { String::new() } else { format!("LOWER(CAST({} AS TEXT) || t.name)", w.bind(before.to_owned())) };
                named(w, query, &whole, "t.name");
            },
            |row| robot(prefix, row),
        )
        .await?;
    for robot in &mut page.items {
        robot.grants = grants(c, robot.id).await?;
    }
    Ok(page)
}

pub async fn credentials(c: &mut AnyConnection, project: Option<&str>, name: &str) -> Result<Option<Credentials>> {
    const SELECT: &str = "SELECT r.id AS id, r.secret_hash AS secret_hash, r.disabled AS disabled, \
        r.expires_at AS expires_at, r.credentials_version AS credentials_version, \
        (SELECT u.id FROM projects AS o JOIN users AS u ON u.id = o.owner_id AND u.admin = 0 WHERE o.id = r.project_id) AS owner FROM robots AS r";
    let row = match project {
        None => {
            let text = format!("{SELECT} WHERE r.project_id = 0 AND r.name = $1");
            sqlx::query(AssertSqlSafe(text)).bind(name).fetch_optional(c).await?
        }
        Some(project) => {
            let text = format!(
                "{SELECT} JOIN projects AS p ON p.id = r.project_id
                 WHERE p.name = $1 AND p.deleted_at IS NULL AND r.name = $2"
            );
            sqlx::query(AssertSqlSafe(text)).bind(project).bind(name).fetch_optional(c).await?
        }
    };
    Ok(row.map(|row| Credentials {
        id: RobotId(row.get("id")),
        secret_hash: row.get("secret_hash"),
        disabled: row.get::<i64, _>("disabled") != 0,
        expires_at: row.get::<Option<i64>, _>("expires_at").map(Stamp),
        credentials_version: row.get("credentials_version"),
        owner: row.get::<Option<i64>, _>("owner").map(model::UserId),
    }))
}

pub async fn update(
    c: &mut AnyConnection,
    now: Stamp,
    id: RobotId,
    description: &str,
    days: i64,
    expires_at: Option<Stamp>,
    disabled: bool,
) -> Result<()> {
    sqlx::query(
        "UPDATE robots SET description = $2, days = $3, expires_at = $4, disabled = $5, updated_at = $6 WHERE id = $1",
    )
    .bind(id.0)
    .bind(description)
    .bind(days)
    .bind(expires_at.map(|at| at.0))
    .bind(i64::from(disabled))
    .bind(now.0)
    .execute(c)
    .await?;
    Ok(())
}

pub async fn set_disabled(c: &mut AnyConnection, now: Stamp, id: RobotId, disabled: bool) -> Result<()> {
    sqlx::query("UPDATE robots SET disabled = $2, updated_at = $3 WHERE id = $1")
        .bind(id.0)
        .bind(i64::from(disabled))
        .bind(now.0)
        .execute(c)
        .await?;
    Ok(())
}

pub async fn set_secret(c: &mut AnyConnection, now: Stamp, id: RobotId, hash: &str) -> Result<()> {
    sqlx::query(
        "UPDATE robots SET secret_hash = $2, credentials_version = credentials_version + 1, updated_at = $3
         WHERE id = $1",
    )
    .bind(id.0)
    .bind(hash)
    .bind(now.0)
    .execute(c)
    .await?;
    Ok(())
}

pub async fn delete(c: &mut AnyConnection, id: RobotId) -> Result<()> {
    sqlx::query("DELETE FROM robot_grants WHERE robot_id = $1").bind(id.0).execute(&mut *c).await?;
    sqlx::query("DELETE FROM robots WHERE id = $1").bind(id.0).execute(c).await?;
    Ok(())
}

pub async fn note_use(c: &mut AnyConnection, now: Stamp, ids: &[RobotId]) -> Result<()> {
    for id in ids {
        sqlx::query("UPDATE robots SET last_used_at = $2 WHERE id = $1").bind(id.0).bind(now.0).execute(&mut *c).await?;
    }
    Ok(())
}
