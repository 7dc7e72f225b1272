//! Robot accounts.

use crate::answers::{Answer, CreatedWith, Done, Listed, Shown, Time};
use crate::call::{Call, Json, id};
use crate::errors::ApiError;
use crate::list::{self, As, Asks, TIMES, page};
use axum::extract::Path;
use domain::robots::{self, Change, Level};
use domain::secrets::PlainSecret;
use model::robot::{self, Grant, NewRobot, Scope};
use model::{Action, ProjectName, RobotId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const SORTS: &[(&str, &str)] = &[("name", "name"), ("creation_time", "created"), ("update_time", "updated"), ("id", "id")];
const COLUMNS: &[(&str, &str, As)] =
    &[("id", "id", As::Number), ("disable", "disabled", As::Truth), ("description", "description", As::Text), TIMES[0], TIMES[1]];

/// A robot account. Its secret is told when it is made, and never again.
#[derive(Serialize, ToSchema)]
pub struct Robot {
    id: i64,
    /// With the prefix and, of a project's, the project: `robot$project+name`.
    name: String,
    description: String,
    /// system or project.
    level: &'static str,
    /// Days; -1 for ever.
    duration: i64,
    editable: bool,
    disable: bool,
    /// Seconds since 1970; -1 never.
    expires_at: i64,
    permissions: Vec<Permission>,
    creation_time: Time,
    update_time: Time,
}

fn permission(grant: &Grant) -> Permission {
    let (kind, namespace) = match &grant.scope {
        Scope::System => ("system", "/".to_owned()),
        Scope::AllProjects => ("project", "*".to_owned()),
        Scope::Project(name) => ("project", name.to_string()),
    };
    let others = grant.others.iter().filter_map(|other| other.split_once(':'));
    let effect = grant.says_allow.then(|| "allow".to_owned());
    let access = grant.actions.iter().map(|action| (action.resource(), action.verb())).chain(others);
    let access = access.map(|(resource, action)| Access { effect: effect.clone(), ..Access::new(resource, action) });
    Permission { kind: kind.to_owned(), namespace, access: access.collect() }
}

fn ends(robot: &robot::Robot) -> i64 {
    robot.expires_at.map_or(-1, |at| at.0 / 1000)
}

impl From<robot::Robot> for Robot {
    fn from(robot: robot::Robot) -> Robot {
        let expires_at = ends(&robot);
        Robot {
            id: robot.id.0, level: if robot.project.is_some() { "project" } else { "system" }, permissions: robot.grants.iter().map(permission).collect(),
            name: robot.full_name, description: robot.description, duration: robot.days, editable: true, disable: robot.disabled, expires_at,
            creation_time: robot.created_at.into(), update_time: robot.updated_at.into(),
        }
    }
}

/// One thing that an account may do.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Access {
    resource: String,
    action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effect: Option<String>,
}

impl Access {
    fn new(resource: &str, action: &str) -> Access {
        Access { resource: resource.to_owned(), action: action.to_owned(), effect: None }
    }
}

/// What an account may do in the system, in all projects (`*`) or in one.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = RobotPermission)]
pub struct Permission {
    kind: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    access: Vec<Access>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = RobotInput)]
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
            ("system", "" | "/") => Scope::System,
            ("system", name) => return Err(ApiError::bad(format!("the namespace of a permission in the system is /, not {name:?}"))),
            ("project", "*") => Scope::AllProjects,
            ("project", name) => Scope::Project(
                name.parse().map_err(|what| ApiError::bad(format!("the namespace {name:?} {what}")))?,
            ),
            (kind, _) => return Err(ApiError::bad(format!("the kind {kind:?} must be system or project"))),
        };
        let (mut actions, mut others) = (Vec::new(), Vec::new());
        let says_allow = permission.access.iter().any(|access| access.effect.as_deref() == Some("allow"));
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
                grant.says_allow |= says_allow;
            }
            None => grants.push(Grant { scope, actions, others, says_allow }),
        }
    }
    match unknown.is_empty() {
        true => Ok(grants),
        false => Err(ApiError::bad(format!("permissions: not known: {}", unknown.join(", ")))),
    }
}

/// The account that was made, with its secret.
#[derive(Serialize, ToSchema)]
pub struct RobotCreated {
    id: i64,
    name: String,
    secret: String,
    creation_time: Time,
    expires_at: i64,
}

pub async fn create(call: Call, Json(input): Json<Input>) -> Answer<CreatedWith<RobotCreated>> {
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
    let body = RobotCreated {
        id: robot.id.0, name: robot.full_name.clone(), secret: made.secret.reveal().to_owned(), creation_time: robot.created_at.into(),
        expires_at: ends(robot),
    };
    Ok(CreatedWith(format!("/api/v2.0/robots/{}", robot.id), body))
}

pub async fn list(call: Call) -> Answer<Listed<Robot>> {
    call.signed_in()?;
    let asks = Asks { sorts: SORTS, name: "name", keys: &["level", "projectid"], columns: COLUMNS };
    let (mut query, q) = list::query(&call, &asks)?;
    let configuration = call.ctx.configuration();
    let prefix = configuration.robot_name_prefix.as_str();
    // A plus that was not encoded reads as a space, which no account has. A project's account may be named without the prefix.
    let whole = |name: &str| match name.replace(' ', "+") {
        name if name.contains('+') && !name.starts_with(prefix) => format!("{prefix}{name}"),
        name => name,
    };
    query.search = query.search.replace(' ', "+");
    query.names = query.names.map(|names| names.iter().map(|name| whole(name)).collect());
    let of = |name: &str| name.strip_prefix(prefix).unwrap_or(name).split_once('+').map(|(project, _)| project.to_owned());
    let whose: std::collections::BTreeSet<Option<String>> = query.names.iter().flatten().map(|name| of(name)).collect();
    if whose.len() > 1 {
        return Err(ApiError::bad("q: the names of one list are of one project's accounts, or of the system's"));
    }
    let named = whose.into_iter().flatten().next().or(of(&query.search));
    let level = match (q.text("level")?, q.text("projectid")?) {
        (Some("project"), None) => return Err(ApiError::bad("q needs ProjectID with Level=project")),
        (Some("project") | None, Some(project)) => Level::Project(call.project(project).await?),
        (Some("system"), None | Some("0")) => Level::System,
        (Some("system"), Some(_)) => return Err(ApiError::bad("q: with Level=system there is no ProjectID")),
        // By its full name alone an account is found where it is.
        (None, None) => match named.as_deref().map(str::parse::<ProjectName>) {
            Some(Ok(project)) => Level::Project(project),
            _ => Level::System,
        },
        (Some(_), _) => return Err(ApiError::bad("q: Level must be system or project")),
    };
    page(&call, robots::list(&call.ctx, &call.who, &level, &query).await?, Robot::from)
}

pub async fn get(call: Call, Path(text): Path<String>) -> Answer<Shown<Robot>> {
    Ok(Shown(robots::get(&call.ctx, &call.who, RobotId(id(&text)?)).await?.into()))
}

pub async fn update(call: Call, Path(text): Path<String>, Json(input): Json<Input>) -> Answer<Done> {
    let robot = robots::get(&call.ctx, &call.who, RobotId(id(&text)?)).await?;
    // Terraform sends the full name back; another one cannot be given.
    if !input.name.is_empty() && input.name != robot.full_name && input.name != robot.name.as_str() {
        return Err(ApiError::bad("a robot account's name cannot be changed"));
    }
    if !input.level.is_empty() && (input.level == "project") != robot.project.is_some() {
        return Err(ApiError::bad("level: a robot account stays where it is"));
    }
    let change = Change {
        description: input.description,
        days: input.duration.filter(|days| *days != 0),
        disabled: input.disable,
        grants: grants(input.permissions)?,
    };
    robots::update(&call.ctx, &call.who, robot.id, change).await?;
    Ok(Done)
}

/// The secret that an account is to have; none for one that the server makes.
#[derive(Deserialize, ToSchema)]
#[schema(as = RobotSecInput)]
pub struct NewSecret {
    #[serde(default)]
    secret: String,
}

/// The new secret, if the server made it.
#[derive(Serialize, ToSchema)]
pub struct RobotSec {
    secret: String,
}

pub async fn refresh(call: Call, Path(text): Path<String>, Json(new): Json<NewSecret>) -> Answer<Shown<RobotSec>> {
    let chosen = (!new.secret.is_empty()).then(|| PlainSecret::new(new.secret));
    let own = chosen.is_some();
    let made = robots::refresh_secret(&call.ctx, &call.who, RobotId(id(&text)?), chosen).await?;
    // A secret that the caller chose is not sent back.
    Ok(Shown(RobotSec { secret: if own { String::new() } else { made.secret.reveal().to_owned() } }))
}

pub async fn delete(call: Call, Path(text): Path<String>) -> Answer<Done> {
    robots::delete(&call.ctx, &call.who, RobotId(id(&text)?)).await?;
    Ok(Done)
}

/// What robot accounts may be given.
#[derive(Serialize, ToSchema)]
#[schema(as = RobotPermissions)]
pub struct Catalogue {
    system: Vec<Access>,
    project: Vec<Access>,
}

pub async fn permissions_known(call: Call) -> Answer<Shown<Catalogue>> {
    call.signed_in()?;
    domain::access::signed_in(&call.ctx, &call.who).await?;
    let of = |system: bool| {
        let known = Action::ALL.iter().filter(|action| action.is_system() == system && action.robot_may_hold());
        known.map(|action| Access::new(action.resource(), action.verb())).collect()
    };
    Ok(Shown(Catalogue { system: of(true), project: of(false) }))
}
