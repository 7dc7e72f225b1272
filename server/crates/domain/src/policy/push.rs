//! What may be placed. Signatures come after what they sign, so that a project which admits only signed artifacts takes unsigned
//! ones too, and keeps them from being pulled.

use super::locks::Locks;
use crate::access::{Authorized, ProjectRow};
use crate::artifacts::sql;
use crate::error::{Error, Result};
use crate::manifest::{self, Annotations, Descriptor, Manifest};
use crate::quotas;
use model::quota::{HEADROOM, Quota};
use model::{DeletionId, Digest, ProjectName, RepositoryName, Tag};
use sqlx::AnyConnection;

/// Most bytes of the manifests that an index lists.
const CHILDREN_BYTES: i64 = 16 << 20;

/// Asked before a manifest is placed, whoever pushes it: it stays within what one push may cost.
pub(crate) fn check(manifest: &Manifest) -> Result<()> {
    manifest.check_bounds()
}

/// Asked of the manifests that an index lists, by their bytes together: they go with it in one step, which is bounded.
pub(crate) fn children(bytes: i64) -> Result<()> {
    if bytes <= CHILDREN_BYTES {
        return Ok(());
    }
    let message = format!("the manifests that an index lists have at most {} MiB together", CHILDREN_BYTES >> 20);
    Err(Error::Manifest { message, missing: Vec::new() })
}

/// Most tags of one artifact: what deletes it, brings it back or takes a tag of it goes through all of them. A tag for every build of
/// a year, five a day, is less.
pub const TAGS: i64 = 2048;

/// May an artifact have so many tags after it had so many?
pub(crate) fn tags(before: i64, after: i64) -> Result<()> {
    match after > TAGS && after > before {
        true => Err(Error::Manifest { message: format!("an artifact may have at most {TAGS} tags: remove some that nobody uses"), missing: Vec::new() }),
        false => Ok(()),
    }
}

fn full(project: &ProjectName, quota: Quota, needs: i64) -> Error {
    Error::Policy(format!(
        "project {project} is full: {}, this needs {} more; delete what nobody needs, or ask an administrator for a higher quota",
        quota.said(),
        model::stamp::bytes(needs)
    ))
}

/// May an upload be so long, in a project that holds so much beside it? Beyond the limit there is room for what signs and describes artifacts, and what
/// an upload is nobody knows before its manifest comes; `found` is what the project held as the limit was set.
pub(crate) fn room(project: &ProjectName, held: i64, (limit, found): (i64, i64), bytes: i64) -> Result<()> {
    match held.saturating_add(bytes) <= limit.max(found).saturating_add(HEADROOM) {
        true => Ok(()),
        false => Err(full(project, Quota { used: held, limit: Some(limit) }, bytes)),
    }
}

/// May a blob of another repository be made readable here? It would count as soon as something is made of it.
pub(crate) async fn mounted(proof: &mut Authorized<'_>, digest: &Digest) -> Result<()> {
    if proof.project.policy.storage_limit.is_none() {
        return Ok(());
    }
    let (project, c) = (proof.project.id, proof.conn());
    let (Quota { used, limit: Some(limit) }, found) = quotas::sql::with_found(c, project).await? else { return Ok(()) };
    let size = quotas::sql::blob_size(c, digest).await?;
    match quotas::sql::counts(c, project, digest).await? {
        true => Ok(()),
        false => room(&proof.project.name, used, (limit, found), size),
    }
}

/// May a blob come that an artifact of the repository names already? It counts at once, and has no headroom. Asked before its bytes are kept, and again
/// ([`fits`]) as it is linked.
pub(crate) async fn late(proof: &mut Authorized<'_>, digest: &Digest, size: i64) -> Result<()> {
    let (project, c) = (proof.project.id, proof.conn());
    match quotas::sql::of(c, project).await? {
        before @ Quota { limit: Some(limit), .. } if before.used.saturating_add(size) > limit && !quotas::sql::counts(c, project, digest).await? => {
            Err(full(&proof.project.name, before, size))
        }
        _ => Ok(()),
    }
}

/// What the project holds before something is placed; `None` where it may hold whatever comes.
pub(crate) async fn held(proof: &mut Authorized<'_>) -> Result<Option<Quota>> {
    let project = proof.project.id;
    match proof.project.policy.storage_limit {
        None => Ok(None),
        Some(_) => {
            quotas::sql::forget_found(proof.conn(), project).await?;
            quotas::sql::of(proof.conn(), project).await.map(Some)
        }
    }
}

/// Asked before something that is brought in by several writes: does all of it fit?
pub(crate) async fn whole(c: &mut AnyConnection, project: &ProjectRow, deletion: DeletionId) -> Result<()> {
    if project.policy.storage_limit.is_none() {
        return Ok(());
    }
    let bytes = quotas::sql::comes_back(c, project.id, deletion).await?;
    match quotas::sql::of(c, project.id).await? {
        before @ Quota { limit: Some(limit), .. } if before.used.saturating_add(bytes) > limit.saturating_add(HEADROOM) => Err(full(&project.name, before, bytes)),
        _ => Ok(()),
    }
}

/// Asked once all that was placed is counted: does the project, which held `before`, stay within its limit? What is attached to an artifact may go
/// beyond it, a little. What adds nothing is welcome in any case.
pub(crate) async fn fits(proof: &mut Authorized<'_>, before: Option<Quota>, attached: bool) -> Result<()> {
    let Some(before @ Quota { limit: Some(limit), .. }) = before else { return Ok(()) };
    let project = proof.project.id;
    let (Quota { used: after, .. }, found) = quotas::sql::with_found(proof.conn(), project).await?;
    // A limit that was lowered below what there is leaves room to sign that.
    let most = if attached { limit.max(found).saturating_add(HEADROOM) } else { limit };
    match after > before.used && after > most {
        true => Err(full(&proof.project.name, before, after - before.used)),
        false => Ok(()),
    }
}

/// May the tag, which names the artifact `before`, name `after` from now on?
pub(crate) async fn moves(proof: &mut Authorized<'_>, (name, repository): (&RepositoryName, i64), tag: &Tag, before: i64, after: i64) -> Result<()> {
    let locks = Locks::of(&proof.project, name)?;
    if locks.is_empty() || before == after {
        return Ok(());
    }
    let path = format!("{}/{name}", proof.project.name);
    let c = proof.conn();
    let Some(about) = manifest::machinery_subject(tag) else {
        return match locks.rule(tag.as_str()) {
            None => Ok(()),
            Some(rule) => Err(Error::Locked(format!("{path}:{tag} is immutable ({rule}): it goes on naming what it names; push under another tag"))),
        };
    };
    // Further signatures are welcome: what held one may be replaced by what holds it and more.
    let Some(subject) = sql::artifact_id(c, repository, &about).await? else { return Ok(()) };
    let Some(held) = locks.over(c, &[subject]).await? else { return Ok(()) };
    let (newer, older) = (sql::content_of(c, after).await?, sql::content_of(c, before).await?);
    if let (Ok(newer), Ok(older)) = (Manifest::parse(&newer, None), Manifest::parse(&older, None))
        && newer.subject.as_ref().is_none_or(|said| said.digest == about)
        && holds_all(&newer, &older)
    {
        return Ok(());
    }
    Err(Error::Locked(format!(
        "{path}:{tag} stands under the immutable tag {} ({}): it may be replaced only by what holds all that it holds now",
        held.tag, held.rule
    )))
}

/// Is the newer manifest of the older's kind, and does it hold every layer of that, each with its type and all that was said of it, and list all that
/// it listed? Of one without layers only itself does.
fn holds_all(newer: &Manifest, older: &Manifest) -> bool {
    // A signature is an annotation: two of them may have the same payload, and so the same digest.
    let says = |annotations: &Option<Annotations>| annotations.as_ref().map(|said| said.0.clone()).unwrap_or_default();
    let is = |new: &Descriptor, old: &Descriptor| {
        let said = says(&new.annotations);
        let same = (&new.digest, new.size, &new.media_type, &new.artifact_type) == (&old.digest, old.size, &old.media_type, &old.artifact_type);
        same && says(&old.annotations).iter().all(|(key, value)| said.get(key) == Some(value))
    };
    let holds = |all: &[Descriptor], old: &[Descriptor]| old.iter().all(|old| all.iter().any(|new| is(new, old)));
    let config = |manifest: &Manifest| manifest.config.as_ref().map(|config| config.media_type.clone());
    let kind = |manifest: &Manifest| (manifest.media_type.clone(), manifest.artifact_type.clone(), config(manifest));
    let holds_something = !older.layers.is_empty() || !older.manifests.is_empty();
    holds_something && kind(newer) == kind(older) && holds(&newer.layers, &older.layers) && holds(&newer.manifests, &older.manifests)
}
