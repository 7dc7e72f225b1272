//! Making, changing, disabling and deleting a robot account, and giving it another secret.

use super::{list_of, page_of};
use crate::answer::Secret;
use crate::{Act, Answer, Call, UiError};
use domain::robots::{self, Change, Created};
use model::robot::{Grant, NewRobot, Scope};
use model::{Action, ProjectName, RobotId};
use serde::Deserialize;

/// Each tick reads `scope|resource:action`; the scope is `system`, `all` or a project's name.
fn grants(ticks: &[String]) -> Result<Vec<Grant>, UiError> {
    let wrong = || UiError::at("permissions", "hold something unknown");
    let mut grants: Vec<Grant> = Vec::new();
    for tick in ticks {
        let (scope, action) = tick.split_once('|').ok_or_else(wrong)?;
        let scope = match scope {
            "system" => Scope::System,
            "all" => Scope::AllProjects,
            name => Scope::Project(name.parse().map_err(|_| wrong())?),
        };
        let action = Action::by_name(action).ok_or_else(wrong)?;
        match grants.iter_mut().find(|grant| grant.scope == scope) {
            Some(grant) => grant.actions.push(action),
            None => grants.push(Grant { scope, actions: vec![action] }),
        }
    }
    Ok(grants)
}

/// What cannot be read is 0, which the use-case refuses in words.
fn lifetime(never: bool, days: &str) -> i64 {
    if never { -1 } else { days.trim().parse().unwrap_or(0) }
}

fn secret(call: &Call, created: &Created) -> Answer {
    let robot = &created.robot;
    Answer::Secret(Secret {
        account: robot.full_name.clone(),
        secret: created.secret.reveal().to_owned(),
        registry: call.me.registry.clone(),
        expires: robot.expires_at.map(|at| at.readable()).unwrap_or_default(),
        back: list_of(robot.project.as_ref()),
    })
}

#[derive(Deserialize)]
pub struct Create {
    /// Empty on system level.
    project: String,
    name: String,
    description: String,
    days: String,
    #[serde(default)]
    never: bool,
    #[serde(default)]
    grants: Vec<String>,
}

impl Act for Create {
    const AT: &'static str = "/fn/robot/create";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let project = match self.project.as_str() {
            "" => None,
            name => Some(name.parse::<ProjectName>().map_err(|_| UiError::NotFound(format!("project {name}")))?),
        };
        let (days, grants) = (lifetime(self.never, &self.days), grants(&self.grants)?);
        let input = NewRobot { name: self.name, project, description: self.description, days, disabled: false, grants };
        Ok(secret(call, &robots::create(&call.ctx, &call.who, input, None).await?))
    }
}

#[derive(Deserialize)]
pub struct Update {
    id: RobotId,
    description: String,
    days: String,
    #[serde(default)]
    never: bool,
    #[serde(default)]
    grants: Vec<String>,
}

impl Act for Update {
    const AT: &'static str = "/fn/robot/update";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let (days, grants) = (Some(lifetime(self.never, &self.days)), grants(&self.grants)?);
        let before = robots::get(&call.ctx, &call.who, self.id).await?;
        let change = Change { description: self.description, days, disabled: before.disabled, grants };
        let robot = robots::update(&call.ctx, &call.who, self.id, change).await?;
        Ok(Answer::done(page_of(&robot), "The robot account was changed."))
    }
}

#[derive(Deserialize)]
pub struct RefreshSecret {
    id: RobotId,
}

impl Act for RefreshSecret {
    const AT: &'static str = "/fn/robot/secret";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        Ok(secret(call, &robots::refresh_secret(&call.ctx, &call.who, self.id, None).await?))
    }
}

#[derive(Deserialize)]
pub struct SetState {
    id: RobotId,
    /// `disable`, `enable` or `delete`.
    act: String,
}

impl Act for SetState {
    const AT: &'static str = "/fn/robot/act";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let (ctx, who, id) = (&call.ctx, &call.who, self.id);
        let robot = robots::get(ctx, who, id).await?;
        let page = page_of(&robot);
        Ok(match self.act.as_str() {
            "disable" => robots::set_disabled(ctx, who, id, true).await.map(|()| Answer::done(page, "The robot account is disabled."))?,
            "enable" => robots::set_disabled(ctx, who, id, false).await.map(|()| Answer::done(page, "The robot account is enabled."))?,
            "delete" => {
                robots::delete(ctx, who, id).await?;
                Answer::done(list_of(robot.project.as_ref()), "The robot account was deleted.")
            }
            _ => return Err(UiError::wrong("unknown act")),
        })
    }
}
