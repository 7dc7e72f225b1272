//! One's own profile, password, theme, and signing out.

use crate::answer::act;
use crate::{Answer, Call, UiError, paths};
use domain::secrets::PlainSecret;
use domain::{Principal, Who};
use model::UserId;

fn own(call: &Call) -> Result<UserId, UiError> {
    match &call.who.who {
        Who::User { id, .. } => Ok(*id),
        _ => Err(UiError::SignIn),
    }
}

act! {
    "/fn/account/profile" ChangeProfile { email: String, full_name: String, comment: String }
    |form, call| {
        domain::users::update(&call.ctx, &call.who, own(call)?, form.email, form.full_name, form.comment).await?;
        Ok(Answer::done(paths::account(), "Your account was changed."))
    }
}

act! {
    "/fn/account/password" ChangePassword { current: PlainSecret, password: PlainSecret, again: PlainSecret }
    |form, call| {
        if form.password.reveal() != form.again.reveal() {
            return Err(UiError::at("again", "must be the same as the new password"));
        }
        let version = domain::users::set_password(&call.ctx, &call.who, own(call)?, Some(form.current), form.password).await?;
        // Every session ended; this browser gets a new one.
        let who = Principal { credentials_version: version, ..call.who.clone() };
        call.door()?.enter(&who).await?;
        Ok(Answer::done(paths::account(), "Your password was changed. Other sessions have ended."))
    }
}

act! {
    /// Keeps the theme in a cookie, so that the first paint is right.
    "/fn/theme" Theme { theme: String }
    |form, call| {
        let known = form.theme == "light" || form.theme == "dark";
        let (theme, seconds) = if known { (form.theme, 31_536_000) } else { (String::new(), 0) };
        Ok(Answer::Done { to: call.page.clone(), say: String::new(), cookie: Some(("theme", theme, seconds)) })
    }
}

act! {
    "/fn/sign-out" SignOut {}
    |_form, call| {
        call.door()?.leave().await?;
        Ok(Answer::done(paths::sign_in(), "Signed out."))
    }
}
