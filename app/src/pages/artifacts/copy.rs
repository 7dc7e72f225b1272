//! Copying an artifact to another repository of this server.

use super::{forms, way};
use crate::pages::prelude::*;
use domain::artifacts::Reference;

pub async fn copy(call: &Call) -> Shown {
    let (project, repository, digest) = (call.project()?, call.repository()?, call.digest()?);
    let at = Reference::Digest(digest);
    let artifact = domain::artifacts::page(&call.ctx, &call.who, &project, &repository, &at, Default::default()).await?.artifact;
    let short = artifact.digest.short();
    let page = Page::new(format!("Copy {short}")).way(way(&project, &repository, "Copy"));
    let with = vec![("project", project.to_string()), ("repository", repository.to_string()), ("digest", artifact.digest.to_string())];
    let form = call.form::<forms::Copy>().with(with);
    let back = paths::artifact(&project, &repository, &artifact.digest);
    let tags = match artifact.tag_count {
        0 => "It has no tag.".to_owned(),
        n => format!("With {}.", model::stamp::count(n, "tag")),
    };
    Ok(page.purpose(format!("From {project}/{repository}, with all that is attached to it. {tags}")).body(view! {
        <section class="card pad">
            {form.of(view! {
                {form.text("to", "To the repository").required().focus().placeholder("project/repository")
                    .help("A repository of this server that you may push to. A tag that names something else there is moved, and can be moved back under Deleted.")}
                {buttons("Copy artifact").cancel(back)}
            })}
        </section>
    }))
}
