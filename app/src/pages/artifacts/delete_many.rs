//! Before several artifacts are deleted in one step: what goes with each.

use super::{forms, way};
use crate::pages::deletions;
use crate::pages::prelude::*;
use model::Digest;
use model::stamp::{bytes, count};

pub async fn delete_many(call: &Call) -> Shown {
    let (project, repository) = (call.project()?, call.repository()?);
    domain::artifacts::may_delete(&call.ctx, &call.who, &project).await?;
    let mut digests: Vec<Digest> = Vec::new();
    for digest in call.queries("digest").filter_map(|text| text.parse().ok()) {
        if digests.len() < domain::artifacts::AT_ONCE && !digests.contains(&digest) {
            digests.push(digest);
        }
    }
    let back = paths::repository(&project, &repository);
    let (mut rows, mut going, mut along, mut freed, mut kept_for) = (Vec::new(), Vec::new(), 0, 0, 0);
    for digest in &digests {
        let plan = match domain::artifacts::plan(&call.ctx, &call.who, &project, &repository, digest).await {
            Ok(plan) => plan,
            // Somebody was faster.
            Err(domain::Error::NotFound(_)) => continue,
            Err(error @ domain::Error::Precondition(_)) => {
                rows.push(view! { <li><code>{digest.short()}</code><span class="tree__of">{format!(" stays: {error}")}</span></li> }.into_any());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(locked) = &plan.locked {
            rows.push(view! { <li><code>{digest.short()}</code><span class="tree__of">{format!(" stays: {locked}")}</span></li> }.into_any());
            continue;
        }
        let names = model::stamp::some(&plan.tags, 4);
        let with = plan.accessories.len() + plan.children.len();
        let listed = plan.kept_by.iter().find(|index| !digests.contains(index));
        let note = match listed {
            Some(index) => format!("stays: the index {} lists it", index.short()),
            None if with > 0 => {
                let tags: Vec<_> = plan.tags_along.iter().map(|(_, tag)| tag).collect();
                let tagged = if tags.is_empty() { String::new() } else { format!(", tagged {}", model::stamp::some(&tags, 4)) };
                format!("with {}{tagged}", count(with as i64, "more artifact"))
            }
            None => String::new(),
        };
        going.push(digest);
        (along, freed, kept_for) = (along + with, freed + plan.freed, plan.kept_for);
        rows.push(view! {
            <li><code>{plan.digest.short()}</code>" "{if names.is_empty() { "untagged".to_owned() } else { names }}<span class="tree__of">{note}</span></li>
        }.into_any());
    }
    let title = match going.len() {
        0 => "Delete artifacts".to_owned(),
        n => format!("Delete {}?", count(n as i64, "artifact")),
    };
    let page = Page::new(title).way(way(&project, &repository, "Delete"));
    let page = page.purpose(format!("In {project}/{repository}."));
    if rows.is_empty() {
        let how = "Tick artifacts in the repository's list, then delete them together.";
        return Ok(page.body(empty("Nothing is selected", how, view! { <a class="button" href=back>"Back"</a> })));
    }
    if going.is_empty() {
        let back = view! { <a class="button" href=back>"Back"</a> };
        return Ok(page.body(view! { <section class="card pad"><ul class="links">{rows}</ul></section>{empty("None of them can be deleted", "Each says why.", back)} }));
    }
    let mut with = vec![("project", project.to_string()), ("repository", repository.to_string())];
    with.extend(going.iter().map(|digest| ("digests[]", digest.to_string())));
    let until = match kept_for {
        0 => format!("Up to {} of this repository are freed. This cannot be undone.", bytes(freed)),
        _ => {
            let (span, freed) = (deletions::kept_for(call, &project).await, bytes(freed));
            let it = if going.len() == 1 { "It" } else { "Each" };
            format!("{it} can be brought back for {span} under Deleted. After that up to {freed} are freed.")
        }
    };
    let along = match along {
        0 => None,
        1 => Some("1 accessory or platform image goes along.".to_owned()),
        n => Some(format!("{n} accessories and platform images go along.")),
    };
    let form = call.form::<forms::DeleteMany>().with(with);
    let says: Vec<String> = along.into_iter().chain([until]).collect();
    let does = if going.len() == 1 { "Delete artifact" } else { "Delete artifacts" };
    Ok(page.body(view! { <section class="card pad"><ul class="links">{rows}</ul></section>{confirm(&form, says, (), does, back)} }))
}
