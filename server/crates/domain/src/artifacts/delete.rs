//! Deleting: says before what goes along, and then does exactly that.

use super::push::{TagUndo, tags_moved};
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
use model::artifact::{DeletionPlan, TagRemoval};
use model::deletion::What;
use model::{Action, Digest, ProjectName, RepositoryName, Stamp, Tag};
use sqlx::AnyConnection;
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
    let mut proof = may_some(&mut c, ctx.now(), who, project).await?;
    let drawn = draw(&mut proof, repository, &Reference::Digest(digest.clone())).await?;
    let locked = policy::delete::locked(&mut proof, repository, digest, &drawn.ids).await?.map(|locked| locked.to_string());
    Ok(DeletionPlan { kept_for: ctx.settings.recycle, locked, ..drawn.plan })
}

/// Who may delete anything there. Asked before the tree is walked, whose size others choose; to look at what goes that right is enough.
async fn may_some<'c>(c: &'c mut AnyConnection, now: Stamp, who: &Principal, project: &ProjectName) -> Result<Authorized<'c>> {
    let refused = match access::project(&mut *c, now, who, project, Action::ArtifactDelete).await {
        Ok(_) => None,
        Err(error @ Error::Forbidden { .. }) => Some(error),
        Err(error) => return Err(error),
    };
    let right = if refused.is_some() { Action::AccessoryDelete } else { Action::ArtifactDelete };
    access::project(c, now, who, project, right).await.map_err(|error| refused.unwrap_or(error))
}

struct Drawn {
    plan: DeletionPlan,
    repository: i64,
    root: Going,
    /// What goes with it: its accessories of every depth, its lone children, lists of its referrers.
    along: Vec<Going>,
    /// All of them, the artifact itself first.
    ids: Vec<i64>,
    /// What hung on them and stays, because an index that stays lists it.
    stays: Vec<i64>,
}

/// What a deletion takes along, as it is found.
struct Walk {
    repository: i64,
    found: Vec<Walked>,
    seen: HashSet<i64>,
}

/// One of them.
struct Walked {
    id: i64,
    digest: Digest,
    /// What it goes along with: its index, or what it is attached to.
    with: i64,
    what: As,
    is_accessory: bool,
}

/// As what it goes along.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    Root,
    Child,
    Accessory(Kind),
    List,
}

impl Walk {
    /// Takes one along; `false`: it was known.
    fn add(&mut self, id: i64, digest: &Digest, with: i64, what: As, is_accessory: bool) -> Result<bool> {
        if !self.seen.insert(id) {
            return Ok(false);
        }
        if self.found.len() > MOST {
            return Err(too_much(&format!("{MOST} artifacts")));
        }
        self.found.push(Walked { id, digest: digest.clone(), with, what, is_accessory });
        Ok(true)
    }

    /// What an index lists that stays, stays; so does what is attached to something that stays; and what hangs on these. Answers the
    /// ids that do.
    async fn staying(&self, c: &mut AnyConnection) -> Result<HashSet<i64>> {
        let digests: Vec<&Digest> = self.found[1..].iter().map(|found| &found.digest).collect();
        let (of_index, kept) = sql::listed_in(c, self.repository, &digests).await?;
        let by_digest: HashMap<&str, i64> = self.found[1..].iter().map(|found| (found.digest.as_str(), found.id)).collect();
        let mut hanging = HashMap::<i64, Vec<i64>>::new();
        for found in &self.found[1..] {
            hanging.entry(found.with).or_default().push(found.id);
        }
        let mut next: Vec<i64> = kept.iter().filter_map(|digest| by_digest.get(digest.as_str()).copied()).collect();
        for (index, listed) in &of_index {
            let listed = listed.iter().filter_map(|digest| by_digest.get(digest.as_str()).copied());
            if self.seen.contains(index) { hanging.entry(*index).or_default().extend(listed) } else { next.extend(listed) }
        }
        let attached = self.found[1..].iter().filter(|found| found.is_accessory).map(|found| found.id);
        for (accessory, subject) in sql::subjects_here(c, &attached.collect::<Vec<_>>()).await? {
            if self.seen.contains(&subject) { hanging.entry(subject).or_default().push(accessory) } else { next.push(accessory) }
        }
        let mut staying = HashSet::new();
        while let Some(id) = next.pop() {
            if staying.insert(id) {
                next.extend(hanging.get(&id).into_iter().flatten());
            }
        }
        Ok(staying)
    }
}

/// Walks what hangs under the artifact, level by level; each once, so that a cycle ends.
async fn draw(proof: &mut Authorized<'_>, repository: &RepositoryName, reference: &Reference) -> Result<Drawn> {
    let root = sql::found(proof, repository, reference).await?;
    let c = proof.conn();
    let repository = root.repository_id;
    let tags: Vec<Tag> = sql::tags_of(c, root.id).await?.into_iter().map(|tag| tag.name).collect();
    let kept_by = sql::parents(c, repository, &root.digest).await?;
    let mut walk = Walk { repository, found: Vec::new(), seen: HashSet::new() };
    walk.add(root.id, &root.digest, root.id, As::Root, root.is_accessory)?;
    // Children that nothing else lists and that no tag names go with their index.
    // A list of referrers owns nothing of what it lists.
    let (mut indexes, mut level) = (if root.is_list { Vec::new() } else { vec![root.id] }, vec![(root.id, root.digest.clone())]);
    while let Some(index) = indexes.pop() {
        for child in sql::lone_children(c, repository, index).await? {
            if walk.add(child.id, &child.digest, index, As::Child, child.is_accessory)? {
                indexes.push(child.id);
                level.push((child.id, child.digest));
            }
        }
    }
    while !level.is_empty() {
        let (mut next, digests) = (Vec::new(), level.iter().map(|(_, digest)| digest.clone()).collect::<Vec<_>>());
        let ids: HashMap<&str, i64> = level.iter().map(|(id, digest)| (digest.as_str(), *id)).collect();
        let with = |subject: &Digest| ids.get(subject.as_str()).copied().unwrap_or(root.id);
        for accessory in accessories::of_subjects(c, repository, &digests, MOST as i64 + 1).await? {
            let what = As::Accessory(accessory.kind);
            if walk.add(accessory.artifact_id, &accessory.digest, with(&accessory.subject), what, true)? {
                next.push((accessory.artifact_id, accessory.digest));
            }
        }
        for (id, digest, subject) in sql::referrers_lists(c, repository, &digests).await? {
            walk.add(id, &digest, with(&subject), As::List, true)?;
        }
        level = next;
    }
    let stays = walk.staying(c).await?;
    walk.found.retain(|found| !stays.contains(&found.id));
    if walk.found.iter().filter(|found| found.is_accessory && found.what != As::List).count() > ATTACHED {
        return Err(too_much(&format!("{ATTACHED} accessories")));
    }
    let ids: Vec<i64> = walk.found.iter().map(|found| found.id).collect();
    let tagged = sql::tagged_by_people(c, &ids[1..]).await?;
    if ids.len() > 1 && sql::manifest_bytes(c, &ids).await? > BYTES {
        return Err(too_much(&format!("{} MiB of manifests", BYTES >> 20)));
    }
    let as_accessory = |found: &Walked| match found.what {
        As::Accessory(kind) => Some((kind, found.digest.clone())),
        _ => None,
    };
    let mut accessories: Vec<(Kind, Digest)> = walk.found.iter().filter_map(as_accessory).collect();
    accessories.sort();
    let plan = DeletionPlan {
        digest: root.digest.clone(),
        tags,
        accessories,
        children: walk.found.iter().filter(|found| found.what == As::Child && !found.is_accessory).map(|found| found.digest.clone()).collect(),
        tags_along: sql::some_tags(c, &ids[1..]).await?,
        kept_by,
        freed: sql::freed(c, repository, &ids).await?,
        unsigned: if root.is_accessory { accessories::signed_by_it_alone(c, root.id, false).await? } else { Vec::new() },
        kept_for: 0,
        locked: None,
    };
    let is_tagged = plan.tags.iter().any(|tag| machinery_subject(tag).is_none());
    let along = walk.found.iter().skip(1);
    let along = along.map(|found| Going { digest: found.digest.clone(), is_accessory: found.is_accessory, is_tagged: tagged.contains(&found.id) });
    // A list of referrers is no accessory: by a list's tag, which anybody who pushes may set, nobody's index becomes theirs to delete.
    let root = Going { digest: root.digest, is_accessory: root.is_accessory, is_tagged };
    Ok(Drawn { plan, repository, root, along: along.collect(), ids, stays: stays.into_iter().collect() })
}

/// Takes away what was drawn, as far as the caller may; for `window` ms it can be undone.
async fn take(proof: &mut Authorized<'_>, now: Stamp, by: String, window: i64, name: &RepositoryName, drawn: Drawn) -> Result<DeletionPlan> {
    let locked = policy::delete::locked(proof, name, &drawn.plan.digest, &drawn.ids).await?;
    policy::delete::check(proof, &drawn.root, &drawn.along, &drawn.plan.kept_by, locked)?;
    let project = proof.project.id.0;
    let c = proof.conn();
    let subjects = sql::subjects_of(c, &drawn.ids).await?;
    if window > 0 {
        let tags: Vec<String> = drawn.plan.tags.iter().map(ToString::to_string).collect();
        let new = deletions::New {
            project, repository: drawn.repository, digest: &drawn.plan.digest, tags: &tags, ids: &drawn.ids,
            bytes: drawn.plan.freed, by, until: Stamp(now.0 + window),
        };
        deletions::keep(c, now, &new).await?;
    }
    sql::delete(c, now, project, drawn.repository, &drawn.ids).await?;
    sql::relist(c, project, drawn.repository, &drawn.stays).await?;
    accessories::recount_signatures(c, drawn.repository, subjects.iter().map(String::as_str)).await?;
    point!("artifact.deleted");
    Ok(DeletionPlan { kept_for: window, ..drawn.plan })
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
    // What is too much is found so while nobody waits for the writer.
    if let Ok(mut proof) = may_some(&mut *ctx.db.read().await?, now, who, &project).await
        && let Err(error @ Error::Precondition(_)) = draw(&mut proof, &repository, &reference).await
    {
        return Err(error);
    }
    ctx.change(who, event, async move |c| {
        let mut proof = may_some(c, now, &caller, &project).await?;
        let drawn = draw(&mut proof, &repository, &reference).await;
        // What the database did not answer is no answer: nothing more is asked of this transaction.
        if let Err(error @ Error::Db(_)) = drawn {
            return Err(error);
        }
        // Who may not delete anything here learns nothing of what is there.
        let is_accessory = drawn.as_ref().is_ok_and(|drawn| drawn.root.is_accessory);
        let right = if is_accessory { Action::AccessoryDelete } else { Action::ArtifactDelete };
        let mut proof = access::repository(c, now, &caller, &project, repository.as_str(), right).await?;
        let drawn = drawn?;
        take(&mut proof, now, caller.name(), window, &repository, drawn).await
    })
    .await
}

/// The artifact and all that would go along with its deletion; and why an immutable tag keeps it.
pub(crate) async fn along(proof: &mut Authorized<'_>, repository: &RepositoryName, digest: &Digest) -> Result<(Vec<i64>, Option<String>)> {
    let drawn = draw(proof, repository, &Reference::Digest(digest.clone())).await?;
    let locked = policy::delete::locked(proof, repository, digest, &drawn.ids).await?;
    Ok((drawn.ids, locked.map(|why| why.to_string())))
}

/// An artifact as it was when it was judged.
#[derive(Clone)]
pub(crate) struct Seen {
    pub id: i64,
    /// The latest of itself and its tags, of pulls also of what it lists.
    pub pushed: i64,
    pub pulled: Option<i64>,
    pub tags: Vec<String>,
    /// Names of those that it carried; `None`: they mattered to no rule.
    pub labels: Option<Vec<String>>,
}

/// Deletes an artifact that a run of retention judged, with what its plan says, if it still is what was judged; [`Error::Conflict`] otherwise. `note`
/// writes what the run tells of it, with the bytes that are freed, in the same transaction.
pub(crate) async fn retire(
    ctx: &Ctx,
    (project, repository): (&ProjectName, &RepositoryName),
    digest: &Digest,
    seen: Seen,
    run: i64,
    note: impl AsyncFn(&mut AnyConnection, i64) -> Result<()> + Send + Sync + 'static,
) -> Result<DeletionPlan> {
    let (now, window, project, repository, digest) = (ctx.now(), ctx.settings.recycle, project.clone(), repository.clone(), digest.clone());
    let event =
        Event::ArtifactRetired { project: project.to_string(), repository: repository.to_string(), digest: digest.to_string(), run };
    let system = Principal::system();
    let reference = Reference::Digest(digest);
    ctx.change_content(&system.clone(), event, async move |c| {
        let mut proof = access::project(c, now, &system, &project, Action::ArtifactDelete).await?;
        let drawn = draw(&mut proof, &repository, &reference).await?;
        // Deleted and pushed again meanwhile, it is another.
        if drawn.ids.first() != Some(&seen.id) {
            return Err(again());
        }
        let c = proof.conn();
        let tags = sql::tag_names_of(c, &[seen.id]).await?.remove(&seen.id).unwrap_or_default();
        let labels = match seen.labels {
            Some(_) => Some(crate::labels::names_of(c, &[seen.id]).await?.remove(&seen.id).unwrap_or_default()),
            None => None,
        };
        let (pushed, pulled) = sql::latest(c, seen.id).await?;
        let pulled = pulled.max(sql::pulled_below(c, &[seen.id]).await?.remove(&seen.id));
        if tags != seen.tags || labels != seen.labels || pushed > seen.pushed || pulled > seen.pulled {
            return Err(again());
        }
        let plan = take(&mut proof, now, format!("retention run {run}"), window, &repository, drawn).await?;
        note(proof.conn(), plan.freed).await?;
        Ok(plan)
    })
    .await
}

/// It is not any more what was judged.
pub(crate) fn again() -> Error {
    Error::conflict("digest", "was pushed, pulled, tagged or labelled since it was judged: the next run looks at it again")
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
                Err(error) if error.is_denied() || matches!(error, Error::Precondition(_)) => kept.push((digest, error)),
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

/// What removing a tag from the artifact with this digest would do besides, for who may remove tags there.
pub async fn tag_plan(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    tag: &Tag,
    digest: &Digest,
) -> Result<TagRemoval> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::repository_again(&mut c, ctx, who, project, repository.as_str(), Action::TagDelete).await?;
    let found = named(&mut proof, repository, tag, Some(digest)).await?;
    policy::delete::tag(&mut proof, (repository, found.repository_id), tag).await?;
    removal(proof.conn(), found.id, tag).await
}

/// The artifact that the tag names: that one, if the caller said which it means.
async fn named(proof: &mut Authorized<'_>, repository: &RepositoryName, tag: &Tag, meant: Option<&Digest>) -> Result<sql::Found> {
    let found = sql::find(proof, repository, &Reference::Tag(tag.clone())).await?.ok_or_else(|| Error::not_found("tag", tag))?;
    match meant.is_none_or(|meant| *meant == found.digest) {
        true => Ok(found),
        false => Err(Error::Precondition(format!("the tag {tag} names {} by now: look at that artifact first", found.digest.short()))),
    }
}

async fn removal(c: &mut AnyConnection, artifact: i64, tag: &Tag) -> Result<TagRemoval> {
    let goes = sql::is_list_of_one_tag(c, artifact).await?;
    let Some(subject) = machinery_subject(tag) else { return Ok(TagRemoval { goes, unsigned: Vec::new() }) };
    let tags = sql::tags_of(c, artifact).await?;
    let others = tags.iter().filter(|other| other.name != *tag && machinery_subject(&other.name).as_ref() == Some(&subject)).count();
    let mut unsigned = if others == 0 { accessories::signed_by_it_alone(c, artifact, true).await? } else { Vec::new() };
    unsigned.retain(|digest| *digest == subject);
    Ok(TagRemoval { goes, unsigned })
}

/// Removes a tag; only from the artifact that is `meant`, if the caller says which: tags move.
pub async fn delete_tag(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    tag: &Tag,
    meant: Option<&Digest>,
) -> Result<TagRemoval> {
    let (now, caller, project, repository, tag, meant) =
        (ctx.now(), who.clone(), project.clone(), repository.clone(), tag.clone(), meant.cloned());
    let (moves, window) = (TagUndo::of(&ctx.settings, now, who), ctx.settings.recycle);
    ctx.change(who, Event::TagRemoved { project: project.to_string(), repository: repository.to_string(), tag: tag.to_string() }, async move |c| {
        let mut proof =
            access::repository(c, now, &caller, &project, repository.as_str(), Action::TagDelete).await?;
        let found = named(&mut proof, &repository, &tag, meant.as_ref()).await?;
        policy::delete::tag(&mut proof, (&repository, found.repository_id), &tag).await?;
        let removal = removal(proof.conn(), found.id, &tag).await?;
        // A list of referrers goes with its tag. That is the deletion of an artifact, with its right and its undo.
        if removal.goes {
            let drawn = draw(&mut proof, &repository, &Reference::Digest(found.digest.clone())).await?;
            take(&mut proof, now, caller.name(), window, &repository, drawn).await?;
            return Ok(removal);
        }
        let project_id = proof.project.id.0;
        let c = proof.conn();
        if let Some(moves) = &moves {
            moves.keep(c, now, (project_id, found.repository_id), What::Tag, &tag, found.id).await?;
        }
        sql::remove_tag(c, found.repository_id, &tag).await?;
        tags_moved(c, now, project_id, found.repository_id, &[found.id]).await?;
        sql::relist(c, project_id, found.repository_id, &[found.id]).await?;
        Ok(removal)
    })
    .await
}
