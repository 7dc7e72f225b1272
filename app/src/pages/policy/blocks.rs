//! Blocks: what is served by no door, and the page of one digest: where it stands, who fetched it, blocking it and taking it away.

use super::{forms, place, way};
use crate::pages::owner;
use crate::pages::prelude::*;
use domain::{Owner, blocks};
use model::block::{Block, Holder, MOST};
use model::stamp::count;
use model::{Action, Digest, ProjectName, RepositoryName};

/// Days that are looked back for who fetched it.
const BACK: i64 = 90;

/// The blocks, on the policy's page.
pub async fn section(call: &Call, owner: &Owner) -> Result<AnyView, UiError> {
    let all = blocks::list(&call.ctx, &call.who, owner).await?;
    let rows: Vec<AnyView> = all.iter().map(|block| row(call, owner, block)).collect();
    let body = match rows.is_empty() {
        true => view! { <p>"Nothing is blocked."</p> }.into_any(),
        false => {
            let by = view! { <th scope="col" class="p2">"By"</th><th scope="col" class="p2">"Since"</th> };
            table("", view! { <th scope="col">"Digest"</th><th scope="col">"Reason"</th>{by} }, rows)
        }
    };
    let own = all.iter().filter(|block| !block.of_system || *owner == Owner::System).count();
    let new = (own < MOST).then(|| view! { <a class="button" href=paths::block(&place(owner), "")>"Block a digest"</a> });
    Ok(view! {
        <section class="stack" id="blocked">
            <h2>"Blocked"</h2>
            <p class="note">"A digest that is blocked is served to nobody, nor is what contains it: an index that lists it, an image made of it. \
                Who asks for it reads the reason. \
                Who fetched it before is on its page."</p>
            {body}<div class="form__buttons">{new}</div>
        </section>
    }
    .into_any())
}

fn row(call: &Call, owner: &Owner, block: &Block) -> AnyView {
    let foreign = block.of_system && *owner != Owner::System;
    let of = foreign.then(|| pill(Tone::Info, "lock", "Of the system"));
    view! {
        <tr>
            <td><a href=paths::block(&place(owner), block.digest.as_str())><code>{block.digest.short()}</code></a>" "{of}</td>
            <td class="wrap">{block.reason.clone()}</td>
            <td class="p2">{block.by.clone()}</td>
            <td class="p2">{time(block.at, call.me.now)}</td>
        </tr>
    }
    .into_any()
}

/// One digest; without one, which.
pub async fn show(call: &Call) -> Shown {
    let owner = owner::of(call)?;
    // Who may not block learns it before the form.
    blocks::list(&call.ctx, &call.who, &owner).await?;
    let title = "Block a digest";
    let Ok(digest) = call.query("digest").trim().parse::<Digest>() else {
        let page = Page::new(title).way(way(&owner, title)).purpose("Of an image, an index, a signature, or of a layer or configuration.");
        return Ok(page.body(view! { <section class="card pad">{form(call, &owner, None)}</section> }));
    };
    let block = blocks::get(&call.ctx, &call.who, &owner, &digest).await?;
    let held = blocks::holders(&call.ctx, &call.who, &owner, &digest).await?;
    let gone = blocks::deleted_holders(&call.ctx, &call.who, &owner, &digest).await?;
    let (short, foreign) = (digest.short(), |block: &Block| block.of_system && owner != Owner::System);
    let (head, lift) = match &block {
        None => (view! { <section class="card pad"><h2>"Block it"</h2>{form(call, &owner, Some(&digest))}</section> }.into_any(), None),
        Some(block) => {
            let lift = (!foreign(block)).then(|| {
                let with = vec![("project", owner::field(&owner)), ("digest", digest.to_string())];
                call.button::<forms::LiftBlock>(with, "Lift the block").into_render()
            });
            let whole = if foreign(block) { "in every project, by a block of the system" } else { "nobody is served it, nor anything that contains it" };
            let head = view! {
                <p class="note note--bad">{icon("lock")}<span>{format!("Blocked: {whole}. The reason: {}", block.reason)}
                    <span class="tree__of">{format!("by {}, ", block.by)}{time(block.at, call.me.now)}</span></span></p>
            };
            (head.into_any(), lift)
        }
    };
    let parts = parts(call, &owner, &held, &digest).await?;
    let may_delete = match &owner {
        Owner::System => true,
        Owner::Project(name) => domain::projects::frame(&call.ctx, &call.who, name).await?.may(Action::ArtifactDelete),
    };
    let purge = (block.is_some() && may_delete && !held.is_empty()).then(|| view! {
        <a class="button button--danger" href=paths::block_purge(&place(&owner), digest.as_str())>"Delete it everywhere…"</a>
    });
    let title = if block.is_some() { format!("Blocked: {short}") } else { format!("Block {short}") };
    let page = Page::new(title).way(way(&owner, &short)).purpose(stands(&owner, &held)).actions(view! { {lift}{purge} });
    Ok(page.body(view! {
        {head}
        {facts(vec![("Digest", crate::ui::digest(digest.as_str())), ("Fetched", fetched(call, &owner, digest.as_str(), !held.is_empty() || !gone.is_empty()))])}
        {parts}
        {where_it_stands(call, &held, &gone)}
    }))
}

/// What the artifact is made of: whoever knows a layer's digest is served it still, and so is another image that has it.
async fn parts(call: &Call, owner: &Owner, held: &[Holder], digest: &Digest) -> Result<AnyView, UiError> {
    let Some(one) = held.iter().find(|holder| holder.itself) else { return Ok(().into_any()) };
    let parts = domain::artifacts::made_of(&call.ctx, &call.who, &one.project, &one.repository, digest).await?;
    let rows: Vec<AnyView> = parts.iter().map(|(part, size)| view! {
        <li><a href=paths::block(&place(owner), part.as_str())><code>{part.short()}</code></a><span class="tree__of">{model::stamp::bytes(*size)}</span></li>
    }.into_any()).collect();
    Ok((!rows.is_empty()).then(|| view! {
        <section><h2>"What it is made of"</h2>
            <p class="note">"Blocking the image leaves its layers: who knows a digest fetches it, and another image may \
                have it too. Where the harm is in one, block that."</p>
            <ul class="links">{rows}</ul></section>
    }).into_any())
}

fn stands(owner: &Owner, held: &[Holder]) -> String {
    let whole = match owner {
        Owner::System => "in all projects".to_owned(),
        Owner::Project(name) => format!("in {name}"),
    };
    match held.len() {
        0 => format!("Nothing {whole} contains it now."),
        n => format!("{} {whole} {} it.", count(n as i64, "artifact"), if n == 1 { "contains" } else { "contain" }),
    }
}

/// The way to the log of who pulled it.
fn log(call: &Call, owner: &Owner, digest: &str) -> String {
    let from = &call.me.now.plus_days(-BACK).rfc3339()[..10];
    let place = owner::place(owner, paths::audit, paths::project_audit);
    paths::with(&place, &[("action", "artifact.pull"), ("q", digest), ("from", from)])
}

fn fetched(call: &Call, owner: &Owner, digest: &str, more: bool) -> AnyView {
    let also = more.then(|| view! { <span class="tree__of">"By this digest. Who fetched what contains it is beside each below."</span> });
    view! { <a href=log(call, owner, digest)>{format!("Who fetched it in the last {BACK} days")}</a>{also} }.into_any()
}

fn where_it_stands(call: &Call, held: &[Holder], gone: &[(ProjectName, RepositoryName, Digest)]) -> AnyView {
    if held.is_empty() && gone.is_empty() {
        return ().into_any();
    }
    let rows = held.iter().map(|holder| {
        let name = format!("{}/{}", holder.project, holder.repository);
        let tags = holder.tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let log = log(call, &Owner::Project(holder.project.clone()), holder.digest.as_str());
        view! {
            <tr>
                <td class="wrap"><a href=paths::artifact(&holder.project, &holder.repository, &holder.digest)>{name}"@"<code>{holder.digest.short()}</code></a>
                    <span class="tree__of">{tags}</span></td>
                <td>{if holder.itself { "it is this digest" } else { "it contains it" }}</td>
                <td class="num">{holder.pull_count}</td>
                <td class="p2">{when(holder.pulled_at, call.me.now, "never pulled")}</td>
                <td><a href=log>"Who fetched it"<span class="sr">{format!(" from {}", holder.digest.short())}</span></a></td>
            </tr>
        }
        .into_any()
    });
    let deleted = gone.iter().map(|(project, repository, digest)| {
        let log = log(call, &Owner::Project(project.clone()), digest.as_str());
        view! {
            <tr>
                <td class="wrap">{format!("{project}/{repository}@")}<code>{digest.short()}</code></td>
                <td><a href=paths::deletions(project)>"deleted, kept for an undo"</a></td>
                <td class="num"></td><td class="p2"></td>
                <td><a href=log>"Who fetched it"<span class="sr">{format!(" from {}", digest.short())}</span></a></td>
            </tr>
        }
        .into_any()
    });
    let rows = rows.chain(deleted).collect();
    let headings = view! {
        <th scope="col">"Where it stands"</th><th scope="col">"How"</th><th scope="col" class="num">"Pulls"</th><th scope="col" class="p2">"Last pulled"</th>
        <th scope="col">"Log"</th>
    };
    table("", headings, rows)
}

fn form(call: &Call, owner: &Owner, digest: Option<&Digest>) -> AnyView {
    let form = call.form::<forms::Block>();
    let project = ("project", owner::field(owner));
    match digest {
        Some(digest) => {
            let form = form.with(vec![project, ("digest", digest.to_string())]);
            form.of(view! { {form.text("reason", "Reason").required().help(REASON)}{buttons("Block it").danger()} })
        }
        None => {
            let form = form.with(vec![project]);
            form.of(view! {
                {form.text("digest", "Digest").required().focus().value(call.query("digest")).placeholder("sha256:…")}
                {form.text("reason", "Reason").required().help(REASON)}
                {buttons("Block it").danger().cancel(place(owner))}
            })
        }
    }
}

const REASON: &str = "Clients that are refused read it, such as: holds a leaked key, pull 1.4.2 instead. At most 300 characters.";

/// What deleting it everywhere takes away.
pub async fn purge(call: &Call) -> Shown {
    let owner = owner::of(call)?;
    let digest = call.query("digest").trim().parse::<Digest>().map_err(|_| UiError::NotFound("this digest".to_owned()))?;
    if blocks::get(&call.ctx, &call.who, &owner, &digest).await?.is_none() {
        return Err(UiError::NotFound(format!("a block of {}", digest.short())));
    }
    let held = blocks::holders(&call.ctx, &call.who, &owner, &digest).await?;
    let mut says = vec![stands(&owner, &held)];
    says.extend(held.iter().take(10).map(|holder| format!("{}/{}@{}", holder.project, holder.repository, holder.digest.short())));
    says.push("Each is deleted with what hangs on it, and can be brought back from Deleted once the block is lifted. What an immutable tag keeps stays.".to_owned());
    let form = call.form::<forms::PurgeBlocked>().with(vec![("project", owner::field(&owner)), ("digest", digest.to_string())]);
    let page = Page::new(format!("Delete {} everywhere?", digest.short())).way(way(&owner, "Delete everywhere"));
    Ok(page.body(confirm(&form, says, (), "Delete everywhere", paths::block(&place(&owner), digest.as_str()))))
}
