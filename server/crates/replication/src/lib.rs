//! Replication: runs executions that `domain::replication::executions` started, through adapters that speak to the target.
//!
//! `worker` takes jobs, `copy` carries one artifact with its whole graph from a source to a destination
//! (`ends`) and compares what stands there, `adapters` know what else a
//! kind of target wants. All calls go out through the `remote` crate.

mod adapters;
mod copy;
mod ends;
mod meter;
mod remove;
mod worker;

pub use adapters::Adapters;
pub use worker::run;
