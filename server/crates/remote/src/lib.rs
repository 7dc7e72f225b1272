//! A client of other registries: what replication speaks to targets with, and all that comes after it will use.
//!
//! `line` sends one request, again where that is safe, and never more at once than the other side takes (`domain::outbound::Gate`); `auth` signs in;
//! `registry` connects; `manifests`, `blobs` and `lists` are the distribution specification's verbs over it. Everything goes out
//! through `domain::outbound`, and everything that is read is bounded. A new way of signing in: a file in `auth`.

mod auth;
mod blobs;
mod failure;
mod line;
mod lists;
mod manifests;
mod registry;

pub use blobs::{Pushed, Sending, There};
pub use failure::{Failure, Nature, Side};
pub use line::Say;
pub use lists::RemoteList;
pub use registry::Registry;
