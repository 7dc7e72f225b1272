//! What surrounds every page: top bar, side navigation, page head, and what is said once.

pub mod head;
pub mod keys;
pub mod side;
pub mod toast;
pub mod top;

pub use head::{crumbs, head};
