//! What is blocked, in a project or everywhere, is served by no door and taken by none, whoever asks; nor is what lists it or is made of it.
//! While nothing is blocked this costs nothing.

use crate::access::{Authorized, ProjectRow};
use crate::accessories;
use crate::artifacts::sql;
use crate::blobs::digest_of;
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use model::artifact::Artifact;
use model::block::Block;
use model::{Digest, RepositoryName};
use std::collections::HashSet;

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

/// An artifact as the database knows it.
pub(crate) struct At<'a> {
    pub repository: i64,
    pub id: i64,
    pub digest: &'a Digest,
}

/// What is blocked and that a repository has anything of: in most it is nothing, which is all that a pull there costs.
async fn here(proof: &mut Authorized<'_>, repository: i64) -> Result<HashSet<String>> {
    let policy = proof.project.policy.clone();
    if policy.blocked.is_empty() {
        return Ok(HashSet::new());
    }
    let digests: Vec<&Digest> = policy.blocked.iter().map(|block| &block.digest).collect();
    sql::present(proof.conn(), repository, &digests).await
}

/// Why an artifact is not served: it is blocked, or something that it lists or is made of, through indexes within.
pub(crate) async fn artifact(proof: &mut Authorized<'_>, name: &RepositoryName, at: At<'_>) -> Result<Option<Error>> {
    let here = here(proof, at.repository).await?;
    judged(proof, name, &at, &here).await
}

async fn judged(proof: &mut Authorized<'_>, name: &RepositoryName, at: &At<'_>, here: &HashSet<String>) -> Result<Option<Error>> {
    if here.is_empty() {
        return Ok(None);
    }
    let path = format!("{}/{name}@{}", proof.project.name, at.digest);
    if let Some(block) = of(&proof.project, at.digest) {
        return Ok(Some(refusal(path, block)));
    }
    let digests: Vec<&str> = here.iter().map(String::as_str).collect();
    let Ok(found) = sql::first_within(proof.conn(), at.id, &digests).await? else {
        return Ok(Some(Error::Policy(format!("{path} lists so much that it cannot be told whether something blocked is among it: it is not served"))));
    };
    let block = found.and_then(|found| proof.project.policy.blocked.iter().find(|block| block.digest.as_str() == found));
    Ok(block.map(|block| holding(path, block)))
}

/// Of what is blocked no row tells what its configuration and annotations say.
pub(crate) async fn veil(proof: &mut Authorized<'_>, name: &RepositoryName, repository: i64, rows: &mut [Artifact]) -> Result<()> {
    let here = here(proof, repository).await?;
    for row in rows.iter_mut().filter(|_| !here.is_empty()) {
        let at = At { repository, id: row.id.0, digest: &row.digest };
        if judged(proof, name, &at, &here).await?.is_some() {
            row.attributes = "{}".to_owned();
            row.annotations.clear();
        }
    }
    Ok(())
}

/// Of these, by number and digest, those that are blocked or hold what is.
pub(crate) async fn among(proof: &mut Authorized<'_>, name: &RepositoryName, repository: i64, all: &[(i64, Digest)]) -> Result<HashSet<i64>> {
    let (here, mut found) = (here(proof, repository).await?, HashSet::new());
    for (id, digest) in all.iter().filter(|_| !here.is_empty()) {
        if judged(proof, name, &At { repository, id: *id, digest }, &here).await?.is_some() {
            found.insert(*id);
        }
    }
    Ok(found)
}

/// Does a signature that is not blocked hang under it? Asked of what is signed.
pub(crate) async fn leaves_signed(proof: &mut Authorized<'_>, name: &RepositoryName, repository: i64, digest: &Digest) -> Result<bool> {
    let here = here(proof, repository).await?;
    if here.is_empty() {
        return Ok(true);
    }
    for (id, signature) in accessories::sql::signatures_of(proof.conn(), repository, digest).await? {
        if judged(proof, name, &At { repository, id, digest: &signature }, &here).await?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Refuses bytes that are blocked under the name that another algorithm gives them.
pub(crate) fn renamed(project: &ProjectRow, digest: &Digest, content: &[u8]) -> Result<()> {
    for block in project.policy.blocked.iter().filter(|block| block.digest.algorithm() != digest.algorithm()) {
        if digest_of(block.digest.algorithm(), content) == block.digest {
            return Err(refusal(format!("manifest {digest}, which is {},", block.digest), block));
        }
    }
    Ok(())
}
