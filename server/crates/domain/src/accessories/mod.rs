//! What is attached to artifacts: the rows, and the tree that they make. What a manifest is attached to, and as what, is
//! recognised in [`crate::manifest`].

pub(crate) mod sql;
mod tree;

pub use tree::{Grown, grow};

pub use crate::manifest::Recognised;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::manifest::Parts;
use model::Digest;

/// Reads small blobs of a repository, those of `wanted` that `linked` says lie in it. What is larger than its bound, or
/// cannot be read, is left out.
pub(crate) async fn read(ctx: &Ctx, wanted: &[(&Digest, u64)], linked: impl Fn(&Digest) -> Option<i64>) -> Result<Parts> {
    let mut parts = Parts::new();
    for (digest, most) in wanted {
        if linked(digest).is_some_and(|size| size as u64 <= *most)
            && !parts.contains_key(*digest)
            && let Ok(bytes) = ctx.blobs.read_small(digest, *most).await
        {
            parts.insert((*digest).clone(), bytes);
        }
    }
    Ok(parts)
}

/// How many bytes they are.
pub(crate) fn length(parts: &Parts) -> usize {
    parts.values().map(|bytes| bytes.len()).sum()
}
