//! All projects that the caller sees.

use crate::pages::prelude::*;
use model::Stamp;
use model::project::Project;

pub async fn list(call: &Call) -> Shown {
    let f = ListAddress { path: paths::projects(), ..call.filter(&["public"]) };
    let public = match f.facet("public") {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let filter = domain::projects::Filter { public, ..Default::default() };
    let found = domain::projects::list(&call.ctx, &call.who, &f.ask(), &filter).await?;
    let (known, makes) = (call.me.user.is_some(), call.me.makes_projects);
    let new = || view! { <a class="button button--primary" href=paths::project_new()>"New project"</a> }.into_any();
    let nothing = || {
        let sign_in = || view! { <a class="button button--primary" href=paths::sign_in()>"Sign in"</a> }.into_any();
        let hint = match known {
            true if makes => new(),
            true => view! { <p>"Here system administrators make them."</p> }.into_any(),
            false => sign_in(),
        };
        empty("No project yet", "A project holds repositories, and says who may push and pull.", hint)
    };
    let headings = view! {
        {heading(&f, "name", "Name", "")}
        <th scope="col">"Access"</th>
        <th scope="col" class="p2">"Your role"</th>
        {heading(&f, "repositories", "Repositories", "num")}
        <th scope="col" class="num p2">"Artifacts"</th>
        {heading(&f, "stored", "Stored", "num")}
        {heading(&f, "created", "Created", "p2")}
    };
    let body = listing(&f, &found, nothing, headings, |project| row(project, call.me.now));
    let facets = view! { {facet(&f, "public", "yes", "Public")}{facet(&f, "public", "no", "Private")} };
    let page = Page::new("Projects").purpose("Where repositories live, and who may do what in them.").actions(makes.then(new));
    Ok(page.body(view! {
        {filter_bar(&f, "Search by name", found.total, "project", facets)}
        {body}
    }))
}

fn row(project: &Project, now: Stamp) -> AnyView {
    let access = if project.public { pill(Tone::Info, "", "Public") } else { pill(Tone::Neutral, "", "Private") };
    let signed = project.policy.require_signature.then(|| pill(Tone::Info, "seal", "Signed only"));
    view! {
        <tr>
            <td><a href=paths::project(&project.name)>{project.name.to_string()}</a></td>
            <td>{access}" "{signed}</td>
            <td class="p2">{project.role.map(|role| role.label())}</td>
            <td class="num">{project.repository_count}</td>
            <td class="num p2">{project.artifact_count}</td>
            <td class="num">{bytes(project.storage.stored)}</td>
            <td class="p2">{time(project.created_at, now)}</td>
        </tr>
    }
    .into_any()
}
