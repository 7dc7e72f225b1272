//! Artifacts: a repository's list with its trees, one artifact, and what deleting it takes along.

mod copy;
mod delete;
mod delete_many;
pub mod forms;
mod list;
mod show;
mod tree;

pub use copy::copy;
pub use delete::{delete, remove_tag};
pub use delete_many::delete_many;
pub use list::list;
pub use show::show;

use crate::paths;
use crate::session::Me;
use model::artifact::{Artifact, Type};
use model::{ProjectName, RepositoryName, Tag};

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

/// The commands that fetch an artifact, by `tag` or by its digest: those of its kind.
fn commands(me: &Me, artifact: &Artifact, tag: Option<&Tag>) -> Vec<String> {
    let (podman, helm, oras) = (me.flag("podman"), me.flag("helm"), me.flag("oras"));
    let name = format!("{}/{}/{}", me.registry, artifact.project, artifact.repository);
    let reference = match tag {
        Some(tag) => format!("{name}:{tag}"),
        None => format!("{name}@{}", artifact.digest),
    };
    match (artifact.kind, tag) {
        // oras leaves out what has no title, and cosign gives none.
        _ if matches!(artifact.accessory, Some(model::accessory::Kind::CosignSignature)) => vec![format!("oras manifest fetch{oras} {reference}")],
        _ if artifact.accessory.is_some() => vec![format!("oras pull{oras} {reference}")],
        (Type::Image | Type::Index, _) => vec![format!("docker pull {reference}"), format!("podman pull{podman} {reference}")],
        // A tag holds no plus, so helm writes an underscore; by a tag that is no version it finds nothing.
        (Type::Chart, Some(tag)) if is_version(tag) => vec![format!("helm pull{helm} oci://{name} --version {}", tag.as_str().replace('_', "+"))],
        (Type::Chart, _) => vec![format!("helm pull{helm} oci://{name}@{}", artifact.digest)],
        (Type::Cache, _) => vec![format!("docker buildx build --cache-from type=registry,ref={reference} .")],
        (Type::Wasm | Type::Other, _) => vec![format!("oras pull{oras} {reference}")],
    }
}

/// A version of a chart (Semantic Versioning 2.0, 2): three numbers, and what may follow.
fn is_version(tag: &Tag) -> bool {
    let core = tag.as_str().split(['-', '_']).next().unwrap_or_default();
    let numbers: Vec<&str> = core.strip_prefix('v').unwrap_or(core).split('.').collect();
    numbers.len() == 3 && numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// The first of them, by the first tag or the digest: what a row's button copies.
fn command(me: &Me, artifact: &Artifact) -> String {
    commands(me, artifact, artifact.tags.first().map(|tag| &tag.name)).swap_remove(0)
}

/// What an artifact is, in a word: an accessory is one.
fn what(artifact: &Artifact) -> &'static str {
    artifact.accessory.map_or(artifact.kind.label(), |kind| kind.label())
}
