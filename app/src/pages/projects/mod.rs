//! Projects: the list, a new one, and the configuration of one.

pub mod forms;
mod list;
mod new;
mod settings;

pub use list::list;
pub use new::new;
pub use settings::settings;

use crate::paths;
use model::ProjectName;

/// The way to a project's pages; an empty `last` is the project's own.
pub fn way(project: &ProjectName, last: &str) -> Vec<(String, String)> {
    let mut way = vec![("Projects".into(), paths::projects()), (project.to_string(), paths::project(project))];
    if last.is_empty() {
        way[1].1.clear();
    } else {
        way.push((last.to_owned(), String::new()));
    }
    way
}
