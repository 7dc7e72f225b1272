//! A new user.

use super::{forms::Create, way};
use crate::pages::prelude::*;

pub async fn new(call: &Call) -> Shown {
    let form = call.form::<Create>();
    let purpose = "They sign in with this name and password, and can change the password themselves.";
    Ok(Page::new("New user").way(way("New user")).purpose(purpose).body(view! {
        <section class="card pad">
            {form.of(view! {
                {form.text("name", "User name").required().focus().help("Letters, digits, “.”, “_”, “-” or “@”.")}
                {form.email("email", "Email").required()}
                {form.text("full_name", "Full name").required()}
                {form.new_password("password", "Password").required().help("At least 8 characters, not easily guessed. A long phrase is best.")}
                {form.new_password("again", "Password again").required()}
                {form.area("comment", "Comment", 3)}
                {buttons("Create user").cancel(paths::users())}
            })}
        </section>
    }))
}
