//! One artifact: what it is, its tags, its tree; and the page before it is deleted.

use super::list::tree_rows;
use super::{api, reference, way};
use crate::layout::head;
use crate::layout::toast::again;
use crate::pages::executions::api::Replicate;
use crate::pages::param;
use crate::paths;
use crate::ui::{
    Buttons, Checkbox, Field, Form, bytes, one_button, code_line, digest, facts, load, signed_pill, time, when,
};
use leptos::prelude::*;
use model::{Action, Digest, ProjectName, RepositoryName};

#[component]
pub fn Show() -> impl IntoView {
    let (project, repository, id) = (
        param::<ProjectName>("project", "project"),
        param::<RepositoryName>("repository", "repository"),
        param::<Digest>("digest", "artifact"),
    );
    let data = Resource::new(
        move || (project(), repository(), id(), again()),
        |(project, repository, digest, _)| async move { api::get(project?, repository?, digest?).await },
    );
    let (add, remove) = (ServerAction::<api::AddTag>::new(), ServerAction::<api::DeleteTag>::new());
    let replicate = ServerAction::<Replicate>::new();
    load(data, move |found, me| {
        let (artifact, frame) = (found.found.artifact.clone(), found.frame.clone());
        let (project, repository, full) = (artifact.project.clone(), artifact.repository.clone(), artifact.digest.to_string());
        let fields = {
            let (project, repository, full) = (project.to_string(), repository.to_string(), full.clone());
            move || vec![("project", project.clone()), ("repository", repository.clone()), ("digest", full.clone())]
        };
        let name = reference(&me.registry, &artifact);
        let by_digest = format!("{}/{project}/{repository}@{full}", me.registry);
        let delete_right = if artifact.accessory.is_some() { Action::AccessoryDelete } else { Action::ArtifactDelete };
        let actions = if frame.may(delete_right) {
            let href = paths::artifact_delete(&project, &repository, &artifact.digest);
            view! { <a class="button" href=href>"Delete…"</a> }.into_any()
        } else {
            ().into_any()
        };
        let what = artifact.accessory.map_or(artifact.kind.label(), |kind| kind.label());
        let annotations = (!artifact.annotations.is_empty()).then(|| {
            let rows = artifact.annotations.iter().map(|(key, value)| view! {
                <tr><td><code>{key.clone()}</code></td><td class="wrap">{value.clone()}</td></tr>
            }).collect_view();
            view! { <section><h2>"Annotations"</h2><div class="card scroll"><table><tbody>{rows}</tbody></table></div></section> }
        });
        let tags = artifact.tags.iter().map(|tag| view! {
            <tr>
                <td><code>{tag.name.to_string()}</code></td>
                <td class="p2">{time(tag.pushed_at, me.now)}</td>
                <td class="p2">{when(tag.pulled_at, me.now, "never pulled")}</td>
                <td class="row-end">{frame.may(Action::TagDelete).then(|| {
                    let mut with = fields();
                    with.push(("tag", tag.name.to_string()));
                    one_button(remove, with, "button button--quiet button--small", "Remove", format!("tag {}", tag.name))
                })}</td>
            </tr>
        }).collect_view();
        let tag_table = if artifact.tags.is_empty() {
            view! { <p class="note">"No tag names it."</p> }.into_any()
        } else {
            view! {
                <div class="card scroll"><table>
                    <thead><tr><th scope="col">"Tag"</th><th scope="col" class="p2">"Set"</th><th scope="col" class="p2">"Pulled"</th>
                        <th scope="col" class="row-end"><span class="sr">"Actions"</span></th></tr></thead>
                    <tbody>{tags}</tbody>
                </table></div>
            }.into_any()
        };
        let add_tag = if frame.may(Action::TagCreate) {
            view! {
                <Form action=add class="form--row" with=fields()>
                    <Field name="name" label="New tag" required=true/>
                    <Checkbox name="may_move" label="Take it from another artifact"/>
                    <Buttons label="Add tag"/>
                </Form>
            }.into_any()
        } else {
            view! { <p class="note">"Adding tags needs the role Developer."</p> }.into_any()
        };
        let tree = tree_rows(&artifact, &found.found.tree, frame.may(Action::AccessoryDelete), &me);
        let tree = if tree.is_empty() {
            view! {
                <div class="empty card">
                    <h2>"Nothing is attached"</h2>
                    <p>"Sign it by its digest, so that the signature is for exactly these bytes."</p>
                    {code_line(format!("cosign sign --key cosign.key {by_digest}"))}
                </div>
            }.into_any()
        } else {
            view! {
                <div class="card scroll"><table class="table--tree">
                    <thead><tr><th scope="col">"Accessory"</th><th scope="col">"Digest"</th><th scope="col" class="num">"Size"</th>
                        <th scope="col" class="p2">"Pushed"</th><th scope="col" class="row-end"><span class="sr">"Actions"</span></th></tr></thead>
                    <tbody>{tree.into_iter().collect_view()}</tbody>
                </table></div>
            }.into_any()
        };
        let platforms = (!found.found.children.is_empty()).then(|| {
            let rows = found.found.children.iter().map(|child| view! {
                <tr>
                    <td><a href=paths::artifact(&project, &repository, &child.digest)>
                        {if child.platform.is_empty() { "image".to_owned() } else { child.platform.clone() }}</a></td>
                    <td>{digest(child.digest.as_str())}</td>
                    <td class="num">{bytes(child.size)}</td>
                </tr>
            }).collect_view();
            view! {
                <section><h2>"Platforms"</h2><div class="card scroll"><table>
                    <thead><tr><th scope="col">"Platform"</th><th scope="col">"Digest"</th><th scope="col" class="num">"Size"</th></tr></thead>
                    <tbody>{rows}</tbody></table></div></section>
            }
        });
        let parents = (!found.found.parents.is_empty()).then(|| {
            let links = found.found.parents.iter().map(|parent| view! {
                <li><a href=paths::artifact(&project, &repository, parent)><code>{parent.short()}</code></a></li>
            }).collect_view();
            view! { <section><h2>"Listed by"</h2><ul class="links">{links}</ul></section> }
        });
        let by_rule = (me.user.as_ref().is_some_and(|user| user.admin)).then(|| {
            let body = if found.rules.is_empty() {
                view! { <p class="note">"No replication rule takes this repository. "<a href=paths::rule_new()>"Make one"</a>"."</p> }.into_any()
            } else {
                found.rules.iter().map(|rule| {
                    let with = vec![("rule", rule.id.to_string()), ("artifact", artifact.id.to_string())];
                    let words = format!("Replicate by {} to {}", rule.input.name, rule.target_name);
                    one_button(replicate, with, "button", words, "")
                }).collect_view().into_any()
            };
            view! { <section id="replicate"><h2>"Replicate this artifact"</h2>{body}</section> }
        });
        view! {
            {way(&project, &repository, &artifact.digest.short())}
            {head(artifact.digest.short(), what, actions)}
            {facts(vec![
                ("Digest", digest(&full)),
                ("Signature", signed_pill(&artifact.attached, artifact.signed_by_index.is_some())),
                ("Type", view! { <code class="wrap">{artifact.artifact_type.clone()}</code> }.into_any()),
                ("Size", bytes(artifact.size)),
                ("Pushed", time(artifact.pushed_at, me.now)),
                ("Pulled", view! { {when(artifact.pulled_at, me.now, "never")}" · "{artifact.pull_count}" times" }.into_any()),
            ])}
            <div class="commands">{code_line(format!("docker pull {name}"))}{code_line(format!("docker pull {by_digest}"))}</div>
            <section><h2>"Attached"</h2>{tree}</section>
            {platforms}
            {parents}
            <section><h2>"Tags"</h2>{tag_table}{add_tag}</section>
            {by_rule}
            {annotations}
        }.into_any()
    })
}

#[component]
pub fn Delete() -> impl IntoView {
    let (project, repository, id) = (
        param::<ProjectName>("project", "project"),
        param::<RepositoryName>("repository", "repository"),
        param::<Digest>("digest", "artifact"),
    );
    let data = Resource::new(
        move || (project(), repository(), id()),
        |(project, repository, digest)| async move {
            let (project, repository) = (project?, repository?);
            let plan = api::plan(project.clone(), repository.clone(), digest?).await?;
            Ok((project, repository, plan))
        },
    );
    let delete = ServerAction::<api::Delete>::new();
    load(data, move |(project, repository, plan), _| {
        let own = paths::artifact(&project, &repository, &plan.digest);
        let item = |what: &str, name: String| view! { <li>{format!("{what} ")}<code>{name}</code></li> }.into_any();
        let mut along: Vec<AnyView> = plan.tags.iter().map(|tag| item("tag", tag.to_string())).collect();
        along.extend(plan.accessories.iter().map(|(kind, digest)| item(kind.label(), digest.short())));
        along.extend(plan.children.iter().map(|digest| item("platform image", digest.short())));
        let what = if along.is_empty() {
            view! { <p>"Nothing else goes with it."</p> }.into_any()
        } else {
            view! { <p>"With it go:"</p><ul class="links">{along}</ul> }.into_any()
        };
        let body = match plan.kept_by.first() {
            Some(index) => view! {
                <p class="note note--bad">"An index lists it, so it cannot be deleted by itself. Delete the index "
                    <a href=paths::artifact(&project, &repository, index)><code>{index.short()}</code></a>" first."</p>
                <a class="button" href=own>"Back"</a>
            }.into_any(),
            None => view! {
                {what}
                <p>{match plan.kept_for {
                    0 => format!("Frees {} in this repository. This cannot be undone.", model::stamp::bytes(plan.freed)),
                    ms => format!(
                        "It can be brought back for {} under Deleted. After that {} of this repository are freed.",
                        model::stamp::span(ms), model::stamp::bytes(plan.freed),
                    ),
                }}</p>
                <Form action=delete with=vec![
                    ("project", project.to_string()), ("repository", repository.to_string()), ("digest", plan.digest.to_string()),
                ]>
                    <Buttons label="Delete artifact" danger=true cancel=own/>
                </Form>
            }.into_any(),
        };
        view! {
            {way(&project, &repository, "Delete")}
            {head(format!("Delete {}?", plan.digest.short()), format!("In {project}/{repository}."), ().into_any())}
            <section class="card pad">{body}</section>
        }.into_any()
    })
}
