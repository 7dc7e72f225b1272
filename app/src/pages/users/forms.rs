//! Making, changing and deleting users.

use crate::{Act, Answer, Call, UiError, paths};
use domain::secrets::PlainSecret;
use domain::users;
use model::UserId;
use model::user::NewUser;
use serde::Deserialize;

fn same(password: &PlainSecret, again: &PlainSecret) -> Result<(), UiError> {
    match password.reveal() == again.reveal() {
        true => Ok(()),
        false => Err(UiError::at("again", "must be the same as the password")),
    }
}

#[derive(Deserialize)]
pub struct Create {
    name: String,
    email: String,
    full_name: String,
    password: PlainSecret,
    again: PlainSecret,
    comment: String,
}

impl Act for Create {
    const AT: &'static str = "/fn/user/create";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        same(&self.password, &self.again)?;
        let input = NewUser { name: self.name, email: self.email, full_name: self.full_name, comment: self.comment };
        let user = users::create(&call.ctx, &call.who, input, self.password).await?;
        Ok(Answer::done(paths::users(), format!("User {} was created.", user.name)))
    }
}

#[derive(Deserialize)]
pub struct Update {
    id: UserId,
    email: String,
    full_name: String,
    comment: String,
}

impl Act for Update {
    const AT: &'static str = "/fn/user/update";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        users::update(&call.ctx, &call.who, self.id, self.email, self.full_name, self.comment).await?;
        Ok(Answer::done(paths::user(self.id), "The user was changed."))
    }
}

#[derive(Deserialize)]
pub struct SetPassword {
    id: UserId,
    password: PlainSecret,
    again: PlainSecret,
}

impl Act for SetPassword {
    const AT: &'static str = "/fn/user/password";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        same(&self.password, &self.again)?;
        users::set_password(&call.ctx, &call.who, self.id, None, self.password).await?;
        Ok(Answer::done(paths::user(self.id), "The password was set; the user's sessions have ended."))
    }
}

#[derive(Deserialize)]
pub struct SetState {
    id: UserId,
    /// `grant-admin`, `revoke-admin`, `disable`, `enable` or `delete`.
    act: String,
}

impl Act for SetState {
    const AT: &'static str = "/fn/user/act";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let (ctx, who, id) = (&call.ctx, &call.who, self.id);
        let (done, to, say) = match self.act.as_str() {
            "grant-admin" => (users::set_admin(ctx, who, id, true).await, paths::user(id), "The user is a system administrator now."),
            "revoke-admin" => (users::set_admin(ctx, who, id, false).await, paths::user(id), "The user is no system administrator any more."),
            "disable" => (users::set_disabled(ctx, who, id, true).await, paths::user(id), "The user can no longer sign in."),
            "enable" => (users::set_disabled(ctx, who, id, false).await, paths::user(id), "The user can sign in again."),
            "delete" => (users::delete(ctx, who, id).await, paths::users(), "The user was deleted."),
            _ => return Err(UiError::wrong("unknown act")),
        };
        done?;
        Ok(Answer::done(to, say))
    }
}
