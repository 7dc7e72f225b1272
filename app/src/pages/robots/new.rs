//! A new robot account.

use super::permissions::{Column, add_column, here, permissions, system_columns};
use super::secret::secret_once;
use super::{api, way};
use crate::answer::Answer;
use crate::layout::head;
use crate::pages::param;
use crate::paths;
use crate::ui::form::answer_of;
use crate::ui::{Buttons, Checkbox, Field, FieldKind, Form, TextArea, load};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::ProjectName;

/// The form, or the secret once it is made.
fn form(project: Option<ProjectName>, known: Vec<String>, action: ServerAction<api::Create>) -> AnyView {
    let answer = answer_of(action);
    let secret = Memo::new(move |_| match answer.get() {
        Some(Ok(Answer::Secret(secret))) => Some(secret),
        _ => None,
    });
    let query = use_query_map();
    let get = move |name: &str| query.with_untracked(|query| query.get(name).unwrap_or_default());
    let own = project.as_ref().map_or_else(paths::robot_new, paths::project_robot_new);
    let (projects, template) = (get("projects"), get("template"));
    (move || {
        if let Some(secret) = secret.get() {
            return secret_once(secret);
        }
        let columns = match &project {
            Some(project) => vec![Column { key: project.to_string(), words: project.to_string() }],
            None => system_columns(&projects),
        };
        let more = project.is_none().then(|| add_column(own.clone(), &projects, &known));
        let back = project.as_ref().map_or_else(paths::robots, paths::project_robots);
        let with = vec![("project", project.as_ref().map(ToString::to_string).unwrap_or_default())];
        let (here, template) = (here(own.clone(), &projects), template.clone());
        view! {
            {way(project.as_ref(), "New robot account")}
            {head("New robot account", "Its secret is shown once, right after this.", ().into_any())}
            {more}
            <section class="card pad">
                <Form action=action with=with>
                    <Field name="name" label="Name" required=true autofocus=true
                        help="Lower-case letters and digits, separated by single dots, dashes or underscores."/>
                    <TextArea name="description" label="Description" rows=2/>
                    <Field name="days" label="Expires after, in days" kind=FieldKind::Number value="30"/>
                    <Checkbox name="never" label="Never expires"/>
                    {permissions(here, template, columns, Vec::new())}
                    <Buttons label="Create robot account" cancel=back/>
                </Form>
            </section>
        }.into_any()
    })
    .into_any()
}

#[component]
pub fn ProjectNew() -> impl IntoView {
    let project = param::<ProjectName>("project", "project");
    let data = Resource::new(project, |project| async move { api::form(project?.to_string()).await });
    let action = ServerAction::<api::Create>::new();
    load(data, move |(frame, known), _| form(frame.map(|frame| frame.project.name), known, action))
}

#[component]
pub fn SystemNew() -> impl IntoView {
    let data = Resource::new(|| (), |()| api::form(String::new()));
    let action = ServerAction::<api::Create>::new();
    load(data, move |(_, known), _| form(None, known, action))
}
