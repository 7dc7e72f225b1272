//! A repository's description, and its end.

use super::forms;
use crate::pages::prelude::*;
use model::Action;

pub async fn settings(call: &Call) -> Shown {
    let (project, name) = (call.project()?, call.repository()?);
    let frame = domain::projects::frame(&call.ctx, &call.who, &project).await?;
    let found = domain::repositories::get(&call.ctx, &call.who, &project, &name).await?;
    let with = || vec![("project", project.to_string()), ("repository", name.to_string())];
    let own = paths::repository(&project, &name);
    let description = if frame.may(Action::RepositoryUpdate) {
        let form = call.form::<forms::Describe>().with(with());
        form.of(view! {
            {form.area("description", "Description", 6).value(&found.description).help("Shown as plain text above the artifacts.")}
            {buttons("Save description").cancel(own.clone())}
        })
    } else {
        view! { <p class="note">"Describing it needs the role Developer."</p> }.into_any()
    };
    let removal = if frame.may(Action::RepositoryDelete) {
        ask(paths::repository_delete(&project, &name), "Delete repository…")
    } else {
        view! { <p class="note">"Deleting it needs the role Maintainer."</p> }.into_any()
    };
    let way = vec![
        ("Projects".into(), paths::projects()),
        (project.to_string(), paths::project(&project)),
        (name.to_string(), own),
        ("Settings".into(), String::new()),
    ];
    Ok(Page::new("Repository settings").way(way).purpose(found.full_name()).body(view! {
        <section class="card pad">{description}</section>
        <section class="card pad"><h2>"Delete this repository"</h2>{removal}</section>
    }))
}
