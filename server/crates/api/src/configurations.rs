//! The configuration that an administrator sets while the server runs, by Harbor's names.

use crate::call::{Call, Json, done, ok};
use crate::errors::{Answer, ApiError};
use domain::configuration::{self, KEPT};
use model::configuration::{Configuration, Creators};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub async fn get(call: Call) -> Answer {
    let (found, kept) = configuration::get(&call.ctx, &call.who).await?;
    let set = |value: Value| json!({ "value": value, "editable": true });
    let fixed = |value: Value| json!({ "value": value, "editable": false });
    let mut all = Map::new();
    let own: [(&str, Value); 11] = [
        ("robot_name_prefix", set(found.robot_name_prefix.into())),
        ("robot_token_duration", set(found.robot_token_duration.into())),
        ("token_expiration", set(found.token_expiration.into())),
        ("session_timeout", set(found.session_timeout.into())),
        ("project_creation_restriction", set(found.project_creation_restriction.key().into())),
        ("read_only", set(found.read_only.into())),
        ("banner_message", set(found.banner_message.into())),
        // What this server has no other way of.
        ("auth_mode", fixed("db_auth".into())),
        ("self_registration", fixed(false.into())),
        ("storage_per_project", fixed((-1).into())),
        ("skip_audit_log_database", fixed(false.into())),
    ];
    all.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
    all.extend(kept.into_iter().map(|(name, value)| (name, set((value == "true").into()))));
    ok(Value::Object(all))
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

/// Sets what is named; all of it, or nothing.
pub async fn update(call: Call, Json(sent): Json<Map<String, Value>>) -> Answer {
    let (mut kept, mut changes, mut names) = (BTreeMap::new(), Vec::<Set>::new(), Vec::new());
    for (name, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
        let name = name.as_str();
        names.push(name);
        match name {
            "robot_name_prefix" => {
                let value = text(name, value)?.to_owned();
                changes.push(Box::new(move |new| new.robot_name_prefix.clone_from(&value)));
            }
            "robot_token_duration" => {
                let value = number(name, value)?;
                changes.push(Box::new(move |new| new.robot_token_duration = value));
            }
            "token_expiration" => {
                let value = number(name, value)?;
                changes.push(Box::new(move |new| new.token_expiration = value));
            }
            "session_timeout" => {
                let value = number(name, value)?;
                changes.push(Box::new(move |new| new.session_timeout = value));
            }
            "project_creation_restriction" => {
                let value = Creators::from_key(text(name, value)?).ok_or_else(|| wrong(name, "everyone or adminonly"))?;
                changes.push(Box::new(move |new| new.project_creation_restriction = value));
            }
            "read_only" => {
                let value = truth(name, value)?;
                changes.push(Box::new(move |new| new.read_only = value));
            }
            "banner_message" => {
                let value = text(name, value)?.to_owned();
                changes.push(Box::new(move |new| new.banner_message.clone_from(&value)));
            }
            "auth_mode" if text(name, value)? == "db_auth" => {}
            "self_registration" | "skip_audit_log_database" if !truth(name, value)? => {}
            "storage_per_project" if number(name, value)? == -1 => {}
            "auth_mode" | "self_registration" | "skip_audit_log_database" | "storage_per_project" => {
                return Err(ApiError::bad(format!("{name}: this server has only what it has now; leave it as GET says")));
            }
            _ if KEPT.iter().any(|(known, _)| *known == name) => drop(kept.insert(name.to_owned(), truth(name, value)?.to_string())),
            _ => return Err(ApiError::bad(format!("{name} is not known here"))),
        }
    }
    configuration::set(&call.ctx, &call.who, &names, move |new| changes.iter().for_each(|change| change(new)), kept).await?;
    done()
}

/// One change.
type Set = Box<dyn Fn(&mut Configuration) + Send>;
