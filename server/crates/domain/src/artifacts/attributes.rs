//! What configurations say: for artifacts that came before anybody looked, one at a time, beside everything else; and how an image was built.

use super::{Reference, sql};
use crate::access;
use crate::accessories;
use crate::aside;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::policy::{self, blocked::At};
use crate::manifest::{self, Manifest};
use model::{Action, Digest, ProjectName, RepositoryName};
use std::io::ErrorKind;

/// Artifacts of one short commit.
const ROUND: i64 = 64;

/// Fills in what is missing, until `ended` says that the server stops. Answers how many artifacts were looked at.
///
/// # Errors
/// Where the store does not answer: what was not looked at is looked at another time, and nothing is said of it.
pub async fn fill(ctx: &Ctx, ended: impl Fn() -> bool) -> Result<usize> {
    let (mut all, mut after) = (0, 0);
    loop {
        let found = sql::unsaid(&mut *ctx.db.read().await?, after, ROUND).await?;
        let Some((last, _)) = found.last() else { return Ok(all) };
        after = *last;
        let mut said = Vec::new();
        for (id, repository) in found {
            if ended() {
                return Ok(all);
            }
            all += 1;
            said.extend(look(ctx, id, repository).await?.map(|text| (id, text)));
        }
        ctx.db.write_content(async move |c| sql::say(c, &said).await).await?;
    }
}

/// What the configuration of one says; `None` where it may come yet.
async fn look(ctx: &Ctx, id: i64, repository: i64) -> Result<Option<String>> {
    let nothing = || Ok(Some("{}".to_owned()));
    // It may be deleted meanwhile.
    let Some(content) = sql::content_if_there(&mut *ctx.db.read().await?, id).await? else { return Ok(None) };
    let Ok(manifest) = aside::run(content.len(), move || Manifest::parse(&content, None)).await else { return nothing() };
    let Some((digest, size)) = manifest::telling(&manifest).map(|config| (config.digest.clone(), config.size.unsigned_abs())) else { return nothing() };
    // Of a configuration that the repository does not hold nothing is told: it may be another's.
    if !holds(ctx, repository, &digest).await? {
        return if ctx.settings.sparse.images { Ok(None) } else { nothing() };
    }
    match ctx.blobs.read_small(&digest, size).await {
        Ok(bytes) => Ok(Some(aside::run(bytes.len(), move || manifest::attributes(&manifest, &bytes)).await)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::FileTooLarge) => nothing(),
        Err(error) => Err(Error::Unavailable(format!("blob {digest} cannot be read now: {error}"))),
    }
}

async fn holds(ctx: &Ctx, repository: i64, digest: &Digest) -> Result<bool> {
    Ok(!sql::blobs_in(&mut *ctx.db.read().await?, repository, std::iter::once(digest)).await?.is_empty())
}

/// How an image was built, as its configuration says: nothing where that says nothing of it, `None` where none can be read.
pub async fn history(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Option<Vec<serde_json::Value>>> {
    let (content, repository_id) = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactRead).await?;
        let found = sql::found(&mut proof, repository, reference).await?;
        let which = At { repository: found.repository_id, id: found.id, digest: &found.digest };
        if let Some(blocked) = policy::blocked::artifact(&mut proof, repository, which).await? {
            return Err(blocked);
        }
        (sql::content(&mut proof, found.id).await?, found.repository_id)
    };
    let manifest = aside::run(content.len(), move || Manifest::parse(&content, None)).await?;
    let Some(config) = manifest::telling(&manifest) else { return Ok(None) };
    let linked = sql::blobs_in(&mut *ctx.db.read().await?, repository_id, std::iter::once(&config.digest)).await?;
    let wanted = [(&config.digest, config.size.unsigned_abs())];
    let parts = accessories::read(ctx, &wanted, |digest| linked.get(digest.as_str()).copied()).await?;
    let Some(bytes) = parts.get(&config.digest) else { return Ok(None) };
    let Ok(serde_json::Value::Object(mut said)) = serde_json::from_slice(bytes) else { return Ok(None) };
    match said.remove("history") {
        // Clients read steps as objects: what is none tells nothing.
        Some(serde_json::Value::Array(mut steps)) => {
            steps.retain(serde_json::Value::is_object);
            Ok(Some(steps))
        }
        _ => Ok(Some(Vec::new())),
    }
}
