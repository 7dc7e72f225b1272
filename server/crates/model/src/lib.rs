//! The vocabulary of Wharf: ids, names, digests, roles, permissions and the views that cross the wire.
//!
//! Nothing here does I/O, so the crate compiles to wasm and the browser checks forms with the very
//! parsers the server uses. A value of one of these types has been checked: parse once, then the
//! type is the proof.

pub mod accessory;
pub mod activity;
pub mod artifact;
pub mod audit;
pub mod block;
pub mod catalogue;
pub mod configuration;
pub mod collection;
pub mod deletion;
pub mod digest;
pub mod field;
pub mod id;
pub mod immutability;
pub mod label;
pub mod list;
pub mod name;
pub mod permission;
pub mod project;
pub mod quota;
pub mod replication;
pub mod repository;
pub mod robot;
pub mod retention;
pub mod run;
pub mod schedule;
pub mod selector;
pub mod stamp;
pub mod storage;
pub mod user;

pub use digest::{Algorithm, Digest};
pub use field::Problems;
pub use id::*;
pub use list::Page;
pub use name::{ProjectName, RepositoryName, RobotName, Tag, UserName};
pub use permission::{Action, Role};
pub use stamp::Stamp;
