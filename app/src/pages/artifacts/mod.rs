//! Artifacts: a repository's list with its trees, one artifact, and what deleting it takes along.

pub mod api;
mod list;
mod show;

pub use list::List;
pub use show::{Delete, Show};

use crate::layout::crumbs;
use crate::paths;
use leptos::prelude::*;
use model::{ProjectName, RepositoryName};

/// The way to a repository's pages.
fn way(project: &ProjectName, repository: &RepositoryName, last: &str) -> AnyView {
    let mut way = vec![
        ("Projects".to_owned(), paths::projects()),
        (project.to_string(), paths::project(project)),
        (repository.to_string(), paths::repository(project, repository)),
    ];
    if last.is_empty() {
        way[2].1.clear();
    } else {
        way.push((last.to_owned(), String::new()));
    }
    crumbs(way)
}

/// How clients name an artifact: by its first tag, else by digest.
fn reference(registry: &str, artifact: &model::artifact::Artifact) -> String {
    let name = format!("{registry}/{}/{}", artifact.project, artifact.repository);
    match artifact.tags.first() {
        Some(tag) => format!("{name}:{}", tag.name),
        None => format!("{name}@{}", artifact.digest),
    }
}
