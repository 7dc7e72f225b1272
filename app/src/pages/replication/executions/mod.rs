//! An execution, live; and one task's log.

pub mod forms;
mod show;
mod task;

pub use show::show;
pub use task::task;
