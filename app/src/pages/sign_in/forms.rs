//! Signing in.

use crate::answer::Kept;
use crate::answer::act;
use crate::{Answer, UiError, paths};
use domain::secrets::PlainSecret;

act! {
    "/fn/sign-in" SignIn {
        name: String,
        password: PlainSecret,
        next: String,
        #[serde(default)] kept_form: String,
        #[serde(default)] kept_page: String,
        #[serde(default)] kept_fields: String,
    }
    |form, call| {
        let who = match domain::users::sign_in(&call.ctx, form.name.trim(), &form.password, call.who.client.clone()).await {
            Ok(who) => who,
            Err(domain::Error::Unauthenticated) => return Err(UiError::wrong("This name and password do not sign in here.")),
            Err(error) => return Err(error.into()),
        };
        call.door()?.enter(&who).await?;
        // The form that waited, on its page.
        if let (false, Some(page)) = (form.kept_form.is_empty(), paths::ours(&form.kept_page)) {
            let kept = Kept { form: form.kept_form, page: page.to_owned(), typed: form.kept_fields };
            return Ok(Answer::Back { who: Box::new(who), kept });
        }
        Ok(Answer::done(paths::ours(&form.next).map_or_else(paths::projects, str::to_owned), ""))
    }
}
