//! Pull times and counts: kept in memory and written in batches, off the path of the pull.

use crate::ctx::Ctx;
use crate::error::Result;
use model::Stamp;
use std::collections::HashMap;
use std::sync::Mutex;

/// Most that one write notes: others wait for it.
const BATCH: usize = 256;

/// Pulls that are not written yet.
#[derive(Default)]
pub struct Pulls(Mutex<HashMap<(i64, i64, Option<i64>), (i64, Stamp)>>);

impl Pulls {
    /// Notes one pull of an artifact, by tag where it was by tag.
    pub(super) fn note(&self, now: Stamp, artifact: i64, repository: i64, tag: Option<i64>) {
        let mut map = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let entry = map.entry((artifact, repository, tag)).or_insert((0, now));
        *entry = (entry.0 + 1, now);
    }

    /// Writes what was noted.
    pub async fn flush(ctx: &Ctx) -> Result<()> {
        let noted: Vec<_> = {
            let mut map = ctx.local.pulls.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            map.drain().collect()
        };
        for part in noted.chunks(BATCH) {
            let part = part.to_vec();
            let written = ctx.db.write_content(async move |c| {
                for ((artifact, repository, tag), (count, at)) in &part {
                    super::sql::note_pulls(c, *artifact, *repository, *tag, *count, *at).await?;
                }
                Ok(())
            });
            written.await?;
        }
        Ok(())
    }
}
