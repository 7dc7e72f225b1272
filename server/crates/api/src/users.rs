//! Users.

use crate::call::{Call, Json, created, done, id, ok};
use crate::errors::{Answer, ApiError};
use crate::list::{self, Asks, page};
use axum::extract::Path;
use domain::Who;
use domain::secrets::PlainSecret;
use domain::users;
use model::UserId;
use model::user::{NewUser, User};
use serde::Deserialize;
use serde_json::{Value, json};

fn show(user: User) -> Value {
    json!({
        "user_id": user.id, "username": user.name, "email": user.email, "realname": user.full_name,
        "comment": user.comment, "sysadmin_flag": user.admin, "admin_role_in_auth": false,
        "creation_time": user.created_at.rfc3339(), "update_time": user.updated_at.rfc3339(),
    })
}

#[derive(Deserialize)]
pub struct New {
    #[serde(default)]
    username: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    realname: String,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    password: String,
}

#[derive(Deserialize)]
pub struct Profile {
    #[serde(default)]
    email: String,
    #[serde(default)]
    realname: String,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize)]
pub struct Admin {
    sysadmin_flag: bool,
}

#[derive(Deserialize)]
pub struct Password {
    #[serde(default)]
    old_password: Option<String>,
    new_password: String,
}

pub async fn current(call: Call) -> Answer {
    ok(show(users::current(&call.ctx, &call.who).await?))
}

/// What the caller may do in `scope` (`/project/{id or name}`), as Harbor's portal asks it.
pub async fn permissions(call: Call) -> Answer {
    users::current(&call.ctx, &call.who).await?;
    let scope = call.param("scope").unwrap_or_default().to_owned();
    let Some(project) = scope.strip_prefix("/project/") else { return ok(json!([])) };
    let name = call.project(project).await?;
    let frame = domain::projects::frame(&call.ctx, &call.who, &name).await?;
    let prefix = if call.flag("relative") { String::new() } else { format!("/project/{}/", frame.project.id) };
    let rows: Vec<Value> = frame
        .rights
        .iter()
        .map(|action| json!({ "resource": format!("{prefix}{}", action.resource()), "action": action.verb() }))
        .collect();
    ok(Value::Array(rows))
}

pub async fn create(call: Call, Json(new): Json<New>) -> Answer {
    let input = NewUser { name: new.username, email: new.email, full_name: new.realname, comment: new.comment };
    let user = users::create(&call.ctx, &call.who, input, PlainSecret::new(new.password)).await?;
    created(format!("/api/v2.0/users/{}", user.id), None)
}

pub async fn list(call: Call) -> Answer {
    let sorts = [("username", "name"), ("email", "email"), ("creation_time", "created")];
    let (query, _) = list::query(&call, &Asks { sorts: &sorts, name: "username", keys: &[] })?;
    page(&call, users::list(&call.ctx, &call.who, &query).await?, show)
}

/// Most users that a search finds.
const FOUND: i64 = 1000;

pub async fn search(call: Call) -> Answer {
    let text = call.param("username").unwrap_or_default();
    let (number, size) = list::window(&call)?;
    let found = users::search(&call.ctx, &call.who, text, FOUND).await?;
    let total = found.len() as i64;
    let skip = (number - 1).saturating_mul(size).clamp(0, FOUND) as usize;
    let rows = model::Page { items: found.into_iter().skip(skip).take(size as usize).collect(), total, next: None };
    page(&call, rows, |(id, name, _)| json!({ "user_id": id, "username": name }))
}

pub async fn get(call: Call, Path(text): Path<String>) -> Answer {
    call.signed_in()?;
    ok(show(users::get(&call.ctx, &call.who, UserId(id(&text)?)).await?))
}

pub async fn update(call: Call, Path(text): Path<String>, Json(profile): Json<Profile>) -> Answer {
    call.signed_in()?;
    let user = UserId(id(&text)?);
    users::update(&call.ctx, &call.who, user, profile.email, profile.realname, profile.comment).await?;
    done()
}

pub async fn delete(call: Call, Path(text): Path<String>) -> Answer {
    call.signed_in()?;
    users::delete(&call.ctx, &call.who, UserId(id(&text)?)).await?;
    done()
}

pub async fn set_admin(call: Call, Path(text): Path<String>, Json(admin): Json<Admin>) -> Answer {
    call.signed_in()?;
    users::set_admin(&call.ctx, &call.who, UserId(id(&text)?), admin.sysadmin_flag).await?;
    done()
}

pub async fn set_password(call: Call, Path(text): Path<String>, Json(password): Json<Password>) -> Answer {
    if matches!(call.who.who, Who::Robot { .. }) {
        return Err(ApiError::new(axum::http::StatusCode::FORBIDDEN, "a robot account has no password"));
    }
    call.signed_in()?;
    let old = password.old_password.map(PlainSecret::new);
    users::set_password(&call.ctx, &call.who, UserId(id(&text)?), old, PlainSecret::new(password.new_password)).await?;
    done()
}
