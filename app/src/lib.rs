//! The portal: HTML from the server, over the use-cases of `domain`, with a few islands that run in the browser.
//!
//! A page is one file in `pages/<noun>/`: it reads by calling use-cases and answers a [`Page`]. What its forms change is in
//! `forms.rs` beside it: a struct of the form's fields with what is done ([`Act`]). Addresses are in [`paths`], and every page and
//! form has its line in [`routes`]. All of that is the server's (`ssr`). The browser's half (`hydrate`) is `islands` alone: they know
//! the document and nothing of the product, and every page works without them.

#[cfg(feature = "hydrate")]
pub mod islands;

#[cfg(feature = "ssr")]
mod address;
#[cfg(feature = "ssr")]
pub mod answer;
#[cfg(feature = "ssr")]
pub mod call;
#[cfg(feature = "ssr")]
pub mod error;
#[cfg(feature = "ssr")]
pub mod layout;
#[cfg(feature = "ssr")]
mod once;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod paths;
#[cfg(feature = "ssr")]
pub mod routes;
#[cfg(feature = "ssr")]
pub mod server;
#[cfg(feature = "ssr")]
pub mod session;
#[cfg(feature = "ssr")]
pub mod ui;
#[cfg(feature = "ssr")]
pub mod wire;

#[cfg(feature = "ssr")]
pub use {answer::{Act, Answer}, call::Call, error::UiError, layout::Page};
