//! A new robot account. Once it is made, its secret is shown instead (`secret_once`).

use super::forms::Create;
use super::permissions::{Column, add_column, permissions, system_columns};
use super::{list_of, way};
use domain::robots::Level;
use crate::pages::prelude::*;
use model::ProjectName;

pub async fn new_in_project(call: &Call) -> Shown {
    let project = call.project()?;
    domain::robots::may_create(&call.ctx, &call.who, &Level::Project(project.clone())).await?;
    Ok(page(call, Some(&project), &[]))
}

pub async fn new_in_system(call: &Call) -> Shown {
    domain::robots::may_create(&call.ctx, &call.who, &Level::System).await?;
    let all = domain::projects::list(&call.ctx, &call.who, &model::list::Query::all(500), &Default::default()).await?;
    let known: Vec<String> = all.items.into_iter().map(|project| project.name.to_string()).collect();
    Ok(page(call, None, &known))
}

fn page(call: &Call, project: Option<&ProjectName>, known: &[String]) -> Page {
    let own = project.map_or_else(paths::robot_new, paths::project_robot_new);
    let projects = call.query("projects");
    let columns = match project {
        Some(project) => vec![Column::of(project)],
        None => system_columns(projects),
    };
    let more = project.is_none().then(|| add_column(own.clone(), projects, known));
    let form = call.form::<Create>().with(vec![("project", project.map(ToString::to_string).unwrap_or_default())]);
    let here = paths::with(&own, &[("projects", projects)]);
    Page::new("New robot account").way(way(project, "New robot account")).purpose("Its secret is shown once, right after this.").body(view! {
        {more}
        <section class="card pad">
            {form.of(view! {
                {form.text("name", "Name").required().focus().help("Lower-case letters and digits, separated by single dots, dashes or underscores.")}
                {form.area("description", "Description", 2)}
                {form.number("days", "Expires after, in days").value("30")}
                {form.tick("never", "Never expires")}
                {permissions(&form, &here, call.query("template"), &columns, &[])}
                {buttons("Create robot account").cancel(list_of(project))}
            })}
        </section>
    })
}
