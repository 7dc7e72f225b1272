//! Robot accounts.

use crate::call::{Call, Json, created, done, id, ok};
use crate::errors::{Answer, ApiError};
use crate::list::{self, Asks, page};
use axum::extract::Path;
use domain::robots::{self, Change, Level};
use domain::secrets::PlainSecret;
use model::robot::{Grant, NewRobot, Robot, Scope};
use model::{Action, ProjectName, RobotId};
use serde::Deserialize;
use serde_json::{Value, json};

fn permissions(grants: &[Grant]) -> Value {
    let rows = grants.iter().map(|grant| {
        let (kind, namespace) = match &grant.scope {
            Scope::System => ("system", "/".to_owned()),
            Scope::AllProjects => ("project", "*".to_owned()),
            Scope::Project(name) => ("project", name.to_string()),
        };
        let access: Vec<Value> =
            grant.actions.iter().map(|a| (a.resource(), a.verb())).chain(grant.others.iter().filter_map(|other| other.split_once(':')))
                .map(|(resource, action)| json!({ "resource": resource, "action": action })).collect();
        json!({ "kind": kind, "namespace": namespace, "access": access })
    });
    Value::Array(rows.collect())
}

fn show(robot: Robot) -> Value {
    json!({
        "id": robot.id, "name": robot.full_name, "description": robot.description,
        "level": if robot.project.is_some() { "project" } else { "system" },
        "duration": robot.days, "editable": true, "disable": robot.disabled,
        "expires_at": robot.expires_at.map_or(-1, |at| at.0 / 1000),
        "permissions": permissions(&robot.grants),
        "creation_time": robot.created_at.rfc3339(), "update_time": robot.updated_at.rfc3339(),
    })
}

#[derive(Deserialize)]
pub struct Access {
    resource: String,
    action: String,
    #[serde(default)]
    effect: Option<String>,
}

#[derive(Deserialize)]
pub struct Permission {
    kind: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    access: Vec<Access>,
}

#[derive(Deserialize)]
pub struct Input {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    level: String,
    #[serde(default)]
    duration: Option<i64>,
    #[serde(default)]
    disable: bool,
    #[serde(default)]
    permissions: Vec<Permission>,
    #[serde(default)]
    secret: Option<String>,
}

/// Permissions for what Harbor has and this server has not are kept by their names; what neither has is refused, all of it named.
fn grants(permissions: Vec<Permission>) -> Result<Vec<Grant>, ApiError> {
    let (mut grants, mut unknown) = (Vec::<Grant>::new(), Vec::new());
    for permission in permissions {
        let scope = match (permission.kind.as_str(), permission.namespace.as_str()) {
            ("system", _) => Scope::System,
            ("project", "*") => Scope::AllProjects,
            ("project", name) => Scope::Project(
                name.parse().map_err(|what| ApiError::bad(format!("the namespace {name:?} {what}")))?,
            ),
            (kind, _) => return Err(ApiError::bad(format!("the kind {kind:?} must be system or project"))),
        };
        let (mut actions, mut others) = (Vec::new(), Vec::new());
        for access in permission.access {
            if access.effect.as_deref().is_some_and(|effect| !effect.is_empty() && effect != "allow") {
                return Err(ApiError::bad("effect: only allow is known"));
            }
            let name = format!("{}:{}", access.resource, access.action);
            match Action::find(&access.resource, &access.action) {
                Some(action) if actions.contains(&action) => {}
                Some(action) => actions.push(action),
                None if !model::catalogue::is_known(&access.resource, &access.action) => unknown.push(name),
                None if others.contains(&name) => {}
                None => others.push(name),
            }
        }
        match grants.iter_mut().find(|grant| grant.scope == scope) {
            Some(grant) => {
                grant.actions.extend(actions);
                grant.others.extend(others);
            }
            None => grants.push(Grant { scope, actions, others }),
        }
    }
    match unknown.is_empty() {
        true => Ok(grants),
        false => Err(ApiError::bad(format!("permissions: not known: {}", unknown.join(", ")))),
    }
}

pub async fn create(call: Call, Json(input): Json<Input>) -> Answer {
    call.signed_in()?;
    let grants = grants(input.permissions)?;
    let project = match input.level.as_str() {
        "system" => None,
        "project" => match grants.first().map(|grant| &grant.scope) {
            Some(Scope::Project(name)) => Some(name.clone()),
            _ => return Err(ApiError::bad("a robot account of a project needs permissions in that project")),
        },
        _ => return Err(ApiError::bad("level must be system or project")),
    };
    let days = input.duration.filter(|days| *days != 0).unwrap_or(call.ctx.configuration().robot_token_duration);
    let new = NewRobot {
        name: input.name, project, description: input.description, days, disabled: input.disable, grants,
    };
    let chosen = input.secret.filter(|secret| !secret.is_empty()).map(PlainSecret::new);
    let made = robots::create(&call.ctx, &call.who, new, chosen).await?;
    let robot = &made.robot;
    let body = json!({
        "id": robot.id, "name": robot.full_name, "secret": made.secret.reveal(),
        "creation_time": robot.created_at.rfc3339(), "expires_at": robot.expires_at.map_or(-1, |at| at.0 / 1000),
    });
    created(format!("/api/v2.0/robots/{}", robot.id), Some(body))
}

pub async fn list(call: Call) -> Answer {
    call.signed_in()?;
    let asks = Asks { sorts: &[("name", "name"), ("creation_time", "created")], name: "name", keys: &["level", "projectid"] };
    let (mut query, q) = list::query(&call, &asks)?;
    // A plus that was not encoded reads as a space, which no account has.
    let configuration = call.ctx.configuration();
    let prefix = configuration.robot_name_prefix.as_str();
    let plain = |name: &str| name.strip_prefix(prefix).unwrap_or(name).replace(' ', "+");
    query.search = plain(&query.search);
    query.names = query.names.map(|names| names.iter().map(|name| plain(name)).collect());
    let named = query.names.iter().flatten().chain([&query.search]).find_map(|name| name.split_once('+')).map(|(project, _)| project.to_owned());
    let projects: std::collections::BTreeSet<&str> = query.names.iter().flatten().filter_map(|name| name.split_once('+')).map(|(of, _)| of).collect();
    if projects.len() > 1 {
        return Err(ApiError::bad("q: the names of one list are of one project's accounts"));
    }
    let level = match (q.text("level")?, q.text("projectid")?) {
        (Some("project"), None) => return Err(ApiError::bad("q needs ProjectID with Level=project")),
        (Some("project") | None, Some(project)) => Level::Project(call.project(project).await?),
        (Some("system"), _) => Level::System,
        // By its full name alone an account is found where it is.
        (None, None) => match named.as_deref().map(str::parse::<ProjectName>) {
            Some(Ok(project)) => Level::Project(project),
            _ => Level::System,
        },
        (Some(_), _) => return Err(ApiError::bad("q: Level must be system or project")),
    };
    // Of a project's account the own name is looked for; under another project's name there is none.
    if let Level::Project(project) = &level {
        let own = |name: &str| match name.split_once('+') {
            Some((of, own)) => (of == project.as_str()).then(|| own.to_owned()),
            None => Some(name.to_owned()),
        };
        match own(&query.search) {
            Some(search) => query.search = search,
            None => query.names = Some(Vec::new()),
        }
        query.names = query.names.map(|names| names.iter().filter_map(|name| own(name)).collect());
    }
    page(&call, robots::list(&call.ctx, &call.who, &level, &query).await?, show)
}

pub async fn get(call: Call, Path(text): Path<String>) -> Answer {
    ok(show(robots::get(&call.ctx, &call.who, RobotId(id(&text)?)).await?))
}

pub async fn update(call: Call, Path(text): Path<String>, Json(input): Json<Input>) -> Answer {
    let robot = robots::get(&call.ctx, &call.who, RobotId(id(&text)?)).await?;
    // Terraform sends the full name back; another one cannot be given.
    if !input.name.is_empty() && input.name != robot.full_name && input.name != robot.name.as_str() {
        return Err(ApiError::bad("a robot account's name cannot be changed"));
    }
    let change = Change {
        description: input.description,
        days: input.duration.filter(|days| *days != 0),
        disabled: input.disable,
        grants: grants(input.permissions)?,
    };
    robots::update(&call.ctx, &call.who, robot.id, change).await?;
    done()
}

#[derive(Deserialize)]
pub struct NewSecret {
    #[serde(default)]
    secret: String,
}

pub async fn refresh(call: Call, Path(text): Path<String>, Json(new): Json<NewSecret>) -> Answer {
    let chosen = (!new.secret.is_empty()).then(|| PlainSecret::new(new.secret));
    let own = chosen.is_some();
    let made = robots::refresh_secret(&call.ctx, &call.who, RobotId(id(&text)?), chosen).await?;
    // A secret that the caller chose is not sent back.
    ok(json!({ "secret": if own { "" } else { made.secret.reveal() } }))
}

pub async fn delete(call: Call, Path(text): Path<String>) -> Answer {
    robots::delete(&call.ctx, &call.who, RobotId(id(&text)?)).await?;
    done()
}

/// What a robot account may be given.
pub async fn permissions_known(call: Call) -> Answer {
    call.signed_in()?;
    domain::access::signed_in(&call.ctx, &call.who).await?;
    let of = |system: bool| -> Vec<Value> {
        Action::ALL
            .iter()
            .filter(|action| action.is_system() == system && action.robot_may_hold())
            .map(|action| json!({ "resource": action.resource(), "action": action.verb() }))
            .collect()
    };
    ok(json!({ "system": of(true), "project": of(false) }))
}
