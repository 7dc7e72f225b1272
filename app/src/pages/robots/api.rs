//! Server functions of robot accounts.

use crate::answer::Answer;
#[cfg(feature = "ssr")]
use crate::answer::Secret;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use crate::server::Call;
use crate::wire::{FormBody, Query};
use leptos::prelude::*;
use model::project::ProjectFrame;
use model::robot::Robot;
#[cfg(feature = "ssr")]
use model::robot::{Grant, NewRobot, Scope};
#[cfg(feature = "ssr")]
use model::ProjectName;
use model::{Page, RobotId};
use serde::{Deserialize, Serialize};

/// The robot accounts of a level; `frame` is set for a project's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Robots {
    pub frame: Option<ProjectFrame>,
    pub page: Page<Robot>,
}

#[cfg(feature = "ssr")]
fn level(project: &str) -> Result<(domain::robots::Level, Option<ProjectName>), UiError> {
    if project.is_empty() {
        return Ok((domain::robots::Level::System, None));
    }
    let name: ProjectName = project.parse().map_err(|_| UiError::NotFound(format!("project {project}")))?;
    Ok((domain::robots::Level::Project(name.clone()), Some(name)))
}

/// Of a project, or with an empty name those on system level.
#[server(prefix = "/fn", endpoint = "robots", protocol = Query)]
pub async fn list(project: String, q: String, sort: String, after: String) -> Result<Robots, UiError> {
    let call = Call::here()?;
    let (level, name) = level(&project)?;
    let query = model::list::Query::portal(Some(q), Some(sort), after.parse().ok());
    let frame = match &name {
        Some(name) => Some(call.read(domain::projects::frame(&call.ctx, &call.who, name).await)?),
        None => None,
    };
    let page = call.read(domain::robots::list(&call.ctx, &call.who, &level, &query).await)?;
    Ok(Robots { frame, page })
}

/// May the caller make one on this level? Also names of projects, for the system's form.
#[server(prefix = "/fn", endpoint = "robots/form", protocol = Query)]
pub async fn form(project: String) -> Result<(Option<ProjectFrame>, Vec<String>), UiError> {
    let call = Call::here()?;
    let (level, name) = level(&project)?;
    call.read(domain::robots::may_create(&call.ctx, &call.who, &level).await)?;
    match name {
        Some(name) => Ok((Some(call.read(domain::projects::frame(&call.ctx, &call.who, &name).await)?), Vec::new())),
        None => {
            let all = domain::projects::list(&call.ctx, &call.who, &model::list::Query::all(500), &Default::default()).await;
            Ok((None, call.read(all)?.items.into_iter().map(|p| p.name.to_string()).collect()))
        }
    }
}

#[server(prefix = "/fn", endpoint = "robot", protocol = Query)]
pub async fn get(id: RobotId) -> Result<Robot, UiError> {
    let call = Call::here()?;
    call.read(domain::robots::get(&call.ctx, &call.who, id).await)
}

/// Each tick reads `scope|resource:action`; the scope is `system`, `all` or a project's name.
#[cfg(feature = "ssr")]
fn grants(ticks: &[String]) -> Result<Vec<Grant>, Answer> {
    let wrong = || Answer::Wrong(model::Problems::one("permissions", "hold something unknown"));
    let mut grants: Vec<Grant> = Vec::new();
    for tick in ticks {
        let (scope, action) = tick.split_once('|').ok_or_else(wrong)?;
        let scope = match scope {
            "system" => Scope::System,
            "all" => Scope::AllProjects,
            name => Scope::Project(name.parse().map_err(|_| wrong())?),
        };
        let action = model::Action::by_name(action).ok_or_else(wrong)?;
        match grants.iter_mut().find(|grant| grant.scope == scope) {
            Some(grant) => grant.actions.push(action),
            None => grants.push(Grant { scope, actions: vec![action] }),
        }
    }
    Ok(grants)
}

#[cfg(feature = "ssr")]
fn secret(call: &Call, created: &domain::robots::Created) -> Answer {
    let robot = &created.robot;
    Answer::Secret(Secret {
        account: robot.full_name.clone(),
        secret: created.secret.reveal().to_owned(),
        registry: call.ctx.settings.registry_host().to_owned(),
        expires: robot.expires_at.map(|at| at.readable()).unwrap_or_default(),
        back: match &robot.project {
            Some(project) => paths::project_robots(project),
            None => paths::robots(),
        },
    })
}

#[server(prefix = "/fn", endpoint = "robot/create", protocol = FormBody)]
pub async fn create(
    project: String,
    name: String,
    description: String,
    days: String,
    #[server(default)] never: bool,
    #[server(default)] grants: Vec<String>,
) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let (_, project) = level(&project)?;
    let grants = match self::grants(&grants) {
        Ok(grants) => grants,
        Err(answer) => return Ok(answer),
    };
    let days = if never { -1 } else { days.trim().parse().unwrap_or(0) };
    let input = NewRobot { name, project, description, days, disabled: false, grants };
    match domain::robots::create(&call.ctx, &call.who, input, None).await {
        Ok(created) => Ok(secret(&call, &created)),
        Err(error) => call.answer(Err(error)),
    }
}

#[cfg(feature = "ssr")]
fn page_of(robot: &Robot) -> String {
    match &robot.project {
        Some(project) => paths::project_robot(project, robot.id),
        None => paths::robot(robot.id),
    }
}

#[server(prefix = "/fn", endpoint = "robot/update", protocol = FormBody)]
pub async fn update(
    id: RobotId,
    description: String,
    days: String,
    #[server(default)] never: bool,
    #[server(default)] grants: Vec<String>,
) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let grants = match self::grants(&grants) {
        Ok(grants) => grants,
        Err(answer) => return Ok(answer),
    };
    let days = if never { -1 } else { days.trim().parse().unwrap_or(0) };
    let before = call.read(domain::robots::get(&call.ctx, &call.who, id).await)?;
    let change = domain::robots::Change { description, days: Some(days), disabled: before.disabled, grants };
    let done = domain::robots::update(&call.ctx, &call.who, id, change).await;
    call.answer(done.map(|robot| Answer::done(page_of(&robot), "The robot account was changed.")))
}

#[server(prefix = "/fn", endpoint = "robot/secret", protocol = FormBody)]
pub async fn refresh_secret(id: RobotId) -> Result<Answer, UiError> {
    let call = Call::here()?;
    match domain::robots::refresh_secret(&call.ctx, &call.who, id, None).await {
        Ok(created) => Ok(secret(&call, &created)),
        Err(error) => call.answer(Err(error)),
    }
}

/// `act` is one of `disable`, `enable`, `delete`.
#[server(prefix = "/fn", endpoint = "robot/act", protocol = FormBody)]
pub async fn act(id: RobotId, act: String) -> Result<Answer, UiError> {
    use domain::robots;
    let call = Call::here()?;
    let robot = call.read(robots::get(&call.ctx, &call.who, id).await)?;
    let back = match &robot.project {
        Some(project) => paths::project_robots(project),
        None => paths::robots(),
    };
    let (done, to, say) = match act.as_str() {
        "disable" => (robots::set_disabled(&call.ctx, &call.who, id, true).await, page_of(&robot), "The robot account is disabled."),
        "enable" => (robots::set_disabled(&call.ctx, &call.who, id, false).await, page_of(&robot), "The robot account is enabled."),
        "delete" => (robots::delete(&call.ctx, &call.who, id).await, back, "The robot account was deleted."),
        _ => return Ok(Answer::wrong("unknown act")),
    };
    call.answer(done.map(|()| Answer::done(to, say)))
}
