//! Deleted artifacts of a project, for as long as they can be brought back.

pub mod api;

use super::param;
use super::projects::way;
use crate::layout::head;
use crate::layout::toast::again;
use crate::paths;
use crate::ui::{Filter, bytes, digest, empty, load, one_button, pager, time};
use leptos::prelude::*;
use model::{Action, ProjectName};

#[component]
pub fn List() -> impl IntoView {
    let (project, filter) = (param::<ProjectName>("project", "project"), Filter::here(&[]));
    let data = Resource::new(
        move || (project(), filter.get(), again()),
        |(project, f, _)| async move { api::list(project?, f.after).await },
    );
    let (undo, purge) = (ServerAction::<api::Undo>::new(), ServerAction::<api::Purge>::new());
    load(data, move |found, me| {
        let (f, name) = (filter.get_untracked(), found.frame.project.name.clone());
        let may = found.frame.may(Action::ArtifactDelete) && found.frame.may(Action::RepositoryPush);
        let rows = found.page.items.iter().map(|deletion| {
            let with = || vec![("project", name.to_string()), ("id", deletion.id.to_string())];
            let along = match deletion.artifacts {
                1 => String::new(),
                n => format!("and {} that went along", n - 1),
            };
            let tags = if deletion.tags.is_empty() { "untagged".to_owned() } else { deletion.tags.join(", ") };
            let short = deletion.digest.short();
            let actions = may.then(|| view! {
                <span class="row-actions">
                    {one_button(undo, with(), "button button--small", "Undo", format!("the deletion of {short}"))}
                    {one_button(purge, with(), "button button--quiet button--small", "Delete for good", short)}
                </span>
            });
            view! {
                <tr class="tall">
                    <td>
                        <span class="row-name__first">
                            <a href=paths::repository(&name, &deletion.repository)>{deletion.repository.to_string()}</a>" "{tags}
                        </span>
                        <span class="row-name__second">
                            <span class="tree__of">{along}</span>
                            <span class="tree__of">"gone "{time(deletion.expires_at, me.now)}</span>
                        </span>
                    </td>
                    <td class="p2">{digest(deletion.digest.as_str())}</td>
                    <td class="num p2">{bytes(deletion.bytes)}</td>
                    <td class="p2">{time(deletion.deleted_at, me.now)}" by "{deletion.deleted_by.clone()}</td>
                    <td class="row-end">{actions}</td>
                </tr>
            }
        }).collect_view();
        let body = if found.page.items.is_empty() {
            empty("Nothing to bring back", "A deleted artifact waits here for a while with its tags, signatures and other accessories.", ().into_any())
        } else {
            view! {
                <div class="card scroll"><table>
                    <thead><tr>
                        <th scope="col">"Artifact"</th>
                        <th scope="col" class="p2">"Digest"</th>
                        <th scope="col" class="num p2">"Size"</th>
                        <th scope="col" class="p2">"Deleted"</th>
                        <th scope="col" class="row-end"><span class="sr">"Actions"</span></th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table></div>
                {pager(&f, found.page.next.clone())}
            }.into_any()
        };
        let needs = (!may && !found.page.items.is_empty())
            .then(|| view! { <p class="note">"Bringing artifacts back needs the role Maintainer."</p> });
        view! {
            {way(&name, "Deleted")}
            {head("Deleted", format!("Artifacts of {name} that can still be brought back, as they were."), ().into_any())}
            {needs}
            {body}
        }.into_any()
    })
}
