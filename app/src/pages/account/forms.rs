//! One's own profile, password, theme, and signing out.

use crate::{Act, Answer, Call, UiError, paths};
use domain::secrets::PlainSecret;
use domain::{Principal, Who};
use model::UserId;
use serde::Deserialize;

fn own(call: &Call) -> Result<UserId, UiError> {
    match &call.who.who {
        Who::User { id, .. } => Ok(*id),
        _ => Err(UiError::SignIn),
    }
}

#[derive(Deserialize)]
pub struct ChangeProfile {
    email: String,
    full_name: String,
    comment: String,
}

impl Act for ChangeProfile {
    const AT: &'static str = "/fn/account/profile";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        domain::users::update(&call.ctx, &call.who, own(call)?, self.email, self.full_name, self.comment).await?;
        Ok(Answer::done(paths::account(), "Your account was changed."))
    }
}

#[derive(Deserialize)]
pub struct ChangePassword {
    current: PlainSecret,
    password: PlainSecret,
    again: PlainSecret,
}

impl Act for ChangePassword {
    const AT: &'static str = "/fn/account/password";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        if self.password.reveal() != self.again.reveal() {
            return Err(UiError::at("again", "must be the same as the new password"));
        }
        let version = domain::users::set_password(&call.ctx, &call.who, own(call)?, Some(self.current), self.password).await?;
        // Every session ended; this browser gets a new one.
        let who = Principal { credentials_version: version, ..call.who.clone() };
        call.door()?.enter(&who).await?;
        Ok(Answer::done(paths::account(), "Your password was changed. Other sessions have ended."))
    }
}

/// Keeps the theme in a cookie, so that the first paint is right.
#[derive(Deserialize)]
pub struct Theme {
    theme: String,
}

impl Act for Theme {
    const AT: &'static str = "/fn/theme";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let known = self.theme == "light" || self.theme == "dark";
        let (theme, seconds) = if known { (self.theme, 31_536_000) } else { (String::new(), 0) };
        Ok(Answer::Done { to: call.page.clone(), say: String::new(), cookie: Some(("theme", theme, seconds)) })
    }
}

#[derive(Deserialize)]
pub struct SignOut {}

impl Act for SignOut {
    const AT: &'static str = "/fn/sign-out";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        call.door()?.leave().await?;
        Ok(Answer::done(paths::sign_in(), "Signed out."))
    }
}
