//! Artifacts: pushed, pulled, tagged, listed, deleted.

mod attached;
mod attributes;
mod copy;
#[cfg(test)]
mod counts;
mod delete;
mod graph;
#[cfg(test)]
mod hostile;
mod list;
mod page;
mod pulls;
mod push;
pub(crate) mod sql;
mod tags;
#[cfg(test)]
mod tests;

pub use crate::accessories::sql::Referrer;
pub use attributes::{fill, history};
pub use copy::copy;
pub use delete::{AT_ONCE, DeletedMany, delete, delete_many, delete_tag, may_delete, plan, tag_plan};
pub(crate) use delete::{Seen, again, along, retire};
pub use graph::{GraphNode, graph};
pub use attached::{Attached, attached, attached_to, said};
pub use list::{list, list_all};
pub use page::{IndexEntry, page, references};
pub use pulls::Pulls;
pub use push::{Pushed, add_tag, may_push, push};
pub(crate) use push::{TagUndo, Placing, place, set_tag};
pub use tags::{names, tags};

use crate::access;
use crate::aside;
use crate::cache::Moment;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::identity::Principal;
use crate::manifest::{self, Manifest};
use crate::policy::{self, blocked::At, pull::Verdict};
use bytes::Bytes;
use model::audit::Outcome;
use model::{Action, Digest, ProjectName, RepositoryName, Tag};

/// How a client names an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    Tag(Tag),
    Digest(Digest),
}

impl std::str::FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text.contains(':') { text.parse().map(Reference::Digest) } else { text.parse().map(Reference::Tag) }
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reference::Tag(tag) => tag.fmt(f),
            Reference::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A manifest as it was pushed, byte for byte.
#[derive(Clone)]
pub struct Pulled {
    pub digest: Digest,
    pub media_type: String,
    pub content: Bytes,
}

/// A manifest as it is kept in memory, with what its pulls count for.
#[derive(Clone)]
pub struct CachedManifest {
    pulled: Pulled,
    artifact: i64,
    repository: i64,
    tag: Option<i64>,
}

/// Pulls a manifest. `count` is false for HEAD, which is no pull, as is what is fetched to sign, to verify, to scan or to copy.
pub async fn pull(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    count: bool,
) -> Result<Pulled> {
    let (now, moment) = (ctx.now(), Moment::of(&ctx.db));
    let key = format!("{project}/{repository} {reference} {}", who.standpoint());
    let kept = match ctx.local.pulled.get(moment, now, &key) {
        Some(kept) => kept,
        None => {
            let fetched = fetch(ctx, who, (project, repository), reference, (moment, key)).await;
            // Who still asks for what is blocked is told of in the log.
            if let (Err(Error::Policy(_)), true) = (&fetched, count) {
                let (reference, digest) = (reference.to_string(), String::new());
                ctx.note_refusal(who, Event::ArtifactPulled { project: project.to_string(), repository: repository.to_string(), reference, digest });
            }
            fetched?
        }
    };
    if count && !who.client.is_machine() {
        ctx.local.pulls.note(now, kept.artifact, kept.repository, kept.tag);
    }
    // Whoever fetched it, also to scan it: unless an administrator switched that off.
    if count && !ctx.configuration().pull_audit_log_disable {
        let reference_text = reference.to_string();
        let digest = &kept.pulled.digest;
        let event = || Event::ArtifactPulled {
            project: project.to_string(), repository: repository.to_string(), reference: reference_text.clone(), digest: digest.to_string(),
        };
        if ctx.settings.forward.is_some() {
            crate::forward::note(ctx, who, &event(), Outcome::Done);
        }
        ctx.local.pulls_told.note_pull(now, who, (kept.artifact, &reference_text), event);
    }
    Ok(kept.pulled)
}

/// Reads and judges a manifest that is not in memory.
async fn fetch(
    ctx: &Ctx,
    who: &Principal,
    (project, repository): (&ProjectName, &RepositoryName),
    reference: &Reference,
    (moment, key): (Moment, String),
) -> Result<CachedManifest> {
    let now = ctx.now();
    let mut c = ctx.db.read().await?;
    let right = Action::RepositoryPull;
    let mut proof = access::repository(&mut c, now, who, project, repository.as_str(), right).await?;
    let found = sql::find(&mut proof, repository, reference)
        .await?
        .ok_or_else(|| Error::not_found("manifest", format!("{project}/{repository} {reference}")))?;
    let verdict = policy::pull::judge(&mut proof, who, repository, &found).await?;
    let content = Bytes::from(sql::content(&mut proof, found.id).await?);
    policy::blocked::renamed(&proof.project, &found.digest, &content)?;
    if !matches!(verdict, Verdict::Pass) {
        let (bytes, media_type) = (content.clone(), found.media_type.clone());
        let manifest = aside::run(content.len(), move || Manifest::parse(&bytes, Some(&media_type))).await.ok();
        let wanted = manifest.as_ref().map(manifest::read_to_judge).unwrap_or_default();
        let linked = sql::blobs_in(proof.conn(), found.repository_id, wanted.iter().map(|(digest, _)| *digest)).await?;
        policy::pull::settle(ctx, verdict, manifest.as_ref(), |digest| linked.get(digest.as_str()).copied()).await?;
    }
    let (weight, until) = (content.len(), proof.until);
    let pulled = Pulled { digest: found.digest, media_type: found.media_type, content };
    let kept = CachedManifest { pulled, artifact: found.id, repository: found.repository_id, tag: found.tag_id };
    ctx.local.pulled.keep(moment, key, until, weight, kept.clone());
    Ok(kept)
}

/// The blobs that an artifact is made of, with their bytes.
pub async fn made_of(ctx: &Ctx, who: &Principal, project: &ProjectName, repository: &RepositoryName, digest: &Digest) -> Result<Vec<(Digest, i64)>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
    let found = sql::found(&mut proof, repository, &Reference::Digest(digest.clone())).await?;
    sql::blobs_here(proof.conn(), found.id).await
}

/// Why no door serves an artifact that is there: it is blocked, or what it holds is.
pub async fn blocked(ctx: &Ctx, who: &Principal, project: &ProjectName, repository: &RepositoryName, digest: &Digest) -> Result<Option<String>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
    let found = sql::found(&mut proof, repository, &Reference::Digest(digest.clone())).await?;
    let at = At { repository: found.repository_id, id: found.id, digest: &found.digest };
    Ok(policy::blocked::artifact(&mut proof, repository, at).await?.map(|error| error.to_string()))
}

/// Tags of a repository in byte order, after `last`: distribution-spec 1.1, "Listing Tags".
pub async fn tag_names(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    last: &str,
    limit: i64,
) -> Result<Vec<String>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::repository(&mut c, ctx.now(), who, project, repository.as_str(), Action::RepositoryPull).await?;
    let id = sql::repository(&mut proof, repository)
        .await?
        .ok_or_else(|| Error::not_found("repository", format!("{project}/{repository}")))?;
    sql::tag_names(&mut proof, id, last, limit).await
}

/// Bytes of an answer's descriptors from which on it is long enough: clients read indexes of up to 4 MiB.
const REFERRERS: usize = 3 << 20;

/// What refers to `subject` by its `subject` field, oldest first: at most `limit`, and some MiB, after the one with the number `after`, of
/// `artifact_type` only where one is given. Answers the number of the last one where there are more. A repository or subject
/// that is not there has no referrers.
pub async fn referrers(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    subject: &Digest,
    artifact_type: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<(Vec<Referrer>, Option<i64>)> {
    let mut c = ctx.db.read().await?;
    let right = Action::RepositoryPull;
    let mut proof = access::repository(&mut c, ctx.now(), who, project, repository.as_str(), right).await?;
    let Some(id) = sql::repository(&mut proof, repository).await? else { return Ok((Vec::new(), None)) };
    let (mut found, mut bytes, mut at) = (Vec::new(), 0, after);
    let last = loop {
        // Few at first: each may have as much to say as a manifest can hold.
        let want = if found.is_empty() { 16 } else { (REFERRERS / (bytes / found.len() + 1)).clamp(1, 512) as i64 };
        let want = want.min(limit - found.len() as i64);
        if want <= 0 || bytes >= REFERRERS {
            let next = crate::accessories::sql::referrers(proof.conn(), id, subject.as_str(), artifact_type, at, 1).await?;
            break (!next.is_empty() && limit > 0).then_some(at);
        }
        let part = crate::accessories::sql::referrers(proof.conn(), id, subject.as_str(), artifact_type, at, want).await?;
        let mut ended = (part.len() as i64) < want;
        let mut part = part;
        for n in 0..part.len() {
            let referrer = &mut part[n];
            if referrer.annotations == sql::LEFT_OUT {
                // What is read for them counts as what is answered: a manifest may say little in much.
                let content = sql::content_of(proof.conn(), referrer.artifact_id).await?;
                bytes += content.len();
                referrer.annotations = manifest::annotations(&content);
            }
            bytes += referrer.annotations.len() + 300;
            if bytes >= REFERRERS && n + 1 < part.len() {
                (ended, _) = (false, part.truncate(n + 1));
                break;
            }
        }
        at = part.last().map_or(at, |referrer| referrer.number);
        found.extend(part);
        if ended {
            break None;
        }
    };
    // What is blocked is not told of either: an annotation may say what it must not.
    let all: Vec<(i64, Digest)> = found.iter().map(|referrer| (referrer.artifact_id, referrer.digest.clone())).collect();
    let blocked = policy::blocked::among(&mut proof, repository, id, &all).await?;
    found.retain(|referrer| !blocked.contains(&referrer.artifact_id));
    Ok((found, last))
}
