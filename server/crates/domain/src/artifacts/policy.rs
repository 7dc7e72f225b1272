//! "Only signed images may be pulled": presence of a signature is checked, not who signed.
//!
//! Let through unsigned: accessories that no runtime takes for an image (or nobody could fetch a signature), a platform's image whose index in this
//! repository is signed, and a principal who may push here and is pushing or signing now. That is: a token that
//! carries push scope, or a User-Agent of `cosign/` or `notation/`, whose first read asks for pull only. The User-Agent
//! tells a signing tool from a runtime among those who may push; it never widens a right.

use super::manifest::Manifest;
use super::sql::Found;
use crate::access::Authorized;
use crate::error::{Error, Result};
use crate::identity::{Access, Principal};
use model::{Action, RepositoryName};

pub(super) async fn check(
    proof: &mut Authorized<'_>,
    who: &Principal,
    repository: &RepositoryName,
    found: &Found,
) -> Result<()> {
    if !proof.project.require_signature || found.signed || is_signing(proof, who, repository) {
        return Ok(());
    }
    if found.is_accessory {
        let content = super::sql::content(proof, found.id).await?;
        // An image that calls itself an accessory stays an image.
        if !Manifest::parse(&content, Some(&found.media_type))?.could_run() {
            return Ok(());
        }
    }
    if super::sql::in_signed_index(proof, found.repository_id, &found.digest).await? {
        return Ok(());
    }
    let project = &proof.project.name;
    Err(Error::Policy(format!(
        "{project} admits only signed artifacts: no cosign or notation signature is attached to {project}/{repository}@{}; \
         sign it by that digest, then pull again",
        found.digest
    )))
}

fn is_signing(proof: &Authorized<'_>, who: &Principal, repository: &RepositoryName) -> bool {
    if !proof.rights.has(Action::RepositoryPush) {
        return false;
    }
    let pushing = who.ceiling.is_some() && who.within_ceiling(proof.project.id, repository.as_str(), Access::PUSH);
    let agent = who.client.user_agent.as_str();
    pushing || agent.starts_with("cosign/") || agent.starts_with("notation/")
}
