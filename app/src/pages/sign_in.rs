//! Signing in.

use crate::answer::Answer;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
use crate::ui::{Buttons, Field, FieldKind, Form};
use crate::wire::FormBody;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[server(prefix = "/fn", endpoint = "sign-in", protocol = FormBody)]
pub async fn sign_in(name: String, password: String, next: String) -> Result<Answer, UiError> {
    let call = crate::server::Call::here()?;
    let password = domain::secrets::PlainSecret::new(password);
    let who = match domain::users::sign_in(&call.ctx, name.trim(), &password, call.who.client.clone()).await {
        Ok(who) => who,
        Err(domain::Error::Unauthenticated) => {
            return Ok(Answer::wrong("This name and password do not sign in here."));
        }
        Err(error) => return call.answer(Err(error)),
    };
    call.door()?.enter(&who).await.map_err(|error| call.error(error))?;
    // Only a path of ours: never another site.
    let fine = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\') && next.len() < 2048;
    Ok(Answer::done(if fine { next } else { paths::projects() }, ""))
}

#[component]
pub fn SignInPage() -> impl IntoView {
    let action = ServerAction::<SignIn>::new();
    let next = use_query_map().with_untracked(|query| query.get("next").unwrap_or_default());
    view! {
        <Title text="Sign in · Wharf"/>
        <div class="door card">
            <h1>"Sign in"</h1>
            <Form action=action>
                <Field name="name" label="User name" required=true autofocus=true complete="username"/>
                <Field name="password" label="Password" kind=FieldKind::Password required=true/>
                <input type="hidden" name="next" value=next/>
                <Buttons label="Sign in"/>
            </Form>
        </div>
    }
}
