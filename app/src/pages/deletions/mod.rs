//! Deleted artifacts of a project, for as long as they can be brought back.

pub mod forms;

use super::projects::way;
use crate::pages::prelude::*;
use model::deletion::Deletion;
use model::{Action, ProjectName};

pub async fn list(call: &Call) -> Shown {
    let (name, f) = (call.project()?, call.filter(&[]));
    let frame = domain::projects::frame(&call.ctx, &call.who, &name).await?;
    let found = domain::deletions::list(&call.ctx, &call.who, &name, &f.ask_page()).await?;
    let may = frame.may(Action::ArtifactDelete) && frame.may(Action::RepositoryPush);
    let needs = (!may && !found.items.is_empty()).then(|| view! { <p class="note">"Bringing artifacts back needs the role Maintainer."</p> });
    let what = "A deleted artifact waits here for a while with its tags, signatures and other accessories.";
    let headings = view! {
        <th scope="col">"Artifact"</th>
        <th scope="col" class="p2">"Digest"</th>
        <th scope="col" class="num p2">"Size"</th>
        <th scope="col" class="p2">"Deleted"</th>
        {actions_heading()}
    };
    let body = listing(&f, &found, || empty("Nothing to bring back", what, ()), headings, |deletion| row(call, &name, deletion, may));
    let page = Page::new("Deleted").way(way(&name, "Deleted"));
    Ok(page.purpose(format!("Artifacts of {name} that can still be brought back, as they were.")).body(view! { {needs}{body} }))
}

fn row(call: &Call, project: &ProjectName, deletion: &Deletion, may: bool) -> AnyView {
    let with = || vec![("project", project.to_string()), ("id", deletion.id.to_string())];
    let along = match deletion.artifacts {
        1 => String::new(),
        n => format!("and {} that went along", n - 1),
    };
    let tags = if deletion.tags.is_empty() { "untagged".to_owned() } else { deletion.tags.join(", ") };
    let (short, now) = (deletion.digest.short(), call.me.now);
    let actions = may.then(|| view! {
        <span class="row-actions">
            {call.button::<forms::Undo>(with(), "Undo").small().more(format!("the deletion of {short}"))}
            {call.button::<forms::Purge>(with(), "Delete for good").quiet().more(&short)}
        </span>
    });
    view! {
        <tr class="tall" data-key=deletion.id.to_string()>
            <td>
                <span class="row-name__first">
                    <a href=paths::repository(project, &deletion.repository)>{deletion.repository.to_string()}</a>" "{tags}
                </span>
                <span class="row-name__second">
                    <span class="tree__of">{along}</span>
                    <span class="tree__of">"gone "{time(deletion.expires_at, now)}</span>
                </span>
            </td>
            <td class="p2">{digest(deletion.digest.as_str())}</td>
            <td class="num p2">{bytes(deletion.bytes)}</td>
            <td class="p2">{time(deletion.deleted_at, now)}" by "{deletion.deleted_by.clone()}</td>
            <td class="row-end">{actions}</td>
        </tr>
    }
    .into_any()
}
