//! Projects: the list, a new one, and the configuration of one.

pub mod api;

use super::param;
use crate::layout::{crumbs, head};
use crate::layout::toast::again;
use crate::paths;
use crate::ui::table::facet;
use crate::ui::{Buttons, Checkbox, Field, Filter, Form, Tone, bytes, empty, filter_bar, guarded, heading, load, pager, pill, time};
use leptos::prelude::*;
use model::{Action, ProjectName};

#[component]
pub fn List() -> impl IntoView {
    let filter = Filter::here(&["public"]);
    let data = Resource::new(
        move || (filter.get(), again()),
        |(f, _)| api::list(f.q.clone(), f.sort.clone(), f.after.clone(), f.facet("public").to_owned()),
    );
    load(data, move |page, me| {
        let f = filter.get_untracked();
        let f = Filter { path: paths::projects(), ..f };
        let create = match me.user {
            Some(_) => view! { <a class="button button--primary" href=paths::project_new()>"New project"</a> }.into_any(),
            None => ().into_any(),
        };
        let facets = view! { {facet(&f, "public", "yes", "Public")}{facet(&f, "public", "no", "Private")} }.into_any();
        let body = if page.items.is_empty() && !f.narrows() {
            empty("No project yet", "A project holds repositories, and says who may push and pull.", create_hint(me.user.is_some()))
        } else if page.items.is_empty() {
            crate::ui::empty::no_match(f.path.clone())
        } else {
            let rows = page.items.iter().map(|project| {
                let access = if project.public { pill(Tone::Info, "", "Public") } else { pill(Tone::Neutral, "", "Private") };
                let signed = project.require_signature.then(|| pill(Tone::Ok, "seal", "Signed only"));
                let role = project.role.map_or(String::new(), |role| role.label().to_owned());
                view! {
                    <tr>
                        <td><a href=paths::project(&project.name)>{project.name.to_string()}</a></td>
                        <td>{access}" "{signed}</td>
                        <td class="p2">{role}</td>
                        <td class="num">{project.repository_count}</td>
                        <td class="num p2">{project.artifact_count}</td>
                        <td class="num">{bytes(project.storage.stored)}</td>
                        <td class="p2">{time(project.created_at, me.now)}</td>
                    </tr>
                }
            }).collect_view();
            view! {
                <div class="card scroll">
                    <table>
                        <thead><tr>
                            {heading(&f, "name", "Name", "")}
                            <th scope="col">"Access"</th>
                            <th scope="col" class="p2">"Your role"</th>
                            {heading(&f, "repositories", "Repositories", "num")}
                            <th scope="col" class="num p2">"Artifacts"</th>
                            {heading(&f, "stored", "Stored", "num")}
                            {heading(&f, "created", "Created", "p2")}
                        </tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
                {pager(&f, page.next.clone())}
            }.into_any()
        };
        view! {
            {head("Projects", "Where repositories live, and who may do what in them.", create)}
            {filter_bar(&f, "Search by name", page.total, "project", facets)}
            {body}
        }.into_any()
    })
}

fn create_hint(known: bool) -> AnyView {
    if known {
        view! { <a class="button button--primary" href=paths::project_new()>"New project"</a> }.into_any()
    } else {
        view! { <a class="button button--primary" href=paths::sign_in()>"Sign in"</a> }.into_any()
    }
}

#[component]
pub fn New() -> impl IntoView {
    let action = ServerAction::<api::Create>::new();
    guarded(false, move || view! {
        {crumbs(vec![("Projects".into(), paths::projects()), ("New project".into(), String::new())])}
        {head("New project", "You become its first project admin.", ().into_any())}
        <section class="card pad">
            <Form action=action>
                <Field name="name" label="Name" required=true autofocus=true
                    help="Lower-case letters and digits, separated by single dots, dashes or underscores."/>
                <Checkbox name="public" label="Public" help="Everybody may pull from it, also without signing in."/>
                <Checkbox name="require_signature" label="Cosign: only signed images may be pulled"
                    help="Presence of a signature is checked, not who signed. Who may push is let through while pushing or signing."/>
                <Buttons label="Create project" cancel=paths::projects()/>
            </Form>
        </section>
    }.into_any())
}

/// The head that pages of a project share.
pub fn way(project: &ProjectName, last: &str) -> AnyView {
    let mut way = vec![("Projects".into(), paths::projects()), (project.to_string(), paths::project(project))];
    if last.is_empty() {
        way[1].1.clear();
    } else {
        way.push((last.to_owned(), String::new()));
    }
    crumbs(way)
}

#[component]
pub fn Settings() -> impl IntoView {
    let project = param::<ProjectName>("project", "project");
    let data = Resource::new(move || (project(), again()), |(project, _)| async move { api::get_configuration(project?).await });
    let (save, delete) = (ServerAction::<api::Update>::new(), ServerAction::<api::Delete>::new());
    load(data, move |found, _| {
        let (project, forecast) = (found.frame.project.clone(), found.forecast);
        let name = project.name.clone();
        let unsigned = paths::with(&paths::project(&name), &[]);
        let may = found.frame.may(Action::ProjectUpdate);
        let words = match (forecast.total, forecast.unsigned) {
            (0, _) => "There is no artifact yet.".to_owned(),
            (total, 0) => format!("All of its {total} artifacts carry a signature."),
            (total, unsigned) => format!("{unsigned} of {total} artifacts would be refused now."),
        };
        let deletion = found.deletion.clone().map(|plan| match plan.refused {
            Some(why) => view! { <p>{format!("It cannot be deleted now: {why}.")}</p> }.into_any(),
            None => view! {
                <p>{format!(
                    "Deleting it also removes {} and {}. The name is free again afterwards.",
                    model::stamp::count(plan.members, "membership"), model::stamp::count(plan.robots, "robot account"),
                )}</p>
                <Form action=delete with=vec![("project", name.to_string())]>
                    <Field name="confirm" label="Type the project's name" required=true/>
                    <Buttons label="Delete project" danger=true/>
                </Form>
            }.into_any(),
        });
        view! {
            {way(&project.name, "Configuration")}
            {head("Configuration", format!("How {} behaves.", project.name), ().into_any())}
            <section class="card pad">
                <Form action=save with=vec![("project", project.name.to_string())]>
                    <Checkbox name="public" label="Public" checked=project.public
                        help="Everybody may pull from it, also without signing in."/>
                    <Checkbox name="require_signature" checked=project.require_signature
                        label="Cosign: only signed images may be pulled"
                        help="Checks that a cosign or notation signature is attached, not who signed. Let through unsigned: \
                              accessories themselves, platform images of a signed index, and whoever may push here while pushing or signing."/>
                    <p class="note">
                        {words}" "
                        {(forecast.unsigned > 0).then(|| view! {
                            <a href=paths::with(&unsigned, &[("signed", "no")])>"Show repositories with unsigned artifacts"</a>
                        })}
                    </p>
                    {if may {
                        view! { <Buttons label="Save configuration"/> }.into_any()
                    } else {
                        view! { <p class="note">"Changing this needs the role Project admin."</p> }.into_any()
                    }}
                </Form>
            </section>
            {deletion.map(|body| view! { <section class="card pad"><h2>"Delete this project"</h2>{body}</section> })}
        }.into_any()
    })
}
