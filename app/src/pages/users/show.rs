//! One user: profile, password, access.

use super::{forms, way};
use crate::pages::prelude::*;

pub async fn show(call: &Call) -> Shown {
    let user = domain::users::get_as_admin(&call.ctx, &call.who, call.param("id", "user")?).await?;
    let id = user.id.to_string();
    let own = call.me.user.as_ref().is_some_and(|me| me.id == user.id);
    let profile = call.form::<forms::Update>().with(vec![("id", id.clone())]);
    let password = (!own).then(|| {
        let form = call.form::<forms::SetPassword>().with(vec![("id", id.clone())]);
        view! {
            <section class="card pad">
                <h2>"Password"</h2>
                {form.of(view! {
                    {account(&user.name)}
                    {form.new_password("password", "New password").required()}
                    {form.new_password("again", "New password again").required()}
                    {buttons("Set password")}
                })}
            </section>
        }
    });
    let state = |act: &str, words: &'static str| call.button::<forms::SetState>(vec![("id", id.clone()), ("act", act.to_owned())], words);
    let admin = if user.admin { state("revoke-admin", "Revoke administration") } else { state("grant-admin", "Make system administrator") };
    let disable = if user.disabled { state("enable", "Enable") } else { state("disable", "Disable") };
    let delete = (!own).then(|| ask(paths::delete_of(&paths::user(user.id)), "Delete user…"));
    let pills = view! {
        {user.admin.then(|| pill(Tone::Info, "key", "System administrator"))}
        {user.disabled.then(|| pill(Tone::Neutral, "", "Disabled"))}
    };
    Ok(Page::new(&user.name).way(way(&user.name)).purpose(&user.full_name).actions(pills).body(view! {
        <section class="card pad">
            <h2>"Profile"</h2>
            {profile.of(view! {
                {profile.email("email", "Email").value(user.email).required()}
                {profile.text("full_name", "Full name").value(user.full_name).required()}
                {profile.area("comment", "Comment", 3).value(user.comment)}
                {buttons("Save profile")}
            })}
        </section>
        {password}
        <section class="card pad">
            <h2>"Access"</h2>
            {own.then(|| view! { <p class="note">"Your own rights and account are another administrator's to take away."</p> })}
            <div class="row-actions">{(!own).then(|| admin.into_render())}{(!own).then(|| disable.into_render())}{delete}</div>
        </section>
    }))
}
