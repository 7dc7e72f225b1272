//! Pull times and counts: kept in memory and written in batches, off the path of the pull.

use crate::activity;
use crate::ctx::Ctx;
use crate::error::Result;
use model::Stamp;
use std::collections::HashMap;
use std::sync::Mutex;

/// Most that one write notes: others wait for it.
const BATCH: usize = 256;

/// An artifact, its repository, and the tag that it was fetched by.
type Of = (i64, i64, Option<i64>);

/// Pulls that are not written yet: how many, and when the last was.
#[derive(Default)]
pub struct Pulls(Mutex<HashMap<Of, (i64, Stamp)>>);

impl Pulls {
    /// Notes one pull of an artifact, by tag where it was by tag.
    pub(super) fn note(&self, now: Stamp, artifact: i64, repository: i64, tag: Option<i64>) {
        self.add((artifact, repository, tag), 1, now);
    }

    fn add(&self, of: Of, count: i64, at: Stamp) {
        let mut map = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let entry = map.entry(of).or_insert((0, at));
        *entry = (entry.0 + count, entry.1.max(at));
    }

    /// Writes what was noted. What cannot be written stays noted.
    pub async fn flush(ctx: &Ctx) -> Result<()> {
        let mut noted: Vec<(Of, (i64, Stamp))> = {
            let mut map = ctx.local.pulls.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            map.drain().collect()
        };
        while !noted.is_empty() {
            let part = noted.split_off(noted.len().saturating_sub(BATCH));
            let sent = part.clone();
            let written = ctx.db.write_content(async move |c| {
                for ((artifact, repository, tag), (count, at)) in &sent {
                    super::sql::note_pulls(c, *artifact, *repository, *tag, *count, *at).await?;
                }
                let days: Vec<_> = sent.iter().map(|((_, repository, _), (count, at))| (*repository, *at, *count)).collect();
                activity::note_pulls(c, &days).await
            });
            if let Err(error) = written.await {
                part.into_iter().chain(noted).for_each(|(of, (count, at))| ctx.local.pulls.add(of, count, at));
                return Err(error);
            }
        }
        Ok(())
    }
}
