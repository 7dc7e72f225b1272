//! The history of collections, when they run by themselves, and why a blob is kept.

use super::{forms, outcome, took, why};
use crate::pages::prelude::*;
use model::Stamp;
use model::collection::{Collection, Schedule};
use model::stamp::span;

pub async fn list(call: &Call) -> Shown {
    let (f, now) = (call.filter(&["why"]), call.me.now);
    let found = domain::gc::list(&call.ctx, &call.who, &f.ask_page()).await?;
    let schedule = domain::gc::schedule(&call.ctx, &call.who).await?;
    let unsettled = found.items.iter().any(|run| !run.status.settled());
    let kept = why::answer(call, f.facet("why")).await;
    let what = "When one runs by itself is said below; “Collect now” runs one at once.";
    let headings = view! {
        <th scope="col">"Collection"</th><th scope="col">"Status"</th><th scope="col">"Outcome"</th>
        <th scope="col" class="p2">"Trigger"</th><th scope="col" class="p2">"Started"</th>
        <th scope="col" class="num p2">"Duration"</th>
    };
    let body = match found.items.is_empty() {
        true => empty("No collection yet", what, ()),
        false => view! { {table("", headings, found.items.iter().map(|run| row(run, now)).collect())}{pager(&f, found.next)} }.into_any(),
    };
    let actions = view! {
        {call.button::<forms::Start>(vec![("dry_run", "true".to_owned())], "Dry run")}
        {call.button::<forms::Start>(Vec::new(), "Collect now").primary()}
    };
    let form = call.form::<forms::Reschedule>();
    let waiting = domain::deletions::all_waiting(&call.ctx, &call.who).await?.said(now);
    let waiting = if waiting.is_empty() { waiting } else { format!(" {waiting}, or until they are deleted for good.") };
    let grace = span(call.ctx.settings.gc_grace);
    let page = Page::new("Garbage collection").purpose(format!(
        "Deletes blobs that no artifact is made of, {grace} after they were last needed. Pushes go on meanwhile.{waiting}"
    ));
    Ok(page.actions(actions).live(unsettled).body(view! {
        {body}
        <section class="card pad">
            <h2>"When it runs by itself"</h2>
            {due(&schedule, now)}
            {form.of(view! {
                {form.choice("when", "Schedule", choices(&schedule)).value(chosen(&schedule))}
                {form.text("cron", "Cron pattern").value(schedule.cron.clone().unwrap_or_default())
                    .help("For a pattern of your own: second minute hour day month weekday, in UTC; the second is 0.")}
                {buttons("Save schedule")}
            })}
        </section>
        <section class="card pad why" id="why">
            <h2>"Why is this kept?"</h2>
            <form class="filter-bar__search" method="get" action=format!("{}#why", paths::collections()) role="search">
                <input type="search" name="why" value=f.facet("why").to_owned() placeholder="sha256:…" aria-label="Digest of a blob"/>
                <button type="submit" class="button">"Ask"</button>
            </form>
            {kept}
        </section>
    }))
}

fn row(run: &Collection, now: Stamp) -> AnyView {
    let dry = run.dry_run.then(|| pill(Tone::Neutral, "", "Dry run"));
    view! {
        <tr data-key=run.id.to_string()>
            <td><a href=paths::collection(run.id)>{format!("Collection {}", run.id)}</a>" "{dry}</td>
            <td>{run_status(run.status)}</td>
            <td>{outcome(run)}</td>
            <td class="p2">{run.trigger.label()}</td>
            <td class="p2">{time(run.started_at, now)}</td>
            <td class="num p2">{took(run, now)}</td>
        </tr>
    }
    .into_any()
}

/// What happens next, in words.
fn due(schedule: &Schedule, now: Stamp) -> AnyView {
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

fn chosen(schedule: &Schedule) -> &'static str {
    match (&schedule.cron, schedule.kind()) {
        (None, _) => "configured",
        (_, "Custom") => "custom",
        (_, kind) => kind,
    }
}
