//! What every request passes through, outermost first: who it comes from, headers, origin, session.

pub mod client;
pub mod headers;
pub mod held;
pub mod origin;
pub mod session;
