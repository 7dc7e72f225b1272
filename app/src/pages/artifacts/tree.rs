//! The rows under an artifact: platforms of an index, and what is attached, each with a way to look at it and to remove it.

use crate::session::Me;
use crate::pages::prelude::*;
use model::accessory::Node;
use model::artifact::{Artifact, ArtifactPage};

pub fn tree_rows(artifact: &Artifact, tree: &[Node], may_delete: bool, me: &Me) -> Vec<AnyView> {
    let (project, repository) = (&artifact.project, &artifact.repository);
    let href = |node: &Node| paths::artifact(project, repository, &node.digest);
    let actions = |node: &Node| {
        if !may_delete {
            return ().into_any();
        }
        let href = paths::artifact_delete(project, repository, &node.digest);
        let words = format!(" {} {}", node.kind.label(), node.digest.short());
        view! { <a class="button button--quiet button--small" href=href>"Delete"<span class="sr">{words}</span></a> }.into_any()
    };
    accessory_rows(tree, me.now, &href, &actions)
}

pub fn platform_rows(open: &ArtifactPage) -> Vec<AnyView> {
    let rows = open.children.iter().map(|child| {
        let href = paths::artifact(&open.artifact.project, &open.artifact.repository, &child.digest);
        let platform = if child.platform.is_empty() { "platform image".to_owned() } else { child.platform.clone() };
        let (name, of) = match child.here {
            true => (view! { <a href=href>{platform}</a> }.into_any(), "platform of this index"),
            false => (platform.into_any(), "platform of this index, not here"),
        };
        view! {
            <tr class="tree tree--1">
                <td><span class="tree__twig">{icon("repository")}<span>{name}
                    <span class="tree__of">{of}</span></span></span></td>
                <td>{digest(child.digest.as_str())}</td>
                <td class="num">{child.here.then(|| bytes(child.size))}</td>
                <td class="p2"></td>
                <td class="row-end"></td>
            </tr>
        }
        .into_any()
    });
    rows.collect()
}
