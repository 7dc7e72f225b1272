//! The configuration that an administrator sets while the server runs, by Harbor's names.

use crate::answers::{Answer, Done, Shown};
use crate::call::{Call, Json};
use crate::errors::ApiError;
use domain::configuration::{self, WITHOUT_EFFECT};
use model::configuration::{Configuration, Creators};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A setting, and whether this API can change it.
#[derive(Serialize, ToSchema)]
pub struct Setting {
    value: Value,
    editable: bool,
}

/// All settings by their names.
#[derive(Serialize, ToSchema)]
pub struct Configurations(BTreeMap<String, Setting>);

/// Settings by their names.
#[derive(Deserialize, ToSchema)]
pub struct Settings(BTreeMap<String, Value>);

pub async fn get(call: Call) -> Answer<Shown<Configurations>> {
    let (found, kept) = configuration::get(&call.ctx, &call.who).await?;
    let set = |value: Value| Setting { value, editable: true };
    let fixed = |value: Value| Setting { value, editable: false };
    let mut all = BTreeMap::new();
    let own: [(&str, Setting); 13] = [
        ("robot_name_prefix", set(found.robot_name_prefix.into())),
        ("robot_token_duration", set(found.robot_token_duration.into())),
        ("token_expiration", set(found.token_expiration.into())),
        ("session_timeout", set(found.session_timeout.into())),
        ("project_creation_restriction", set(found.project_creation_restriction.key().into())),
        ("read_only", set(found.read_only.into())),
        ("pull_audit_log_disable", set(found.pull_audit_log_disable.into())),
        ("storage_per_project", set(found.storage_per_project.into())),
        ("quota_per_project_enable", set(found.quota_per_project_enable.into())),
        ("banner_message", set(found.banner_message.into())),
        // What this server has no other way of.
        ("auth_mode", fixed("db_auth".into())),
        ("self_registration", fixed(false.into())),
        ("skip_audit_log_database", fixed(false.into())),
    ];
    all.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
    all.extend(kept.into_iter().map(|(name, value)| (name, set((value == "true").into()))));
    Ok(Shown(Configurations(all)))
}

fn wrong(name: &str, must: &str) -> ApiError {
    ApiError::bad(format!("{name} must be {must}"))
}

fn number(name: &str, value: &Value) -> Result<i64, ApiError> {
    let read = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    read.ok_or_else(|| wrong(name, "a number"))
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, ApiError> {
    value.as_str().ok_or_else(|| wrong(name, "text"))
}

fn truth(name: &str, value: &Value) -> Result<bool, ApiError> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::String(text) if text == "true" || text == "false" => Ok(text == "true"),
        _ => Err(wrong(name, "true or false")),
    }
}

/// Changes one setting that is in effect; `false` if it is none.
fn apply(new: &mut Configuration, name: &str, value: &Value) -> Result<bool, ApiError> {
    match name {
        "robot_name_prefix" => new.robot_name_prefix = text(name, value)?.to_owned(),
        "robot_token_duration" => new.robot_token_duration = number(name, value)?,
        "token_expiration" => new.token_expiration = number(name, value)?,
        "session_timeout" => new.session_timeout = number(name, value)?,
        "project_creation_restriction" => {
            let creators = Creators::from_key(text(name, value)?);
            new.project_creation_restriction = creators.ok_or_else(|| wrong(name, "everyone or adminonly"))?;
        }
        "read_only" => new.read_only = truth(name, value)?,
        "pull_audit_log_disable" => new.pull_audit_log_disable = truth(name, value)?,
        "storage_per_project" => new.storage_per_project = number(name, value)?,
        "quota_per_project_enable" => new.quota_per_project_enable = truth(name, value)?,
        "banner_message" => new.banner_message = text(name, value)?.to_owned(),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Sets what is named; all of it, or nothing.
pub async fn update(call: Call, Json(Settings(sent)): Json<Settings>) -> Answer<Done> {
    let (mut own, mut kept) = (Map::new(), BTreeMap::new());
    for (name, value) in sent {
        if apply(&mut Configuration::default(), &name, &value)? {
            own.insert(name, value);
            continue;
        }
        let as_it_is = match name.as_str() {
            "auth_mode" => text(&name, &value)? == "db_auth",
            "self_registration" | "skip_audit_log_database" => !truth(&name, &value)?,
            known if WITHOUT_EFFECT.iter().any(|(name, _)| *name == known) => {
                kept.insert(name.clone(), truth(&name, &value)?.to_string());
                true
            }
            _ => return Err(ApiError::bad(format!("{name} is not known here"))),
        };
        if !as_it_is {
            return Err(ApiError::bad(format!("{name}: this server has only what it has now; leave it as GET says")));
        }
    }
    let names: Vec<String> = own.keys().chain(kept.keys()).cloned().collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // Each was read once already.
    let change = move |new: &mut Configuration| own.iter().for_each(|(name, value)| drop(apply(new, name, value)));
    configuration::set(&call.ctx, &call.who, &names, change, kept).await?;
    Ok(Done)
}
