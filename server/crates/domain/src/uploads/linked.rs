//! Blobs of a repository: mounted from another one, looked for, taken out.

use super::{push_right, sql};
use crate::access;
use crate::cache::Moment;
use crate::ctx::Ctx;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::policy;
use crate::repositories::Seen;
use model::{Action, Digest, ProjectName, RepositoryName, Stamp};

/// Makes a blob of another repository readable in this one, without its bytes; `false` if it is nowhere the caller may
/// pull, which looks the same as nowhere at all. Without `from`, any repository that the caller may pull from will do.
/// What everybody may pull is a source whatever the scope of the caller's token says.
pub async fn mount(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    digest: &Digest,
    from: Option<(ProjectName, RepositoryName)>,
) -> Result<bool> {
    let mut c = ctx.db.read().await?;
    policy::blocked::blob(&push_right(&mut c, ctx, who, project, repository).await?.project, digest)?;
    let sources = match from {
        Some(from) => vec![from],
        None => {
            let standing = access::standing(&mut c, ctx.now(), who).await?;
            let all = standing.sees_all() || standing.pulls_all();
            sql::holders(&mut c, digest, &Seen::of(who, all)).await?
        }
    };
    let everybody = Principal::anonymous(who.client.clone());
    let mut readable = false;
    'found: for (project, repository) in sources {
        for reader in [who, &everybody] {
            match access::repository(&mut c, ctx.now(), reader, &project, repository.as_str(), Action::RepositoryPull).await {
                Ok(mut proof) => {
                    // What is blocked there is no source, and here it is refused.
                    readable = policy::blocked::blob(&proof.project, digest).is_ok() && sql::holds(&mut proof, &repository, digest).await?;
                    if readable {
                        break 'found;
                    }
                    break;
                }
                // To administrators a project that is not there is said to be missing: as good as nowhere.
                Err(Error::NotFound(_)) => {}
                Err(error) if error.is_refusal() => {}
                Err(error) => return Err(error),
            }
        }
    }
    drop(c);
    if !readable {
        return Ok(false);
    }
    let (ctx2, who, project, repository, digest) =
        (ctx.clone(), who.clone(), project.clone(), repository.clone(), digest.clone());
    ctx.db
        .write_content(async move |c| {
            let mut proof = push_right(c, &ctx2, &who, &project, &repository).await?;
            policy::push::mounted(&mut proof, &digest).await?;
            let held = policy::push::held(&mut proof).await?;
            let linked = sql::link_known(&mut proof, ctx2.now(), &repository, &digest).await?;
            policy::push::fits(&mut proof, held, false).await.map(|()| linked)
        })
        .await
}

/// The size of a blob that is readable in the repository.
pub async fn blob(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<i64>> {
    let (now, moment) = (ctx.now(), Moment::of(&ctx.db));
    let key = format!("{project}/{repository} {digest} {}", who.standpoint());
    if let Some(size) = ctx.local.blob_sizes.get(moment, now, &key) {
        return Ok(Some(size));
    }
    let mut c = ctx.db.read().await?;
    let right = Action::RepositoryPull;
    let mut proof = access::repository(&mut c, now, who, project, repository.as_str(), right).await?;
    policy::blocked::blob(&proof.project, digest)?;
    let Some((size, touched)) = sql::blob_in(&mut proof, repository, digest).await? else { return Ok(None) };
    // Whoever is told that a blob is there may count on it: where a collection could take it, it is touched first.
    let used = sql::blob_used(&mut proof, repository, digest).await?;
    let safe_until = Stamp(touched.0 + ctx.settings.gc_grace / 2);
    let could_go = !used && safe_until <= now;
    let until = if used { proof.until } else { Some(proof.until.map_or(safe_until, |until| until.min(safe_until))) };
    drop(c);
    if !could_go {
        ctx.local.blob_sizes.keep(moment, key, until, 0, size);
    }
    if could_go {
        let (ctx2, who, project, repository, digest) =
            (ctx.clone(), who.clone(), project.clone(), repository.clone(), digest.clone());
        let there = async move |c: &mut sqlx::AnyConnection| {
            let now = ctx2.now();
            let mut proof = access::repository(c, now, &who, &project, repository.as_str(), right).await?;
            sql::touch_link(&mut proof, now, &repository, &digest).await
        };
        return Ok(ctx.db.write_content(there).await?.then_some(size));
    }
    Ok(Some(size))
}

/// Takes a blob out of the repository, unless an artifact there still uses it. Its bytes stay for other repositories.
pub async fn unlink_blob(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<()> {
    let (now, caller, project, repository, digest) =
        (ctx.now(), who.clone(), project.clone(), repository.clone(), digest.clone());
    let (p, r, d) = (project.to_string(), repository.to_string(), digest.to_string());
    let event = Event::BlobUnlinked { project: p, repository: r, digest: d };
    ctx.change(who, event, async move |c| {
        let right = Action::ArtifactDelete;
        let mut proof = access::repository(c, now, &caller, &project, repository.as_str(), right).await?;
        if sql::blob_in(&mut proof, &repository, &digest).await?.is_none() {
            return Err(Error::not_found("blob", &digest));
        }
        if sql::blob_used(&mut proof, &repository, &digest).await? {
            return Err(Error::Precondition(format!("blob {digest} belongs to an artifact: delete the artifact")));
        }
        sql::unlink(&mut proof, &repository, &digest).await
    })
    .await
}
