//! What may be taken away: asked of everything that goes along, not only of what was named.

use crate::access::Authorized;
use crate::error::{Error, Result};
use model::{Action, Digest};

/// What one artifact of a deletion is.
pub(crate) struct Going {
    pub digest: Digest,
    pub is_accessory: bool,
    /// A person's tag names it, none of machinery's.
    pub is_tagged: bool,
}

/// An accessory takes the right to delete accessories; what is none, or what a person gave a tag, the one for artifacts.
fn right_over(going: &Going) -> Action {
    if going.is_accessory && !going.is_tagged { Action::AccessoryDelete } else { Action::ArtifactDelete }
}

/// May the caller take all of this away? `root` is what was named, `kept_by` the indexes that list it.
pub(crate) fn check(proof: &Authorized<'_>, root: &Going, along: &[Going], kept_by: &[Digest]) -> Result<()> {
    // An attachment may be made of anything: what a person gave a tag stays theirs, whatever was said of it afterwards.
    proof.require(right_over(root))?;
    if let Some(going) = along.iter().find(|going| proof.require(right_over(going)).is_err()) {
        let right = right_over(going);
        return Err(Error::Forbidden {
            action: Some(right),
            reason: format!("it would take {} along, which takes the right {}: nothing was deleted", going.digest, right.name()),
        });
    }
    match kept_by.first() {
        Some(index) => Err(Error::Precondition(format!("the index {index} lists it: delete the index first"))),
        None => Ok(()),
    }
}
