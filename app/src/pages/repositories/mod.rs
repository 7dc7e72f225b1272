//! A project's repositories, and the settings of one.

pub mod api;

use super::param;
use super::projects::way;
use crate::layout::{crumbs, head};
use crate::layout::toast::again;
use crate::paths;
use crate::ui::table::facet;
use crate::ui::{Buttons, Filter, Form, TextArea, Tone, bytes, code_line, empty, filter_bar, heading, load, one_button, pager, pill, time};
use leptos::prelude::*;
use model::repository::Storage;
use model::{Action, ProjectName, RepositoryName};

/// The commands that fill an empty project or repository.
pub fn push_commands(registry: &str, repository: &str) -> AnyView {
    view! {
        <div class="commands">
            {code_line(format!("docker login {registry}"))}
            {code_line(format!("docker tag IMAGE {registry}/{repository}:1.0"))}
            {code_line(format!("docker push {registry}/{repository}:1.0"))}
            {code_line(format!("cosign sign --key cosign.key {registry}/{repository}@DIGEST"))}
        </div>
    }
    .into_any()
}

/// How much lies there, in words: what it takes, and what it would take if nothing were shared.
pub fn stored(storage: Storage) -> String {
    let bytes = model::stamp::bytes;
    match storage {
        Storage { stored: 0, .. } => String::new(),
        Storage { stored, logical } if logical > stored => {
            format!("{} stored; {} without sharing", bytes(stored), bytes(logical))
        }
        Storage { stored, .. } => format!("{} stored", bytes(stored)),
    }
}

#[component]
pub fn List() -> impl IntoView {
    let (project, filter) = (param::<ProjectName>("project", "project"), Filter::here(&["signed"]));
    let data = Resource::new(
        move || (project(), filter.get(), again()),
        |(project, f, _)| async move {
            let signed = f.facet("signed").to_owned();
            api::list(project?, f.q, f.sort, f.after, signed).await
        },
    );
    load(data, move |found, me| {
        let (f, project) = (filter.get_untracked(), found.frame.project.clone());
        let name = project.name.clone();
        let access = if project.public { pill(Tone::Info, "", "Public") } else { pill(Tone::Neutral, "", "Private") };
        let signed = project.require_signature.then(|| pill(Tone::Ok, "seal", "Only signed images may be pulled"));
        let body = if found.page.items.is_empty() && !f.narrows() {
            empty(
                "No repository yet",
                "A repository comes with its first push.",
                push_commands(&me.registry, &format!("{name}/NAME")),
            )
        } else if found.page.items.is_empty() {
            crate::ui::empty::no_match(f.path.clone())
        } else {
            let rows = found.page.items.iter().map(|repository| view! {
                <tr>
                    <td><a href=paths::repository(&name, &repository.name)>{repository.name.to_string()}</a></td>
                    <td class="num">{repository.artifact_count}</td>
                    <td class="num">{bytes(repository.storage.stored)}</td>
                    <td class="num p2">{repository.pull_count}</td>
                    <td class="p2">{time(repository.updated_at, me.now)}</td>
                </tr>
            }).collect_view();
            view! {
                <div class="card scroll"><table>
                    <thead><tr>
                        {heading(&f, "name", "Name", "")}
                        {heading(&f, "artifacts", "Artifacts", "num")}
                        {heading(&f, "stored", "Stored", "num")}
                        {heading(&f, "pulls", "Pulls", "num p2")}
                        {heading(&f, "updated", "Updated", "p2")}
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table></div>
                {pager(&f, found.page.next.clone())}
            }.into_any()
        };
        let facets = facet(&f, "signed", "no", "With unsigned artifacts");
        view! {
            {way(&name, "")}
            {head(name.to_string(), stored(project.storage), view! { {access}{signed} }.into_any())}
            {filter_bar(&f, "Search by name", found.page.total, "repository", facets)}
            {body}
        }.into_any()
    })
}

#[component]
pub fn Settings() -> impl IntoView {
    let (project, repository) =
        (param::<ProjectName>("project", "project"), param::<RepositoryName>("repository", "repository"));
    let data = Resource::new(
        move || (project(), repository(), again()),
        |(project, repository, _)| async move { api::get(project?, repository?).await },
    );
    let (describe, delete) = (ServerAction::<api::Describe>::new(), ServerAction::<api::Delete>::new());
    load(data, move |(frame, found), _| {
        let with = vec![("project", found.project.to_string()), ("repository", found.name.to_string())];
        let own = paths::repository(&found.project, &found.name);
        let description = if frame.may(Action::RepositoryUpdate) {
            let (text, back) = (found.description.clone(), own.clone());
            view! {
                <Form action=describe with=with.clone()>
                    <TextArea name="description" label="Description" value=text rows=6
                        help="Shown as plain text above the artifacts."/>
                    <Buttons label="Save description" cancel=back/>
                </Form>
            }.into_any()
        } else {
            view! { <p class="note">"Describing it needs the role Developer."</p> }.into_any()
        };
        let removal = if frame.may(Action::RepositoryDelete) {
            view! {
                <p>{format!(
                    "Deletes {} artifacts with all of their tags, signatures and other accessories. This cannot be undone.",
                    found.artifact_count,
                )}</p>
                {one_button(delete, with, "button button--danger", "Delete repository", "")}
            }.into_any()
        } else {
            view! { <p class="note">"Deleting it needs the role Maintainer."</p> }.into_any()
        };
        view! {
            {crumbs(vec![
                ("Projects".into(), paths::projects()),
                (found.project.to_string(), paths::project(&found.project)),
                (found.name.to_string(), own.clone()),
                ("Settings".into(), String::new()),
            ])}
            {head("Repository settings", found.full_name(), ().into_any())}
            <section class="card pad">{description}</section>
            <section class="card pad"><h2>"Delete this repository"</h2>{removal}</section>
        }.into_any()
    })
}
