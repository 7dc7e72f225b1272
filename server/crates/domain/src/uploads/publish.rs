//! An upload becomes a blob.

use super::write::{UploadTurn, to_its_end};
use super::{discard, push_right, sql};
use crate::access;
use crate::blobs::digest_of;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::points::point;
use crate::policy;
use model::{Action, Algorithm, Digest, ProjectName, RepositoryName, Stamp};

/// How long a push waits for a collection that is deleting the same content.
const HOLD_TRIES: u32 = 200;
const HOLD_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// Checks the content, makes it durable, then makes it readable in the repository.
pub(super) async fn publish(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    id: &str,
    digest: &Digest,
    total: u64,
    mut turn: UploadTurn,
    row: bool,
) -> Result<()> {
    let (ctx, who, project, repository, id, digest) =
        (ctx.clone(), who.clone(), project.clone(), repository.clone(), id.to_owned(), digest.clone());
    to_its_end(async move {
        let done = async {
            let whole = turn.whole.take();
            let hasher = turn.hasher.take();
            // The same bytes may be blocked under the usual name.
            let sha256 = match (&whole, digest.algorithm(), &hasher) {
                (_, Algorithm::Sha256, _) => None,
                (Some(whole), _, _) => Some(digest_of(Algorithm::Sha256, whole)),
                (None, _, Some((_, hasher))) => Some(hasher.clone().finish()),
                (None, _, None) => Some(ctx.blobs.rehash(&id, total, Algorithm::Sha256).await?.finish()),
            };
            let actual = match (&whole, digest.algorithm(), hasher) {
                (Some(whole), algorithm, _) => digest_of(algorithm, whole),
                (None, Algorithm::Sha256, Some((_, hasher))) => hasher.finish(),
                (None, algorithm, _) => ctx.blobs.rehash(&id, total, algorithm).await?.finish(),
            };
            if actual != digest {
                discard(&ctx, &id, row).await?;
                return Err(Error::DigestMismatch(format!("the content's digest is {actual}, not {digest}")));
            }
            // What is refused leaves no bytes behind.
            if let Err(refused) = judge(&ctx, &who, (&project, &repository), (&digest, sha256.as_ref()), total).await {
                discard(&ctx, &id, row).await?;
                return Err(refused);
            }
            let held = hold(&ctx, &digest).await?;
            point!("blob.held");
            match whole {
                Some(whole) => ctx.blobs.put(&id, &digest, whole).await?,
                None => ctx.blobs.publish(&id, &digest, total).await?,
            }
            let (ctx2, id) = (ctx.clone(), id.clone());
            let linked = async move |c: &mut sqlx::AnyConnection| {
                let mut proof = push_right(c, &ctx2, &who, &project, &repository).await?;
                let now = ctx2.now();
                // Past that a collection that began meanwhile may have taken the bytes.
                if now.0 - held.0 >= ctx2.settings.gc_grace / 2 {
                    return Err(Error::Unavailable(format!("blob {digest} took too long to become durable: push it again")));
                }
                policy::blocked::blob(&proof.project, &digest)?;
                if let Some(same) = &sha256 {
                    policy::blocked::blob(&proof.project, same)?;
                }
                // An artifact may be made of it already, which may name what is elsewhere.
                let held = policy::push::held(&mut proof).await?;
                sql::link_new(&mut proof, now, &repository, &digest, total as i64).await?;
                policy::push::fits(&mut proof, held, false).await?;
                point!("blob.linked");
                if row { sql::delete(proof.conn(), &id).await } else { Ok(()) }
            };
            ctx.db.write_content(linked).await
        }
        .await;
        if !row {
            ctx.local.uploads_pending.close(&id);
            // Nobody can go on with it.
            if done.is_err() {
                let _ = ctx.blobs.discard(&id).await;
            }
        }
        done
    })
    .await
}

/// What the project's policy makes of a blob whose digests are known. It is judged again as the blob is linked: policies change.
async fn judge(
    ctx: &Ctx,
    who: &Principal,
    (project, repository): (&ProjectName, &RepositoryName),
    (digest, sha256): (&Digest, Option<&Digest>),
    total: u64,
) -> Result<()> {
    let into = access::may_again(ctx, who, project, repository.as_str(), Action::RepositoryPush).await?;
    for name in std::iter::once(digest).chain(sha256) {
        policy::blocked::blob(&into, name)?;
    }
    if into.policy.storage_limit.is_none() {
        return Ok(());
    }
    let mut c = ctx.db.read().await?;
    let mut proof = push_right(&mut c, ctx, who, project, repository).await?;
    match sql::blob_used(&mut proof, repository, digest).await? {
        true => policy::push::late(&mut proof, digest, total as i64).await,
        false => Ok(()),
    }
}

/// Makes sure that no collection deletes the blob between its publication and its row: one that a collection may be looking
/// at is touched, one that is being deleted is waited for. Holds for half the grace from the answer on.
async fn hold(ctx: &Ctx, digest: &Digest) -> Result<Stamp> {
    for _ in 0..HOLD_TRIES {
        let now = ctx.now();
        let state = sql::blob_state(&mut *ctx.db.read().await?, digest).await?;
        match state {
            None => return Ok(now),
            Some((true, touched)) if touched.0 > now.0 - ctx.settings.gc_grace / 2 => return Ok(now),
            Some((true, _)) => {
                let digest = digest.clone();
                if ctx.db.write_content(async move |c| sql::touch_blob(c, now, &digest).await).await? {
                    return Ok(now);
                }
            }
            Some((false, _)) => tokio::time::sleep(HOLD_PAUSE).await,
        }
    }
    Err(Error::Unavailable(format!("blob {digest} is being deleted: push it again")))
}
