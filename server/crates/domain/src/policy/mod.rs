//! What a project demands of its artifacts ([`model::project::Policy`]), judged here and nowhere else: as something is read
//! ([`pull`]), placed ([`push`]) and taken away ([`delete`]). A new demand is a field there and a few lines in one of these.

pub(crate) mod blocked;
pub(crate) mod delete;
pub(crate) mod locks;
pub(crate) mod pull;
pub(crate) mod push;
mod sql;

use crate::Owner;
use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::identity::Principal;
use model::Action;
use model::project::Policy;
use sqlx::AnyConnection;

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

/// What the owner itself demands: a project's own with the system's bound into it, of the system its own. For whom may do `right` there; of the
/// system, administrators.
pub(crate) async fn of(ctx: &Ctx, who: &Principal, owner: &Owner, right: Action) -> Result<Policy> {
    let mut c = ctx.db.read().await?;
    match owner {
        Owner::Project(name) => Ok(access::project_seen(&mut c, ctx.now(), who, name, right).await?.project.policy.as_ref().clone()),
        Owner::System => sql::of_system(access::system(&mut c, ctx.now(), who).await?.conn()).await,
    }
}

/// Changes the owner's own policy by `f`, for whom may do `right` there; of the system, administrators.
pub(crate) async fn change<T: Send + 'static>(
    ctx: &Ctx,
    who: &Principal,
    (owner, right): (&Owner, Action),
    event: Event,
    f: impl Fn(&mut Policy) -> Result<T> + Send + Sync + 'static,
) -> Result<T> {
    let (now, caller, owner) = (ctx.now(), who.clone(), owner.clone());
    ctx.change(who, event, async move |c: &mut AnyConnection| match &owner {
        Owner::Project(name) => {
            let mut proof = access::project(c, now, &caller, name, right).await?;
            let mut policy = sql::of_project(&mut proof).await?;
            let done = f(&mut policy)?;
            sql::set_of_project(&mut proof, now, &policy).await?;
            Ok(done)
        }
        Owner::System => {
            let mut proof = access::system(c, now, &caller).await?;
            let mut policy = sql::of_system(proof.conn()).await?;
            let done = f(&mut policy)?;
            sql::set_of_system(proof.conn(), &policy).await?;
            Ok(done)
        }
    })
    .await
}
