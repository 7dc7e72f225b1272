//! Deleting: says before what goes along, and then does exactly that.

use super::push::{Moves, tags_moved};
use super::{Reference, sql};
use crate::access::{self, Authorized};
use crate::accessories::sql as accessories;
use crate::ctx::Ctx;
use crate::deletions::sql as deletions;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::manifest::machinery_subject;
use crate::points::point;
use crate::policy;
use crate::policy::delete::Going;
use model::accessory::Kind;
use model::artifact::DeletionPlan;
use model::deletion::What;
use model::{Action, Digest, ProjectName, RepositoryName, Stamp, Tag};
use std::collections::{HashMap, HashSet};

/// Most artifacts that one deletion takes along: it is one transaction, which others wait for.
pub const MOST: usize = 4096;
/// Most accessories among them: an undo places each again, and looks at the others of its subject for that.
const ATTACHED: usize = 512;
/// Most bytes of their manifests: what is kept for an undo is copied.
const BYTES: i64 = 32 << 20;

fn too_much(what: &str) -> Error {
    Error::Precondition(format!("it would take along more than {what}: delete some of what is attached to it first"))
}

/// What deleting the artifact would take along, for who may delete at least accessories.
pub async fn plan(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<DeletionPlan> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
    may_some(&proof)?;
    let plan = draw(&mut proof, repository, &Reference::Digest(digest.clone())).await?.plan;
    Ok(DeletionPlan { kept_for: ctx.settings.recycle, ..plan })
}

/// May the caller delete anything there? Asked before the tree is walked, whose size others choose.
fn may_some(proof: &Authorized<'_>) -> Result<()> {
    proof.require(Action::AccessoryDelete).or_else(|_| proof.require(Action::ArtifactDelete))
}

struct Drawn {
    plan: DeletionPlan,
    repository: i64,
    root: Going,
    /// What goes with it: its accessories of every depth, its lone children, lists of its referrers.
    along: Vec<Going>,
    /// All of them, the artifact itself first.
    ids: Vec<i64>,
}

/// What a deletion takes along, as it is found.
struct Walk {
    repository: i64,
    ids: Vec<i64>,
    seen: HashSet<i64>,
    along: HashMap<i64, Going>,
    accessories: Vec<(Kind, Digest)>,
    children: Vec<Digest>,
}

impl Walk {
    /// Takes one along; `false`: it was known.
    fn add(&mut self, id: i64, digest: &Digest, is_accessory: bool) -> Result<bool> {
        if !self.seen.insert(id) {
            return Ok(false);
        }
        if self.ids.len() > MOST {
            return Err(too_much(&format!("{MOST} artifacts")));
        }
        self.ids.push(id);
        self.along.insert(id, Going { digest: digest.clone(), is_accessory, is_tagged: false });
        Ok(true)
    }
}

/// Walks what hangs under the artifact, level by level; each once, so that a cycle ends.
async fn draw(proof: &mut Authorized<'_>, repository: &RepositoryName, reference: &Reference) -> Result<Drawn> {
    let missing = || Error::not_found("artifact", reference);
    let root = sql::find(proof, repository, reference).await?.ok_or_else(missing)?;
    let c = proof.conn();
    let repository = root.repository_id;
    let tags: Vec<Tag> = sql::tags_of(c, root.id).await?.into_iter().map(|tag| tag.name).collect();
    let kept_by = sql::parents(c, repository, &root.digest).await?;
    let mut walk = Walk {
        repository,
        ids: vec![root.id],
        seen: HashSet::from([root.id]),
        along: HashMap::new(),
        accessories: Vec::new(),
        children: Vec::new(),
    };
    // Children that nothing else lists and that no tag names go with their index.
    let (mut indexes, mut level) = (vec![root.id], vec![root.digest.clone()]);
    while let Some(index) = indexes.pop() {
        for child in sql::lone_children(c, walk.repository, index).await? {
            if walk.add(child.id, &child.digest, child.is_accessory)? {
                indexes.push(child.id);
                if !child.is_accessory {
                    walk.children.push(child.digest.clone());
                }
                level.push(child.digest);
            }
        }
    }
    while !level.is_empty() {
        let mut next = Vec::new();
        for accessory in accessories::of_subjects(c, walk.repository, &level, MOST as i64 + 1).await? {
            if walk.add(accessory.artifact_id, &accessory.digest, true)? {
                next.push(accessory.digest.clone());
                walk.accessories.push((accessory.kind, accessory.digest));
                if walk.accessories.len() > ATTACHED {
                    return Err(too_much(&format!("{ATTACHED} accessories")));
                }
            }
        }
        for (id, digest) in sql::referrers_lists(c, walk.repository, &level).await? {
            walk.add(id, &digest, true)?;
        }
        level = next;
    }
    for id in sql::tagged_by_people(c, &walk.ids[1..]).await? {
        if let Some(going) = walk.along.get_mut(&id) {
            going.is_tagged = true;
        }
    }
    if walk.ids.len() > 1 && sql::manifest_bytes(c, &walk.ids).await? > BYTES {
        return Err(too_much(&format!("{} MiB of manifests", BYTES >> 20)));
    }
    walk.accessories.sort();
    let plan = DeletionPlan {
        digest: root.digest.clone(),
        tags,
        accessories: walk.accessories,
        children: walk.children,
        kept_by,
        freed: sql::freed(c, repository, &walk.ids).await?,
        kept_for: 0,
    };
    let is_tagged = plan.tags.iter().any(|tag| machinery_subject(tag).is_none());
    let root = Going { digest: root.digest, is_accessory: root.is_accessory, is_tagged };
    Ok(Drawn { plan, repository, root, along: walk.along.into_values().collect(), ids: walk.ids })
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
    let event = Event::ArtifactDeleted { project: project.to_string(), repository: repository.to_string(), reference: reference.to_string() };
    let window = ctx.settings.recycle;
    ctx.change(who, event, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::ArtifactRead).await?;
        may_some(&proof)?;
        let drawn = draw(&mut proof, &repository, &reference).await;
        // Who may not delete anything here learns nothing of what is there.
        let is_accessory = drawn.as_ref().is_ok_and(|drawn| drawn.root.is_accessory);
        let right = if is_accessory { Action::AccessoryDelete } else { Action::ArtifactDelete };
        let mut proof = access::repository(c, now, &caller, &project, repository.as_str(), right).await?;
        let drawn = drawn?;
        policy::delete::check(&proof, &drawn.root, &drawn.along, &drawn.plan.kept_by)?;
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
        accessories::recount_signatures(c, drawn.repository, subjects.iter().map(String::as_str)).await?;
        point!("artifact.deleted");
        Ok(DeletionPlan { kept_for: window, ..drawn.plan })
    })
    .await
}

/// May the caller delete artifacts there?
pub async fn may_delete(ctx: &Ctx, who: &Principal, project: &ProjectName) -> Result<()> {
    access::project(&mut *ctx.db.read().await?, ctx.now(), who, project, Action::ArtifactDelete).await.map(drop)
}

/// What a deletion of several did.
#[derive(Debug, Default)]
pub struct DeletedMany {
    pub deleted: usize,
    /// Those that stayed, and why.
    pub left: Vec<(Digest, String)>,
}

/// Most that are deleted in one step.
pub const AT_ONCE: usize = 100;

/// Deletes several artifacts, each with what its plan says; one that an index among them lists goes after that. What may not
/// be deleted stays, and is answered; if that is all of them, it is refused.
pub async fn delete_many(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    digests: &[Digest],
) -> Result<DeletedMany> {
    may_delete(ctx, who, project).await?;
    if digests.is_empty() || digests.len() > AT_ONCE {
        return Err(Error::invalid("digests", format!("must be one to {AT_ONCE} artifacts")));
    }
    let (mut done, mut gone, mut along) = (DeletedMany::default(), None, HashSet::new());
    let mut left = digests.to_vec();
    left.sort();
    left.dedup();
    // Each round deletes what the round before made free.
    loop {
        let (before, mut kept) = (left.len(), Vec::new());
        for digest in left {
            match delete(ctx, who, project, repository, &Reference::Digest(digest.clone())).await {
                Ok(plan) => {
                    done.deleted += 1;
                    along.extend(plan.children.into_iter().chain(plan.accessories.into_iter().map(|(_, digest)| digest)));
                }
                // It went along with another.
                Err(Error::NotFound(_)) if along.contains(&digest) => done.deleted += 1,
                Err(error @ Error::NotFound(_)) => gone = Some(error),
                Err(error) if error.is_refusal() || matches!(error, Error::Precondition(_)) => kept.push((digest, error)),
                // Nothing of it is for the reader of a page, nor would the others fare better.
                Err(error) => return Err(error),
            }
        }
        if kept.is_empty() || kept.len() == before {
            if done.deleted == 0 {
                let why = kept.into_iter().next().map(|(_, error)| error).or(gone);
                return Err(why.unwrap_or_else(|| Error::not_found("artifacts", "selected")));
            }
            done.left = kept.into_iter().map(|(digest, error)| (digest, error.to_string())).collect();
            return Ok(done);
        }
        left = kept.into_iter().map(|(digest, _)| digest).collect();
    }
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
    let moves = Moves::of(&ctx.settings, now, who);
    ctx.change(who, Event::TagRemoved { project: project.to_string(), repository: repository.to_string(), tag: tag.to_string() }, async move |c| {
        let mut proof =
            access::repository(c, now, &caller, &project, repository.as_str(), Action::TagDelete).await?;
        let found = sql::find(&mut proof, &repository, &Reference::Tag(tag.clone()))
            .await?
            .ok_or_else(|| Error::not_found("tag", &tag))?;
        let project_id = proof.project.id.0;
        let c = proof.conn();
        if let Some(moves) = &moves {
            moves.keep(c, now, (project_id, found.repository_id), What::Tag, &tag, found.id).await?;
        }
        sql::remove_tag(c, found.repository_id, &tag).await?;
        tags_moved(c, now, project_id, found.repository_id, &[found.id]).await?;
        sql::relist(c, project_id, found.repository_id, &[found.id]).await
    })
    .await
}
