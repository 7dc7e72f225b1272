//! A new project.

use super::forms::Create;
use crate::pages::prelude::*;

pub async fn new(call: &Call) -> Shown {
    if !call.me.makes_projects {
        return Err(UiError::Forbidden("here system administrators make projects: ask one of them".to_owned()));
    }
    let form = call.form::<Create>();
    let way = vec![("Projects".into(), paths::projects()), ("New project".into(), String::new())];
    Ok(Page::new("New project").way(way).purpose("You become its first project admin.").body(view! {
        <section class="card pad">
            {form.of(view! {
                {form.text("name", "Name").required().focus().help("Lower-case letters and digits, separated by single dots, dashes or underscores.")}
                {form.tick("public", "Public").help("Everybody may pull from it, also without signing in.")}
                {form.tick("require_signature", "Cosign: only signed images may be pulled")
                    .help("Presence of a signature is checked, not who signed. Who may push is let through while pushing or signing.")}
                {buttons("Create project").cancel(paths::projects())}
            })}
        </section>
    }))
}
