//! Lists of robot accounts.

use super::{api, way};
use crate::layout::head;
use crate::layout::toast::again;
use crate::pages::param;
use crate::paths;
use crate::ui::pill::robot_state;
use crate::ui::{Filter, empty, filter_bar, heading, load, pager, time, when};
use leptos::prelude::*;
use model::robot::{Robot, Scope};
use model::{Action, ProjectName};

/// Where its permissions hold, in words.
fn cover(robot: &Robot) -> String {
    let words: Vec<String> = robot
        .grants
        .iter()
        .map(|grant| match &grant.scope {
            Scope::System => "system".to_owned(),
            Scope::AllProjects => "all projects".to_owned(),
            Scope::Project(name) => name.to_string(),
        })
        .collect();
    words.join(", ")
}

fn page(f: &Filter, found: &api::Robots, me: &crate::session::Me) -> AnyView {
    let project = found.frame.as_ref().map(|frame| frame.project.name.clone());
    let may = found.frame.as_ref().is_none_or(|frame| frame.may(Action::RobotCreate));
    let new = project.as_ref().map_or_else(paths::robot_new, paths::project_robot_new);
    let action = if may {
        view! { <a class="button button--primary" href=new>"New robot account"</a> }.into_any()
    } else {
        view! { <span class="note">"Making one needs the role Project admin."</span> }.into_any()
    };
    let rows = found.page.items.iter().map(|robot| {
        let href = match &robot.project {
            Some(project) => paths::project_robot(project, robot.id),
            None => paths::robot(robot.id),
        };
        view! {
            <tr>
                <td><a href=href><code>{robot.full_name.clone()}</code></a></td>
                <td>{robot_state(robot.state(me.now))}</td>
                <td class="p2">{cover(robot)}</td>
                <td class="p2">{when(robot.expires_at, me.now, "never")}</td>
                <td class="p2">{when(robot.last_used_at, me.now, "never used")}</td>
                <td class="p2">{time(robot.created_at, me.now)}</td>
            </tr>
        }
    }).collect_view();
    let body = if found.page.items.is_empty() && f.narrows() {
        crate::ui::empty::no_match(f.path.clone())
    } else if found.page.items.is_empty() {
        empty("No robot account yet", "Robot accounts are for machines: CI jobs, clusters, and other registries that replicate here.", ().into_any())
    } else {
        view! {
            <div class="card scroll"><table>
                <thead><tr>
                    {heading(f, "name", "Name", "")}
                    <th scope="col">"State"</th>
                    <th scope="col" class="p2">"In"</th>
                    <th scope="col" class="p2">"Expires"</th>
                    <th scope="col" class="p2">"Last used"</th>
                    {heading(f, "created", "Created", "p2")}
                </tr></thead>
                <tbody>{rows}</tbody>
            </table></div>
            {pager(f, found.page.next.clone())}
        }.into_any()
    };
    let purpose = match &project {
        Some(project) => format!("Machines that may do something in {project}."),
        None => "Machines that may do something in several projects, or in all.".to_owned(),
    };
    view! {
        {way(project.as_ref(), "")}
        {head("Robot accounts", purpose, action)}
        {filter_bar(f, "Search by name", found.page.total, "robot account", ().into_any())}
        {body}
    }.into_any()
}

#[component]
pub fn ProjectList() -> impl IntoView {
    let (project, filter) = (param::<ProjectName>("project", "project"), Filter::here(&[]));
    let data = Resource::new(
        move || (project(), filter.get(), again()),
        |(project, f, _)| async move { api::list(project?.to_string(), f.q, f.sort, f.after).await },
    );
    load(data, move |found, me| page(&filter.get_untracked(), &found, &me))
}

#[component]
pub fn SystemList() -> impl IntoView {
    let filter = Filter::here(&[]);
    let data = Resource::new(move || (filter.get(), again()), |(f, _)| api::list(String::new(), f.q, f.sort, f.after));
    load(data, move |found, me| page(&filter.get_untracked(), &found, &me))
}
