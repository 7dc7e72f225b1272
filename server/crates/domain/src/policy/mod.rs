//! What a project demands of its artifacts ([`model::project::Policy`]), judged here and nowhere else: as something is read
//! ([`pull`]), placed ([`push`]) and taken away ([`delete`]). A new demand is a field there and a few lines in one of these.

pub(crate) mod delete;
pub(crate) mod pull;
pub(crate) mod push;
