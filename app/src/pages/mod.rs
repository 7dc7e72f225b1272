//! The pages, by noun: one file a page, and `forms.rs` with what its forms do.

pub mod account;
pub mod artifacts;
pub mod collections;
pub mod deletions;
pub mod executions;
pub mod jump;
pub mod members;
pub mod projects;
pub mod repositories;
pub mod robots;
pub mod rules;
pub mod sign_in;
pub mod targets;
pub mod users;

use crate::{Page, UiError};

/// What a page is, or why it is not shown.
pub type Shown = Result<Page, UiError>;
