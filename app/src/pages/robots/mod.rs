//! Robot accounts, of a project and on system level.

pub mod api;
mod list;
mod new;
mod permissions;
mod secret;
mod show;

pub use list::{ProjectList, SystemList};
pub use new::{ProjectNew, SystemNew};
pub use show::Show;

use crate::layout::crumbs;
use crate::paths;
use leptos::prelude::*;
use model::ProjectName;

fn way(project: Option<&ProjectName>, last: &str) -> AnyView {
    let mut way = match project {
        Some(project) => vec![
            ("Projects".to_owned(), paths::projects()),
            (project.to_string(), paths::project(project)),
            ("Robot accounts".to_owned(), paths::project_robots(project)),
        ],
        None => vec![("Robot accounts".to_owned(), paths::robots())],
    };
    if last.is_empty() {
        if let Some(end) = way.last_mut() {
            end.1.clear();
        }
    } else {
        way.push((last.to_owned(), String::new()));
    }
    crumbs(way)
}
