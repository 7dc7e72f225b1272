//! Making, changing, disabling and deleting a robot account, and giving it another secret.

use super::{list_of, page_of};
use crate::answer::Secret;
use crate::answer::act;
use crate::{Answer, Call, UiError};
use domain::robots::{self, Change, Created};
use model::robot::{Grant, NewRobot, Scope};
use model::{Action, ProjectName, RobotId};

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
            Some(grant) if grant.actions.contains(&action) => {}
            Some(grant) => grant.actions.push(action),
            None => grants.push(Grant::new(scope, vec![action])),
        }
    }
    Ok(grants)
}

/// What cannot be read is 0, which the use-case refuses in words.
fn lifetime(never: bool, days: &str) -> i64 {
    if never { -1 } else { days.trim().parse().unwrap_or(0) }
}

/// The form's field has another name.
fn lived(error: domain::Error) -> UiError {
    UiError::from(error).with_field("duration", "days")
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

act! {
    "/fn/robot/create" Create {
        /// Empty on system level.
        project: String,
        name: String,
        description: String,
        days: String,
        #[serde(default)] never: bool,
        #[serde(default)] grants: Vec<String>,
    }
    |form, call| {
        let project = match form.project.as_str() {
            "" => None,
            name => Some(name.parse::<ProjectName>().map_err(|_| UiError::NotFound(format!("project {name}")))?),
        };
        let (days, grants) = (lifetime(form.never, &form.days), grants(&form.grants)?);
        let input = NewRobot { name: form.name, project, description: form.description, days, disabled: false, grants };
        let made = robots::create(&call.ctx, &call.who, input, None).await.map_err(lived)?;
        Ok(secret(call, &made))
    }
}

act! {
    "/fn/robot/update" Update {
        id: RobotId,
        description: String,
        days: String,
        #[serde(default)] never: bool,
        #[serde(default)] grants: Vec<String>,
    }
    |form, call| {
        let (days, grants) = (Some(lifetime(form.never, &form.days)), grants(&form.grants)?);
        let before = robots::get(&call.ctx, &call.who, form.id).await?;
        let grants = model::robot::keeping(grants, &before.grants);
        let change = Change { description: form.description, days, disabled: before.disabled, grants };
        let robot = robots::update(&call.ctx, &call.who, form.id, change).await.map_err(lived)?;
        Ok(Answer::done(page_of(&robot), "The robot account was changed."))
    }
}

act! {
    "/fn/robot/secret" RefreshSecret { id: RobotId }
    |form, call| {
        Ok(secret(call, &robots::refresh_secret(&call.ctx, &call.who, form.id, None).await?))
    }
}

act! {
    "/fn/robot/act" SetState {
        id: RobotId,
        /// `disable`, `enable` or `delete`.
        act: String,
    }
    |form, call| {
        let (ctx, who, id) = (&call.ctx, &call.who, form.id);
        let robot = robots::get(ctx, who, id).await?;
        let page = page_of(&robot);
        Ok(match form.act.as_str() {
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
