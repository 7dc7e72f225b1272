//! Replication's records: target registries, the rules that copy to them, and the executions of those rules. What is
//! copied, and how, is the `replication` crate's.

pub mod executions;
pub mod removals;
pub mod rules;
pub mod targets;
