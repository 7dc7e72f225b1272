//! One's own account.

pub mod forms;

use crate::pages::prelude::*;

pub async fn show(call: &Call) -> Shown {
    let user = call.me.user.clone().ok_or(UiError::SignIn)?;
    let (profile, password) = (call.form::<forms::ChangeProfile>(), call.form::<forms::ChangePassword>());
    Ok(Page::new("Your account").purpose(format!("You are signed in as {}.", user.name)).body(view! {
        <section class="card pad">
            <h2>"Profile"</h2>
            {profile.of(view! {
                {profile.email("email", "Email").value(user.email).required()}
                {profile.text("full_name", "Full name").value(user.full_name).required()}
                {profile.area("comment", "Comment", 3).value(user.comment)}
                {buttons("Save profile")}
            })}
        </section>
        <section class="card pad">
            <h2>"Password"</h2>
            {password.of(view! {
                {account(&user.name)}
                {password.password("current", "Current password").required()}
                {password.new_password("password", "New password").required().help("At least 8 characters, not easily guessed. A long phrase is best.")}
                {password.new_password("again", "New password again").required()}
                {buttons("Change password")}
            })}
        </section>
    }))
}
