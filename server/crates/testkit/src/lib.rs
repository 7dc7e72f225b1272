//! For tests and the demo only: servers on free ports (the built binary, by path), real clients, fixtures.

mod clients;
mod server;
pub mod image;

pub use clients::Clients;
pub use server::{PASSWORD, Server};
