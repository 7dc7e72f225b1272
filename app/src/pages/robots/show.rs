//! One robot account: change, another secret, disable, delete.

use super::permissions::{Column, add_column, permissions, system_columns, ticks};
use super::{forms, page_of, way};
use crate::pages::prelude::*;
use model::robot::{Robot, Scope};

pub async fn show(call: &Call) -> Shown {
    let robot = domain::robots::get(&call.ctx, &call.who, call.param("id", "robot account")?).await?;
    let (id, now) = (robot.id.to_string(), call.me.now);
    let state = |act: &str, words: &'static str| call.button::<forms::SetState>(vec![("id", id.clone()), ("act", act.to_owned())], words);
    let toggle = if robot.disabled { state("enable", "Enable") } else { state("disable", "Disable") };
    let page = Page::new(&robot.full_name).way(way(robot.project.as_ref(), &robot.full_name)).purpose(&robot.description);
    Ok(page.actions(robot_state(robot.state(now))).body(view! {
        {facts(vec![
            ("Created", time(robot.created_at, now)),
            ("Expires", when(robot.expires_at, now, "never")),
            ("Last used", when(robot.last_used_at, now, "never used")),
        ])}
        <section class="card pad">
            <h2>"Secret"</h2>
            <p class="note">"The secret cannot be shown again. A new one takes its place: the old one stops now."</p>
            <a class="button" href=paths::secret_of(&page_of(&robot))>"Refresh secret…"</a>
        </section>
        {rights(call, &robot)}
        <section class="card pad">
            <h2>"Access"</h2>
            <div class="row-actions">{toggle}{ask(paths::delete_of(&page_of(&robot)), "Delete robot account…")}</div>
        </section>
    }))
}

/// What it may do, and for how long.
fn rights(call: &Call, robot: &Robot) -> AnyView {
    let own = page_of(robot);
    let held = robot.grants.iter().filter_map(|grant| match &grant.scope {
        Scope::Project(name) => Some(name.as_str()),
        _ => None,
    });
    let projects = held.chain([call.query("projects")]).collect::<Vec<_>>().join(" ").trim().to_owned();
    let columns = match &robot.project {
        Some(project) => vec![Column::of(project)],
        None => system_columns(&projects),
    };
    let more = robot.project.is_none().then(|| add_column(own.clone(), &projects, &[]));
    let here = paths::with(&own, &[("projects", call.query("projects"))]);
    let others = robot.grants.iter().flat_map(|grant| &grant.others).map(String::as_str).collect::<Vec<_>>().join(", ");
    let others = (!others.is_empty()).then(|| view! { <p class="note">"Not in effect here, and kept as it was sent: "<code class="wrap">{others}</code></p> });
    let form = call.form::<forms::Update>().with(vec![("id", robot.id.to_string())]);
    let days = if robot.days == -1 { "30".to_owned() } else { robot.days.to_string() };
    view! {
        {more}
        <section class="card pad">
            <h2>"What it may do"</h2>
            {form.of(view! {
                {form.area("description", "Description", 2).value(&robot.description)}
                {form.number("days", "Expires after, in days from its creation").value(days)}
                {form.tick("never", "Never expires").ticked(robot.days == -1)}
                {permissions(&form, &here, call.query("template"), &columns, &ticks(&robot.grants))}
                {others}
                {buttons("Save robot account")}
            })}
        </section>
    }
    .into_any()
}
