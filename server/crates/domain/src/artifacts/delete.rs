//! Deleting: says before what goes along, and then does exactly that.

use super::{Reference, push::tags_moved, sql};
use crate::access::{self, Authorized};
use crate::accessories::sql as accessories;
use crate::ctx::{Act, Ctx};
use crate::deletions::sql as deletions;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::manifest::machinery_subject;
use crate::points::point;
use crate::policy;
use crate::policy::delete::Going;
use model::accessory::Kind;
use model::artifact::DeletionPlan;
use model::{Action, Digest, ProjectName, RepositoryName, Stamp, Tag};
use std::collections::{HashMap, HashSet};

/// Most artifacts that one deletion takes along: it is one transaction, which others wait for.
pub const MOST: usize = 4096;

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
            return Err(Error::Precondition(format!("it would take along more than {MOST} artifacts: delete some of what is attached to it first")));
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
            }
        }
        for (id, digest) in sql::referrers_lists(c, walk.repository, &level).await? {
            walk.add(id, &digest, true)?;
        }
        level = next;
    }
    for (id, tag) in sql::tag_names_of(c, &walk.ids[1..]).await? {
        if let (Some(going), Ok(tag)) = (walk.along.get_mut(&id), tag.parse::<Tag>()) {
            going.is_tagged |= machinery_subject(&tag).is_none();
        }
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
    let root = Going { digest: root.digest, is_accessory: root.is_accessory, is_tagged: false };
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
    let act = Act::new("artifact.delete", format!("{project}/{repository}@{reference}"));
    let window = ctx.settings.recycle;
    ctx.change(who, act, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::ArtifactRead).await?;
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
        tags_moved(c, now, project_id, found.repository_id, &[found.id]).await?;
        sql::relist(c, project_id, found.repository_id, &[found.id]).await
    })
    .await
}
