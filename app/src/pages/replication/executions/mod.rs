//! An execution, live; and one task's log.

pub mod forms;
mod show;
mod task;

pub use show::{removals, show};
pub use task::task;
