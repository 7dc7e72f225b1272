//! A repository: one row an artifact, its accessories in the row's tree.

use super::tree::{platform_rows, tree_rows};
use super::{command, way, what};
use crate::pages::repositories::{push_commands, stored};
use domain::artifacts::Reference;
use crate::pages::prelude::*;
use model::artifact::{Also, Artifact, ArtifactPage, Type};
use model::label::Label;
use model::project::ProjectFrame;
use model::{Action, Digest};

pub async fn list(call: &Call) -> Shown {
    let (project, name, f) = (call.project()?, call.repository()?, call.filter(&["signed", "tagged", "kind", "label", "open"]));
    let (ctx, who) = (&call.ctx, &call.who);
    let yes_no = |name: &str| match f.facet(name) {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let filter = model::artifact::Filter {
        text: Some(f.q.clone()).filter(|text| !text.is_empty()),
        signed: yes_no("signed"),
        tagged: yes_no("tagged"),
        kind: Type::from_key(f.facet("kind")),
        also: f.facet("label").parse().map(|label| vec![Also::Labels(vec![label])]).unwrap_or_default(),
    };
    let frame = domain::projects::frame(ctx, who, &project).await?;
    let repository = domain::repositories::get(ctx, who, &project, &name).await?;
    let query = model::list::Query { search: String::new(), ..f.ask() };
    let found = domain::artifacts::list(ctx, who, &project, &name, &query, &filter).await?;
    // For who may see them.
    let labels = domain::labels::usable(ctx, who, &project).await.unwrap_or_default();
    // The tree of the row that the address opens.
    let open = match f.facet("open").parse::<Digest>() {
        Ok(digest) => domain::artifacts::page(ctx, who, &project, &name, &Reference::Digest(digest), Default::default()).await.ok(),
        Err(_) => None,
    };
    let body = if found.items.is_empty() && !f.narrows() {
        let commands = push_commands(&call.me, &repository.full_name());
        empty("No artifact yet", "Push an image, then sign it by its digest.", commands)
    } else if found.items.is_empty() {
        no_match(f.path.clone())
    } else {
        let headings = view! {
            <th scope="col">"Artifact"</th>
            <th scope="col">"Digest"</th>
            {heading(&f, "size", "Size", "num")}
            {heading(&f, "pushed", "Pushed", "p2")}
            {actions_heading()}
        };
        let rows = found.items.iter().flat_map(|artifact| {
            let open = open.as_ref().filter(|open| open.artifact.digest == artifact.digest);
            let mut rows = vec![row(call, &f, &frame, artifact, open.is_some())];
            if let Some(open) = open {
                rows.extend(platform_rows(open));
                rows.extend(tree_rows(&open.artifact, &open.tree, frame.may(Action::AccessoryDelete), &call.me));
                rows.extend(rest_row(open));
            }
            rows
        });
        let delete = frame.may(Action::ArtifactDelete).then(|| view! {
            <form id="picked" method="get" action=paths::artifacts_delete(&project, &name) class="picked">
                <button type="submit" class="button">"Delete selected…"</button>
            </form>
        });
        view! { {table("table--tree", headings, rows.collect())}{delete}{pager(&f, found.next)} }.into_any()
    };
    let description = (!repository.description.is_empty()).then(|| view! { <p class="description">{repository.description.clone()}</p> });
    let settings = view! { 
        <a class="button" href=paths::with(&paths::project_activity(&project), &[("repository", name.as_str())])>"Activity"</a>
        <a class="button" href=paths::repository_settings(&project, &name)>"Settings"</a>
    };
    let page = Page::new(name.to_string()).way(way(&project, &name, "")).purpose(stored(repository.storage)).actions(settings);
    Ok(page.body(view! {
        {description}
        {filter_bar(&f, "Tag, or start of a digest", found.total, "artifact", view! { {facets(&f)}{label_facets(&f, &labels)} })}
        <div id="artifacts">{body}</div>
    }))
}

/// "and 1,280 more": the rest of a long tree, on the artifact's own page.
fn rest_row(open: &ArtifactPage) -> Option<AnyView> {
    let more = open.tree_more + open.children_more;
    let href = paths::artifact(&open.artifact.project, &open.artifact.repository, &open.artifact.digest);
    (more > 0).then(|| view! {
        <tr class="tree tree--1"><td colspan="5"><a href=href>{format!("and {} more", model::stamp::grouped(more))}</a></td></tr>
    }.into_any())
}

fn facets(f: &ListAddress) -> AnyView {
    let kinds = Type::ALL.into_iter().filter(|kind| !matches!(kind, Type::Wasm | Type::Other));
    view! {
        {facet(f, "signed", "yes", "Signed")}
        {facet(f, "signed", "no", "Unsigned")}
        {facet(f, "tagged", "yes", "Tagged")}
        {facet(f, "tagged", "no", "Untagged")}
        {kinds.map(|kind| facet(f, "kind", kind.key(), kind.label())).collect_view()}
    }
    .into_any()
}

/// A facet a label; of many the first, and the one that is chosen.
fn label_facets(f: &ListAddress, labels: &[Label]) -> AnyView {
    let facets = labels.iter().enumerate().filter_map(|(n, label)| {
        let id = label.id.to_string();
        let chosen = f.facet("label") == id;
        let href = f.link(&[("label", if chosen { "" } else { &id })]);
        (n < 12 || chosen).then(|| view! { <a class="facet" href=href aria-current=chosen.then_some("true")>{label.input.name.clone()}</a> })
    });
    facets.collect_view().into_any()
}

fn row(call: &Call, f: &ListAddress, frame: &ProjectFrame, artifact: &Artifact, open: bool) -> AnyView {
    let (now, full, short) = (call.me.now, artifact.digest.to_string(), artifact.digest.short());
    let own = paths::artifact(&artifact.project, &artifact.repository, &artifact.digest);
    let disclosure = (artifact.accessory_count > 0 || artifact.kind == Type::Index).then(|| {
        let href = f.link(&[("open", if open { "" } else { &full }), ("after", &f.after)]);
        let words = format!("{} accessories of {short}", if open { "Hide" } else { "Show" });
        view! {
            <a class="disclosure" href=href role="button" aria-expanded=open.to_string() title=words data-swap="artifacts" data-address="">{icon("open")}</a>
        }
    });
    let pick = frame.may(Action::ArtifactDelete).then(|| view! {
        <input type="checkbox" class="pick" name="digest" value=full.clone() form="picked" aria-label=format!("Select {short}")/>
    });
    let name = match artifact.tags.len() {
        0 => "untagged".to_owned(),
        _ => artifact.tags.iter().take(4).map(|tag| tag.name.to_string()).collect::<Vec<_>>().join(", "),
    };
    let more_tags = (artifact.tag_count > 4).then(|| pill(Tone::Neutral, "", format!("+{}", model::stamp::count(artifact.tag_count - 4, "tag"))));
    let locked: Vec<&str> = artifact.tags.iter().filter(|tag| tag.locked.is_some()).map(|tag| tag.name.as_str()).take(4).collect();
    let locked = (!locked.is_empty()).then(|| pill(Tone::Neutral, "lock", format!("{} immutable", locked.join(", "))));
    let others: Vec<&str> = artifact.attached.iter().filter(|kind| !kind.is_signature()).map(|kind| kind.label()).collect();
    let others = (!others.is_empty()).then(|| pill(Tone::Neutral, "layers", others.join(", ")));
    let notes = artifact.annotations.get("org.opencontainers.image.description")
        .or_else(|| artifact.annotations.get("org.opencontainers.image.title"))
        .map(|text| view! { <span class="tree__of">{text.chars().take(160).collect::<String>()}</span> });
    // An accessory in the list: what it is attached to is not here.
    let waits = artifact.accessory.map(|_| {
        let of = artifact.subject.as_ref().map_or_else(|| "an artifact".to_owned(), Digest::short);
        view! { <span class="tree__of">{format!("attached to {of}, which is not in this repository (yet)")}</span> }
    });
    let pull = command(&call.me, artifact);
    let replicate = call.me.admin().then(|| view! { <a href=format!("{own}#replicate")>"Replicate…"</a> });
    let delete = if frame.may(Action::ArtifactDelete) {
        let href = paths::artifact_delete(&artifact.project, &artifact.repository, &artifact.digest);
        view! { <a class="danger" href=href>"Delete…"</a> }.into_any()
    } else {
        view! { <span class="menu__no" title="needs the role Maintainer">"Delete needs Maintainer"</span> }.into_any()
    };
    view! {
        <tr class="tall">
            <td>
                <span class="row-name">
                    {pick}{disclosure}
                    <span>
                        <span class="row-name__first"><a href=own.clone()>{name}</a>{more_tags}{locked}
                            <span class="row-name__kind">{what(artifact)}</span></span>
                        <span class="row-name__second">
                            {signed_pill(artifact)}{waits}
                            {others}
                            {artifact.labels.iter().map(crate::pages::labels::chip).collect_view()}
                            <span class="tree__of">{artifact.pulled_at.map(|_| "pulled ")}{when(artifact.pulled_at, now, "never pulled")}</span>
                            {notes}
                        </span>
                    </span>
                </span>
            </td>
            <td>{digest(&full)}</td>
            <td class="num">{bytes(artifact.size)}</td>
            <td class="p2">{time(artifact.pushed_at, now)}</td>
            <td class="row-end">
                <span class="row-actions">
                    {copy_button(pull, "pull command")}
                    {menu(format!("Actions for {short}"), view! { <a href=own>"Details and tags"</a>{replicate}{delete} })}
                </span>
            </td>
        </tr>
    }
    .into_any()
}
