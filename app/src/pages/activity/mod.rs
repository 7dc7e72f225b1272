//! What happens in a project, or in one of its repositories, day by day.

use crate::pages::prelude::*;
use crate::ui::chart::{Bar, chart};
use model::activity::{Busy, Day};
use model::stamp::{count, grouped};
use model::{ProjectName, RepositoryName};

/// Spans that can be looked at: their days, words, and how many days a bar stands for.
const SPANS: [(i64, &str, usize); 3] = [(30, "30 days", 1), (90, "90 days", 1), (364, "a year", 7)];

/// Repositories that are named.
const NAMED: i64 = 20;

/// The days of a project as pictures, and its busiest repositories; with `repository` those of that one.
pub async fn show(call: &Call) -> Shown {
    let name = call.project()?;
    let repository = match call.query("repository") {
        "" => None,
        text => Some(text.parse::<RepositoryName>().map_err(|_| UiError::NotFound("this repository".to_owned()))?),
    };
    let span = SPANS.into_iter().find(|(days, ..)| call.query("days") == days.to_string()).unwrap_or(SPANS[1]);
    let (length, words, step) = span;
    let days = domain::activity::days(&call.ctx, &call.who, &name, repository.as_ref(), length).await?;
    let busy = match repository {
        Some(_) => Vec::new(),
        None => domain::activity::busiest(&call.ctx, &call.who, &name, length, NAMED).await?,
    };
    let own = paths::project_activity(&name);
    let of = |repository: &str, days: i64| paths::with(&own, &[("repository", repository), ("days", &days.to_string())]);
    let repository_name = repository.as_ref().map(ToString::to_string).unwrap_or_default();
    let spans = SPANS.into_iter().map(|(days, words, _)| {
        let current = (days == length).then_some("true");
        view! { <a class="facet" href=of(&repository_name, days) aria-current=current>{words}</a> }
    });
    let whole = repository.as_ref().map(|repository| view! {
        <a class="button" href=paths::repository(&name, repository)>"Artifacts"</a>
        <a class="button" href=of("", length)>"The whole project"</a>
    });
    let purpose = match &repository {
        Some(repository) => format!("What was fetched from {name}/{repository} and pushed to it, day by day."),
        None => format!("What was fetched from {name} and pushed to it, and what it held, day by day."),
    };
    let page = Page::new("Activity").way(crate::pages::projects::way(&name, "Activity")).purpose(purpose);
    Ok(page.actions(view! { {whole} }).body(view! {
        <div class="filter-bar">{spans.collect_view()}</div>
        <section class="card pad stack">
            {moved("Pulls", "manifest", "fetched", &days, step, |day| day.pulls)}
            {moved("Pushes", "manifest", "pushed", &days, step, |day| day.pushes)}
            {repository.is_none().then(|| held(&days, step))}
            <p class="note">"Days are those of UTC. What was fetched or pushed shows here some seconds later."</p>
        </section>
        {(!busy.is_empty()).then(|| busiest(&name, &busy, words, |repository| of(repository, length)))}
    }))
}

/// What the bar of these days says before its number.
fn when(part: &[Day]) -> String {
    match part {
        [] => String::new(),
        [day] => day.date(),
        [first, .., last] => format!("{} to {}", first.date(), last.date()),
    }
}

fn ends(days: &[Day]) -> (String, String) {
    let date = |day: Option<&Day>| day.map(|day| day.date()).unwrap_or_default();
    (date(days.first()), date(days.last()))
}

fn moved(title: &'static str, noun: &'static str, done: &'static str, days: &[Day], step: usize, of: fn(&Day) -> i64) -> AnyView {
    let sum = |part: &[Day]| part.iter().map(of).sum::<i64>();
    let parts = || days.chunks(step);
    let bars: Vec<Bar> = parts().map(|part| Bar { value: sum(part), words: format!("{}: {} {done}", when(part), count(sum(part), noun)) }).collect();
    let said = match parts().max_by_key(|part| sum(part)) {
        Some(most) if sum(most) > 0 => format!("{} {done}, at most {} ({})", count(sum(days), noun), grouped(sum(most)), when(most)),
        _ => format!("no {noun} was {done} in this time"),
    };
    chart(title, said, &bars, ends(days))
}

fn held(days: &[Day], step: usize) -> AnyView {
    // What was not noted yet is a gap; of several days the last is shown.
    let last = |part: &[Day]| part.iter().rev().find_map(|day| day.stored);
    let words = |part: &[Day]| match last(part) {
        Some(stored) => format!("{}: {}", when(part), model::stamp::bytes(stored)),
        None => format!("{}: not known", when(part)),
    };
    let bars: Vec<Bar> = days.chunks(step).map(|part| Bar { value: last(part).unwrap_or(0), words: words(part) }).collect();
    let first = days.first().and_then(|day| day.stored);
    let now = days.last().and_then(|day| day.stored).unwrap_or(0);
    let said = match first.map(|first| now - first) {
        None => match days.iter().find(|day| day.stored.is_some()) {
            Some(day) => format!("{}; noted since {}", model::stamp::bytes(now), day.date()),
            None => model::stamp::bytes(now),
        },
        Some(0) => format!("{}, as much as at the beginning of this time", model::stamp::bytes(now)),
        Some(more) if more > 0 => format!("{}, {} more than at the beginning of this time", model::stamp::bytes(now), model::stamp::bytes(more)),
        Some(less) => format!("{}, {} less than at the beginning of this time", model::stamp::bytes(now), model::stamp::bytes(-less)),
    };
    chart("Held", said, &bars, ends(days))
}

fn busiest(project: &ProjectName, busy: &[Busy], words: &str, of: impl Fn(&str) -> String) -> AnyView {
    let headings = view! {
        <th scope="col">{format!("Busiest repositories of {words}")}</th><th scope="col" class="num">"Pulls"</th><th scope="col" class="num">"Pushes"</th>
        <th scope="col" class="p2"><span class="sr">"Artifacts"</span></th>
    };
    let rows = busy.iter().map(|one| view! {
        <tr>
            <td><a href=of(one.repository.as_str())>{one.repository.to_string()}</a></td>
            <td class="num">{grouped(one.pulls)}</td>
            <td class="num">{grouped(one.pushes)}</td>
            <td class="p2 row-end"><a href=paths::repository(project, &one.repository)>"Artifacts"<span class="sr">{format!(" of {}", one.repository)}</span></a></td>
        </tr>
    }.into_any()).collect();
    table("", headings, rows)
}
