//! For tests and the demo only: servers on free ports (the built binary, by path), real clients, fixtures.

mod clients;
pub mod demo;
pub mod image;
pub mod odd;
mod server;
mod signing;
pub mod torture;

pub use clients::Clients;
pub use server::{PASSWORD, Server};
