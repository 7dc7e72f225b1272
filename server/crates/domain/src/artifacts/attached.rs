//! What hangs under an artifact: its list, and what one says.

use super::{Reference, sql};
use crate::access;
use crate::accessories;
use crate::aside;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::manifest::{self, Manifest};
use crate::policy::{self, blocked::At};
use model::accessory::Kind;
use model::list::Query;
use model::{Action, Digest, Page, ProjectName, RepositoryName, Stamp};
use std::collections::{BTreeMap, HashMap};

/// What hangs directly under an artifact, one row each.
#[derive(Clone, Debug)]
pub struct Attached {
    pub id: i64,
    pub artifact_id: i64,
    pub digest: Digest,
    pub kind: Kind,
    /// As [`Artifact::artifact_type`].
    pub artifact_type: String,
    pub size: i64,
    pub pushed_at: Stamp,
}

/// The accessories that hang directly under an artifact: a page of them, the oldest first unless the query asks otherwise.
pub async fn attached(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    query: &Query,
) -> Result<Page<Attached>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::AccessoryList).await?;
    let found = sql::found(&mut proof, repository, reference).await?;
    let Page { items, total, next } = accessories::sql::list(proof.conn(), found.repository_id, &found.digest, query).await?;
    Ok(Page { items: items.into_iter().map(Attached::from).collect(), total, next })
}

impl From<accessories::sql::Accessory> for Attached {
    fn from(a: accessories::sql::Accessory) -> Attached {
        Attached { id: a.id, artifact_id: a.artifact_id, digest: a.digest, kind: a.kind, artifact_type: a.artifact_type, size: a.size, pushed_at: a.pushed_at }
    }
}

/// Most accessories that are read at once beside the rows of one list.
const BESIDE: i64 = 20_000;
/// Of so few artifacts each is asked by itself, where one has more than all may have.
const FEW: usize = 100;

/// What hangs directly under each of these artifacts of a project, by repository and digest: of each the oldest, at most so many.
///
/// # Errors
/// [`Error::Precondition`] where more hangs under very many of them than one answer holds: a shorter page has all.
pub async fn attached_to(ctx: &Ctx, who: &Principal, project: &ProjectName, of: &[(i64, Digest)], each: usize) -> Result<Vec<Vec<Attached>>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::AccessoryList).await?;
    let mut by: BTreeMap<i64, Vec<Digest>> = BTreeMap::new();
    for (repository, digest) in of {
        by.entry(*repository).or_default().push(digest.clone());
    }
    let own = sql::own_repositories(&mut proof, &by.keys().copied().collect::<Vec<_>>()).await?;
    by.retain(|repository, _| own.contains(repository));
    let (mut found, mut left): (HashMap<(i64, Digest), Vec<Attached>>, i64) = (HashMap::new(), BESIDE);
    for (repository, digests) in &by {
        for accessory in accessories::sql::in_force(proof.conn(), *repository, digests, 0, left + 1).await? {
            left -= 1;
            found.entry((*repository, accessory.subject.clone())).or_default().push(accessory.into());
        }
        if left < 0 {
            break;
        }
    }
    if left < 0 && of.len() > FEW {
        return Err(Error::Precondition(format!("more than {BESIDE} accessories hang under this page's artifacts: ask for fewer rows (page_size)")));
    }
    let mut all = Vec::with_capacity(of.len());
    for key in of {
        let these = match left < 0 && own.contains(&key.0) {
            true => {
                let rows = accessories::sql::in_force(proof.conn(), key.0, std::slice::from_ref(&key.1), 0, each as i64).await?;
                rows.into_iter().map(Attached::from).collect()
            }
            false => found.remove(key).unwrap_or_default().into_iter().take(each).collect(),
        };
        all.push(these);
    }
    Ok(all)
}

/// What an accessory says, as far as it can be read: names and values. Looked into are blobs of its repository only.
pub async fn said(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Vec<(String, String)>> {
    let at = Reference::Digest(digest.clone());
    let found = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
        let found = sql::found(&mut proof, repository, &at).await?;
        let which = At { repository: found.repository_id, id: found.id, digest: &found.digest };
        if let Some(blocked) = policy::blocked::artifact(&mut proof, repository, which).await? {
            return Err(blocked);
        }
        (found.id, sql::length_of(proof.conn(), found.id).await?)
    };
    // Nobody holds a reader of the database while waiting for the turn, nor while a manifest is gone through.
    let _turn = aside::turn(found.1).await;
    let (content, found) = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
        let found = sql::found(&mut proof, repository, &at).await?;
        (sql::content(&mut proof, found.id).await?, found)
    };
    let manifest = aside::run_now(content.len(), move || Manifest::parse(&content, Some(&found.media_type))).await?;
    let linked = {
        let wanted = manifest::read_to_say(&manifest);
        let mut c = ctx.db.read().await?;
        sql::blobs_in(&mut c, found.repository_id, wanted.iter().map(|(digest, _)| *digest)).await?
    };
    let parts = accessories::read(ctx, &manifest::read_to_say(&manifest), |digest| linked.get(digest.as_str()).copied()).await?;
    Ok(aside::run_now(accessories::length(&parts), move || manifest::said(&manifest, &parts)).await)
}
