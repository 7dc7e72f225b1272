//! The use-cases of Wharf. Every caller (the portal, `/v2`, `/api`, a job, the command line) comes through here.
//!
//! A use-case has one shape: `pub async fn create(ctx: &Ctx, who: &Principal, input: …) -> Result<…>`. It checks
//! the input, opens one transaction by [`Ctx::change`], authorizes inside it, writes, and its event is written in
//! the same transaction. SQL lives in `<noun>/sql.rs` and is private to it.

pub mod access;
pub mod accessories;
pub mod activity;
pub mod artifacts;
mod aside;
pub mod audit;
pub mod backup;
pub mod blocks;
pub mod blobs;
pub mod buffers;
pub mod cache;
pub mod clock;
pub mod configuration;
pub mod ctx;
pub mod datadir;
pub mod db;
pub mod deletions;
pub mod error;
pub mod events;
pub mod forward;
pub mod fsck;
pub mod gc;
pub mod identity;
pub mod immutability;
pub mod instance;
pub mod jobs;
pub mod keys;
pub mod labels;
pub mod local;
pub mod manifest;
pub mod members;
pub mod outbound;
mod owner;
pub mod pattern;
pub mod points;
mod policy;
pub mod projects;
pub mod quotas;
pub mod replication;
pub mod repositories;
pub mod retention;
pub mod robots;
pub mod schedules;
pub mod secrets;
mod selectors;
pub mod sessions;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod strict;
pub mod upkeep;
pub mod uploads;
pub mod users;

pub use ctx::{Ctx, Settings, Sparse, host_of};
pub use error::{Error, Result};
pub use identity::{Principal, Who};
pub use owner::Owner;
