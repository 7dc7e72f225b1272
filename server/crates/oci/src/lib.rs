//! The OCI distribution protocol (distribution-spec 1.1) at `/v2`, and the token service that its clients ask.
//!
//! [`ROUTES`] is the whole of it: method, pattern, what right it takes, what it does. The router is made from the table,
//! so a route without a right does not exist. Adding one: a line there, a handler in its file, a test in `tests/it`.

mod auth;
mod blobs;
mod errors;
mod manifests;
mod path;
mod range;
mod referrers;
mod router;
mod tags;
mod token;
mod uploads;

pub use router::{ROUTES, Route, Routed, router};
