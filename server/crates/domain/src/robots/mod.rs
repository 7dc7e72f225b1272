//! Robot accounts: for machines. The secret is 256 random bits, shown once, stored as its SHA-256; or one that a client chose, stored as
//! passwords are.

mod sql;
pub(crate) use sql::Credentials;
#[cfg(test)]
mod tests;

use crate::access;
use crate::ctx::Ctx;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::secrets::{HashedSecret, PlainSecret};
use model::list::Query;
use model::robot::{NewRobot, Robot, check_days, check_grants};
use model::{Action, Page, Problems, ProjectName, RobotId, RobotName, Stamp};

/// Before a generated secret, so that secret scanners recognise one.
pub const SECRET_PREFIX: &str = "wharf_";

/// A robot account with its secret, on the way to the one place that shows it.
pub struct Created {
    pub robot: Robot,
    pub secret: PlainSecret,
}

/// Which robot accounts a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    System,
    Project(ProjectName),
}

fn expires_at(from: Stamp, days: i64) -> Option<Stamp> {
    (days != -1).then(|| from.plus_days(days))
}

/// Harbor's rule for a secret that a client chooses. A long one needs nothing else.
fn check_chosen(secret: &PlainSecret) -> Result<()> {
    let text = secret.reveal();
    let has = |of: fn(&u8) -> bool| text.as_bytes().iter().any(of);
    let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    let long = text.len() >= 32;
    if !(8..=128).contains(&text.len()) || text.contains(|c: char| c.is_control() || c.is_whitespace()) || !(mixed || long) {
        return Err(Error::invalid(
            "secret",
            "must be 8 to 128 characters without spaces, with an upper-case letter, a lower-case letter and a digit; \
             leave it empty and the server makes one of 256 bits",
        ));
    }
    Ok(())
}

/// Is it of the form that servers like this one make: 256 bits that nobody guesses?
fn is_made(secret: &PlainSecret) -> bool {
    let own = secret.reveal().strip_prefix(SECRET_PREFIX);
    own.is_some_and(|own| own.len() == 43 && own.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')))
}

/// For the database: what was made here is long and random, so a fast hash will do; what somebody chose is hashed as passwords are.
async fn hashed(ctx: &Ctx, secret: &PlainSecret) -> Result<String> {
    match is_made(secret) {
        true => Ok(HashedSecret::of(secret.reveal()).as_stored().to_owned()),
        false => ctx.local.passwords.hash(secret).await,
    }
}

/// Makes a robot account. One of a project needs its admin and holds rights in that project only; one on system
/// level needs a system administrator. `chosen` is a secret the caller brings; otherwise one is made.
pub async fn create(ctx: &Ctx, who: &Principal, input: NewRobot, chosen: Option<PlainSecret>) -> Result<Created> {
    let checked = input.check();
    if let Some(secret) = &chosen {
        check_chosen(secret)?;
    }
    if chosen.is_some() {
        // A chosen one costs a hash, which nobody without the right is given.
        let level = input.project.clone().map_or(Level::System, Level::Project);
        if let Err(error) = may_create(ctx, who, &level).await {
            if error.is_refusal() {
                ctx.note_refusal(who, Event::RobotCreated { project: input.project.as_ref().map(ToString::to_string), name: input.name.clone() });
            }
            return Err(error);
        }
    }
    let secret = chosen.unwrap_or_else(|| PlainSecret::generate(&ctx.random, SECRET_PREFIX));
    let hash = hashed(ctx, &secret).await?;
    let (now, caller, prefix) = (ctx.now(), who.clone(), ctx.configuration().robot_name_prefix.clone());
    let object = match &input.project {
        Some(project) => format!("{prefix}{project}+{}", input.name),
        None => format!("{prefix}{}", input.name),
    };
    let event = Event::RobotCreated { project: input.project.as_ref().map(ToString::to_string), name: input.name.clone() };
    let robot = ctx
        .change(who, event, async move |c| {
            let project = match &input.project {
                Some(project) => {
                    let proof = access::project(c, now, &caller, project, Action::RobotCreate).await?;
                    // Nobody gives away what they do not hold.
                    for action in input.grants.iter().flat_map(|grant| &grant.actions) {
                        proof.require(*action)?;
                    }
                    proof.project.id.0
                }
                None => {
                    access::system(c, now, &caller).await?;
                    0
                }
            };
            let name: RobotName = checked.clone()?;
            let id = sql::insert(c, now, project, &name, &input, &hash, expires_at(now, input.days))
                .await?
                .ok_or_else(|| Error::conflict("name", format!("is taken: a robot account {object} exists")))?;
            sql::set_grants(c, id, &input.grants).await?;
            sql::get(c, &prefix, id).await?.ok_or_else(|| Error::not_found("robot account", id))
        })
        .await?;
    Ok(Created { robot, secret })
}

/// May the caller make a robot account on this level?
pub async fn may_create(ctx: &Ctx, who: &Principal, level: &Level) -> Result<()> {
    let mut c = ctx.db.read().await?;
    match level {
        Level::System => access::system(&mut c, ctx.now(), who).await.map(drop),
        Level::Project(name) => {
            access::project(&mut c, ctx.now(), who, name, Action::RobotCreate).await.map(drop)
        }
    }
}

/// The robot accounts of a level.
pub async fn list(ctx: &Ctx, who: &Principal, level: &Level, query: &Query) -> Result<Page<Robot>> {
    let mut c = ctx.db.read().await?;
    let prefix = &ctx.configuration().robot_name_prefix;
    let (project, before) = match level {
        Level::System => {
            access::system(&mut c, ctx.now(), who).await?;
            (0, prefix.clone())
        }
        Level::Project(name) => {
            (access::project(&mut c, ctx.now(), who, name, Action::RobotList).await?.project.id.0, format!("{prefix}{name}+"))
        }
    };
    sql::list(&mut c, prefix, &before, project, query).await
}

/// Finds a robot account the caller may do `action` with. Another project's looks like a missing one.
async fn find(
    c: &mut sqlx::AnyConnection,
    now: Stamp,
    who: &Principal,
    prefix: &str,
    id: RobotId,
    action: Action,
) -> Result<Robot> {
    if who.is_anonymous() {
        return Err(Error::Unauthenticated);
    }
    let missing = || Error::not_found("robot account", id);
    let Some(robot) = sql::get(c, prefix, id).await? else {
        access::standing(c, now, who).await?;
        return Err(missing());
    };
    match &robot.project {
        // To who administers nothing those of the system are none.
        None => match access::system(c, now, who).await {
            Ok(_) => {}
            Err(Error::Forbidden { .. }) => return Err(missing()),
            Err(error) => return Err(error),
        },
        Some(project) => match access::project(c, now, who, project, action).await {
            Ok(_) => {}
            Err(Error::NotVisible(_)) => return Err(missing()),
            Err(error) => return Err(error),
        },
    }
    Ok(robot)
}

/// One robot account.
pub async fn get(ctx: &Ctx, who: &Principal, id: RobotId) -> Result<Robot> {
    let mut c = ctx.db.read().await?;
    find(&mut c, ctx.now(), who, &ctx.configuration().robot_name_prefix, id, Action::RobotRead).await
}

/// What of a robot account can change; its name and level cannot.
#[derive(Clone, Debug)]
pub struct Change {
    pub description: String,
    /// Counted from its creation, as in Harbor; `None` leaves the end as it is.
    pub days: Option<i64>,
    pub disabled: bool,
    pub grants: Vec<model::robot::Grant>,
}

/// Changes a robot account. What it may do, and whether it may sign in, holds from the next request.
pub async fn update(ctx: &Ctx, who: &Principal, id: RobotId, change: Change) -> Result<Robot> {
    let (now, caller, prefix) = (ctx.now(), who.clone(), ctx.configuration().robot_name_prefix.clone());
    ctx.change(who, Event::RobotChanged { robot: id }, async move |c| {
        let robot = find(c, now, &caller, &prefix, id, Action::RobotUpdate).await?;
        let mut problems = Problems::new();
        problems.text("description", &change.description, 1024);
        let days = change.days.unwrap_or(robot.days);
        check_days(&mut problems, days);
        check_grants(&mut problems, robot.project.as_ref(), &change.grants);
        problems.check()?;
        let expires = if change.days.is_some() { expires_at(robot.created_at, days) } else { robot.expires_at };
        sql::update(c, now, id, &change.description, days, expires, change.disabled).await?;
        sql::set_grants(c, id, &change.grants).await?;
        sql::get(c, &prefix, id).await?.ok_or_else(|| Error::not_found("robot account", id))
    })
    .await
}

/// Disables a robot account, or enables it again.
pub async fn set_disabled(ctx: &Ctx, who: &Principal, id: RobotId, disabled: bool) -> Result<()> {
    let (now, caller, prefix) = (ctx.now(), who.clone(), ctx.configuration().robot_name_prefix.clone());
    let event = if disabled { Event::RobotDisabled { robot: id } } else { Event::RobotEnabled { robot: id } };
    ctx.change(who, event, async move |c| {
        find(c, now, &caller, &prefix, id, Action::RobotUpdate).await?;
        sql::set_disabled(c, now, id, disabled).await
    })
    .await
}

/// Gives a robot account another secret; the old one, and tokens made with it, stop at once.
pub async fn refresh_secret(
    ctx: &Ctx,
    who: &Principal,
    id: RobotId,
    chosen: Option<PlainSecret>,
) -> Result<Created> {
    if let Some(secret) = &chosen {
        check_chosen(secret)?;
    }
    if chosen.is_some() {
        let found = find(&mut *ctx.db.read().await?, ctx.now(), who, &ctx.configuration().robot_name_prefix, id, Action::RobotUpdate).await;
        if let Err(error) = found {
            if error.is_refusal() {
                ctx.note_refusal(who, Event::RobotSecretSet { robot: id });
            }
            return Err(error);
        }
    }
    let secret = chosen.unwrap_or_else(|| PlainSecret::generate(&ctx.random, SECRET_PREFIX));
    let hash = hashed(ctx, &secret).await?;
    let (now, caller, prefix) = (ctx.now(), who.clone(), ctx.configuration().robot_name_prefix.clone());
    let robot = ctx
        .change(who, Event::RobotSecretSet { robot: id }, async move |c| {
            let robot = find(c, now, &caller, &prefix, id, Action::RobotUpdate).await?;
            sql::set_secret(c, now, id, &hash).await?;
            Ok(robot)
        })
        .await?;
    Ok(Created { robot, secret })
}

/// Deletes a robot account.
pub async fn delete(ctx: &Ctx, who: &Principal, id: RobotId) -> Result<()> {
    let (now, caller, prefix) = (ctx.now(), who.clone(), ctx.configuration().robot_name_prefix.clone());
    ctx.change(who, Event::RobotDeleted { robot: id }, async move |c| {
        find(c, now, &caller, &prefix, id, Action::RobotDelete).await?;
        sql::delete(c, id).await
    })
    .await
}

/// The robot account of this name (without prefix: `name` or `project+name`) with this secret, if it may sign in now,
/// and its `credentials_version`.
pub(crate) async fn find_by_name(ctx: &Ctx, name: &str) -> Result<Option<sql::Credentials>> {
    let (project, own) = match name.split_once('+') {
        Some((project, own)) => (Some(project), own),
        None => (None, name),
    };
    if own.parse::<RobotName>().is_err() || project.is_some_and(|p| p.parse::<ProjectName>().is_err()) {
        return Ok(None);
    }
    sql::credentials(&mut *ctx.db.read().await?, project, own).await
}

/// Is this the account's secret? Of an account that is not there it is not, and takes as long.
pub(crate) fn matches(found: Option<&sql::Credentials>, secret: &PlainSecret) -> bool {
    let hash = found.map_or_else(String::new, |found| found.secret_hash.clone());
    HashedSecret::stored(hash).matches(secret.reveal())
}

impl sql::Credentials {
    /// The hash of a secret that somebody chose: it costs what a password's costs.
    pub(crate) fn chosen(&self) -> Option<String> {
        self.secret_hash.starts_with('$').then(|| self.secret_hash.clone())
    }

    /// It is neither disabled nor over.
    pub(crate) fn may_sign_in(&self, now: Stamp) -> bool {
        !self.disabled && self.expires_at.is_none_or(|at| at > now)
    }
}

/// Robot accounts that signed in since the last write.
#[derive(Default)]
pub struct Uses(std::sync::Mutex<std::collections::BTreeSet<i64>>);

impl Uses {
    pub(crate) fn note(&self, id: RobotId) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(id.0);
    }
}

/// Writes when robot accounts were last used; batched, off the path of requests.
pub async fn flush_use(ctx: &Ctx) -> Result<()> {
    let ids: Vec<RobotId> = {
        let mut noted = ctx.local.robot_uses.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        std::mem::take(&mut *noted).into_iter().map(RobotId).collect()
    };
    if ids.is_empty() {
        return Ok(());
    }
    let now = ctx.now();
    ctx.db.write(async move |c| sql::note_use(c, now, &ids).await).await
}
