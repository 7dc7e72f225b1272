//! Making, changing and deleting users.

use crate::answer::act;
use crate::{Answer, UiError, paths};
use domain::secrets::PlainSecret;
use domain::users;
use model::UserId;
use model::user::NewUser;

fn same(password: &PlainSecret, again: &PlainSecret) -> Result<(), UiError> {
    match password.reveal() == again.reveal() {
        true => Ok(()),
        false => Err(UiError::at("again", "must be the same as the password")),
    }
}

act! {
    "/fn/user/create" Create {
        name: String,
        email: String,
        full_name: String,
        password: PlainSecret,
        again: PlainSecret,
        comment: String,
    }
    |form, call| {
        same(&form.password, &form.again)?;
        let input = NewUser { name: form.name, email: form.email, full_name: form.full_name, comment: form.comment };
        let user = users::create(&call.ctx, &call.who, input, form.password).await?;
        Ok(Answer::done(paths::users(), format!("User {} was created.", user.name)))
    }
}

act! {
    "/fn/user/update" Update { id: UserId, email: String, full_name: String, comment: String }
    |form, call| {
        users::update(&call.ctx, &call.who, form.id, form.email, form.full_name, form.comment).await?;
        Ok(Answer::done(paths::user(form.id), "The user was changed."))
    }
}

act! {
    "/fn/user/password" SetPassword { id: UserId, password: PlainSecret, again: PlainSecret }
    |form, call| {
        same(&form.password, &form.again)?;
        users::set_password(&call.ctx, &call.who, form.id, None, form.password).await?;
        Ok(Answer::done(paths::user(form.id), "The password was set; the user's sessions have ended."))
    }
}

act! {
    "/fn/user/act" SetState {
        id: UserId,
        /// `grant-admin`, `revoke-admin`, `disable`, `enable` or `delete`.
        act: String,
    }
    |form, call| {
        let (ctx, who, id) = (&call.ctx, &call.who, form.id);
        let (done, to, say) = match form.act.as_str() {
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
