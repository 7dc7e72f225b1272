//! Before an artifact is deleted: what goes with it.

use super::{forms, way};
use crate::pages::prelude::*;
use model::stamp::bytes;

/// Before a tag is removed that cannot be brought back, or by which more ends than a name; else removing it asks nothing.
pub async fn remove_tag(call: &Call) -> Shown {
    let (project, repository, digest) = (call.project()?, call.repository()?, call.digest()?);
    let tag: model::Tag = call.query("tag").parse().map_err(|_| UiError::NotFound("this tag".to_owned()))?;
    let frame = domain::projects::frame(&call.ctx, &call.who, &project).await?;
    let own = paths::artifact(&project, &repository, &digest);
    let page = Page::new(format!("Remove the tag {tag}?")).way(way(&project, &repository, "Remove tag"));
    if !frame.may(model::Action::TagDelete) {
        return Err(UiError::NotFound("this page".to_owned()));
    }
    let plan = domain::artifacts::tag_plan(&call.ctx, &call.who, &project, &repository, &tag, &digest).await?;
    let with = vec![
        ("project", project.to_string()), ("repository", repository.to_string()), ("digest", digest.to_string()), ("tag", tag.to_string()),
    ];
    let until = match call.ctx.settings.recycle {
        0 => "This server keeps nothing for an undo: it cannot be brought back.".to_owned(),
        _ => format!("It can be brought back for {} under Deleted.", crate::pages::deletions::kept_for(call, &project).await),
    };
    let form = call.form::<forms::DeleteTag>().with(with);
    let mut says = vec![match plan.goes {
        true => format!("The list of referrers {} goes with it: nothing else names it.", digest.short()),
        false => format!("The artifact {} stays, by its digest.", digest.short()),
    }];
    says.extend(plan.unsigned.iter().map(unsigned));
    says.push(until);
    Ok(page.purpose(format!("In {project}/{repository}.")).body(confirm(&form, says, (), "Remove tag", own)))
}

fn unsigned(digest: &model::Digest) -> String {
    format!("{} counts as unsigned after that: no other signature of it is here.", digest.short())
}

pub async fn delete(call: &Call) -> Shown {
    let (project, repository, digest) = (call.project()?, call.repository()?, call.digest()?);
    let plan = domain::artifacts::plan(&call.ctx, &call.who, &project, &repository, &digest).await?;
    let own = paths::artifact(&project, &repository, &plan.digest);
    let item = |what: &str, name: String| view! { <li>{format!("{what} ")}<code>{name}</code></li> }.into_any();
    let mut along: Vec<AnyView> = plan.tags.iter().map(|tag| item("tag", tag.to_string())).collect();
    along.extend(plan.accessories.iter().map(|(kind, digest)| item(kind.label(), digest.short())));
    along.extend(plan.children.iter().map(|digest| item("platform image", digest.short())));
    along.extend(plan.tags_along.iter().map(|(digest, tag)| item("tag", format!("{tag} ({})", digest.short()))));
    let what = match along.len() {
        0 => view! { <p>"Nothing else goes with it."</p> }.into_any(),
        _ => view! { <p>"With it go:"</p><ul class="links">{along}</ul> }.into_any(),
    };
    let body = match (plan.kept_by.first(), &plan.locked) {
        (None, Some(locked)) => view! { <p class="note note--bad">{format!("{locked}: it is not deleted.")}</p><a class="button" href=own>"Back"</a> }.into_any(),
        (Some(index), _) => view! {
            <p class="note note--bad">"An index lists it, so it cannot be deleted by itself. Delete the index "
                <a href=paths::artifact(&project, &repository, index)><code>{index.short()}</code></a>" first."</p>
            <a class="button" href=own>"Back"</a>
        }.into_any(),
        (None, None) => {
            let with = vec![("project", project.to_string()), ("repository", repository.to_string()), ("digest", plan.digest.to_string())];
            let until = match plan.kept_for {
                0 => format!("Frees {} in this repository. This cannot be undone.", bytes(plan.freed)),
                _ => format!(
                    "It can be brought back for {} under Deleted. After that {} of this repository are freed.",
                    crate::pages::deletions::kept_for(call, &project).await, bytes(plan.freed),
                ),
            };
            let form = call.form::<forms::Delete>().with(with);
            let without = plan.unsigned.iter().map(|digest| view! { <p class="note note--warn">{unsigned(digest)}</p> }).collect_view();
            view! { {what}{without}<p>{until}</p>{form.of(buttons("Delete artifact").danger().cancel(own).into_render())} }.into_any()
        }
    };
    let page = Page::new(format!("Delete {}?", plan.digest.short())).way(way(&project, &repository, "Delete"));
    Ok(page.purpose(format!("In {project}/{repository}.")).body(view! { <section class="card pad">{body}</section> }))
}
