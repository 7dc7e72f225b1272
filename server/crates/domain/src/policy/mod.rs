//! What a project demands of its artifacts ([`model::project::Policy`]), judged here and nowhere else: as something is read
//! ([`pull`]), placed ([`push`]) and taken away ([`delete`]). A new demand is a field there and a few lines in one of these.

pub(crate) mod delete;
pub(crate) mod locks;
pub(crate) mod pull;
pub(crate) mod push;

use crate::error::{Error, Result};
use model::project::Policy;

/// From its stored form; empty is nothing demanded. What cannot be read is no policy, and nothing goes on without it.
pub(crate) fn read(text: &str, require_signature: bool, storage_limit: Option<i64>) -> Result<Policy> {
    let read = if text.is_empty() { Ok(Policy::default()) } else { serde_json::from_str(text) };
    let policy: Policy = read.map_err(|error| Error::Internal(format!("a policy in the database: {error}")))?;
    Ok(Policy { require_signature, storage_limit, ..policy })
}

/// Its stored form.
pub(crate) fn stored(policy: &Policy) -> Result<String> {
    serde_json::to_string(policy).map_err(|error| Error::Internal(format!("a policy to store: {error}")))
}
