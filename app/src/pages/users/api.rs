//! Server functions of users, for system administrators.

use crate::answer::Answer;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use crate::server::Call;
use crate::wire::{FormBody, Query};
use leptos::prelude::*;
use model::user::User;
use model::{Page, UserId};

#[server(prefix = "/fn", endpoint = "users", protocol = Query)]
pub async fn list(q: String, sort: String, after: String) -> Result<Page<User>, UiError> {
    let call = Call::here()?;
    let query = model::list::Query::portal(Some(q), Some(sort), after.parse().ok());
    call.read(domain::users::list(&call.ctx, &call.who, &query).await)
}

#[server(prefix = "/fn", endpoint = "user", protocol = Query)]
pub async fn get(id: UserId) -> Result<User, UiError> {
    let call = Call::here()?;
    call.read(domain::users::get_as_admin(&call.ctx, &call.who, id).await)
}

#[server(prefix = "/fn", endpoint = "user/create", protocol = FormBody)]
pub async fn create(
    name: String,
    email: String,
    full_name: String,
    password: String,
    again: String,
    comment: String,
) -> Result<Answer, UiError> {
    let call = Call::here()?;
    if password != again {
        return Ok(Answer::Wrong(model::Problems::one("again", "must be the same as the password")));
    }
    let input = model::user::NewUser { name, email, full_name, comment };
    let password = domain::secrets::PlainSecret::new(password);
    let done = domain::users::create(&call.ctx, &call.who, input, password).await;
    call.answer(done.map(|user| Answer::done(paths::users(), format!("User {} was created.", user.name))))
}

#[server(prefix = "/fn", endpoint = "user/update", protocol = FormBody)]
pub async fn update(id: UserId, email: String, full_name: String, comment: String) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::users::update(&call.ctx, &call.who, id, email, full_name, comment).await;
    call.answer(done.map(|_| Answer::done(paths::user(id), "The user was changed.")))
}

#[server(prefix = "/fn", endpoint = "user/password", protocol = FormBody)]
pub async fn set_password(id: UserId, password: String, again: String) -> Result<Answer, UiError> {
    let call = Call::here()?;
    if password != again {
        return Ok(Answer::Wrong(model::Problems::one("again", "must be the same as the password")));
    }
    let password = domain::secrets::PlainSecret::new(password);
    let done = domain::users::set_password(&call.ctx, &call.who, id, None, password).await;
    call.answer(done.map(|_| Answer::done(paths::user(id), "The password was set; the user's sessions have ended.")))
}

/// `act` is one of `grant-admin`, `revoke-admin`, `disable`, `enable`, `delete`.
#[server(prefix = "/fn", endpoint = "user/act", protocol = FormBody)]
pub async fn act(id: UserId, act: String) -> Result<Answer, UiError> {
    use domain::users;
    let call = Call::here()?;
    let (ctx, who) = (&call.ctx, &call.who);
    let (done, to, say) = match act.as_str() {
        "grant-admin" => (users::set_admin(ctx, who, id, true).await, paths::user(id), "The user is a system administrator now."),
        "revoke-admin" => (users::set_admin(ctx, who, id, false).await, paths::user(id), "The user is no system administrator any more."),
        "disable" => (users::set_disabled(ctx, who, id, true).await, paths::user(id), "The user can no longer sign in."),
        "enable" => (users::set_disabled(ctx, who, id, false).await, paths::user(id), "The user can sign in again."),
        "delete" => (users::delete(ctx, who, id).await, paths::users(), "The user was deleted."),
        _ => return Ok(Answer::wrong("unknown act")),
    };
    call.answer(done.map(|()| Answer::done(to, say)))
}
