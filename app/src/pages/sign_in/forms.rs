//! Signing in.

use crate::answer::Kept;
use crate::{Act, Answer, Call, UiError, paths};
use domain::secrets::PlainSecret;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct SignIn {
    name: String,
    password: PlainSecret,
    next: String,
    #[serde(default)]
    kept_form: String,
    #[serde(default)]
    kept_page: String,
    #[serde(default)]
    kept_fields: String,
}

impl Act for SignIn {
    const AT: &'static str = "/fn/sign-in";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let who = match domain::users::sign_in(&call.ctx, self.name.trim(), &self.password, call.who.client.clone()).await {
            Ok(who) => who,
            Err(domain::Error::Unauthenticated) => return Err(UiError::wrong("This name and password do not sign in here.")),
            Err(error) => return Err(error.into()),
        };
        call.door()?.enter(&who).await?;
        // The form that waited, on its page.
        if let (false, Some(page)) = (self.kept_form.is_empty(), paths::ours(&self.kept_page)) {
            let kept = Kept { form: self.kept_form, page: page.to_owned(), typed: self.kept_fields };
            return Ok(Answer::Back { who: Box::new(who), kept });
        }
        Ok(Answer::done(paths::ours(&self.next).map_or_else(paths::projects, str::to_owned), ""))
    }
}
