//! What an administrator sets while the server runs. It is in the database; this process keeps what it read last, and reads again after a
//! change of its own and every few seconds. What must not be a moment too old (whether anything may be written at all) is asked of
//! the database where it matters: [`crate::access`].

#[cfg(test)]
mod tests;

use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::identity::Principal;
use model::configuration::{Configuration, Creators};
use sqlx::{AnyConnection, Row};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Settings of Harbor's whose absence here nobody could tell: kept as they were sent, and not in effect. Name and default.
pub const KEPT: &[(&str, &str)] =
    &[("notification_enable", "false"), ("quota_per_project_enable", "false"), ("scanner_skip_update_pulltime", "false")];

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
    let (found, _) = read(&mut *ctx.db.read().await?).await?;
    ctx.local.configuration.set(found);
    Ok(())
}

async fn read(c: &mut AnyConnection) -> Result<(Configuration, BTreeMap<String, String>)> {
    let rows = sqlx::query("SELECT name, value FROM configuration").fetch_all(c).await?;
    let (mut found, mut kept) = (Configuration::default(), BTreeMap::new());
    for row in rows {
        let (name, value): (String, String) = (row.get("name"), row.get("value"));
        let number = || value.parse().map_err(|_| Error::Internal(format!("the setting {name} in the database is no number")));
        match name.as_str() {
            "robot_name_prefix" => found.robot_name_prefix = value,
            "robot_token_duration" => found.robot_token_duration = number()?,
            "token_expiration" => found.token_expiration = number()?,
            "session_timeout" => found.session_timeout = number()?,
            "project_creation_restriction" => found.project_creation_restriction = Creators::from_key(&value).unwrap_or_default(),
            "read_only" => found.read_only = value == "true",
            "banner_message" => found.banner_message = value,
            _ => drop(kept.insert(name, value)),
        }
    }
    Ok((found, kept))
}

/// How robot accounts' names begin, as of this transaction.
pub(crate) async fn prefix(c: &mut AnyConnection) -> Result<String> {
    Ok(read(c).await?.0.robot_name_prefix)
}

/// As it is stored: names and values.
fn stored(configuration: &Configuration) -> [(&'static str, String); 7] {
    [
        ("robot_name_prefix", configuration.robot_name_prefix.clone()),
        ("robot_token_duration", configuration.robot_token_duration.to_string()),
        ("token_expiration", configuration.token_expiration.to_string()),
        ("session_timeout", configuration.session_timeout.to_string()),
        ("project_creation_restriction", configuration.project_creation_restriction.key().to_owned()),
        ("read_only", configuration.read_only.to_string()),
        ("banner_message", configuration.banner_message.clone()),
    ]
}

/// All of it, for an administrator: what is in effect, and what is only kept.
pub async fn get(ctx: &Ctx, who: &Principal) -> Result<(Configuration, BTreeMap<String, String>)> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    let (found, kept) = read(proof.conn()).await?;
    let default = KEPT.iter().map(|(name, value)| (name.to_string(), value.to_string()));
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
    let done = ctx
        .change(who, Event::ConfigurationChanged { names: names.join(" ") }, async move |c| {
            let mut proof = access::system(c, now, &caller).await?;
            let c = proof.conn();
            let (before, _) = read(c).await?;
            let mut new = before.clone();
            change(&mut new);
            new.check()?;
            // A user of such a name could not sign in any more; `users` refuses new ones.
            let prefix = match new.robot_name_prefix == before.robot_name_prefix {
                true => "".to_owned(),
                false => crate::db::like_prefix(&crate::db::folded(&new.robot_name_prefix)),
            };
            let text = "SELECT name FROM users WHERE name_folded LIKE $1 ESCAPE '\\' AND deleted_at IS NULL LIMIT 1";
            if let Some(row) = sqlx::query(text).bind(prefix).fetch_optional(&mut *c).await? {
                let name: String = row.get("name");
                return Err(Error::invalid("robot_name_prefix", format!("is how the name of the user {name} begins, who could not sign in any more")));
            }
            let changed = stored(&new).into_iter().zip(stored(&before)).filter(|(new, before)| new != before);
            for (name, value) in changed.map(|((name, value), _)| (name.to_owned(), value)).chain(kept.clone()) {
                let text = "INSERT INTO configuration (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2";
                sqlx::query(text).bind(name).bind(value).execute(&mut *c).await?;
            }
            Ok(())
        })
        .await;
    done?;
    load(ctx).await
}
