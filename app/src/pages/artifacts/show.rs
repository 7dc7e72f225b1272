//! One artifact: what it is, its tags and its tree.

use super::tree::tree_rows;
use super::{commands, forms, way, what};
use domain::artifacts::Reference;
use crate::pages::prelude::*;
use model::accessory::{Attachment, Kind};
use crate::pages::labels::chip;
use model::artifact::{Artifact, ArtifactPage, From};
use model::label::Label;
use model::project::ProjectFrame;
use model::replication::rule::Rule;
use model::Action;

pub async fn show(call: &Call) -> Shown {
    let (project, repository, id) = (call.project()?, call.repository()?, call.digest()?);
    let (ctx, who, now) = (&call.ctx, &call.who, call.me.now);
    let frame = domain::projects::frame(ctx, who, &project).await?;
    let from = |name: &str| call.query(name).parse().unwrap_or(0_i64).clamp(0, 1_000_000);
    let from = From { attached: from("attached"), children: from("platforms"), tags: from("tags") };
    let found = domain::artifacts::page(ctx, who, &project, &repository, &Reference::Digest(id), from).await?;
    // For who may replicate it.
    let rules = domain::replication::rules::of_repository(ctx, who, &project, &repository).await.unwrap_or_default();
    let usable = match call.me.user.is_some() && frame.may(Action::ArtifactLabelCreate) {
        true => domain::labels::usable(ctx, who, &project).await?,
        false => Vec::new(),
    };
    let artifact = &found.artifact;
    let (full, short) = (artifact.digest.to_string(), artifact.digest.short());
    let by_digest = format!("{}/{project}/{repository}@{full}", call.me.registry);
    let right = if artifact.accessory.is_some() { Action::AccessoryDelete } else { Action::ArtifactDelete };
    let delete = frame.may(right).then(|| view! {
        <a class="button" href=paths::artifact_delete(&project, &repository, &artifact.digest)>"Delete…"</a>
    });
    // Where else somebody may push is not looked for: whoever is signed in may have such a place.
    let copy = (call.me.user.is_some() && artifact.accessory.is_none()).then(|| view! {
        <a class="button" href=paths::artifact_copy(&project, &repository, &artifact.digest)>"Copy…"</a>
    });
    let block = frame.may(Action::ArtifactBlock).then(|| view! {
        <a class="button" href=paths::block(&paths::policy(&project), &full)>"Block…"</a>
    });
    let blocked = domain::artifacts::blocked(ctx, who, &project, &repository, &artifact.digest).await?;
    let is_blocked = blocked.is_some();
    let see = frame.may(Action::ArtifactBlock).then(|| view! { " "<a href=paths::policy(&project)>"See what is blocked"</a> });
    let blocked = blocked.map(|why| view! {
        <p class="note note--bad">{icon("lock")}<span>{format!("Nobody is served it: {}.", model::digest::short(&why))}{see}</span></p>
    });
    let page = Page::new(&short).way(way(&project, &repository, &short)).purpose(what(artifact)).actions(view! { {copy}{block}{delete} });
    if artifact.accessory.is_some() {
        return Ok(page.body(view! { {blocked}{accessory(call, &frame, &found, (from, is_blocked)).await?} }));
    }
    let lines = commands(&call.me, artifact, artifact.tags.first().map(|tag| &tag.name)).into_iter();
    let lines = lines.chain(artifact.tags.first().and_then(|_| commands(&call.me, artifact, None).into_iter().next()));
    let times = (artifact.pull_count > 0).then(|| format!(" · {}", model::stamp::count(artifact.pull_count, "time")));
    let kind = if artifact.artifact_type.is_empty() { artifact.media_type.clone() } else { artifact.artifact_type.clone() };
    let verify = artifact.attached.contains(&Kind::CosignSignature).then(|| code_line(format!("cosign verify --key cosign.pub{} {by_digest}", call.me.flag("cosign"))));
    Ok(page.body(view! {
        {blocked}
        {facts(vec![
            ("Digest", digest(&full)),
            ("Signature", signed_pill(artifact)),
            ("Type", view! { <code class="wrap">{kind}</code> }.into_any()),
            ("Size", bytes(artifact.size)),
            ("Pushed", time(artifact.pushed_at, now)),
            ("Pulled", view! { {when(artifact.pulled_at, now, "never pulled")}{times} }.into_any()),
        ])}
        {(!is_blocked).then(|| view! { <div class="commands">{lines.map(code_line).collect_view()}{verify}</div> })}
        <section><h2>"Attached"</h2>{attached(call, &frame, &found, Some(&by_digest), from)}</section>
        {platforms(call, &found, from)}
        {parents(&found)}
        <section><h2>"Tags"</h2>{tags(call, &frame, &found, from)}</section>
        {labels(call, &frame, artifact, &usable)}
        {call.me.admin().then(|| replicate(call, artifact, &rules))}
        {annotations(artifact)}
    }))
}

/// The page of an accessory: what it is attached to, and what it says.
async fn accessory(call: &Call, frame: &ProjectFrame, found: &ArtifactPage, (from, is_blocked): (From, bool)) -> Result<AnyView, UiError> {
    let artifact = &found.artifact;
    let (project, repository) = (&artifact.project, &artifact.repository);
    let said = match is_blocked {
        true => Vec::new(),
        false => domain::artifacts::said(&call.ctx, &call.who, project, repository, &artifact.digest).await?,
    };
    let subjects = found.subjects.iter().map(|subject| {
        let way = match subject.attachment {
            Attachment::Subject => "as referrer",
            Attachment::CosignTag => "by tag",
            Attachment::IndexChild => "listed beside it by an index",
        };
        let name = match subject.here {
            true => view! { <a href=paths::artifact(project, repository, &subject.digest)><code>{subject.digest.short()}</code></a> }.into_any(),
            false => view! { {digest(subject.digest.as_str())}<span class="tree__of">"not in this repository (yet)"</span> }.into_any(),
        };
        let past = subject.superseded.then_some(", no longer in force: its tag names another one, or is gone");
        view! { <li>{name}<span class="tree__of">{way}{past}</span></li> }
    });
    let says = said.into_iter().map(|(name, value)| view! { <tr><td>{name}</td><td class="wrap"><code>{value}</code></td></tr> });
    let says = says.collect_view();
    let says = (!says.is_empty()).then(|| view! {
        <section><h2>"What it says"</h2>
            <p class="note">"As it says of itself: nobody verified it."</p>
            <div class="card scroll"><table><tbody>{says}</tbody></table></div></section>
    });
    let attached = (!found.tree.is_empty()).then(|| view! { <section><h2>"Attached to it"</h2>{attached(call, frame, found, None, from)}</section> });
    let tags = (!artifact.tags.is_empty()).then(|| view! { <section><h2>"Tags"</h2>{tags(call, frame, found, from)}</section> });
    Ok(view! {
        {facts(vec![
            ("Digest", digest(artifact.digest.as_str())),
            ("Attached to", view! { <ul class="links">{subjects.collect_view()}</ul> }.into_any()),
            ("Type", view! { <code class="wrap">{artifact.artifact_type.clone()}</code> }.into_any()),
            ("Size", bytes(artifact.size)),
            ("Pushed", time(artifact.pushed_at, call.me.now)),
        ])}
        <div class="commands">{commands(&call.me, artifact, None).into_iter().map(code_line).collect_view()}</div>
        {says}
        {attached}
        {tags}
        {annotations(artifact)}
    }.into_any())
}

/// "and 1,280 more": the way to what a page leaves out, or back.
fn more(call: &Call, name: &str, from: i64, shown: usize, left: i64) -> AnyView {
    let link = |to: i64| paths::with(call.path(), &[(name, if to > 0 { to.to_string() } else { String::new() }.as_str())]);
    let next = (left > 0).then(|| view! { <a class="button" href=link(from + shown as i64) rel="next">{format!("and {} more", model::stamp::grouped(left))}</a> });
    let first = (from > 0).then(|| view! { <a class="button" href=link(0)>"From the first"</a> });
    (next.is_some() || first.is_some()).then(|| view! { <nav class="pager" aria-label=format!("More {name}")>{first}{next}</nav> }).into_any()
}

fn attached(call: &Call, frame: &ProjectFrame, found: &ArtifactPage, by_digest: Option<&str>, from: From) -> AnyView {
    let rows = tree_rows(&found.artifact, &found.tree, frame.may(Action::AccessoryDelete), &call.me);
    if rows.is_empty() && from.attached == 0 {
        let sign = by_digest.map(|by_digest| view! {
            <p>"Sign it by its digest, so that the signature is for exactly these bytes."</p>
            {code_line(format!("cosign sign --key cosign.key{} {by_digest}", call.me.flag("cosign")))}
        });
        return view! {
            <div class="empty card">
                <h2>"Nothing is attached"</h2>
                {sign}
            </div>
        }
        .into_any();
    }
    let headings = view! {
        <th scope="col">"Accessory"</th><th scope="col">"Digest"</th><th scope="col" class="num">"Size"</th>
        <th scope="col" class="p2">"Pushed"</th>{actions_heading()}
    };
    // A page of them is counted as they hang directly under it.
    view! { {table("table--tree", headings, rows)}{more(call, "attached", from.attached, found.tree.len(), found.tree_more)} }.into_any()
}

fn platforms(call: &Call, found: &ArtifactPage, from: From) -> Option<AnyView> {
    let (project, repository) = (&found.artifact.project, &found.artifact.repository);
    let rows: Vec<AnyView> = found.children.iter().map(|child| {
        let platform = if child.platform.is_empty() { "image".to_owned() } else { child.platform.clone() };
        let name = match child.here {
            true => view! { <a href=paths::artifact(project, repository, &child.digest)>{platform}</a> }.into_any(),
            false => platform.into_any(),
        };
        let mark = match (child.here, child.signed) {
            (false, _) => Some(pill(Tone::Warn, "warn", "Not here")),
            (true, signed) => signed.then(|| pill(Tone::Neutral, "seal", "Signed")),
        };
        view! {
            <tr>
                <td>{name}</td>
                <td>{digest(child.digest.as_str())}</td>
                <td>{mark}</td>
                <td class="num">{child.here.then(|| bytes(child.size))}</td>
            </tr>
        }
        .into_any()
    }).collect();
    let headings = view! { <th scope="col">"Platform"</th><th scope="col">"Digest"</th><th scope="col">"Signature"</th><th scope="col" class="num">"Size"</th> };
    let shown = rows.len();
    (shown > 0 || from.children > 0).then(|| view! {
        <section><h2>"Platforms"</h2>{table("", headings, rows)}{more(call, "platforms", from.children, shown, found.children_more)}</section>
    }.into_any())
}

fn parents(found: &ArtifactPage) -> Option<AnyView> {
    let (project, repository) = (&found.artifact.project, &found.artifact.repository);
    let links = found.parents.iter().map(|parent| view! {
        <li><a href=paths::artifact(project, repository, parent)><code>{parent.short()}</code></a></li>
    });
    let links = links.collect_view();
    (!links.is_empty()).then(|| view! { <section><h2>"Listed by"</h2><ul class="links">{links}</ul></section> }.into_any())
}

/// The labels it carries, and those that can be put on.
fn labels(call: &Call, frame: &ProjectFrame, artifact: &Artifact, usable: &[Label]) -> AnyView {
    let with = || vec![
        ("project", artifact.project.to_string()), ("repository", artifact.repository.to_string()), ("digest", artifact.digest.to_string()),
    ];
    let may = frame.may(Action::ArtifactLabelDelete);
    let on = artifact.labels.iter().map(|label| {
        let off = may.then(|| {
            let mut with = with();
            with.extend([("label", label.id.to_string()), ("off", "true".to_owned())]);
            call.button::<crate::pages::labels::forms::Put>(with, "Take off").quiet().more(format!("the label {}", label.input.name)).into_render()
        });
        view! { <li data-key=label.id.to_string()>{chip(label)}{off}</li> }
    });
    let left: Vec<(String, String)> = usable.iter().filter(|label| !artifact.labels.iter().any(|on| on.id == label.id))
        .map(|label| (label.id.to_string(), label.input.name.clone())).collect();
    let add = (!left.is_empty()).then(|| {
        let form = call.form::<crate::pages::labels::forms::Put>().with(with()).class("form--row");
        form.of(view! { {form.choice("label", "Label", left)}{buttons("Put on")} })
    });
    if artifact.labels.is_empty() && add.is_none() {
        return ().into_any();
    }
    view! { <section><h2>"Labels"</h2><ul class="links labels">{on.collect_view()}</ul>{add}</section> }.into_any()
}

fn tags(call: &Call, frame: &ProjectFrame, found: &ArtifactPage, from: From) -> AnyView {
    let artifact = &found.artifact;
    let with = || vec![
        ("project", artifact.project.to_string()), ("repository", artifact.repository.to_string()), ("digest", artifact.digest.to_string()),
    ];
    let may_remove = frame.may(Action::TagDelete);
    let rows: Vec<AnyView> = artifact.tags.iter().map(|tag| {
        let remove = (may_remove && tag.locked.is_none()).then(|| {
            let mut with = with();
            with.push(("tag", tag.name.to_string()));
            // Machinery's tags are more than names: a signature or a list may end with them.
            if call.ctx.settings.recycle == 0 || domain::manifest::machinery_subject(&tag.name).is_some() {
                let href = paths::tag_remove(&artifact.project, &artifact.repository, &artifact.digest, tag.name.as_str());
                return view! { <a class="button button--quiet button--small" href=href>"Remove…"<span class="sr">{format!(" tag {}", tag.name)}</span></a> }.into_any();
            }
            call.button::<forms::DeleteTag>(with, "Remove").quiet().more(format!("tag {}", tag.name)).into_render().into_any()
        });
        let locked = tag.locked.clone().map(|rule| view! { " "{pill(Tone::Neutral, "lock", "Immutable")}<span class="tree__of">{rule}</span> });
        view! {
            <tr data-key=tag.name.to_string()>
                <td class="wrap"><code>{tag.name.to_string()}</code>{locked}</td>
                <td class="p2">{time(tag.pushed_at, call.me.now)}</td>
                <td class="p2">{when(tag.pulled_at, call.me.now, "never pulled")}</td>
                <td class="row-end"><span class="row-actions">
                    {copy_button(commands(&call.me, artifact, Some(&tag.name)).swap_remove(0), "pull command")}{remove}
                </span></td>
            </tr>
        }
        .into_any()
    }).collect();
    let headings = view! {
        <th scope="col">"Tag"</th><th scope="col" class="p2">"Set"</th><th scope="col" class="p2">"Pulled"</th>{actions_heading()}
    };
    let list = match rows.len() {
        0 => view! { <p class="note">"No tag names it."</p> }.into_any(),
        n => view! { {table("", headings, rows)}{more(call, "tags", from.tags, n, found.tags_more)} }.into_any(),
    };
    let add = if frame.may(Action::TagCreate) {
        let form = call.form::<forms::AddTag>().with(with()).class("form--row");
        form.of(view! {
            {form.text("name", "New tag").required()}
            {form.tick("may_move", "Move tag here, if another artifact has it")}
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
        <tr><td class="wrap"><code>{key.clone()}</code></td><td class="wrap">{value.clone()}</td></tr>
    });
    let rows = rows.collect_view();
    if artifact.annotations_left_out {
        let why = "They are longer than 16 KiB and left out here: the manifest has them.";
        return Some(view! { <section><h2>"Annotations"</h2><p class="note">{why}</p></section> }.into_any());
    }
    (!rows.is_empty()).then(|| view! {
        <section><h2>"Annotations"</h2><div class="card scroll"><table><tbody>{rows}</tbody></table></div></section>
    }.into_any())
}
