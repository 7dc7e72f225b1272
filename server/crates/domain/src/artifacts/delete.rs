//! Deleting: says before what goes along, and then does exactly that.

use super::{Reference, sql};
use crate::access::{self, Authorized};
use crate::accessories::sql as accessories;
use crate::deletions::sql as deletions;
use crate::ctx::{Act, Ctx};
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::points::point;
use model::artifact::DeletionPlan;
use model::{Action, Digest, ProjectName, RepositoryName, Stamp, Tag};
use std::collections::HashSet;

/// What deleting the artifact would take along.
pub async fn plan(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<DeletionPlan> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
    let plan = draw(&mut proof, repository, &Reference::Digest(digest.clone())).await?.plan;
    Ok(DeletionPlan { kept_for: ctx.settings.recycle, ..plan })
}

struct Drawn {
    plan: DeletionPlan,
    repository: i64,
    is_accessory: bool,
    /// The artifact itself, its accessories of every depth, its lone children.
    ids: Vec<i64>,
}

/// Walks what hangs under the artifact; each digest once, so that a cycle ends.
async fn draw(proof: &mut Authorized<'_>, repository: &RepositoryName, reference: &Reference) -> Result<Drawn> {
    let missing = || Error::not_found("artifact", reference);
    let root = sql::find(proof, repository, reference).await?.ok_or_else(missing)?;
    let c = proof.conn();
    let repository = root.repository_id;
    let mut plan = DeletionPlan {
        digest: root.digest.clone(),
        tags: sql::tags_of(c, root.id).await?.into_iter().map(|tag| tag.name).collect(),
        accessories: Vec::new(),
        children: Vec::new(),
        kept_by: sql::parents(c, repository, &root.digest).await?,
        freed: 0,
        kept_for: 0,
    };
    let mut ids = vec![root.id];
    let mut seen = HashSet::from([root.digest.as_str().to_owned()]);
    let mut queue = vec![root.digest.clone()];
    // Children that nothing else lists and that no tag names go with their index.
    let mut indexes = vec![root.id];
    while let Some(index) = indexes.pop() {
        for child in sql::lone_children(c, repository, index).await? {
            if seen.insert(child.digest.as_str().to_owned()) {
                ids.push(child.id);
                indexes.push(child.id);
                if !child.is_accessory {
                    plan.children.push(child.digest.clone());
                }
                queue.push(child.digest);
            }
        }
    }
    while let Some(subject) = queue.pop() {
        for accessory in accessories::of_subject(c, repository, subject.as_str()).await? {
            if seen.insert(accessory.digest.as_str().to_owned()) {
                ids.push(accessory.artifact_id);
                plan.accessories.push((accessory.kind, accessory.digest.clone()));
                queue.push(accessory.digest);
            } else if !ids.contains(&accessory.artifact_id) {
                ids.push(accessory.artifact_id);
            }
        }
    }
    plan.accessories.sort();
    plan.freed = sql::freed(c, repository, &ids).await?;
    Ok(Drawn { plan, repository, is_accessory: root.is_accessory, ids })
}

/// Deletes an artifact by digest, with what its plan says. An artifact that an index lists is kept.
pub async fn delete(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<DeletionPlan> {
    let (now, caller, project, repository, reference) =
        (ctx.now(), who.clone(), project.clone(), repository.clone(), reference.clone());
    let act = Act::new("artifact.delete", format!("{project}/{repository}@{reference}"));
    let window = ctx.settings.recycle;
    ctx.change(who, act, async move |c| {
        // Seeing comes first; what is needed to delete depends on what it is.
        let right = Action::ArtifactRead;
        let mut proof = access::project(c, now, &caller, &project, right).await?;
        let drawn = draw(&mut proof, &repository, &reference).await;
        let is_accessory = drawn.as_ref().is_ok_and(|d| d.is_accessory);
        let right = if is_accessory { Action::AccessoryDelete } else { Action::ArtifactDelete };
        let mut proof = access::repository(c, now, &caller, &project, repository.as_str(), right).await?;
        let drawn = drawn?;
        if let Some(index) = drawn.plan.kept_by.first() {
            return Err(Error::Precondition(format!("the index {index} lists it: delete the index first")));
        }
        let project_id = proof.project.id.0;
        let c = proof.conn();
        let subjects = sql::subjects_of(c, &drawn.ids).await?;
        if window > 0 {
            let tags: Vec<String> = drawn.plan.tags.iter().map(ToString::to_string).collect();
            let new = deletions::New {
                project: project_id, repository: drawn.repository, digest: &drawn.plan.digest, tags: &tags, ids: &drawn.ids,
                bytes: drawn.plan.freed, by: caller.name(), until: Stamp(now.0 + window),
            };
            deletions::keep(c, now, &new).await?;
        }
        sql::delete(c, now, project_id, drawn.repository, &drawn.ids).await?;
        for subject in subjects {
            accessories::recount_signatures(c, drawn.repository, &subject).await?;
        }
        point!("artifact.deleted");
        Ok(DeletionPlan { kept_for: window, ..drawn.plan })
    })
    .await
}

/// Removes a tag; its artifact stays.
pub async fn delete_tag(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<()> {
    let (now, caller, project, repository, tag) =
        (ctx.now(), who.clone(), project.clone(), repository.clone(), tag.clone());
    ctx.change(who, Act::new("tag.delete", format!("{project}/{repository}:{tag}")), async move |c| {
        let mut proof =
            access::repository(c, now, &caller, &project, repository.as_str(), Action::TagDelete).await?;
        let found = sql::find(&mut proof, &repository, &Reference::Tag(tag.clone()))
            .await?
            .ok_or_else(|| Error::not_found("tag", &tag))?;
        let project_id = proof.project.id.0;
        let c = proof.conn();
        sql::remove_tag(c, found.repository_id, &tag).await?;
        sql::relist(c, project_id, found.repository_id, &[found.id]).await
    })
    .await
}
