//! Before a repository is deleted: what goes with it, and until when it can be brought back. Its name is typed.

use super::{forms, stored};
use crate::pages::prelude::*;
use model::stamp::count;

pub async fn delete(call: &Call) -> Shown {
    let (project, name) = (call.project()?, call.repository()?);
    domain::repositories::may_delete(&call.ctx, &call.who, &project, &name).await?;
    let found = domain::repositories::get(&call.ctx, &call.who, &project, &name).await?;
    if let Some(locked) = domain::repositories::locked(&call.ctx, &call.who, &project, &name).await? {
        let back = view! { <a class="button" href=paths::repository(&project, &name)>"Back"</a> };
        let page = Page::new(format!("Delete {name}?")).purpose(found.full_name());
        return Ok(page.body(view! { <section class="card pad"><p class="note note--bad">{format!("{locked}.")}</p>{back}</section> }));
    }
    let form = call.form::<forms::Delete>().with(vec![("project", project.to_string()), ("repository", name.to_string())]);
    let size = stored(found.storage);
    let kept = match call.ctx.settings.recycle {
        0 => "It cannot be brought back.".to_owned(),
        _ => format!("It can be brought back whole for {} under Deleted; until then it takes its room.", crate::pages::deletions::kept_for(call, &project).await),
    };
    let size = if size.is_empty() { size } else { format!(" ({size})") };
    let says = vec![
        format!("It takes along {} with all tags, signatures and other accessories{size}.", count(found.artifact_count, "artifact")),
        format!("Whoever pulls from {} is told that there is nothing.", found.full_name()),
        kept,
    ];
    let fields = view! { {form.text("confirm", "Type the repository's name").required()} };
    let way = vec![
        ("Projects".into(), paths::projects()),
        (project.to_string(), paths::project(&project)),
        (name.to_string(), paths::repository(&project, &name)),
        ("Delete".into(), String::new()),
    ];
    let page = Page::new(format!("Delete {name}?")).way(way).purpose(found.full_name());
    Ok(page.body(confirm(&form, says, fields, "Delete repository", paths::repository_settings(&project, &name))))
}
