//! Projects: the unit of membership and policy.

mod sql;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use crate::access;
use crate::ctx::Ctx;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::{Principal, Who};
use model::list::Query;
use model::name::REPOSITORY_MAX;
use model::project::{Project, ProjectDeletion, ProjectFrame, SignatureForecast};
use model::quota;
use model::{Action, Page, ProjectId, ProjectName, Role, Stamp};
use sqlx::AnyConnection;

/// Which projects a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub public: Option<bool>,
    /// Whose they are, by the whole name.
    pub owner: Option<String>,
    /// This one only.
    pub id: Option<ProjectId>,
}

/// Where the portal has the form of a new project, so that no project's page could stand there.
const RESERVED: &str = "new";

/// A project to be made.
#[derive(Clone, Debug, Default)]
pub struct New {
    pub name: String,
    pub public: bool,
    pub require_signature: bool,
    /// How much it may hold, which only system administrators say; `None`: as much as is set for new projects.
    pub limit: Option<Option<i64>>,
    /// Settings that are kept as they were sent.
    pub kept: BTreeMap<String, String>,
}

/// Makes a project; whoever makes it is its first admin.
pub async fn create(ctx: &Ctx, who: &Principal, name: &str, public: bool, require_signature: bool) -> Result<Project> {
    create_as(ctx, who, New { name: name.to_owned(), public, require_signature, ..New::default() }).await
}

/// As [`create`], with all that can be said of it.
pub async fn create_as(ctx: &Ctx, who: &Principal, new: New) -> Result<Project> {
    let parsed = new.name.parse::<ProjectName>();
    let (now, caller) = (ctx.now(), who.clone());
    let event = Event::ProjectCreated { project: new.name.clone(), public: new.public, require_signature: new.require_signature };
    ctx.change(who, event, async move |c| {
        let mut proof = access::system_action(c, now, &caller, Action::ProjectCreate).await?;
        let name = parsed.clone().map_err(|message| Error::invalid("name", message))?;
        if name.as_str() == RESERVED {
            return Err(Error::invalid("name", "is the portal's own word: choose another"));
        }
        // `x/y` must fit where clients and registries take a name.
        if name.as_str().len() + 2 > REPOSITORY_MAX {
            return Err(Error::invalid("name", format!("must be at most {} characters long: a repository comes after it", REPOSITORY_MAX - 2)));
        }
        let c = proof.conn();
        let owner = match &caller.who {
            Who::User { id, .. } => Some(*id),
            _ => None,
        };
        let limit = limit(c, now, &caller, new.limit).await?;
        let id = sql::insert(c, now, &name, &new, limit, owner)
            .await?
            .ok_or_else(|| Error::conflict("name", format!("is taken: a project named {name} exists")))?;
        if let Some(owner) = owner {
            crate::members::add(c, now, id, owner, Role::ProjectAdmin).await?;
        }
        sql::keep(c, id, &new.kept).await?;
        sql::get(c, &caller, id).await?.ok_or_else(|| Error::not_found("project", &name))
    })
    .await
}

/// How much a new project may hold: what is set for all, or what an administrator says of it.
async fn limit(c: &mut AnyConnection, now: Stamp, who: &Principal, said: Option<Option<i64>>) -> Result<Option<i64>> {
    let usual = crate::configuration::storage_per_project(c).await?;
    let Some(said) = said else { return Ok(usual) };
    quota::check(said).map_err(|message| Error::invalid("limit", message))?;
    match access::standing(c, now, who).await?.admin {
        true => Ok(said),
        // As Harbor's clients send it with every project.
        false if said.is_none() || said == usual => Ok(usual),
        false => Err(Error::Forbidden { action: None, reason: "how much a project may hold is said by a system administrator: leave it out".to_owned() }),
    }
}

/// The projects the caller may see.
pub async fn list(ctx: &Ctx, who: &Principal, query: &Query, filter: &Filter) -> Result<Page<Project>> {
    let mut c = ctx.db.read().await?;
    let standing = access::standing(&mut c, ctx.now(), who).await?;
    sql::list(&mut c, who, standing.sees_all(), query, filter).await
}

/// How many the caller sees, by whether they are public: projects, repositories, bytes.
pub async fn statistics(ctx: &Ctx, who: &Principal) -> Result<Vec<(bool, i64, i64, i64)>> {
    let mut c = ctx.db.read().await?;
    let standing = access::standing(&mut c, ctx.now(), who).await?;
    sql::statistics(&mut c, who, standing.sees_all()).await
}

/// Is there a project of this name? For whoever is signed in, as Harbor's HEAD.
pub async fn exists(ctx: &Ctx, who: &Principal, name: &ProjectName) -> Result<bool> {
    let mut c = ctx.db.read().await?;
    match access::project(&mut c, ctx.now(), who, name, Action::ProjectRead).await {
        Ok(_) => Ok(true),
        Err(Error::NotFound(_)) => Ok(false),
        Err(Error::NotVisible(_)) => {
            let standing = access::standing(&mut c, ctx.now(), who).await?;
            // Who may create projects must learn that a name is taken, which creating would tell as well.
            Ok(standing.may(who, Action::ProjectCreate) && sql::name_taken(&mut c, name).await?)
        }
        Err(error) => Err(error),
    }
}

/// The name of the project with this id, for callers who address it so. Who may not see it gets `NotVisible`.
pub async fn name_of(ctx: &Ctx, who: &Principal, id: ProjectId) -> Result<ProjectName> {
    let mut c = ctx.db.read().await?;
    let admin = !who.is_anonymous() && access::standing(&mut c, ctx.now(), who).await?.admin;
    let hidden = || match (who.is_anonymous(), admin) {
        (true, _) => Error::Unauthenticated,
        (false, true) => Error::not_found("project", id),
        (false, false) => Error::NotVisible(id.to_string()),
    };
    let name = sql::name(&mut c, id).await?.ok_or_else(hidden)?;
    match access::rights_in(&mut c, ctx.now(), who, &name).await? {
        Some(_) => Ok(name),
        None => Err(hidden()),
    }
}

/// Was there ever a project of this number?
pub async fn was(ctx: &Ctx, id: ProjectId) -> Result<bool> {
    sql::was(&mut *ctx.db.read().await?, id).await
}

/// A project, with all the caller may do in it.
pub async fn frame(ctx: &Ctx, who: &Principal, name: &ProjectName) -> Result<ProjectFrame> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, name, Action::ProjectRead).await?;
    let (id, rights) = (proof.project.id, proof.rights.to_vec());
    let project = sql::get(proof.conn(), who, id).await?.ok_or_else(|| Error::NotVisible(name.to_string()))?;
    Ok(ProjectFrame { project, rights })
}

/// Changes what is configured; `None` leaves a setting as it is.
pub async fn update(
    ctx: &Ctx,
    who: &Principal,
    name: &ProjectName,
    public: Option<bool>,
    require_signature: Option<bool>,
) -> Result<Project> {
    update_keeping(ctx, who, name, public, require_signature, BTreeMap::new()).await
}

/// As [`update`], with settings that are kept as they were sent.
pub async fn update_keeping(
    ctx: &Ctx,
    who: &Principal,
    name: &ProjectName,
    public: Option<bool>,
    require_signature: Option<bool>,
    kept: BTreeMap<String, String>,
) -> Result<Project> {
    let (now, caller, project) = (ctx.now(), who.clone(), name.clone());
    ctx.change(who, Event::ProjectUpdated { project: name.to_string(), public, require_signature }, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::ProjectUpdate).await?;
        sql::update(&mut proof, now, public, require_signature).await?;
        let id = proof.project.id;
        sql::keep(proof.conn(), id, &kept).await?;
        sql::get(proof.conn(), &caller, id).await?.ok_or_else(|| Error::NotVisible(project.to_string()))
    })
    .await
}

/// May the caller see how the project is set up?
pub async fn may_configure(ctx: &Ctx, who: &Principal, name: &ProjectName) -> Result<()> {
    let mut c = ctx.db.read().await?;
    access::project(&mut c, ctx.now(), who, name, Action::MetadataRead).await.map(drop)
}

/// What "only signed images may be pulled" would refuse now.
pub async fn signature_forecast(ctx: &Ctx, who: &Principal, name: &ProjectName) -> Result<SignatureForecast> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, name, Action::ArtifactList).await?;
    sql::forecast(&mut proof).await
}

/// What deleting the project would take along, or why it cannot be.
pub async fn deletion(ctx: &Ctx, who: &Principal, name: &ProjectName) -> Result<ProjectDeletion> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, name, Action::ProjectDelete).await?;
    sql::deletion(&mut proof, ctx.now()).await
}

/// Deletes an empty project: its members and robot accounts go with it, and the name is free for a new one.
pub async fn delete(ctx: &Ctx, who: &Principal, name: &ProjectName) -> Result<()> {
    let (now, caller, project) = (ctx.now(), who.clone(), name.clone());
    ctx.change(who, Event::ProjectDeleted { project: name.to_string() }, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::ProjectDelete).await?;
        if let Some(refused) = sql::deletion(&mut proof, now).await?.refused {
            return Err(Error::Precondition(refused));
        }
        sql::delete(&mut proof, now).await
    })
    .await?;
    // Repositories of it that could have been brought back.
    crate::deletions::dismantle(ctx).await;
    Ok(())
}
