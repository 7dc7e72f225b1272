//! Deleted artifacts of a project, for as long as they can be brought back.

pub mod forms;

use super::projects::way;
use crate::pages::prelude::*;
use model::deletion::{Deletion, What};
use model::project::ProjectFrame;
use model::{Action, DeletionId, ProjectName};

/// How long what is deleted in a project can be brought back, in words: by the server's setting, and where the project has a limit no longer than there
/// is room.
pub async fn kept_for(call: &Call, project: &ProjectName) -> String {
    let span = model::stamp::span(call.ctx.settings.recycle);
    let limited = domain::projects::frame(&call.ctx, &call.who, project).await.is_ok_and(|frame| frame.project.quota.limit.is_some());
    if limited { format!("{span}, as long as it and the rest stay under twice the project's limit,") } else { span }
}

pub async fn list(call: &Call) -> Shown {
    let (name, f) = (call.project()?, call.filter(&["by"]));
    let frame = domain::projects::frame(&call.ctx, &call.who, &name).await?;
    let by = Some(f.facet("by")).filter(|by| !by.is_empty());
    let found = domain::deletions::list_by(&call.ctx, &call.who, &name, &f.ask_page(), by).await?;
    let may = frame.may(Action::ArtifactDelete) && frame.may(Action::RepositoryPush);
    let needs = (!may && !found.items.is_empty()).then(|| view! { <p class="note">"Bringing artifacts back needs the role Maintainer."</p> });
    let what = match call.ctx.settings.recycle {
        0 => "This server keeps nothing for an undo: what is deleted is gone (the setting recycle).",
        _ => "What is deleted waits here for a while: artifacts with their signatures, tags that were removed or moved, whole repositories.",
    };
    let headings = view! {
        <th scope="col">"What"</th>
        <th scope="col" class="p2">"Digest"</th>
        <th scope="col" class="num p2">"Size"</th>
        <th scope="col" class="p2">"Deleted"</th>
        {actions_heading()}
    };
    let many = may && !found.items.is_empty();
    let body = listing(&f, &found, || empty("Nothing to bring back", what, ()), headings, |deletion| row(call, &frame, &name, deletion));
    // One form for both: what is ticked is undone, or asked about first.
    let undo = call.at::<forms::UndoMany>();
    let picked = many.then(|| view! {
        <form id="picked" method="post" action=undo class="picked">
            <input type="hidden" name="project" value=name.to_string()/>
            <button type="submit" class="button">"Undo selected"</button>
            <button type="submit" class="button" formmethod="get" formaction=paths::deletions_purge(&name)>"Delete selected for good…"</button>
        </form>
    });
    let only = by.map(|by| view! {
        <p class="note">{format!("Only what {by} deleted: {}. ", model::stamp::count(found.total, "deletion"))}<a href=paths::deletions(&name)>"Show all"</a></p>
    });
    let page = Page::new("Deleted").way(way(&name, "Deleted"));
    let waiting = domain::deletions::waiting(&call.ctx, &call.who, &name).await?.said(call.me.now);
    let waiting = if waiting.is_empty() { waiting } else { format!(" {waiting}; the next collection after that frees them.") };
    Ok(page.purpose(format!("What can still be brought back in {name}, as it was.{waiting}")).body(view! { {needs}{only}{body}{picked} }))
}

/// What was deleted, in words.
fn said(deletion: &Deletion) -> (String, String) {
    let tags = if deletion.tags.is_empty() { "untagged".to_owned() } else { model::stamp::some(&deletion.tags, 6) };
    match deletion.what {
        What::Artifact => (tags, match deletion.artifacts {
            1 => String::new(),
            n => format!("and {} that went along", n - 1),
        }),
        What::Tag => (format!("tag {tags}"), "removed; its artifact stayed".to_owned()),
        What::Moved => (format!("tag {tags}"), "moved to another artifact".to_owned()),
        What::Repository => ("the whole repository".to_owned(), format!("with {}", model::stamp::count(deletion.artifacts, "artifact"))),
    }
}

fn row(call: &Call, frame: &ProjectFrame, project: &ProjectName, deletion: &Deletion) -> AnyView {
    let with = || vec![("project", project.to_string()), ("id", deletion.id.to_string())];
    let ((name, along), now) = (said(deletion), call.me.now);
    let may = frame.may(Action::RepositoryPush) && frame.may(domain::deletions::right_to_undo(deletion.what));
    let may_purge = frame.may(domain::deletions::right_to_purge(deletion.what));
    let purge = may_purge.then(|| {
        let href = paths::with(&paths::deletions_purge(project), &[("ids[]", &deletion.id.to_string())]);
        view! { <a class="button button--quiet button--small" href=href>"Delete for good…"<span class="sr">{format!(" {} {name}", deletion.repository)}</span></a> }
    });
    let actions = may.then(|| view! {
        <span class="row-actions">{call.button::<forms::Undo>(with(), "Undo").small().more(format!("the deletion of {} {name}", deletion.repository))}{purge}</span>
    });
    // Of a repository that is gone there is no page.
    let repository = match deletion.what {
        What::Repository => deletion.repository.to_string().into_any(),
        _ => view! { <a href=paths::repository(project, &deletion.repository)>{deletion.repository.to_string()}</a> }.into_any(),
    };
    let theirs = paths::with(&paths::deletions(project), &[("by", &deletion.deleted_by)]);
    let pick = (may && may_purge).then(|| view! {
        <input type="checkbox" class="pick" name="ids[]" value=deletion.id.to_string() form="picked" aria-label=format!("Select {} {name}", deletion.repository)/>
    });
    view! {
        <tr class="tall" data-key=deletion.id.to_string()>
            <td>
                <span class="row-name">{pick}<span>
                    <span class="row-name__first">
                        {repository}" "{name}
                    </span>
                    <span class="row-name__second">
                        <span class="tree__of">{along}</span>
                        <span class="tree__of">"gone "{time(deletion.expires_at, now)}</span>
                    </span>
                </span></span>
            </td>
            <td class="p2">{deletion.digest.as_ref().map(|found| digest(found.as_str()))}</td>
            <td class="num p2">{bytes(deletion.bytes)}</td>
            <td class="p2"><span class="said">{time(deletion.deleted_at, now)}" by "<a href=theirs>{deletion.deleted_by.clone()}</a></span></td>
            <td class="row-end">{actions}</td>
        </tr>
    }
    .into_any()
}

/// Before something is deleted for good.
pub async fn purge(call: &Call) -> Shown {
    let name = call.project()?;
    let ids: Vec<DeletionId> = call.queries("ids[]").filter_map(|text| text.parse().ok()).take(domain::deletions::AT_ONCE).collect();
    let found = domain::deletions::some(&call.ctx, &call.who, &name, &ids).await?;
    let title = match found.len() {
        0 => "Delete for good".to_owned(),
        1 => "Delete it for good?".to_owned(),
        n => format!("Delete {n} for good?"),
    };
    let page = Page::new(title).way(way(&name, "Delete for good"));
    let back = paths::deletions(&name);
    if found.is_empty() {
        return Ok(page.body(empty("Nothing is selected", "Tick what is to go, then delete it for good.", view! { <a class="button" href=back>"Back"</a> })));
    }
    let rows = found.iter().map(|deletion| {
        let (what, along) = said(deletion);
        let which = deletion.digest.as_ref().map(|digest| view! { " "<code>{digest.short()}</code> });
        view! { <li>{deletion.repository.to_string()}" "{what}{which}<span class="tree__of">{along}" "{time(deletion.deleted_at, call.me.now)}</span></li> }
    });
    let mut with = vec![("project", name.to_string())];
    with.extend(found.iter().map(|deletion| ("ids[]", deletion.id.to_string())));
    let bytes: i64 = found.iter().map(|deletion| deletion.bytes).sum();
    let it = if found.len() == 1 { "It" } else { "They" };
    let says = vec![format!("{it} cannot be brought back after that. The next collection of garbage frees up to {}.", model::stamp::bytes(bytes))];
    let form = call.form::<forms::Purge>().with(with);
    let rows = rows.collect_view();
    let confirm = confirm(&form, says, (), "Delete for good", back);
    Ok(page.purpose(format!("In {name}.")).body(view! { <section class="card pad"><ul class="links">{rows}</ul></section>{confirm} }))
}
