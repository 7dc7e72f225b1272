//! Artifacts: a repository's list with its trees, one artifact, and what deleting it takes along.

mod delete;
pub mod forms;
mod list;
mod show;
mod tree;

pub use delete::delete;
pub use list::list;
pub use show::show;

use crate::paths;
use model::artifact::Artifact;
use model::{ProjectName, RepositoryName};

/// The way to a repository's pages; an empty `last` is the repository's own.
fn way(project: &ProjectName, repository: &RepositoryName, last: &str) -> Vec<(String, String)> {
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
    way
}

/// How clients name an artifact: by its first tag, else by digest.
fn reference(registry: &str, artifact: &Artifact) -> String {
    let name = format!("{registry}/{}/{}", artifact.project, artifact.repository);
    match artifact.tags.first() {
        Some(tag) => format!("{name}:{}", tag.name),
        None => format!("{name}@{}", artifact.digest),
    }
}
