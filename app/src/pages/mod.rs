//! The pages, by noun. `api.rs` beside them holds their server functions.

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

use crate::error::UiError;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use std::str::FromStr;

/// A parameter of the address, parsed; what does not parse is not found.
pub fn param<T: FromStr>(name: &'static str, what: &'static str) -> impl Fn() -> Result<T, UiError> + Copy + Send + Sync {
    let params = use_params_map();
    move || {
        let text = params.read().get(name).unwrap_or_default();
        text.parse().map_err(|_| UiError::NotFound(format!("{what} {text}")))
    }
}
