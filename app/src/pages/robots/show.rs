//! One robot account: change, another secret, disable, delete.

use super::permissions::{Column, add_column, here, permissions, system_columns, ticks};
use super::secret::secret_once;
use super::{api, way};
use crate::answer::Answer;
use crate::layout::head;
use crate::layout::toast::again;
use crate::pages::param;
use crate::paths;
use crate::ui::form::answer_of;
use crate::ui::pill::robot_state;
use crate::ui::{Buttons, Checkbox, Field, FieldKind, Form, TextArea, facts, load, one_button, time, when};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::RobotId;
use model::robot::{Robot, Scope};

#[component]
pub fn Show() -> impl IntoView {
    let id = param::<RobotId>("id", "robot account");
    let data = Resource::new(move || (id(), again()), |(id, _)| async move { api::get(id?).await });
    let refresh = ServerAction::<api::RefreshSecret>::new();
    let (save, act) = (ServerAction::<api::Update>::new(), ServerAction::<api::Act>::new());
    let answer = answer_of(refresh);
    let secret = Memo::new(move |_| match answer.get() {
        Some(Ok(Answer::Secret(secret))) => Some(secret),
        _ => None,
    });
    let query = use_query_map();
    load(data, move |robot: Robot, me| {
        let get = move |name: &str| query.with_untracked(|query| query.get(name).unwrap_or_default());
        (move || {
            if let Some(secret) = secret.get() {
                return secret_once(secret);
            }
            let id = robot.id.to_string();
            let with = || vec![("id", id.clone())];
            let acts = |act: &str| vec![("id", id.clone()), ("act", act.to_owned())];
            let (description, days) = (robot.description.clone(), robot.days);
            let own = match &robot.project {
                Some(project) => paths::project_robot(project, robot.id),
                None => paths::robot(robot.id),
            };
            let held: Vec<String> = robot.grants.iter().filter_map(|grant| match &grant.scope {
                Scope::Project(name) => Some(name.to_string()),
                _ => None,
            }).collect();
            let projects = format!("{} {}", held.join(" "), get("projects")).trim().to_owned();
            let columns = match &robot.project {
                Some(project) => vec![Column { key: project.to_string(), words: project.to_string() }],
                None => system_columns(&projects),
            };
            let more = robot.project.is_none().then(|| add_column(own.clone(), &projects, &[]));
            let (here, template) = (here(own.clone(), &get("projects")), get("template"));
            let held = ticks(&robot.grants);
            let (toggle, words) = if robot.disabled { ("enable", "Enable") } else { ("disable", "Disable") };
            view! {
                {way(robot.project.as_ref(), &robot.full_name)}
                {head(robot.full_name.clone(), robot.description.clone(), robot_state(robot.state(me.now)))}
                {facts(vec![
                    ("Created", time(robot.created_at, me.now)),
                    ("Expires", when(robot.expires_at, me.now, "never")),
                    ("Last used", when(robot.last_used_at, me.now, "never used")),
                ])}
                <section class="card pad">
                    <h2>"Secret"</h2>
                    <p class="note">"The secret cannot be shown again. A new one takes its place: the old one stops now."</p>
                    {one_button(refresh, with(), "button", "Refresh secret", "")}
                </section>
                {more}
                <section class="card pad">
                    <h2>"What it may do"</h2>
                    <Form action=save with=with()>
                        <TextArea name="description" label="Description" rows=2 value=description/>
                        <Field name="days" label="Expires after, in days from its creation" kind=FieldKind::Number
                            value=if days == -1 { "30".to_owned() } else { days.to_string() }/>
                        <Checkbox name="never" label="Never expires" checked=days == -1/>
                        {permissions(here, template, columns, held)}
                        <Buttons label="Save robot account"/>
                    </Form>
                </section>
                <section class="card pad">
                    <h2>"Access"</h2>
                    <div class="row-actions">
                        {one_button(act, acts(toggle), "button", words, "")}
                        {one_button(act, acts("delete"), "button button--danger", "Delete robot account", "")}
                    </div>
                </section>
            }.into_any()
        })
        .into_any()
    })
}
