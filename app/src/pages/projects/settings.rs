//! How a project behaves, and its end.

use super::{forms, way};
use crate::pages::prelude::*;
use model::project::{ProjectDeletion, SignatureForecast};
use model::stamp::count;
use model::{Action, ProjectName};

pub async fn settings(call: &Call) -> Shown {
    let name = call.project()?;
    let frame = domain::projects::frame(&call.ctx, &call.who, &name).await?;
    domain::projects::may_configure(&call.ctx, &call.who, &name).await?;
    let forecast = domain::projects::signature_forecast(&call.ctx, &call.who, &name).await?;
    // `None` for who may not delete it.
    let deletion = domain::projects::deletion(&call.ctx, &call.who, &name).await.ok();
    let project = &frame.project;
    let form = call.form::<forms::Update>().with(vec![("project", name.to_string())]);
    let save = if frame.may(Action::ProjectUpdate) {
        buttons("Save configuration").into_render()
    } else {
        view! { <p class="note">"Changing this needs the role Project admin."</p> }.into_any()
    };
    let kept: Vec<String> = project.kept.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let kept = (!kept.is_empty()).then(|| view! {
        <p class="note">"Not in effect here, and kept as the API was sent it: "<code class="wrap">{kept.join(", ")}</code></p>
    });
    let deletion = deletion.map(|plan| view! { <section class="card pad"><h2>"Delete this project"</h2>{removal(call, &name, plan)}</section> });
    Ok(Page::new("Configuration").way(way(&name, "Configuration")).purpose(format!("How {name} behaves.")).body(view! {
        <section class="card pad">
            {form.of(view! {
                {form.tick("public", "Public").ticked(project.public).help("Everybody may pull from it, also without signing in.")}
                {form.tick("require_signature", "Cosign: only signed images may be pulled").ticked(project.policy.require_signature)
                    .help("Checks that a cosign or notation signature is attached, not who signed. Let through unsigned: \
                          accessories themselves, platform images of a signed index, and whoever may push here while pushing or signing.")}
                {outlook(&name, forecast)}
                {kept}
                {save}
            })}
        </section>
        {deletion}
    }))
}

/// What the policy would refuse now.
fn outlook(name: &ProjectName, forecast: SignatureForecast) -> AnyView {
    let words = match (forecast.total, forecast.unsigned) {
        (0, _) => "There is no artifact yet.".to_owned(),
        (1, 0) => "Its one artifact carries a signature.".to_owned(),
        (total, 0) => format!("All of its {} carry a signature.", count(total, "artifact")),
        (total, unsigned) => format!("{unsigned} of {} would be refused now.", count(total, "artifact")),
    };
    let unsigned = paths::with(&paths::project(name), &[("signed", "no")]);
    let show = (forecast.unsigned > 0).then(|| view! { " "<a href=unsigned>"Show repositories with unsigned artifacts"</a> });
    view! { <p class="note">{words}{show}</p> }.into_any()
}

fn removal(call: &Call, name: &ProjectName, plan: ProjectDeletion) -> AnyView {
    if let Some(why) = plan.refused {
        return view! { <p>{format!("It cannot be deleted now: {why}.")}</p> }.into_any();
    }
    let form = call.form::<forms::Delete>().with(vec![("project", name.to_string())]);
    let (members, robots) = (count(plan.members, "membership"), count(plan.robots, "robot account"));
    let ended = (plan.waiting.deletions > 0).then(|| {
        let words = format!(
            "{} that can still be undone, of {}, cannot be undone any more then: repositories, artifacts and tags under Deleted are gone for good.",
            count(plan.waiting.deletions, "deletion"), model::stamp::bytes(plan.waiting.bytes),
        );
        view! { <p class="note note--bad">{words}" "<a href=paths::deletions(name)>"Look through them"</a></p> }
    });
    view! {
        {ended}
        <p>{format!("Deleting it also removes {members} and {robots}. The name is free again afterwards.")}</p>
        {form.of(view! {
            {form.text("confirm", "Type the project's name").required()}
            {buttons("Delete project").danger()}
        })}
    }
    .into_any()
}
