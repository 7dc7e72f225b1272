//! A new member of a project.

use super::{forms, roles};
use crate::pages::projects::way;
use crate::pages::prelude::*;
use model::Role;

pub async fn new(call: &Call) -> Shown {
    let name = call.project()?;
    domain::projects::frame(&call.ctx, &call.who, &name).await?;
    let form = call.form::<forms::Create>().with(vec![("project", name.to_string())]);
    let typed = form.typed("user").unwrap_or_else(|| call.query("user").to_owned());
    let known = candidates(call, typed.trim()).await?;
    let options = known.into_iter().map(|(name, full)| view! { <option value=name>{full}</option> }).collect_view();
    Ok(Page::new("Add member").way(way(&name, "Add member")).purpose(format!("The user sees {name} at once.")).body(view! {
        <section class="card pad">
            {form.of(view! {
                {form.text("user", "User name").required().focus().suggests("users").value(call.query("user"))}
                <datalist id="users">{options}</datalist>
                {roles(&form, Role::Developer)}
                {buttons("Add member").cancel(paths::members(&name))}
            })}
        </section>
    }))
}

/// Names that may be meant: none for who may not look users up.
async fn candidates(call: &Call, text: &str) -> Result<Vec<(String, String)>, UiError> {
    match domain::users::search(&call.ctx, &call.who, text, 10).await {
        Ok(found) => Ok(found.into_iter().map(|(_, name, full)| (name, full)).collect()),
        Err(domain::Error::Forbidden { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
