//! One artifact: what it is, its tags and its tree.

use super::tree::tree_rows;
use super::{forms, reference, way};
use domain::artifacts::Reference;
use crate::pages::prelude::*;
use model::artifact::{Artifact, ArtifactPage};
use model::project::ProjectFrame;
use model::rule::Rule;
use model::Action;

pub async fn show(call: &Call) -> Shown {
    let (project, repository, id) = (call.project()?, call.repository()?, call.digest()?);
    let (ctx, who, now) = (&call.ctx, &call.who, call.me.now);
    let frame = domain::projects::frame(ctx, who, &project).await?;
    let found = domain::artifacts::page(ctx, who, &project, &repository, &Reference::Digest(id)).await?;
    // For who may replicate it.
    let rules = domain::rules::of_repository(ctx, who, &project, &repository).await.unwrap_or_default();
    let artifact = &found.artifact;
    let (full, short) = (artifact.digest.to_string(), artifact.digest.short());
    let by_digest = format!("{}/{project}/{repository}@{full}", call.me.registry);
    let right = if artifact.accessory.is_some() { Action::AccessoryDelete } else { Action::ArtifactDelete };
    let delete = frame.may(right).then(|| view! {
        <a class="button" href=paths::artifact_delete(&project, &repository, &artifact.digest)>"Delete…"</a>
    });
    let what = artifact.accessory.map_or(artifact.kind.label(), |kind| kind.label());
    Ok(Page::new(&short).way(way(&project, &repository, &short)).purpose(what).actions(delete).body(view! {
        {facts(vec![
            ("Digest", digest(&full)),
            ("Signature", signed_pill(&artifact.attached, artifact.signed_by_index.is_some())),
            ("Type", view! { <code class="wrap">{artifact.artifact_type.clone()}</code> }.into_any()),
            ("Size", bytes(artifact.size)),
            ("Pushed", time(artifact.pushed_at, now)),
            ("Pulled", view! { {when(artifact.pulled_at, now, "never pulled")}" · "{artifact.pull_count}" times" }.into_any()),
        ])}
        <div class="commands">
            {code_line(format!("docker pull {}", reference(&call.me.registry, artifact)))}{code_line(format!("docker pull {by_digest}"))}
        </div>
        <section><h2>"Attached"</h2>{attached(call, &frame, &found, &by_digest)}</section>
        {platforms(&found)}
        {parents(&found)}
        <section><h2>"Tags"</h2>{tags(call, &frame, artifact)}</section>
        {call.me.admin().then(|| replicate(call, artifact, &rules))}
        {annotations(artifact)}
    }))
}

fn attached(call: &Call, frame: &ProjectFrame, found: &ArtifactPage, by_digest: &str) -> AnyView {
    let rows = tree_rows(&found.artifact, &found.tree, frame.may(Action::AccessoryDelete), &call.me);
    if rows.is_empty() {
        return view! {
            <div class="empty card">
                <h2>"Nothing is attached"</h2>
                <p>"Sign it by its digest, so that the signature is for exactly these bytes."</p>
                {code_line(format!("cosign sign --key cosign.key {by_digest}"))}
            </div>
        }
        .into_any();
    }
    let headings = view! {
        <th scope="col">"Accessory"</th><th scope="col">"Digest"</th><th scope="col" class="num">"Size"</th>
        <th scope="col" class="p2">"Pushed"</th>{actions_heading()}
    };
    table("table--tree", headings, rows)
}

fn platforms(found: &ArtifactPage) -> Option<AnyView> {
    let (project, repository) = (&found.artifact.project, &found.artifact.repository);
    let rows: Vec<AnyView> = found.children.iter().map(|child| {
        let platform = if child.platform.is_empty() { "image".to_owned() } else { child.platform.clone() };
        view! {
            <tr>
                <td><a href=paths::artifact(project, repository, &child.digest)>{platform}</a></td>
                <td>{digest(child.digest.as_str())}</td>
                <td class="num">{bytes(child.size)}</td>
            </tr>
        }
        .into_any()
    }).collect();
    let headings = view! { <th scope="col">"Platform"</th><th scope="col">"Digest"</th><th scope="col" class="num">"Size"</th> };
    (!rows.is_empty()).then(|| view! { <section><h2>"Platforms"</h2>{table("", headings, rows)}</section> }.into_any())
}

fn parents(found: &ArtifactPage) -> Option<AnyView> {
    let (project, repository) = (&found.artifact.project, &found.artifact.repository);
    let links = found.parents.iter().map(|parent| view! {
        <li><a href=paths::artifact(project, repository, parent)><code>{parent.short()}</code></a></li>
    });
    let links = links.collect_view();
    (!links.is_empty()).then(|| view! { <section><h2>"Listed by"</h2><ul class="links">{links}</ul></section> }.into_any())
}

fn tags(call: &Call, frame: &ProjectFrame, artifact: &Artifact) -> AnyView {
    let with = || vec![
        ("project", artifact.project.to_string()), ("repository", artifact.repository.to_string()), ("digest", artifact.digest.to_string()),
    ];
    let may_remove = frame.may(Action::TagDelete);
    let rows: Vec<AnyView> = artifact.tags.iter().map(|tag| {
        let remove = may_remove.then(|| {
            let mut with = with();
            with.push(("tag", tag.name.to_string()));
            call.button::<forms::DeleteTag>(with, "Remove").quiet().more(format!("tag {}", tag.name)).into_render()
        });
        view! {
            <tr data-key=tag.name.to_string()>
                <td><code>{tag.name.to_string()}</code></td>
                <td class="p2">{time(tag.pushed_at, call.me.now)}</td>
                <td class="p2">{when(tag.pulled_at, call.me.now, "never pulled")}</td>
                <td class="row-end">{remove}</td>
            </tr>
        }
        .into_any()
    }).collect();
    let headings = view! {
        <th scope="col">"Tag"</th><th scope="col" class="p2">"Set"</th><th scope="col" class="p2">"Pulled"</th>{actions_heading()}
    };
    let list = match rows.len() {
        0 => view! { <p class="note">"No tag names it."</p> }.into_any(),
        _ => table("", headings, rows),
    };
    let add = if frame.may(Action::TagCreate) {
        let form = call.form::<forms::AddTag>().with(with()).class("form--row");
        form.of(view! {
            {form.text("name", "New tag").required()}
            {form.tick("may_move", "Take it from another artifact")}
            {buttons("Add tag")}
        })
    } else {
        view! { <p class="note">"Adding tags needs the role Developer."</p> }.into_any()
    };
    view! { {list}{add} }.into_any()
}

fn replicate(call: &Call, artifact: &Artifact, rules: &[Rule]) -> AnyView {
    let body = match rules {
        [] => view! { <p class="note">"No replication rule takes this repository. "<a href=paths::rule_new()>"Make one"</a>"."</p> }.into_any(),
        rules => rules.iter().map(|rule| {
            let with = vec![("rule", rule.id.to_string()), ("artifact", artifact.id.to_string())];
            let words = format!("Replicate by {} to {}", rule.input.name, rule.target_name);
            call.button::<forms::Replicate>(with, words).into_render()
        }).collect_view().into_any(),
    };
    view! { <section id="replicate"><h2>"Replicate this artifact"</h2>{body}</section> }.into_any()
}

fn annotations(artifact: &Artifact) -> Option<AnyView> {
    let rows = artifact.annotations.iter().map(|(key, value)| view! {
        <tr><td><code>{key.clone()}</code></td><td class="wrap">{value.clone()}</td></tr>
    });
    let rows = rows.collect_view();
    (!rows.is_empty()).then(|| view! {
        <section><h2>"Annotations"</h2><div class="card scroll"><table><tbody>{rows}</tbody></table></div></section>
    }.into_any())
}
