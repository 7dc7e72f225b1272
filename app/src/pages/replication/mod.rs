//! Replication in the portal: target registries, rules, executions.

pub mod executions;
pub mod rules;
pub mod targets;
