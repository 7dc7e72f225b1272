//! A member's role, and the end of the membership.

use super::{forms, roles};
use crate::pages::projects::way;
use crate::pages::prelude::*;

pub async fn edit(call: &Call) -> Shown {
    let name = call.project()?;
    let member = domain::members::get(&call.ctx, &call.who, &name, call.param("id", "member")?).await?;
    let with = || vec![("project", name.to_string()), ("id", member.id.to_string())];
    let form = call.form::<forms::Update>().with(with());
    let user = member.user_name.clone();
    Ok(Page::new(&user).way(way(&name, &user)).purpose(format!("A member of {name}.")).body(view! {
        <section class="card pad">
            {form.of(view! { {roles(&form, member.role)}{buttons("Save role").cancel(paths::members(&name))} })}
        </section>
        <section class="card pad">
            <h2>"Remove from the project"</h2>
            <p>{format!("{user} no longer sees {name} unless it is public. What they pushed stays.")}</p>
            {ask(paths::member_delete(&name, member.id), "Remove member…")}
        </section>
    }))
}
