//! What may be placed. Signatures come after what they sign, so that a project which admits only signed artifacts takes unsigned
//! ones too, and keeps them from being pulled.

use crate::error::{Error, Result};
use crate::manifest::Manifest;

/// Most bytes of the manifests that an index lists.
const CHILDREN_BYTES: i64 = 16 << 20;

/// Asked before a manifest is placed, whoever pushes it: it stays within what one push may cost.
pub(crate) fn check(manifest: &Manifest) -> Result<()> {
    manifest.check_bounds()
}

/// Asked of the manifests that an index lists, by their bytes together: they go with it in one step, which is bounded.
pub(crate) fn children(bytes: i64) -> Result<()> {
    if bytes <= CHILDREN_BYTES {
        return Ok(());
    }
    let message = format!("the manifests that an index lists have at most {} MiB together", CHILDREN_BYTES >> 20);
    Err(Error::Manifest { message, missing: Vec::new() })
}

/// Most tags of one artifact: what deletes it, brings it back or takes a tag of it goes through all of them. A tag for every build of
/// a year, five a day, is less.
pub const TAGS: i64 = 2048;

/// May an artifact have so many tags after it had so many?
pub(crate) fn tags(before: i64, after: i64) -> Result<()> {
    match after > TAGS && after > before {
        true => Err(Error::Manifest { message: format!("an artifact may have at most {TAGS} tags: remove some that nobody uses"), missing: Vec::new() }),
        false => Ok(()),
    }
}
