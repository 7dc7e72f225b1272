//! The audit log: of the system and of a project.

use crate::pages::prelude::*;
use domain::audit::{self, Asked, LOOKED};
use model::audit::{Entry, Outcome, words};
use model::{ProjectName, Stamp};

const FACETS: [&str; 5] = ["who", "action", "outcome", "from", "to"];

pub async fn of_system(call: &Call) -> Shown {
    page(call, None).await
}

pub async fn of_project(call: &Call) -> Shown {
    let project = call.project()?;
    page(call, Some(project)).await
}

/// A day of the address, in ms: its beginning, or its end.
fn day(text: &str, end: bool) -> Option<Stamp> {
    Stamp::day(text).map(|begin| if end { Stamp(begin.0 + 86_399_999) } else { begin })
}

async fn page(call: &Call, project: Option<ProjectName>) -> Shown {
    let f = call.filter(&FACETS);
    let text = |name: &str| f.facet(name).trim().to_owned();
    let asked = Asked {
        actor: Some(text("who")).filter(|who| !who.is_empty()),
        kinds: Some(text("action")).filter(|kind| !kind.is_empty()).into_iter().collect(),
        text: f.q.trim().to_owned(),
        outcome: Outcome::from_key(f.facet("outcome")),
        from: day(&text("from"), false),
        to: day(&text("to"), true),
    };
    let wrong = ["from", "to"].into_iter().find(|name| !text(name).is_empty() && day(&text(name), false).is_none());
    let wrong = match (wrong, asked.from, asked.to) {
        (Some(name), ..) => Some(format!("The day {:?} is none: it must read 2026-01-31. It was left out.", text(name))),
        (None, Some(from), Some(to)) if from > to => Some("The first day comes after the last: nothing can lie between.".to_owned()),
        _ => None,
    };
    let wrong = wrong.map(|words| view! { <p class="note note--warn">{words}</p> });
    let found = audit::list(&call.ctx, &call.who, project.as_ref(), &asked, f.after.parse().ok(), model::list::PAGE).await?;
    let rows: Vec<AnyView> = found.items.iter().map(|entry| row(call, &f, entry, project.is_some())).collect();
    let list = match rows.is_empty() {
        true if found.further.is_some() => ().into_any(),
        true if f.narrows() => no_match(f.path.clone()),
        true => empty("Nothing yet", "What people and robot accounts do is written here.", ()),
        false => {
            let place = project.is_none().then(|| view! { <th scope="col" class="p2">"Project"</th> });
            let headings = view! {
                <th scope="col">"When"</th><th scope="col">"Who"</th><th scope="col">"Did what"</th>{place}
                <th scope="col" class="p2">"From"</th>
            };
            table("", headings, rows)
        }
    };
    let further = found.further.map(|further| {
        let said = format!("That is all among the {} rows that were looked through.", model::stamp::grouped(LOOKED));
        let href = f.link(&[("after", &further.to_string())]);
        view! { <p class="note">{said}" "<a class="button" href=href rel="next">"Look further"</a></p> }
    });
    let next = found.further.is_none().then(|| pager(&f, found.next.map(|next| next.to_string())));
    let (title, way, purpose) = match &project {
        None => ("Audit log", vec![("Audit log".to_owned(), String::new())], "Who did what, when and from where, on the whole server.".to_owned()),
        Some(name) => ("Log", crate::pages::projects::way(name, "Log"), format!("Who did what in {name}, when and from where.")),
    };
    let export = |format: &'static str, words: &'static str| {
        let base = match &project {
            None => "/api/v2.0/audit-logs/export".to_owned(),
            Some(name) => format!("/api/v2.0/projects/{name}/logs/export"),
        };
        let mut asks = vec![("format", format), ("text", f.q.as_str())];
        asks.extend(FACETS.map(|name| (name, f.facet(name))));
        view! { <a class="button" href=paths::with(&base, &asks) download="">{words}</a> }
    };
    let actions = view! { {export("csv", "These as CSV")}{export("jsonl", "as JSON lines")} };
    let forwarded = match &project {
        None => forwarded(call).await?,
        Some(_) => ().into_any(),
    };
    Ok(Page::new(title).way(way).purpose(purpose).actions(actions).body(view! { {forwarded}{filter(&f)}{wrong}{list}{further}{next} }))
}

/// How forwarding stands, where events are forwarded.
async fn forwarded(call: &Call) -> Result<AnyView, UiError> {
    const HOUR: i64 = 3_600_000;
    let Some(status) = domain::forward::status(&call.ctx, &call.who).await? else { return Ok(().into_any()) };
    let waits = status.oldest.map_or(0, |oldest| call.me.now.0 - oldest.0);
    let receiver = status.receiver;
    let (class, words) = match (status.up, waits) {
        (true, ..60_000) => ("note", format!("Every event is forwarded to {receiver}.")),
        (true, _) => ("note note--warn", format!("Forwarding to {receiver} is behind.")),
        (false, ..HOUR) if status.error.is_empty() => ("note", format!("Forwarding to {receiver} begins.")),
        (false, ..HOUR) => ("note note--warn", format!("Nothing can be forwarded to {receiver}: {}. It is tried again and again.", status.error)),
        (false, _) => ("note note--bad", format!("Nothing could be forwarded to {receiver} for {}: {}.", model::stamp::span(waits), status.error)),
    };
    let left = (waits >= 60_000).then(|| {
        let (events, bytes, keep) = (model::stamp::count(status.waiting, "event"), model::stamp::bytes(status.bytes), model::stamp::bytes(status.keep));
        format!(" {events} of {bytes} wait; past {keep} the oldest are lost.")
    });
    Ok(view! { <p class=class><span>{words}{left}</span></p> }.into_any())
}

/// One form for all that narrows.
fn filter(f: &ListAddress) -> AnyView {
    let value = |name: &str| f.facet(name).to_owned();
    let kinds = audit::kinds().iter().map(|kind| {
        let selected = f.facet("action") == *kind;
        view! { <option value=*kind selected=selected>{words(kind)}</option> }
    });
    let outcomes = [("", "any outcome"), ("done", "done"), ("refused", "refused")].map(|(key, words)| {
        let selected = f.facet("outcome") == key;
        view! { <option value=key selected=selected>{words}</option> }
    });
    let clear = f.narrows().then(|| view! { <a class="button" href=f.path.clone()>"Clear"</a> });
    view! {
        <form class="filter-bar filter-bar--form" method="get" action=f.path.clone() role="search">
            <input type="search" name="q" value=f.q.clone() placeholder="Thing, address, request"
                aria-label="Part of a thing, an address or a request's number" data-filter="true"/>
            <input type="text" name="who" value=value("who") placeholder="Who" aria-label="Whole name of whoever did it" autocapitalize="none" spellcheck="false"/>
            <select name="action" aria-label="Action"><option value="">"any action"</option>{kinds.collect_view()}</select>
            <select name="outcome" aria-label="Outcome">{outcomes.into_iter().collect_view()}</select>
            <label>"from "<input type="date" name="from" value=value("from")/></label>
            <label>"to "<input type="date" name="to" value=value("to")/></label>
            <button type="submit" class="button">"Show"</button>{clear}
        </form>
    }
    .into_any()
}

fn row(call: &Call, f: &ListAddress, entry: &Entry, within: bool) -> AnyView {
    let now = call.me.now;
    let times = (entry.times > 1).then(|| view! {
        <span class="tree__of">{format!("{} times, the last ", model::stamp::grouped(entry.times))}{time(entry.last_at, now)}</span>
    });
    let who = match entry.actor.as_str() {
        "" => view! { <span class="muted">"nobody known"</span> }.into_any(),
        name => view! { <a href=f.link(&[("who", name)])>{name.to_owned()}</a> }.into_any(),
    };
    let thing = entry.short_thing();
    let thing = match href(call, entry) {
        Some(href) if !thing.is_empty() => view! { <a href=href>{thing}</a> }.into_any(),
        _ => thing.into_any(),
    };
    // Numbers of what is named by its name, and what the thing's link says.
    let more = entry.details().into_iter().filter(|(name, _)| !matches!(*name, "reference" | "digest" | "rule" | "label"));
    let details: Vec<String> = more.map(|(name, value)| format!("{}: {value}", name.replace('_', " "))).collect();
    let details = (!details.is_empty()).then(|| view! { <span class="tree__of">{details.join(" · ")}</span> });
    // What stands there was done, unless it says otherwise.
    let refused = (entry.outcome == Outcome::Refused).then(|| view! { {pill(Tone::Bad, "warn", "Refused")}" " });
    let door = match entry.via.as_str() {
        "inside" => "the server itself",
        "" => "",
        "basic" => "by password",
        "session" => "by the portal",
        "token" => "by token",
        other => other,
    }
    .to_owned();
    let project = (!within).then(|| {
        let name = entry.project.clone().unwrap_or_default();
        let link = name.parse::<ProjectName>().ok().map(|name| paths::project(&name));
        view! { <td class="p2"><a href=link>{name}</a></td> }
    });
    view! {
        <tr class="tall" data-key=entry.id.to_string()>
            <td>{time(entry.at, now)}{times}</td>
            <td class="wrap">{who}</td>
            <td class="said wrap">{refused}{words(&entry.kind)}" "{thing}{details}</td>
            {project}
            <td class="p2 short">{entry.address.clone()}<span class="tree__of">{door}</span></td>
        </tr>
    }
    .into_any()
}

/// Where the thing is, if the log names it well enough; whether it still is there the page behind says.
fn href(call: &Call, entry: &Entry) -> Option<String> {
    let field = |name: &str| entry.fields.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let project = field("project").or(entry.project.as_deref()).and_then(|name| name.parse::<ProjectName>().ok());
    let number = |name: &str| field(name).and_then(|text| text.parse::<i64>().ok());
    if let (Some(project), Some(repository)) = (&project, field("repository").and_then(|name| name.parse().ok())) {
        let digest = [field("digest"), field("reference")].into_iter().flatten().find_map(|text| text.parse().ok());
        return Some(match digest {
            Some(digest) => paths::artifact(project, &repository, &digest),
            None => paths::repository(project, &repository),
        });
    }
    let admin = call.me.admin();
    match entry.kind.split('.').next().unwrap_or_default() {
        "user" if admin => number("user").map(|id| paths::user(model::UserId(id))),
        "robot" if admin => number("robot").map(|id| paths::robot(model::RobotId(id))),
        "target" if admin => number("target").map(|id| paths::target(model::TargetId(id))),
        "rule" if admin => number("rule").map(|id| paths::rule(model::RuleId(id))),
        "collection" if admin => number("collection").map(|id| paths::collection(model::CollectionId(id))),
        "configuration" if admin => Some(paths::settings()),
        "member" => project.as_ref().map(paths::members),
        "immutable-rule" | "retention" => project.as_ref().map(paths::policy),
        _ => project.as_ref().map(paths::project),
    }
}
