//! Authorization: what a caller may do, read from the database at the moment it matters.
//!
//! [`project`] is the one door to a project's rows. It gives an [`Authorized`], which only this module can make and
//! which holds the transaction's connection: repository functions take it, so SQL without a check does not compile.
//! [`system`] is the same for what belongs to no project.

mod sql;

use crate::cache::{ExactCache, Moment};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::{Access, Principal, Who};
use model::permission::{public_may, role_may};
use model::project::Policy;
use model::{Action, ProjectId, ProjectName, Role, Stamp, UserId};
use sqlx::AnyConnection;
use std::sync::Arc;

/// A set of actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u64);

impl Rights {
    /// Every action.
    pub fn all() -> Rights {
        Action::ALL.iter().copied().collect()
    }

    pub fn has(self, action: Action) -> bool {
        self.0 & (1 << action as u64) != 0
    }

    pub fn add(&mut self, action: Action) {
        self.0 |= 1 << action as u64;
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In the order of the table.
    pub fn to_vec(self) -> Vec<Action> {
        Action::ALL.iter().copied().filter(|&action| self.has(action)).collect()
    }
}

impl FromIterator<Action> for Rights {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        let mut rights = Rights::default();
        actions.into_iter().for_each(|action| rights.add(action));
        rights
    }
}

/// What every check needs of a project.
#[derive(Clone, Debug)]
pub struct ProjectRow {
    pub id: ProjectId,
    pub name: ProjectName,
    pub public: bool,
    /// What it demands, the system's own demands among them.
    pub policy: Arc<Policy>,
    pub owner_id: UserId,
    /// The server as a whole takes and loses nothing.
    pub read_only: bool,
}

/// What is said to whoever would change something while the server is read-only.
pub(crate) const READ_ONLY_SAID: &str = "this server is read-only for now: an administrator set it so";

/// Does it change what repositories hold?
fn writes(action: Action) -> bool {
    matches!(
        action,
        Action::RepositoryPush | Action::RepositoryDelete | Action::ArtifactCreate | Action::ArtifactDelete | Action::TagCreate
            | Action::TagDelete | Action::AccessoryDelete | Action::ProjectDelete
    )
}

/// Proof that the caller may do an action in a project, within one transaction or read.
pub struct Authorized<'c> {
    conn: &'c mut AnyConnection,
    pub project: ProjectRow,
    pub rights: Rights,
    pub role: Option<Role>,
    /// When the caller's account ends by itself.
    pub until: Option<Stamp>,
    /// Nobody in particular, who is asked to sign in rather than refused.
    anonymous: bool,
}

impl Authorized<'_> {
    /// The connection the check was made on.
    pub fn conn(&mut self) -> &mut AnyConnection {
        self.conn
    }

    /// For a second action in the same project.
    pub fn require(&self, action: Action) -> Result<()> {
        allowed(&self.rights, self.anonymous, &self.project, action)
    }
}

/// Proof that the caller administers the system, within one transaction or read.
pub struct Administrator<'c> {
    conn: &'c mut AnyConnection,
}

impl Administrator<'_> {
    /// The connection the check was made on.
    pub fn conn(&mut self) -> &mut AnyConnection {
        self.conn
    }
}

fn refusal(project: &ProjectName, action: Action) -> Error {
    Error::Forbidden {
        action: Some(action),
        reason: format!(
            "{} needs the role {} in {project}, of a robot account this permission; a project admin can grant it",
            action.name(),
            action.least_role().label()
        ),
    }
}

/// How a caller stands with the system as a whole.
pub struct Standing {
    pub admin: bool,
    /// A robot's permissions on the system.
    system: Rights,
    /// A robot's permissions in every project.
    everywhere: Rights,
    /// When the account ends by itself.
    until: Option<Stamp>,
}

impl Standing {
    /// May the caller do this on the system?
    pub fn may(&self, who: &Principal, action: Action) -> bool {
        match action {
            // As in Harbor's default: whoever signs in may make a project.
            Action::ProjectCreate if matches!(who.who, Who::User { .. }) => true,
            _ => self.admin || self.system.has(action),
        }
    }

    /// May the caller pull from every project?
    pub fn pulls_all(&self) -> bool {
        self.admin || self.everywhere.has(Action::RepositoryPull)
    }

    /// Does the caller see every project?
    pub fn sees_all(&self) -> bool {
        self.admin || self.everywhere.has(Action::ProjectRead) || self.system.has(Action::ProjectList)
    }
}

/// Looks the caller's account up. Gone, disabled, expired or with changed credentials: `Unauthenticated`.
pub async fn standing(c: &mut AnyConnection, now: Stamp, who: &Principal) -> Result<Standing> {
    let mut standing = Standing { admin: false, system: Rights::default(), everywhere: Rights::default(), until: None };
    match &who.who {
        Who::Anonymous => {}
        Who::System => standing.admin = true,
        Who::User { id, .. } => {
            let user = sql::user(c, *id).await?.filter(|user| user.live(who)).ok_or(Error::Unauthenticated)?;
            standing.admin = user.admin;
        }
        Who::Robot { id, .. } => {
            let robot = sql::robot(c, *id).await?.filter(|robot| robot.live(who, now)).ok_or(Error::Unauthenticated)?;
            standing.until = robot.until;
            for (scope, action) in sql::grants_everywhere(c, *id).await? {
                match scope.as_str() {
                    "system" => standing.system.add(action),
                    "all" => standing.everywhere.add(action),
                    _ => {}
                }
            }
        }
    }
    Ok(standing)
}

/// What a look at a project finds: the row, the caller's rights and role, and when their account ends by itself.
type Look = (ProjectRow, Rights, Option<Role>, Option<Stamp>);

/// Looks by who may do something, exact ([`crate::db::Db::permissions`]): a push asks several times.
pub struct Looks(ExactCache<Look>);

impl Default for Looks {
    fn default() -> Self {
        Looks(ExactCache::new(2 << 20, 256))
    }
}

impl Looks {
    fn key(who: &Principal, name: &ProjectName) -> String {
        format!("{} {} {name}", who.key(), who.credentials_version)
    }
}

/// What the caller may do in the project; `None` if there is no such project.
async fn look(
    c: &mut AnyConnection,
    now: Stamp,
    who: &Principal,
    name: &ProjectName,
) -> Result<Option<Look>> {
    if let Who::User { id, .. } = &who.who {
        return look_as_user(c, *id, who, name).await;
    }
    let standing = standing(c, now, who).await?;
    let Some(project) = sql::project(c, name).await? else { return Ok(None) };
    let mut rights = Rights::default();
    if project.public {
        Action::ALL.iter().filter(|&&action| public_may(action)).for_each(|&action| rights.add(action));
    }
    match &who.who {
        // A user was looked up in one statement.
        Who::Anonymous | Who::User { .. } => {}
        Who::System => rights = Rights::all(),
        Who::Robot { id, .. } => {
            Action::ALL.iter().filter(|&&a| standing.everywhere.has(a)).for_each(|&a| rights.add(a));
            sql::grants_in(c, *id, project.id).await?.into_iter().for_each(|action| rights.add(action));
        }
    }
    Ok(Some((project, rights, None, standing.until)))
}

/// As [`look`], for whoever is asked most: account, project and membership in one statement.
async fn look_as_user(c: &mut AnyConnection, id: UserId, who: &Principal, name: &ProjectName) -> Result<Option<Look>> {
    let (user, found) = sql::user_in(c, id, name).await?.filter(|(user, _)| user.live(who)).ok_or(Error::Unauthenticated)?;
    let Some((project, role)) = found else { return Ok(None) };
    let mut rights = Rights::default();
    if user.admin {
        rights = Rights::all();
    } else {
        Action::ALL
            .iter()
            .filter(|&&action| project.public && public_may(action) || role.is_some_and(|role| role_may(role, action)))
            .for_each(|&action| rights.add(action));
    }
    Ok(Some((project, rights, role, None)))
}

/// What the caller may do in the project, by its name; `None` if they may not see it or there is none.
pub async fn rights_in(
    c: &mut AnyConnection,
    now: Stamp,
    who: &Principal,
    name: &ProjectName,
) -> Result<Option<(ProjectId, Rights)>> {
    Ok(look(c, now, who, name).await?.filter(|(_, rights, ..)| !rights.is_empty()).map(|(p, rights, ..)| (p.id, rights)))
}

/// Checks that the caller may do `action` in the project. Who may not see it gets `NotVisible`, as for a missing one.
pub async fn project<'c>(
    c: &'c mut AnyConnection,
    now: Stamp,
    who: &Principal,
    name: &ProjectName,
    action: Action,
) -> Result<Authorized<'c>> {
    proven(c, now, who, name, action, false).await
}

/// As [`project`], for who only looks at what the action is about: also while the server is read-only.
pub async fn project_seen<'c>(
    c: &'c mut AnyConnection,
    now: Stamp,
    who: &Principal,
    name: &ProjectName,
    action: Action,
) -> Result<Authorized<'c>> {
    proven(c, now, who, name, action, true).await
}

async fn proven<'c>(
    c: &'c mut AnyConnection,
    now: Stamp,
    who: &Principal,
    name: &ProjectName,
    action: Action,
    looks: bool,
) -> Result<Authorized<'c>> {
    let found = look(c, now, who, name).await?.filter(|(_, rights, ..)| !rights.is_empty());
    let Some(found) = found else {
        if who.is_anonymous() {
            return Err(Error::Unauthenticated);
        }
        // To a system administrator, who sees all, it is simply missing.
        let admin = standing(c, now, who).await?.admin;
        return Err(if admin { Error::not_found("project", name) } else { Error::NotVisible(name.to_string()) });
    };
    let (mut project, rights, role, until) = found;
    project.read_only &= !looks;
    allowed(&rights, who.is_anonymous(), &project, action)?;
    Ok(Authorized { conn: c, project, rights, role, until, anonymous: who.is_anonymous() })
}

fn allowed(rights: &Rights, anonymous: bool, project: &ProjectRow, action: Action) -> Result<()> {
    match rights.has(action) {
        true if project.read_only && writes(action) => Err(Error::Forbidden {
            // No right and no scope would help.
            action: None,
            reason: READ_ONLY_SAID.to_owned(),
        }),
        true => Ok(()),
        false if anonymous => Err(Error::Unauthenticated),
        false => Err(refusal(&project.name, action)),
    }
}

/// As [`project`], for a request on `/v2`: a token's scope is a ceiling over it.
pub async fn repository<'c>(
    c: &'c mut AnyConnection,
    now: Stamp,
    who: &Principal,
    name: &ProjectName,
    repository: &str,
    action: Action,
) -> Result<Authorized<'c>> {
    let proof = project(c, now, who, name, action).await?;
    below_ceiling(&proof.project, who, repository, action)?;
    Ok(proof)
}

/// As [`repository`], by what is known of the caller and the project while that stands: a push asks again and again.
pub async fn repository_again<'c>(
    c: &'c mut AnyConnection,
    ctx: &Ctx,
    who: &Principal,
    name: &ProjectName,
    repository: &str,
    action: Action,
) -> Result<Authorized<'c>> {
    let (now, moment, key) = (ctx.now(), Moment::of_permissions(&ctx.db), Looks::key(who, name));
    let proof = match ctx.local.looks.0.get(moment, now, &key) {
        Some(found) => {
            let (project, rights, role, until) = found;
            allowed(&rights, who.is_anonymous(), &project, action)?;
            Authorized { conn: c, project, rights, role, until, anonymous: who.is_anonymous() }
        }
        None => {
            let proof = project(c, now, who, name, action).await?;
            ctx.local.looks.0.keep(moment, key, proof.until, 128, (proof.project.clone(), proof.rights, proof.role, proof.until));
            proof
        }
    };
    below_ceiling(&proof.project, who, repository, action)?;
    Ok(proof)
}

/// As [`repository_again`], for who needs no rows: where it is known it takes no connection.
pub async fn may_again(ctx: &Ctx, who: &Principal, name: &ProjectName, repository: &str, action: Action) -> Result<ProjectRow> {
    let (now, moment) = (ctx.now(), Moment::of_permissions(&ctx.db));
    match ctx.local.looks.0.get(moment, now, &Looks::key(who, name)) {
        Some(found) => {
            allowed(&found.1, who.is_anonymous(), &found.0, action)?;
            below_ceiling(&found.0, who, repository, action)?;
            Ok(found.0)
        }
        None => repository_again(&mut *ctx.db.read().await?, ctx, who, name, repository, action).await.map(|proof| proof.project),
    }
}

fn below_ceiling(project: &ProjectRow, who: &Principal, repository: &str, action: Action) -> Result<()> {
    let access = match action {
        Action::RepositoryPush | Action::TagCreate | Action::ArtifactCreate => Access::PUSH,
        Action::ArtifactDelete | Action::TagDelete | Action::AccessoryDelete | Action::RepositoryDelete => {
            Access::DELETE
        }
        _ => Access::PULL,
    };
    if !who.within_ceiling(project.id, repository, access) {
        return Err(Error::Forbidden {
            action: Some(action),
            reason: format!("the token's scope does not hold {} on {}/{repository}", access.words_joined(), project.name),
        });
    }
    Ok(())
}

impl Access {
    fn words_joined(self) -> &'static str {
        match self {
            Access { push: true, .. } => "push",
            Access { delete: true, .. } => "delete",
            _ => "pull",
        }
    }
}

/// Is the caller a member of the project?
pub async fn is_member(ctx: &Ctx, who: &Principal, name: &ProjectName) -> bool {
    let Ok(mut c) = ctx.db.read().await else { return false };
    matches!(look(&mut c, ctx.now(), who, name).await, Ok(Some((_, _, Some(_), _))))
}

/// Checks that the caller is an account that may sign in now.
pub async fn signed_in(ctx: &Ctx, who: &Principal) -> Result<()> {
    if who.is_anonymous() {
        return Err(Error::Unauthenticated);
    }
    standing(&mut *ctx.db.read().await?, ctx.now(), who).await.map(drop)
}

/// Checks that the caller administers the system, for adapters that have something to judge before the use-case does.
pub async fn administrator(ctx: &Ctx, who: &Principal) -> Result<()> {
    system(&mut *ctx.db.read().await?, ctx.now(), who).await.map(drop)
}

/// Checks that the caller administers the system.
pub async fn system<'c>(c: &'c mut AnyConnection, now: Stamp, who: &Principal) -> Result<Administrator<'c>> {
    if who.is_anonymous() {
        return Err(Error::Unauthenticated);
    }
    // A token is for `/v2`: it administers nothing.
    if !standing(c, now, who).await?.admin || who.ceiling.is_some() {
        return Err(Error::Forbidden { action: None, reason: "this needs a system administrator".to_owned() });
    }
    Ok(Administrator { conn: c })
}

/// Checks a permission on the system that others than administrators can hold.
pub async fn system_action<'c>(
    c: &'c mut AnyConnection,
    now: Stamp,
    who: &Principal,
    action: Action,
) -> Result<Administrator<'c>> {
    if who.is_anonymous() {
        return Err(Error::Unauthenticated);
    }
    let standing = standing(c, now, who).await?;
    let own = standing.admin || standing.system.has(action);
    if !standing.may(who, action) || who.ceiling.is_some() || !own && action == Action::ProjectCreate && !sql::everyone_makes_projects(c).await? {
        return Err(Error::Forbidden {
            action: Some(action),
            reason: format!("{} needs a system administrator or a robot account that holds it", action.name()),
        });
    }
    Ok(Administrator { conn: c })
}
