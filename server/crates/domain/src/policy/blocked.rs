//! What is blocked, in a project or everywhere, is served by no door and taken by none, whoever asks; nor is what lists it or is made of it.
//! While nothing is blocked this costs nothing.

use crate::access::{Authorized, ProjectRow};
use crate::artifacts::sql;
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use model::block::Block;
use model::{Digest, RepositoryName};

fn refusal(what: String, block: &Block) -> Error {
    let (of, reason) = (if block.of_system { "for every project " } else { "" }, &block.reason);
    Error::Policy(format!("{what} is blocked {of}by {} since {}: {reason}", block.by, &block.at.rfc3339()[..10]))
}

fn holding(what: String, block: &Block) -> Error {
    refusal(format!("{what} holds {}, which", block.digest.short()), block)
}

/// The block of a digest by itself.
pub(crate) fn of<'a>(project: &'a ProjectRow, digest: &Digest) -> Option<&'a Block> {
    project.policy.blocked.iter().find(|block| block.digest == *digest)
}

/// Refuses a blob that is blocked, on its way out or in.
pub(crate) fn blob(project: &ProjectRow, digest: &Digest) -> Result<()> {
    match of(project, digest) {
        Some(block) => Err(refusal(format!("blob {digest}"), block)),
        None => Ok(()),
    }
}

/// Refuses a manifest on its way in by what it says of itself. What it lists was judged when that came, and is again as the index is pulled.
pub(crate) fn placed(project: &ProjectRow, digest: &Digest, manifest: &Manifest) -> Result<()> {
    if project.policy.blocked.is_empty() {
        return Ok(());
    }
    if let Some(block) = of(project, digest) {
        return Err(refusal(format!("manifest {digest}"), block));
    }
    let parts = manifest.blobs().into_iter().map(|blob| &blob.digest).chain(manifest.manifests.iter().map(|child| &child.digest));
    match parts.filter_map(|part| of(project, part)).next() {
        Some(block) => Err(holding(format!("manifest {digest}"), block)),
        None => Ok(()),
    }
}

/// Why an artifact is not served: it is blocked, or something that it lists or is made of, through indexes within.
pub(crate) async fn artifact(proof: &mut Authorized<'_>, name: &RepositoryName, (id, digest): (i64, &Digest)) -> Result<Option<Error>> {
    let policy = proof.project.policy.clone();
    if policy.blocked.is_empty() {
        return Ok(None);
    }
    let path = || format!("{}/{name}@{digest}", proof.project.name);
    if let Some(block) = of(&proof.project, digest) {
        return Ok(Some(refusal(path(), block)));
    }
    let path = path();
    let digests: Vec<&Digest> = policy.blocked.iter().map(|block| &block.digest).collect();
    let found = sql::first_within(proof.conn(), id, &digests).await?;
    let block = found.and_then(|found| policy.blocked.iter().find(|block| block.digest.as_str() == found));
    Ok(block.map(|block| holding(path, block)))
}
