//! The portal: pages over the use-cases of `domain`. HTML first: every page works before the wasm arrives, and what
//! matters without script at all. State is in the address.
//!
//! A page is one file in `pages/<noun>/`, its server functions are in `pages/<noun>/api.rs`, its address in `paths.rs`,
//! its route below. Reading functions are GET, changing ones POST and answer an [`answer::Answer`].

#![recursion_limit = "512"]

pub mod answer;
pub mod error;
pub mod layout;
pub mod live;
pub mod pages;
pub mod paths;
mod routes;
#[cfg(feature = "ssr")]
pub mod server;
pub mod session;
pub mod ui;
pub mod wire;

pub use routes::App;
