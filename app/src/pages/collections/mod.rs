//! Garbage collection: its history, one run with its log, and why a blob is kept.

pub mod api;

use super::param;
use crate::layout::toast::again;
use crate::layout::{crumbs, head};
use crate::paths;
use crate::ui::pill::execution_status;
use crate::ui::{Buttons, Field, Filter, Form, SelectField, Tone, digest, empty, facts, load, one_button, pager, pill, time};
use leptos::prelude::*;
use model::collection::{Collection, Kept, Schedule};
use model::execution::duration;
use model::stamp::{bytes, count, span};
use model::{CollectionId, Stamp};

/// What a run did, or would have done, in one line.
fn outcome(found: &Collection) -> String {
    let done = if found.dry_run { "would be deleted" } else { "deleted" };
    format!("{} {done}, {}", count(found.blobs, "blob"), bytes(found.bytes))
}

fn took(found: &Collection, now: Stamp) -> String {
    duration(found.ended_at.unwrap_or(now).0 - found.started_at.0)
}

#[component]
pub fn List() -> impl IntoView {
    let filter = Filter::here(&["why"]);
    let data = Resource::new(
        move || (filter.get(), again()),
        |(f, _)| async move {
            Ok((api::list(f.after.clone()).await?, api::get_schedule().await?, api::why(f.facet("why").to_owned()).await))
        },
    );
    let start = ServerAction::<api::Start>::new();
    crate::live::poll(
        move || data.get_untracked().is_some_and(|found| found.is_ok_and(|(page, ..)| page.items.iter().any(|run| !run.status.settled()))),
        move || data.refetch(),
    );
    let save = ServerAction::<api::Reschedule>::new();
    load(data, move |(page, schedule, kept), me| {
        let f = filter.get_untracked();
        let rows = page.items.iter().map(|run| {
            let dry = run.dry_run.then(|| pill(Tone::Neutral, "", "Dry run"));
            view! {
                <tr>
                    <td><a href=paths::collection(run.id)>{format!("Collection {}", run.id)}</a>" "{dry}</td>
                    <td>{execution_status(run.status)}</td>
                    <td>{outcome(run)}</td>
                    <td class="p2">{run.trigger.label()}</td>
                    <td class="p2">{time(run.started_at, me.now)}</td>
                    <td class="num p2">{took(run, me.now)}</td>
                </tr>
            }
        }).collect_view();
        let body = if page.items.is_empty() {
            empty("No collection yet", "One runs by itself once a day, unless the configuration says otherwise.", ().into_any())
        } else {
            view! {
                <div class="card scroll"><table>
                    <thead><tr>
                        <th scope="col">"Collection"</th><th scope="col">"Status"</th><th scope="col">"Outcome"</th>
                        <th scope="col" class="p2">"Trigger"</th><th scope="col" class="p2">"Started"</th>
                        <th scope="col" class="num p2">"Duration"</th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table></div>
                {pager(&f, page.next.clone())}
            }.into_any()
        };
        let answer = match kept {
            Ok(None) => ().into_any(),
            Ok(Some(kept)) => reasons(&kept, me.now),
            Err(error) => view! { <p class="note note--bad" role="alert">{error.to_string()}</p> }.into_any(),
        };
        view! {
            {head("Garbage collection", "Deletes blobs that no artifact is made of. Pushes go on meanwhile.", view! {
                {one_button(start, vec![("dry_run", "true".to_owned())], "button", "Dry run", "")}
                {one_button(start, Vec::new(), "button button--primary", "Collect now", "")}
            }.into_any())}
            {body}
            <section class="card pad">
                <h2>"When it runs by itself"</h2>
                {plan(&schedule, me.now)}
                <Form action=save>
                    <SelectField name="when" label="Schedule" options=choices(&schedule) value=chosen(&schedule)/>
                    <Field name="cron" label="Cron pattern" value=schedule.cron.clone().unwrap_or_default()
                        help="For a pattern of your own: second minute hour day month weekday, in UTC; the second is 0."/>
                    <Buttons label="Save schedule"/>
                </Form>
            </section>
            <section class="card pad why">
                <h2>"Why is this kept?"</h2>
                <form class="filter-bar__search" method="get" action=paths::collections() role="search">
                    <input type="search" name="why" value=f.facet("why").to_owned() placeholder="sha256:…" aria-label="Digest of a blob"/>
                    <button type="submit" class="button">"Ask"</button>
                </form>
                {answer}
            </section>
        }.into_any()
    })
}

/// What happens next, in words.
fn plan(schedule: &Schedule, now: Stamp) -> AnyView {
    match schedule.next {
        Some(next) if next.0 > now.0 => view! { <p>"The next one is due "{time(next, now)}"."</p> }.into_any(),
        Some(_) => view! { <p>"The next one is due now."</p> }.into_any(),
        None => view! { <p>"Never: only Collect now does it."</p> }.into_any(),
    }
}

fn choices(schedule: &Schedule) -> Vec<(String, String)> {
    let configured = match schedule.every {
        0 => "As configured: never".to_owned(),
        every => format!("As configured: every {}", span(every)),
    };
    let words = [("Hourly", "Every hour"), ("Daily", "Every day at 00:00 UTC"), ("Weekly", "Every Sunday at 00:00 UTC"), ("None", "Never")];
    let mut all = vec![("configured".to_owned(), configured)];
    all.extend(words.map(|(value, words)| (value.to_owned(), words.to_owned())));
    all.push(("custom".to_owned(), "By a cron pattern".to_owned()));
    all
}

fn chosen(schedule: &Schedule) -> String {
    match (&schedule.cron, schedule.kind()) {
        (None, _) => "configured".to_owned(),
        (_, "Custom") => "custom".to_owned(),
        (_, kind) => kind.to_owned(),
    }
}

/// The reasons in words.
fn reasons(kept: &Kept, now: Stamp) -> AnyView {
    let used = kept.used_by.iter().map(|(name, of)| view! {
        <li>"Part of "<code>{format!("{name}@{}", of.short())}</code></li>
    }).collect_view();
    let deleted = kept.deleted.iter().map(|(name, until)| view! {
        <li>"A deletion in "<code>{name.clone()}</code>" can be undone: it is kept for that until "{time(*until, now)}</li>
    }).collect_view();
    let waits = kept.waits.iter().map(|(name, until)| {
        let name = name.clone();
        match until.0 > now.0 {
            true => view! { <li>"In "<code>{name}</code>" a push may count on it: a collection takes it "{time(*until, now)}</li> }.into_any(),
            false => view! { <li>"In "<code>{name}</code>" nothing needs it: the next collection takes it"</li> }.into_any(),
        }
    }).collect_view();
    let nothing = (kept.used_by.is_empty() && kept.waits.is_empty() && kept.deleted.is_empty())
        .then(|| view! { <li>"It lies in no repository: the next collection deletes it"</li> });
    view! {
        <div class="links">
            <p>{digest(kept.digest.as_str())}" "{bytes(kept.size)}</p>
            <ul class="reasons">{used}{deleted}{waits}{nothing}</ul>
        </div>
    }
    .into_any()
}

#[component]
pub fn Show() -> impl IntoView {
    let id = param::<CollectionId>("id", "collection");
    let data = Resource::new(move || (id(), again()), |(id, _)| async move { api::get(id?).await });
    let stop = ServerAction::<api::Stop>::new();
    crate::live::poll(
        move || data.get_untracked().is_some_and(|found| found.is_ok_and(|(run, _)| !run.status.settled())),
        move || data.refetch(),
    );
    load(data, move |(run, log), me| {
        let name = format!("Collection {}", run.id);
        let actions = if run.status.settled() {
            ().into_any()
        } else {
            view! {
                <a class="button" href="">"Refresh"</a>
                {one_button(stop, vec![("id", run.id.to_string())], "button", "Stop", "")}
            }.into_any()
        };
        let about = if run.dry_run { "A dry run: it only says what it would delete." } else { "What it deleted stays deleted." };
        let error = (!run.error.is_empty()).then(|| view! { <p class="note note--bad">{run.error.clone()}</p> });
        view! {
            {crumbs(vec![("Garbage collection".into(), paths::collections()), (name.clone(), String::new())])}
            {head(name, about, actions)}
            <div class="progress" role="group" aria-label="Progress">
                <span aria-live="polite">{execution_status(run.status)}</span><span>{outcome(&run)}</span>
            </div>
            {error}
            {facts(vec![
                ("Started", time(run.started_at, me.now)),
                ("Duration", took(&run, me.now).into_any()),
                ("Started by", run.requested_by.clone().into_any()),
                ("Looked at", count(run.checked, "blob").into_any()),
                ("Kept for pushes under way", count(run.young, "blob").into_any()),
            ])}
            <section class="card pad"><h2>"Log"</h2><pre class="log">{log}</pre></section>
        }.into_any()
    })
}
