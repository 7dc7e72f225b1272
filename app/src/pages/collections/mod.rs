//! Garbage collection: its history, one run with its log, and why a blob is kept.

pub mod forms;
mod list;
mod show;
mod why;

pub use list::list;
pub use show::show;

use model::Stamp;
use model::collection::Collection;
use model::run::duration;
use model::stamp::{bytes, count};

/// What a run did, or would have done, in one line.
fn outcome(found: &Collection) -> String {
    let done = if found.dry_run { "would be deleted" } else { "deleted" };
    format!("{} {done}, {}", count(found.blobs, "blob"), bytes(found.bytes))
}

fn took(found: &Collection, now: Stamp) -> String {
    duration(found.ended_at.unwrap_or(now).0 - found.started_at.0)
}
