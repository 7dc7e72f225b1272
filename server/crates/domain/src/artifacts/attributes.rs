//! What configurations say, for artifacts that came before anybody looked: a few at a time, beside everything else.

use super::sql;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::manifest::{self, Manifest};
use sqlx::{AnyConnection, Row};

/// Artifacts of one round: read without a writer, written in one short commit.
const ROUND: i64 = 64;

/// Fills in what is missing. Answers how many artifacts were looked at.
pub async fn fill(ctx: &Ctx) -> Result<usize> {
    let mut all = 0;
    loop {
        let found = unsaid(&mut *ctx.db.read().await?).await?;
        if found.is_empty() {
            return Ok(all);
        }
        all += found.len();
        let mut said = Vec::new();
        for (id, config) in found {
            let text = match config {
                Some((manifest, true)) => match manifest::telling(&manifest) {
                    Some(config) => {
                        let bytes = ctx.blobs.read_small(&config.digest, config.size.unsigned_abs()).await.unwrap_or_default();
                        manifest::attributes(&manifest, &bytes)
                    }
                    None => "{}".to_owned(),
                },
                _ => "{}".to_owned(),
            };
            said.push((id, text));
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

/// Artifacts of which nothing is said yet, with their manifests, and whether the repository holds the configuration: of another's
/// nothing is told.
async fn unsaid(c: &mut AnyConnection) -> Result<Vec<(i64, Option<(Manifest, bool)>)>> {
    let text = "SELECT id, repository_id FROM artifacts WHERE attributes = '' ORDER BY id LIMIT $1";
    let rows = sqlx::query(text).bind(ROUND).fetch_all(&mut *c).await?;
    let mut found = Vec::new();
    for row in rows {
        let (id, repository): (i64, i64) = (row.get("id"), row.get("repository_id"));
        let manifest = Manifest::parse(&sql::content_of(c, id).await?, None).ok();
        let held = match manifest.as_ref().and_then(manifest::telling) {
            Some(config) => !sql::blobs_in(c, repository, std::iter::once(&config.digest)).await?.is_empty(),
            None => false,
        };
        found.push((id, manifest.map(|manifest| (manifest, held))));
    }
    Ok(found)
}
