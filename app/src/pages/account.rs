//! One's own account.

use crate::answer::Answer;
use crate::error::UiError;
use crate::layout::head;
#[cfg(feature = "ssr")]
use crate::paths;
use crate::ui::{Buttons, Field, FieldKind, Form, TextArea, empty};
use crate::wire::FormBody;
use leptos::prelude::*;

#[server(prefix = "/fn", endpoint = "account/profile", protocol = FormBody)]
pub async fn change_profile(email: String, full_name: String, comment: String) -> Result<Answer, UiError> {
    let call = crate::server::Call::here()?;
    let domain::Who::User { id, .. } = &call.who.who else { return Err(UiError::SignIn) };
    let done = domain::users::update(&call.ctx, &call.who, *id, email, full_name, comment).await;
    call.answer(done.map(|_| Answer::done(paths::account(), "Your account was changed.")))
}

#[server(prefix = "/fn", endpoint = "account/password", protocol = FormBody)]
pub async fn change_password(current: String, password: String, again: String) -> Result<Answer, UiError> {
    use domain::secrets::PlainSecret;
    let call = crate::server::Call::here()?;
    let domain::Who::User { id, .. } = &call.who.who else { return Err(UiError::SignIn) };
    if password != again {
        return Ok(Answer::Wrong(model::Problems::one("again", "must be the same as the new password")));
    }
    let (current, new) = (PlainSecret::new(current), PlainSecret::new(password));
    match domain::users::set_password(&call.ctx, &call.who, *id, Some(current), new).await {
        Ok(version) => {
            // Every session ended; this browser gets a new one.
            let who = domain::Principal { credentials_version: version, ..call.who.clone() };
            call.door()?.enter(&who).await.map_err(|error| call.error(error))?;
            Ok(Answer::done(paths::account(), "Your password was changed. Other sessions have ended."))
        }
        Err(error) => call.answer(Err(error)),
    }
}

#[component]
pub fn Account() -> impl IntoView {
    let (profile, password) = (ServerAction::<ChangeProfile>::new(), ServerAction::<ChangePassword>::new());
    let me = expect_context::<crate::session::MeSource>().0;
    view! {
        {crate::ui::load(me, move |me, _| match me.user {
            None => empty::failed(&UiError::SignIn),
            Some(user) => view! {
                {head("Your account", format!("You are signed in as {}.", user.name), ().into_any())}
                <section class="card pad">
                    <h2>"Profile"</h2>
                    <Form action=profile>
                        <Field name="email" label="Email" kind=FieldKind::Email value=user.email required=true/>
                        <Field name="full_name" label="Full name" value=user.full_name required=true/>
                        <TextArea name="comment" label="Comment" value=user.comment/>
                        <Buttons label="Save profile"/>
                    </Form>
                </section>
                <section class="card pad">
                    <h2>"Password"</h2>
                    <Form action=password>
                        <Field name="current" label="Current password" kind=FieldKind::Password required=true/>
                        <Field name="password" label="New password" kind=FieldKind::NewPassword required=true
                            help="At least 8 characters, not easily guessed. A long phrase is best."/>
                        <Field name="again" label="New password again" kind=FieldKind::NewPassword required=true/>
                        <Buttons label="Change password"/>
                    </Form>
                </section>
            }
            .into_any(),
        })}
    }
}
