//! Replication: target registries, the rules that copy to them, and their runs.

pub mod execution;
pub mod provider;
pub mod rule;
pub mod target;
