//! The REST API that Harbor's clients speak: `/api/v2.0`, with the quirks they rely on, each said where it is kept.
//!
//! Adapters over the same use-cases as the portal, one file a resource. [`ROUTES`] lists every route with what it takes;
//! the router is made from the same list, so none exists without a line.

mod activity;
mod answers;
mod artifacts;
mod audit;
mod blocks;
mod call;
mod configurations;
mod deletions;
mod document;
mod errors;
mod gc;
mod immutability;
mod labels;
mod list;
mod members;
mod projects;
mod purges;
mod quotas;
mod registries;
mod replication;
mod repositories;
mod retention;
mod robots;
mod routes;
mod runs;
mod selectors;
mod session;
mod system;
mod users;

pub use errors::ApiError;
pub use routes::{ROUTES, Route, router};
pub use session::SessionDoor;
