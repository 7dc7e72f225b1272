//! Robot accounts, of a project and on system level.

mod end;
pub mod forms;
mod list;
mod new;
mod permissions;
mod secret;
mod show;

pub use end::{delete, secret};
pub use list::{of_project, of_system};
pub use new::{new_in_project, new_in_system};
pub use secret::secret_once;
pub use show::show;

use crate::paths;
use model::ProjectName;
use model::robot::Robot;

fn way(project: Option<&ProjectName>, last: &str) -> Vec<(String, String)> {
    let mut way = match project {
        Some(project) => vec![
            ("Projects".to_owned(), paths::projects()),
            (project.to_string(), paths::project(project)),
            ("Robot accounts".to_owned(), paths::project_robots(project)),
        ],
        None => vec![("Robot accounts".to_owned(), paths::robots())],
    };
    match way.last_mut() {
        Some(end) if last.is_empty() => end.1.clear(),
        _ => way.push((last.to_owned(), String::new())),
    }
    way
}

/// The list that a robot account stands in.
fn list_of(project: Option<&ProjectName>) -> String {
    project.map_or_else(paths::robots, paths::project_robots)
}

/// A robot account's own page.
fn page_of(robot: &Robot) -> String {
    match &robot.project {
        Some(project) => paths::project_robot(project, robot.id),
        None => paths::robot(robot.id),
    }
}
