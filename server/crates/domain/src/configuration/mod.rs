//! What an administrator sets while the server runs. It is in the database; this process keeps what it read last, and reads again after a
//! change of its own and every few seconds. What must not be a moment too old (whether anything may be written at all) is asked of
//! the database where it matters: [`crate::access`].

mod sql;
#[cfg(test)]
mod tests;

use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::identity::Principal;
use crate::users;
use model::configuration::Configuration;
use sqlx::AnyConnection;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Settings of Harbor's whose absence here nobody could tell: kept as they were sent, and not in effect. Name and default.
pub const WITHOUT_EFFECT: &[(&str, &str)] =
    &[("notification_enable", "false"), ("scanner_skip_update_pulltime", "false")];

/// What is in effect, by the names under which it is stored.
pub const NAMES: [&str; 10] = [
    "robot_name_prefix", "robot_token_duration", "token_expiration", "session_timeout", "project_creation_restriction", "read_only", "pull_audit_log_disable",
    "storage_per_project", "quota_per_project_enable", "banner_message",
];

/// What this process read last.
#[derive(Default)]
pub struct Known(RwLock<Arc<Configuration>>);

impl Known {
    pub fn get(&self) -> Arc<Configuration> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, found: Configuration) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
    }
}

/// Reads it anew.
pub async fn load(ctx: &Ctx) -> Result<()> {
    let (found, _) = sql::read(&mut *ctx.db.read().await?).await?;
    ctx.local.configuration.set(found);
    Ok(())
}

/// Refuses a change while the server is read-only, as of this transaction.
pub(crate) async fn may_write(c: &mut AnyConnection) -> Result<()> {
    match sql::read(c).await?.0.read_only {
        true => Err(Error::Forbidden { action: None, reason: crate::access::READ_ONLY_SAID.to_owned() }),
        false => Ok(()),
    }
}

/// How much a new project may hold, as of this transaction.
pub(crate) async fn storage_per_project(c: &mut AnyConnection) -> Result<Option<i64>> {
    Ok(model::quota::from_number(sql::read(c).await?.0.storage_per_project))
}

/// How robot accounts' names begin, as of this transaction.
pub(crate) async fn prefix(c: &mut AnyConnection) -> Result<String> {
    Ok(sql::read(c).await?.0.robot_name_prefix)
}

/// All of it, for an administrator: what is in effect, and what is only kept.
pub async fn get(ctx: &Ctx, who: &Principal) -> Result<(Configuration, BTreeMap<String, String>)> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    let (found, kept) = sql::read(proof.conn()).await?;
    let default = WITHOUT_EFFECT.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Ok((found, default.chain(kept).collect()))
}

/// Changes what `change` changes, and of what is only kept what is named; `names` for the log. What others set meanwhile stays.
pub async fn set(
    ctx: &Ctx,
    who: &Principal,
    names: &[&str],
    change: impl Fn(&mut Configuration) + Send + 'static,
    kept: BTreeMap<String, String>,
) -> Result<()> {
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::ConfigurationChanged { names: names.join(" ") }, async move |c| {
            let mut proof = access::system(c, now, &caller).await?;
            let c = proof.conn();
            let (before, _) = sql::read(c).await?;
            let mut new = before.clone();
            change(&mut new);
            new.check()?;
            // A user of such a name could not sign in any more; `users` refuses new ones.
            if new.robot_name_prefix != before.robot_name_prefix
                && let Some(name) = users::named_like(c, &new.robot_name_prefix).await?
            {
                return Err(Error::invalid("robot_name_prefix", format!("is how the name of the user {name} begins, who could not sign in any more")));
            }
            sql::write(c, &before, &new, &kept).await?;
            Ok(())
        })
        .await?;
    load(ctx).await
}
