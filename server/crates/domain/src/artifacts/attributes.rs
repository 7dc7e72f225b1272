//! What configurations say, for artifacts that came before anybody looked: one at a time, beside everything else.

use super::sql;
use crate::aside;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::manifest::{self, Manifest};
use model::Digest;
use sqlx::{AnyConnection, Row};
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
        let found = unsaid(&mut *ctx.db.read().await?, after).await?;
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
        let write = async move |c: &mut AnyConnection| {
            for (id, text) in &said {
                let update = "UPDATE artifacts SET attributes = $2 WHERE id = $1 AND attributes = ''";
                sqlx::query(update).bind(*id).bind(text.as_str()).execute(&mut *c).await?;
            }
            Ok(())
        };
        ctx.db.write_content(write).await?;
    }
}

/// Artifacts of which nothing is said yet, and their repositories.
async fn unsaid(c: &mut AnyConnection, after: i64) -> Result<Vec<(i64, i64)>> {
    let text = "SELECT id, repository_id FROM artifacts WHERE attributes = '' AND id > $1 ORDER BY id LIMIT $2";
    let rows = sqlx::query(text).bind(after).bind(ROUND).fetch_all(c).await?;
    Ok(rows.iter().map(|row| (row.get("id"), row.get("repository_id"))).collect())
}

/// What the configuration of one says; `None` where it may come yet.
async fn look(ctx: &Ctx, id: i64, repository: i64) -> Result<Option<String>> {
    let nothing = || Ok(Some("{}".to_owned()));
    let content = {
        let mut c = ctx.db.read().await?;
        match sqlx::query("SELECT content FROM manifests WHERE artifact_id = $1").bind(id).fetch_optional(&mut *c).await? {
            Some(row) => row.get::<Vec<u8>, _>("content"),
            // It was deleted meanwhile.
            None => return Ok(None),
        }
    };
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
