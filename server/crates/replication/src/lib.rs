//! Replication: runs executions that `domain::replication::executions` started, through adapters that speak to the target.
//!
//! `worker` takes jobs, `copy` carries one artifact with its whole graph, `remote` speaks the distribution protocol as a
//! client, `adapters` know what else a kind of target wants. All calls go out through `domain::outbound`.

mod adapters;
mod challenge;
mod copy;
mod failure;
mod remote;
mod worker;

pub use adapters::Adapters;
pub use worker::run;
