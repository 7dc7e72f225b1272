//! A repository: one row an artifact, its accessories in the row's tree.

use super::{api, reference, way};
use crate::layout::head;
use crate::layout::toast::again;
use crate::pages::param;
use crate::pages::repositories::{push_commands, stored};
use crate::paths;
use crate::session::Me;
use crate::ui::table::facet;
use crate::ui::{
    Filter, Tone, accessory_rows, bytes, copy_button, digest, empty, filter_bar, heading, icon, load, menu, pager, pill,
    signed_pill, time, when,
};
use leptos::prelude::*;
use model::accessory::Kind;
use model::artifact::{Artifact, ArtifactPage, Type};
use model::{Action, ProjectName, RepositoryName};

#[component]
pub fn List() -> impl IntoView {
    let (project, repository) =
        (param::<ProjectName>("project", "project"), param::<RepositoryName>("repository", "repository"));
    let filter = Filter::here(&["signed", "tagged", "kind", "open"]);
    let data = Resource::new(
        move || (project(), repository(), filter.get(), again()),
        |(project, repository, f, _)| async move {
            let facet = |name: &str| f.facet(name).to_owned();
            let ask = api::Ask {
                signed: facet("signed"), tagged: facet("tagged"), kind: facet("kind"), open: facet("open"),
                q: f.q.clone(), sort: f.sort.clone(), after: f.after.clone(),
            };
            api::list(project?, repository?, ask).await
        },
    );
    load(data, move |found, me| page(&filter.get_untracked(), found, &me))
}

fn page(f: &Filter, found: api::RepositoryPage, me: &Me) -> AnyView {
    let repository = &found.repository;
    let narrowed = !f.q.is_empty() || ["signed", "tagged", "kind"].iter().any(|name| !f.facet(name).is_empty());
    let settings = paths::repository_settings(&repository.project, &repository.name);
    let actions = view! { <a class="button" href=settings>"Settings"</a> }.into_any();
    let facets = view! {
        {facet(f, "signed", "yes", "Signed")}
        {facet(f, "signed", "no", "Unsigned")}
        {facet(f, "tagged", "yes", "Tagged")}
        {facet(f, "tagged", "no", "Untagged")}
        {Type::ALL.into_iter().filter(|t| *t != Type::Wasm && *t != Type::Other)
            .map(|t| facet(f, "kind", t.key(), t.label())).collect_view()}
    }.into_any();
    let body = if found.page.items.is_empty() && !narrowed {
        empty(
            "No artifact yet",
            "Push an image, then sign it by its digest.",
            push_commands(&me.registry, &repository.full_name()),
        )
    } else if found.page.items.is_empty() {
        crate::ui::empty::no_match(f.path.clone())
    } else {
        let rows = found.page.items.iter().flat_map(|artifact| {
            let open = found.open.as_ref().filter(|open| open.artifact.digest == artifact.digest);
            rows_of(f, &found, artifact, open, me)
        }).collect_view();
        view! {
            <div class="card scroll"><table class="table--tree">
                <thead><tr>
                    <th scope="col">"Artifact"</th>
                    <th scope="col">"Digest"</th>
                    {heading(f, "size", "Size", "num")}
                    {heading(f, "pushed", "Pushed", "p2")}
                    <th scope="col" class="row-end"><span class="sr">"Actions"</span></th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table></div>
            {pager(f, found.page.next.clone())}
        }.into_any()
    };
    let description = (!repository.description.is_empty())
        .then(|| view! { <p class="description">{repository.description.clone()}</p> });
    view! {
        {way(&repository.project, &repository.name, "")}
        {head(repository.name.to_string(), stored(repository.storage), actions)}
        {description}
        {filter_bar(f, "Tag, or start of a digest", found.page.total, "artifact", facets)}
        {body}
    }.into_any()
}

fn rows_of(
    f: &Filter,
    found: &api::RepositoryPage,
    artifact: &Artifact,
    open: Option<&ArtifactPage>,
    me: &Me,
) -> Vec<AnyView> {
    let own = paths::artifact(&artifact.project, &artifact.repository, &artifact.digest);
    let full = artifact.digest.to_string();
    let expandable = artifact.accessory_count > 0 || artifact.kind == Type::Index;
    let disclosure = expandable.then(|| {
        let href = f.link(&[("open", if open.is_some() { "" } else { &full }), ("after", &f.after)]);
        let words = format!("{} accessories of {}", if open.is_some() { "Hide" } else { "Show" }, artifact.digest.short());
        let sr = words.clone();
        view! {
            <a class="disclosure" href=href role="button" aria-expanded=open.is_some().to_string() title=words>
                {icon("open")}<span class="sr">{sr}</span>
            </a>
        }
    });
    let name = match artifact.tags.len() {
        0 => "untagged".to_owned(),
        _ => artifact.tags.iter().take(4).map(|tag| tag.name.to_string()).collect::<Vec<_>>().join(", "),
    };
    let more_tags = (artifact.tags.len() > 4).then(|| pill(Tone::Neutral, "", format!("+{} tags", artifact.tags.len() - 4)));
    let others = artifact.attached.iter().filter(|kind| !kind.is_signature()).count();
    let others = (others > 0).then(|| {
        let words: Vec<&str> = artifact.attached.iter().filter(|k| !k.is_signature()).map(|k: &Kind| k.label()).collect();
        pill(Tone::Neutral, "layers", words.join(", "))
    });
    let notes = artifact.annotations.get("org.opencontainers.image.description")
        .or_else(|| artifact.annotations.get("org.opencontainers.image.title"))
        .map(|text| view! { <span class="tree__of">{text.clone()}</span> });
    let pull = format!("docker pull {}", reference(&me.registry, artifact));
    let may_delete = found.frame.may(Action::ArtifactDelete);
    let admin = me.user.as_ref().is_some_and(|user| user.admin);
    let items = view! {
        <a href=own.clone()>"Details and tags"</a>
        {admin.then(|| view! { <a href=format!("{own}#replicate")>"Replicate…"</a> })}
        {if may_delete {
            let href = paths::artifact_delete(&artifact.project, &artifact.repository, &artifact.digest);
            view! { <a class="danger" href=href>"Delete…"</a> }.into_any()
        } else {
            view! { <span class="menu__no" title="needs the role Maintainer">"Delete needs Maintainer"</span> }.into_any()
        }}
    }.into_any();
    let mut rows = vec![view! {
        <tr class="tall">
            <td>
                <span class="row-name">
                    {disclosure}
                    <span>
                        <span class="row-name__first"><a href=own.clone()>{name}</a>{more_tags}
                            <span class="row-name__kind">{artifact.kind.label()}</span></span>
                        <span class="row-name__second">
                            {signed_pill(&artifact.attached, artifact.signed_by_index.is_some())}
                            {others}
                            <span class="tree__of">{artifact.pulled_at.map(|_| "pulled ")}{when(artifact.pulled_at, me.now, "never pulled")}</span>
                            {notes}
                        </span>
                    </span>
                </span>
            </td>
            <td>{digest(&full)}</td>
            <td class="num">{bytes(artifact.size)}</td>
            <td class="p2">{time(artifact.pushed_at, me.now)}</td>
            <td class="row-end">
                <span class="row-actions">{copy_button(pull, "pull command")}{menu(format!("Actions for {}", artifact.digest.short()), items)}</span>
            </td>
        </tr>
    }.into_any()];
    if let Some(open) = open {
        for child in &open.children {
            let href = paths::artifact(&artifact.project, &artifact.repository, &child.digest);
            let platform = if child.platform.is_empty() { "platform image".to_owned() } else { child.platform.clone() };
            rows.push(view! {
                <tr class="tree tree--1">
                    <td><span class="tree__twig">{icon("repository")}<span><a href=href>{platform}</a>
                        <span class="tree__of">"platform of this index"</span></span></span></td>
                    <td>{digest(child.digest.as_str())}</td>
                    <td class="num">{bytes(child.size)}</td>
                    <td class="p2"></td>
                    <td class="row-end"></td>
                </tr>
            }.into_any());
        }
        rows.extend(tree_rows(&open.artifact, &open.tree, found.frame.may(Action::AccessoryDelete), me));
    }
    rows
}

/// The tree's rows, each with a way to look at it and to remove it.
pub fn tree_rows(artifact: &Artifact, tree: &[model::accessory::Node], may_delete: bool, me: &Me) -> Vec<AnyView> {
    let (project, repository) = (artifact.project.clone(), artifact.repository.clone());
    let href = |node: &model::accessory::Node| paths::artifact(&project, &repository, &node.digest);
    let actions = |node: &model::accessory::Node| {
        let words = format!("Delete {} {}", node.kind.label(), node.digest.short());
        if may_delete {
            let href = paths::artifact_delete(&project, &repository, &node.digest);
            let sr = words.clone();
            view! { <a class="button button--quiet button--small" href=href title=words>"Delete"<span class="sr">{sr}</span></a> }.into_any()
        } else {
            ().into_any()
        }
    };
    accessory_rows(tree, me.now, &href, &actions)
}
