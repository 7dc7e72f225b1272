//! Signing in.

use crate::answer::{KeptForm, act};
use crate::{Answer, UiError, paths};
use domain::Who;
use domain::secrets::PlainSecret;

/// `name=value`, as the fields of a form that waits are sent.
pub fn pairs(fields: &[String]) -> Vec<(String, String)> {
    fields.iter().filter_map(|field| field.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

act! {
    "/fn/sign-in" SignIn {
        name: String,
        password: PlainSecret,
        next: String,
        #[serde(default)] kept_form: String,
        #[serde(default)] kept_page: String,
        #[serde(default)] kept_by: i64,
        #[serde(default)] kept_fields: Vec<String>,
    }
    |form, call| {
        let who = match domain::users::sign_in(&call.ctx, form.name.trim(), &form.password, call.who.client.clone()).await {
            Ok(who) => who,
            Err(domain::Error::Unauthenticated) => return Err(UiError::wrong("This name and password do not sign in here.")),
            Err(error) => return Err(error.into()),
        };
        call.door()?.enter(&who).await?;
        // The form that waited, on its page, for who typed it.
        let same = matches!(who.who, Who::User { id, .. } if id.0 == form.kept_by);
        if let (true, false, Some(page)) = (same, form.kept_form.is_empty(), paths::ours(&form.kept_page)) {
            let kept = KeptForm { form: form.kept_form, page: page.to_owned(), by: form.kept_by, typed: pairs(&form.kept_fields) };
            return Ok(Answer::Back { who: Box::new(who), kept });
        }
        Ok(Answer::done(paths::ours(&form.next).map_or_else(paths::projects, str::to_owned), ""))
    }
}
