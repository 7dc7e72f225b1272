//! Labels: of a project, made by its admins and maintainers, or for all projects, made by administrators; put on artifacts by whoever may push.

mod sql;
#[cfg(test)]
mod tests;

use crate::Owner;
use crate::access;
use crate::artifacts::Reference;
use crate::artifacts::sql::found;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::identity::Principal;
use model::label::{Label, LabelInput, MOST, ON_ONE};
use model::list::Query;
use model::{Action, LabelId, Page, ProjectName, RepositoryName};

pub(crate) use sql::{COLUMNS, label, names_of, unknown};

/// Labels of a project, or those for all, which everybody sees.
pub async fn list(ctx: &Ctx, who: &Principal, owner: &Owner, query: &Query) -> Result<Page<Label>> {
    let mut c = ctx.db.read().await?;
    match owner {
        Owner::Project(name) => {
            let mut proof = access::project(&mut c, ctx.now(), who, name, Action::LabelList).await?;
            let id = proof.project.id.0;
            sql::list(proof.conn(), id, query).await
        }
        // As words they are no secret: other registries ask for them before they sign in.
        Owner::System => sql::list(&mut c, 0, query).await,
    }
}

/// What can be put on artifacts of a project: its own labels, then those for all, by name.
pub async fn usable(ctx: &Ctx, who: &Principal, project: &ProjectName) -> Result<Vec<Label>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::LabelList).await?;
    let id = proof.project.id.0;
    sql::usable(proof.conn(), id).await
}

/// A label by its number, and whose it is. Who may not see it finds nothing.
pub async fn get(ctx: &Ctx, who: &Principal, id: LabelId) -> Result<(Label, Owner)> {
    access::signed_in(ctx, who).await?;
    let mut c = ctx.db.read().await?;
    let missing = || Error::not_found("label", id);
    let (label, project) = sql::get(&mut c, id).await?.ok_or_else(missing)?;
    match project {
        None => Ok((label, Owner::System)),
        Some(name) => match access::project(&mut c, ctx.now(), who, &name, Action::LabelRead).await {
            Ok(_) => Ok((label, Owner::Project(name))),
            Err(Error::NotVisible(_)) => Err(missing()),
            Err(error) => Err(error),
        },
    }
}

fn taken(input: &LabelInput) -> Error {
    Error::conflict("name", format!("is taken: a label {} exists there", input.name.trim()))
}

/// The owner's number, for whom may do this with its labels: 0 for those of all projects.
async fn may(c: &mut sqlx::AnyConnection, ctx_now: model::Stamp, who: &Principal, owner: &Owner, right: Action) -> Result<i64> {
    match owner {
        Owner::System => access::system(c, ctx_now, who).await.map(|_| 0),
        Owner::Project(name) => Ok(access::project(c, ctx_now, who, name, right).await?.project.id.0),
    }
}

/// Makes a label.
pub async fn create(ctx: &Ctx, who: &Principal, owner: &Owner, input: LabelInput) -> Result<LabelId> {
    let (now, caller, owner) = (ctx.now(), who.clone(), owner.clone());
    ctx.change(who, Event::LabelCreated { project: owner.project(), name: input.name.clone() }, async move |c| {
        let project = may(c, now, &caller, &owner, Action::LabelCreate).await?;
        input.check()?;
        if sql::count(c, project).await? >= MOST {
            return Err(Error::Precondition(format!("there are {MOST} labels, as many as there may be: let one go first")));
        }
        sql::insert(c, now, project, &input).await?.ok_or_else(|| taken(&input))
    })
    .await
}

/// Changes a label wherever it is.
pub async fn update(ctx: &Ctx, who: &Principal, id: LabelId, input: LabelInput) -> Result<()> {
    let (_, owner) = get(ctx, who, id).await?;
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::LabelChanged { project: owner.project(), label: id.0, name: input.name.clone() }, async move |c| {
        may(c, now, &caller, &owner, Action::LabelUpdate).await?;
        input.check()?;
        if sql::get(c, id).await?.is_none() {
            return Err(Error::not_found("label", id));
        }
        if sql::update(c, now, id, &input).await? { Ok(()) } else { Err(taken(&input)) }
    })
    .await
}

/// Deletes a label: it goes from every artifact.
pub async fn delete(ctx: &Ctx, who: &Principal, id: LabelId) -> Result<()> {
    let (label, owner) = get(ctx, who, id).await?;
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::LabelDeleted { project: owner.project(), label: id.0, name: label.input.name }, async move |c| {
        may(c, now, &caller, &owner, Action::LabelDelete).await?;
        if sql::delete(c, id).await? { Ok(()) } else { Err(Error::not_found("label", id)) }
    })
    .await
}

/// A label's name, for the log of a project alone: another project's is not told there.
async fn called(ctx: &Ctx, project: &ProjectName, id: LabelId) -> Result<String> {
    let found = sql::get(&mut *ctx.db.read().await?, id).await?;
    Ok(found.filter(|(_, of)| of.as_ref().is_none_or(|of| of == project)).map(|(label, _)| label.input.name).unwrap_or_default())
}

/// Puts a label on an artifact: one of its project, or one for all.
pub async fn put(ctx: &Ctx, who: &Principal, project: &ProjectName, repository: &RepositoryName, reference: &Reference, id: LabelId) -> Result<()> {
    let (now, caller, project, repository, reference) = (ctx.now(), who.clone(), project.clone(), repository.clone(), reference.clone());
    let called = called(ctx, &project, id).await?;
    let event = Event::LabelPut { project: project.to_string(), repository: repository.to_string(), reference: reference.to_string(), label: id.0, called };
    ctx.change(who, event, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::ArtifactLabelCreate).await?;
        let artifact = found(&mut proof, &repository, &reference).await?;
        let own = proof.project.id;
        let c = proof.conn();
        let (label, _) = sql::get(c, id).await?.ok_or_else(|| Error::not_found("label", id))?;
        // Another project's is not there.
        if label.project_id.is_some_and(|of| of != own) {
            return Err(Error::not_found("label", id));
        }
        if sql::on(c, artifact.id).await? >= ON_ONE {
            return Err(Error::Precondition(format!("it carries {ON_ONE} labels, as many as one may: take one off first")));
        }
        match sql::put(c, now, artifact.id, id).await? {
            true => Ok(()),
            false => Err(Error::conflict("id", format!("is on it already: {}", label.input.name))),
        }
    })
    .await
}

/// Takes a label off an artifact.
pub async fn take_off(ctx: &Ctx, who: &Principal, project: &ProjectName, repository: &RepositoryName, reference: &Reference, id: LabelId) -> Result<()> {
    let (now, caller, project, repository, reference) = (ctx.now(), who.clone(), project.clone(), repository.clone(), reference.clone());
    let called = called(ctx, &project, id).await?;
    let event = Event::LabelTakenOff { project: project.to_string(), repository: repository.to_string(), reference: reference.to_string(), label: id.0, called };
    ctx.change(who, event, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::ArtifactLabelDelete).await?;
        let artifact = found(&mut proof, &repository, &reference).await?;
        match sql::take_off(proof.conn(), artifact.id, id).await? {
            true => Ok(()),
            false => Err(Error::not_found("label", format!("{id} on that artifact"))),
        }
    })
    .await
}
