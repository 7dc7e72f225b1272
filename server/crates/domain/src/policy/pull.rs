//! What may be pulled: nothing that is blocked ([`super::blocked`]); and in a project that says so, only what is signed.
//!
//! "Only signed images may be pulled": presence of a signature is checked, not who signed.
//!
//! Let through unsigned: accessories that no runtime takes for an image (or nobody could fetch a signature), a platform's image whose index in this
//! repository is signed, and a principal who may push here and is pushing or signing now. That is: a token that
//! carries push scope, or a User-Agent of `cosign/` or `notation/`, whose first read asks for pull only. The User-Agent
//! tells a signing tool from a runtime among those who may push; it never widens a right.

use super::blocked;
use crate::access::Authorized;
use crate::accessories;
use crate::artifacts::sql::{self, Found};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::{Access, Principal};
use crate::manifest::{self, Manifest};
use model::{Action, Digest, RepositoryName};

/// What the gate says of an artifact before its bytes are looked at.
pub(crate) enum Verdict {
    Pass,
    /// Only if it is an accessory by what its layers hold; else this refusal.
    IfPassive(Error),
    Refused(Error),
}

/// Signed indexes that are looked at where something is blocked.
const INDEXES: usize = 64;

/// Judges by what the database knows.
pub(crate) async fn judge(proof: &mut Authorized<'_>, who: &Principal, repository: &RepositoryName, found: &Found) -> Result<Verdict> {
    let at = blocked::At { repository: found.repository_id, id: found.id, digest: &found.digest };
    if let Some(refused) = blocked::artifact(proof, repository, at).await? {
        return Ok(Verdict::Refused(refused));
    }
    if !proof.project.policy.require_signature || is_signing(proof, who, repository) {
        return Ok(Verdict::Pass);
    }
    if found.signed && blocked::leaves_signed(proof, repository, found.repository_id, &found.digest).await? {
        return Ok(Verdict::Pass);
    }
    // A signature that is blocked signs nothing: then another index may.
    let most = if proof.project.policy.blocked.is_empty() { 1 } else { INDEXES };
    for index in sql::signed_indexes(proof, found.repository_id, &found.digest, most).await? {
        if blocked::leaves_signed(proof, repository, found.repository_id, &index).await? {
            return Ok(Verdict::Pass);
        }
    }
    let project = &proof.project.name;
    let refusal = Error::Policy(format!(
        "{project} admits only signed artifacts: no cosign or notation signature is attached to {project}/{repository}@{}; \
         sign it by that digest, then pull again",
        found.digest
    ));
    Ok(if found.is_accessory { Verdict::IfPassive(refusal) } else { Verdict::Refused(refusal) })
}

/// Ends the judgement. `content` is the manifest, `linked` the blobs of its repository with their sizes, as far as they were asked for.
pub(crate) async fn settle(ctx: &Ctx, verdict: Verdict, manifest: Option<&Manifest>, linked: impl Fn(&Digest) -> Option<i64>) -> Result<()> {
    match (verdict, manifest) {
        (Verdict::Pass, _) => Ok(()),
        (Verdict::IfPassive(refusal), Some(manifest)) => {
            let parts = accessories::read(ctx, &manifest::read_to_judge(manifest), linked).await?;
            if manifest::is_passive(manifest, &parts) { Ok(()) } else { Err(refusal) }
        }
        (Verdict::IfPassive(refusal) | Verdict::Refused(refusal), _) => Err(refusal),
    }
}

fn is_signing(proof: &Authorized<'_>, who: &Principal, repository: &RepositoryName) -> bool {
    if !proof.rights.has(Action::RepositoryPush) {
        return false;
    }
    let pushing = who.ceiling.is_some() && who.within_ceiling(proof.project.id, repository.as_str(), Access::PUSH);
    pushing || who.client.is_signing_tool()
}
