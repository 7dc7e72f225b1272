//! Quotas: how much projects hold and may, of all and of one.

pub mod forms;

use crate::pages::prelude::*;
use domain::projects::Filter;
use model::ProjectName;
use model::list::Query;
use model::quota::{self, HEADROOM, Quota};
use model::repository::Repository;

/// Every project, the fullest first.
pub async fn list(call: &Call) -> Shown {
    let mut f = call.filter(&[]);
    if f.sort.is_empty() {
        f.sort = "-used".to_owned();
    }
    let found = domain::quotas::list(&call.ctx, &call.who, &f.ask(), &Filter::default()).await?;
    let usual = domain::configuration::get(&call.ctx, &call.who).await?.0;
    let nothing = || empty("No project yet", "What a project holds shows here, and how much it may.", ());
    let headings = view! {
        {heading(&f, "name", "Project", "")}
        <th scope="col" class="p2">"Owner"</th>
        {heading(&f, "used", "Used", "")}
        {heading(&f, "limit", "Limit", "num")}
        {heading(&f, "stored", "With deleted and garbage", "num p2")}
    };
    let body = listing(&f, &found, nothing, headings, |project| view! {
        <tr>
            <td><a href=paths::project_storage(&project.name)>{project.name.to_string()}</a></td>
            <td class="p2">{project.owner_name.clone()}</td>
            <td>{crate::ui::quota::used(&project.quota)}</td>
            <td class="num">{project.quota.limit.map_or("none".to_owned(), model::stamp::bytes)}</td>
            <td class="num p2">{bytes(project.storage.stored)}</td>
        </tr>
    }.into_any());
    let new = match (usual.quota_per_project_enable, quota::from_number(usual.storage_per_project)) {
        (false, _) => "Limits are switched off: no push is refused for its size.".to_owned(),
        (true, None) => "A new project may hold as much as the disk takes.".to_owned(),
        (true, Some(limit)) => format!("A new project may hold {}.", model::stamp::bytes(limit)),
    };
    let page = Page::new("Quotas").way(vec![("Quotas".into(), String::new())]).purpose("How much each project holds, and how much it may.");
    Ok(page.body(view! {
        <p class="note"><span>{new}" "<a href=paths::settings()>"Change it in the settings"</a></span></p>
        {filter_bar(&f, "Search by name", found.total, "project", ())}
        {body}
    }))
}

/// Repositories that are shown of a project.
const LARGEST: i64 = 10;

/// One project: what it holds, what is largest, and its limit.
pub async fn show(call: &Call) -> Shown {
    let name = call.project()?;
    let project = domain::projects::frame(&call.ctx, &call.who, &name).await?.project;
    let waiting = domain::deletions::waiting(&call.ctx, &call.who, &name).await?;
    let largest = Query { sort: "-stored".to_owned(), ..Query::all(LARGEST) };
    let repositories = domain::repositories::list(&call.ctx, &call.who, &name, &largest).await?.items;
    let (quota, stored) = (project.quota, project.storage.stored);
    let garbage = (stored - quota.used - waiting.bytes).max(0);
    let kept = view! {
        {bytes(waiting.bytes)}
        {(waiting.deletions > 0).then(|| view! { <span class="tree__of"><a href=paths::deletions(&name)>"Look through them"</a></span> })}
    };
    let limit = quota.limit.map_or("none: as much as the disk takes".to_owned(), model::stamp::bytes);
    let body = view! {
        {warning(call, &name, &quota)}
        {(!call.ctx.configuration().quota_per_project_enable).then(|| view! {
            <p class="note note--warn">"Limits are switched off in the settings: no push is refused for its size."</p>
        })}
        <section class="card pad">
            <h2>"Used"</h2>
            <p class="fill--wide">{crate::ui::quota::used(&quota)}</p>
            <p class="note">{counted(quota.limit.is_some())}</p>
        </section>
        {facts(vec![
            ("Living artifacts", bytes(quota.used)),
            ("Limit", view! { {limit} }.into_any()),
            ("Deleted, can be undone", kept.into_any()),
            ("Unused, until the next collection", bytes(garbage)),
        ])}
        {call.me.admin().then(|| set(call, &name, quota))}
        {(!repositories.is_empty()).then(|| table_of(&name, &repositories, stored))}
    };
    let purpose = format!("What {name} holds, and how much it may.");
    Ok(Page::new("Storage").way(crate::pages::projects::way(&name, "Storage")).purpose(purpose).body(body))
}

fn counted(limited: bool) -> String {
    let counted = "What living artifacts are made of counts, each blob once. Deleted artifacts and unused blobs do not.";
    match limited {
        false => counted.to_owned(),
        true => format!(
            "{counted} Deleted artifacts are kept while they and the living ones are under twice the limit; past that the oldest \
             deletions go for good, first. Signatures and \
             attestations may go up to {} beyond the limit.",
            model::stamp::bytes(HEADROOM)
        ),
    }
}

/// What a project that is short of room says on its pages.
pub fn warning(call: &Call, name: &ProjectName, quota: &Quota) -> AnyView {
    if !call.ctx.configuration().quota_per_project_enable {
        return ().into_any();
    }
    let (class, words) = match quota.percent() {
        Some(100..) => ("note note--bad", "is full: pushes that bring anything new are refused. Signatures still fit."),
        Some(_) if quota.is_short() => ("note note--warn", "is almost full: pushes that do not fit are refused."),
        _ => return ().into_any(),
    };
    let words = format!("{name} {words} {} are used.", quota.said());
    let storage = paths::project_storage(name);
    let see = (call.path() != storage).then(|| view! { " "<a href=storage>"See what is largest"</a> });
    view! { <p class=class>{icon("warn")}<span>{words}{see}</span></p> }.into_any()
}

fn set(call: &Call, name: &ProjectName, quota: Quota) -> AnyView {
    let form = call.form::<forms::Set>().with(vec![("project", name.to_string())]);
    view! {
        <section class="card pad">
            <h2>"Limit"</h2>
            {form.of(view! {
                {form.text("limit", "How much it may hold").value(quota::written(quota.limit)).placeholder("no limit")
                    .help("Such as 500 MB or 10 GiB; empty for no limit. Below what is used nothing is removed, and nothing more is taken but signatures.")}
                {buttons("Save limit")}
            })}
        </section>
    }
    .into_any()
}

fn table_of(name: &ProjectName, repositories: &[Repository], stored: i64) -> AnyView {
    let headings = view! {
        <th scope="col">"Largest repositories"</th><th scope="col" class="num">"Artifacts"</th><th scope="col" class="num">"Stored"</th>
        <th scope="col" class="p2"><span class="sr">"Part"</span></th>
    };
    let rows = repositories.iter().map(|repository| {
        let part = Quota { used: repository.storage.stored, limit: Some(stored.max(1)) }.percent().unwrap_or(0).clamp(0, 100);
        let by_size = paths::with(&paths::repository(name, &repository.name), &[("sort", "-size")]);
        view! {
            <tr>
                <td><a href=by_size>{repository.name.to_string()}</a></td>
                <td class="num">{repository.artifact_count}</td>
                <td class="num">{bytes(repository.storage.stored)}</td>
                <td class="p2">{crate::ui::quota::bar(part, "fill__alone")}</td>
            </tr>
        }
        .into_any()
    }).collect();
    table("", headings, rows)
}
