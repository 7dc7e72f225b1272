//! The pages, by noun: one file a page, and `forms.rs` with what its forms do.

pub mod account;
pub mod activity;
pub mod artifacts;
pub mod audit;
pub mod collections;
pub mod deletions;
pub mod jump;
pub mod labels;
pub mod members;
mod owner;
pub mod policy;
pub mod projects;
pub mod quotas;
pub mod replication;
pub mod repositories;
pub mod robots;
pub mod sign_in;
pub mod system;
pub mod users;

/// What every page is made of.
mod prelude {
    pub use crate::ui::*;
    pub use crate::{Call, Page, UiError, paths};
    pub use leptos::prelude::*;

    /// What a page is, or why it is not shown.
    pub type Shown = Result<Page, UiError>;
}
