//! Users.

use crate::answers::{Answer, Created, Done, Listed, Shown, Time};
use crate::call::{Call, Json, id};
use crate::errors::{ApiError, by};
use crate::list::{self, As, Asks, TIMES, page};
use axum::extract::Path;
use domain::Who;
use domain::secrets::PlainSecret;
use domain::users;
use model::UserId;
use model::user::{self, NewUser};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const COLUMNS: &[(&str, &str, As)] = &[
    ("user_id", "id", As::Number), ("email", "email", As::Text), ("realname", "full_name", As::Text), ("comment", "comment", As::Text),
    ("sysadmin_flag", "admin", As::Truth), TIMES[0], TIMES[1],
];

/// Members as this API calls them.
const NAMES: &[(&str, &str)] = &[("name", "username"), ("full_name", "realname")];

#[derive(Serialize, ToSchema)]
pub struct User {
    user_id: i64,
    username: String,
    email: String,
    realname: String,
    comment: String,
    sysadmin_flag: bool,
    /// Administrators by a group of another sign-in, which this server has not.
    admin_role_in_auth: bool,
    creation_time: Time,
    update_time: Time,
}

impl From<user::User> for User {
    fn from(user: user::User) -> User {
        User {
            user_id: user.id.0, username: user.name.to_string(), email: user.email, realname: user.full_name, comment: user.comment,
            sysadmin_flag: user.admin, admin_role_in_auth: false, creation_time: user.created_at.into(), update_time: user.updated_at.into(),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewUser)]
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

#[derive(Deserialize, ToSchema)]
#[schema(as = UserProfile)]
pub struct Profile {
    #[serde(default)]
    email: String,
    #[serde(default)]
    realname: String,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = UserAdmin)]
pub struct Admin {
    // Clients written in Go leave out what is false.
    #[serde(default)]
    sysadmin_flag: bool,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordChange)]
pub struct Password {
    #[serde(default)]
    old_password: Option<String>,
    new_password: String,
}

pub async fn current(call: Call) -> Answer<Shown<User>> {
    Ok(Shown(users::current(&call.ctx, &call.who).await?.into()))
}

/// A permission as it is asked for.
#[derive(Serialize, ToSchema)]
pub struct Permission {
    resource: String,
    action: &'static str,
}

/// All that the caller has.
#[derive(Serialize, ToSchema)]
pub struct Permissions(Vec<Permission>);

/// What the caller may do in `scope` (`/project/{id or name}`), as Harbor's portal asks it.
pub async fn permissions(call: Call) -> Answer<Shown<Permissions>> {
    users::current(&call.ctx, &call.who).await?;
    let scope = call.param("scope").unwrap_or_default().to_owned();
    let Some(project) = scope.strip_prefix("/project/") else { return Ok(Shown(Permissions(Vec::new()))) };
    let name = call.project(project).await?;
    let frame = domain::projects::frame(&call.ctx, &call.who, &name).await?;
    let prefix = if call.flag("relative") { String::new() } else { format!("/project/{}/", frame.project.id) };
    let of = |action: &model::Action| Permission { resource: format!("{prefix}{}", action.resource()), action: action.verb() };
    Ok(Shown(Permissions(frame.rights.iter().map(of).collect())))
}

pub async fn create(call: Call, Json(new): Json<New>) -> Answer<Created> {
    let input = NewUser { name: new.username, email: new.email, full_name: new.realname, comment: new.comment };
    let user = users::create(&call.ctx, &call.who, input, PlainSecret::new(new.password)).await.map_err(by(NAMES))?;
    Ok(Created(format!("/api/v2.0/users/{}", user.id)))
}

pub async fn list(call: Call) -> Answer<Listed<User>> {
    let sorts = [("username", "name"), ("email", "email"), ("creation_time", "created"), ("update_time", "updated"), ("user_id", "id"), ("id", "id")];
    let (query, _) = list::query(&call, &Asks { sorts: &sorts, name: "username", keys: &[], columns: COLUMNS })?;
    page(&call, users::list(&call.ctx, &call.who, &query).await?, User::from)
}

/// A user as everybody may find them.
#[derive(Serialize, ToSchema)]
pub struct UserFound {
    user_id: i64,
    username: String,
}

/// Most users that a search finds.
const FOUND: i64 = 1000;

pub async fn search(call: Call) -> Answer<Listed<UserFound>> {
    let text = call.param("username").unwrap_or_default();
    list::query(&call, &Asks { sorts: &[], name: "", keys: &[], columns: &[] })?;
    let (number, size) = list::window(&call)?;
    let found = users::search(&call.ctx, &call.who, text, FOUND).await?;
    let total = found.len() as i64;
    let skip = (number - 1).saturating_mul(size).clamp(0, FOUND) as usize;
    let rows = model::Page { items: found.into_iter().skip(skip).take(size as usize).collect(), total, next: None };
    page(&call, rows, |(id, name, _)| UserFound { user_id: id.0, username: name.to_string() })
}

pub async fn get(call: Call, Path(text): Path<String>) -> Answer<Shown<User>> {
    call.signed_in()?;
    Ok(Shown(users::get(&call.ctx, &call.who, UserId(id(&text)?)).await?.into()))
}

pub async fn update(call: Call, Path(text): Path<String>, Json(profile): Json<Profile>) -> Answer<Done> {
    call.signed_in()?;
    let user = UserId(id(&text)?);
    users::update(&call.ctx, &call.who, user, profile.email, profile.realname, profile.comment).await.map_err(by(NAMES))?;
    Ok(Done)
}

pub async fn delete(call: Call, Path(text): Path<String>) -> Answer<Done> {
    call.signed_in()?;
    users::delete(&call.ctx, &call.who, UserId(id(&text)?)).await?;
    Ok(Done)
}

pub async fn set_admin(call: Call, Path(text): Path<String>, Json(admin): Json<Admin>) -> Answer<Done> {
    call.signed_in()?;
    users::set_admin(&call.ctx, &call.who, UserId(id(&text)?), admin.sysadmin_flag).await?;
    Ok(Done)
}

pub async fn set_password(call: Call, Path(text): Path<String>, Json(password): Json<Password>) -> Answer<Done> {
    if matches!(call.who.who, Who::Robot { .. }) {
        return Err(ApiError::new(axum::http::StatusCode::FORBIDDEN, "a robot account has no password"));
    }
    call.signed_in()?;
    let old = password.old_password.map(PlainSecret::new);
    let names = by(&[("password", "new_password"), ("current", "old_password")]);
    users::set_password(&call.ctx, &call.who, UserId(id(&text)?), old, PlainSecret::new(password.new_password)).await.map_err(names)?;
    Ok(Done)
}
