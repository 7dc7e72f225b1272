//! SQL of the configuration: a row for each setting that was ever set.

use super::NAMES;
use crate::error::{Error, Result};
use model::configuration::{Configuration, Creators};
use sqlx::{AnyConnection, Row};
use std::collections::BTreeMap;

/// What is in effect, and what is only kept.
pub async fn read(c: &mut AnyConnection) -> Result<(Configuration, BTreeMap<String, String>)> {
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
            "project_creation_restriction" => {
                // A word of another version opens nothing.
                found.project_creation_restriction = Creators::from_key(&value).unwrap_or(Creators::AdminOnly);
            }
            "read_only" => found.read_only = value == "true",
            "pull_audit_log_disable" => found.pull_audit_log_disable = value == "true",
            "storage_per_project" => found.storage_per_project = number()?,
            "quota_per_project_enable" => found.quota_per_project_enable = value == "true",
            "banner_message" => found.banner_message = value,
            // The system's policy, which is no setting: `immutability`.
            "policy" => {}
            _ => drop(kept.insert(name, value)),
        }
    }
    Ok((found, kept))
}

/// What is in effect as it is stored, in the order of [`NAMES`].
fn stored(configuration: &Configuration) -> [String; 10] {
    [
        configuration.robot_name_prefix.clone(),
        configuration.robot_token_duration.to_string(),
        configuration.token_expiration.to_string(),
        configuration.session_timeout.to_string(),
        configuration.project_creation_restriction.key().to_owned(),
        configuration.read_only.to_string(),
        configuration.pull_audit_log_disable.to_string(),
        configuration.storage_per_project.to_string(),
        configuration.quota_per_project_enable.to_string(),
        configuration.banner_message.clone(),
    ]
}

/// Writes what changed, and what is only kept.
pub async fn write(c: &mut AnyConnection, before: &Configuration, new: &Configuration, kept: &BTreeMap<String, String>) -> Result<()> {
    let (old, new) = (stored(before), stored(new));
    let changed = NAMES.iter().zip(&old).zip(&new).filter(|((_, old), new)| old != new).map(|((name, _), new)| (*name, new.as_str()));
    for (name, value) in changed.chain(kept.iter().map(|(name, value)| (name.as_str(), value.as_str()))) {
        let text = "INSERT INTO configuration (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2";
        sqlx::query(text).bind(name).bind(value).execute(&mut *c).await?;
    }
    Ok(())
}
