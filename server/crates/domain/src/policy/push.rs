//! What may be placed. Signatures come after what they sign, so that a project which admits only signed artifacts takes unsigned
//! ones too, and keeps them from being pulled.

use crate::error::Result;
use crate::manifest::Manifest;

/// Asked before a manifest is placed, whoever pushes it: it stays within what one push may cost.
pub(crate) fn check(manifest: &Manifest) -> Result<()> {
    manifest.check_bounds()
}
