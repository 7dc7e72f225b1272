//! Lists of robot accounts.

use super::{page_of, way};
use domain::robots::Level;
use crate::pages::prelude::*;
use model::project::ProjectFrame;
use model::robot::{Robot, Scope};
use model::{Action, Stamp};

pub async fn of_project(call: &Call) -> Shown {
    let (name, f) = (call.project()?, call.filter(&[]));
    let frame = domain::projects::frame(&call.ctx, &call.who, &name).await?;
    let found = domain::robots::list(&call.ctx, &call.who, &Level::Project(name), &f.ask()).await?;
    Ok(page(call, &f, Some(&frame), found))
}

pub async fn of_system(call: &Call) -> Shown {
    let f = call.filter(&[]);
    let found = domain::robots::list(&call.ctx, &call.who, &Level::System, &f.ask()).await?;
    Ok(page(call, &f, None, found))
}

fn page(call: &Call, f: &ListAddress, frame: Option<&ProjectFrame>, found: model::Page<Robot>) -> Page {
    let project = frame.map(|frame| &frame.project.name);
    let action = if frame.is_none_or(|frame| frame.may(Action::RobotCreate)) {
        let new = project.map_or_else(paths::robot_new, paths::project_robot_new);
        view! { <a class="button button--primary" href=new>"New robot account"</a> }.into_any()
    } else {
        view! { <span class="note">"Making one needs the role Project admin."</span> }.into_any()
    };
    let nothing = || empty("No robot account yet", "Robot accounts are for machines: CI jobs, clusters, and other registries that replicate here.", ());
    let headings = view! {
        {heading(f, "name", "Name", "")}
        <th scope="col">"State"</th>
        <th scope="col" class="p2">"In"</th>
        <th scope="col" class="p2">"Expires"</th>
        <th scope="col" class="p2">"Last used"</th>
        {heading(f, "created", "Created", "p2")}
    };
    let body = listing(f, &found, nothing, headings, |robot| row(robot, call.me.now));
    let purpose = match project {
        Some(project) => format!("Machines that may do something in {project}."),
        None => "Machines that may do something in several projects, or in all.".to_owned(),
    };
    Page::new("Robot accounts").way(way(project, "")).purpose(purpose).actions(action).body(view! {
        {filter_bar(f, "Search by name", found.total, "robot account", ())}
        {body}
    })
}

fn row(robot: &Robot, now: Stamp) -> AnyView {
    view! {
        <tr>
            <td><a href=page_of(robot)><code>{robot.full_name.clone()}</code></a></td>
            <td>{robot_state(robot.state(now))}</td>
            <td class="p2">{cover(robot)}</td>
            <td class="p2">{when(robot.expires_at, now, "never")}</td>
            <td class="p2">{when(robot.last_used_at, now, "never used")}</td>
            <td class="p2">{time(robot.created_at, now)}</td>
        </tr>
    }
    .into_any()
}

/// Where its permissions hold, in words.
fn cover(robot: &Robot) -> String {
    let words = robot.grants.iter().map(|grant| match &grant.scope {
        Scope::System => "system".to_owned(),
        Scope::AllProjects => "all projects".to_owned(),
        Scope::Project(name) => name.to_string(),
    });
    words.collect::<Vec<_>>().join(", ")
}
