//! The system as a whole: what the database holds, and who is turned away.

pub mod forms;
mod knocking;
mod settings;
mod storage;

pub use knocking::knocking;
pub use settings::settings;
pub use storage::storage;
