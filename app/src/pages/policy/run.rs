//! One run of retention: what was removed and by which rule it was not kept, what was kept and by which.

use super::retention::outcome;
use super::{forms, way};
use crate::pages::prelude::*;
use domain::Owner;
use domain::retention::{self, Asked};
use model::retention::{Fate, RetentionResult};
use model::run::duration;
use model::stamp::grouped;
use model::{ProjectName, RetentionRunId};

pub async fn show(call: &Call) -> Shown {
    let (project, id) = (call.project()?, call.param::<RetentionRunId>("id", "run")?);
    let (ctx, who, now) = (&call.ctx, &call.who, call.me.now);
    let found = retention::get_run(ctx, who, &project, id).await?;
    let (run, f) = (&found.run, call.filter(&["fate", "rule"]));
    let fate = Fate::from_key(f.facet("fate")).unwrap_or(Fate::Removed);
    let rule = f.facet("rule").parse::<u32>().ok().and_then(|rule| rule.checked_sub(1));
    let rows = retention::results(ctx, who, &project, id, &Asked { fate: Some(fate), task: None, rule }, &f.ask_page()).await?;
    let settled = run.status.settled();
    let stop = (!settled).then(|| {
        let with = vec![("project", project.to_string()), ("run", id.to_string())];
        call.button::<forms::StopRetention>(with, "Stop").into_render()
    });
    let name = format!("Run {id}");
    let about = match (run.dry_run, ctx.settings.recycle) {
        (true, _) => "A dry run: it only says what it would remove.".to_owned(),
        (false, 0) => "What it removed is gone: this server keeps nothing for an undo.".to_owned(),
        (false, _) => format!("What it removed can be brought back for {} under Deleted.", crate::pages::deletions::kept_for(call, &project).await),
    };
    let deleted = (!run.dry_run && run.sums.removed > 0).then(|| {
        let by = paths::with(&paths::deletions(&project), &[("by", format!("retention run {id}").as_str())]);
        view! { <a class="button" href=by>"Deleted by this run"</a> }
    });
    let error = (!run.error.is_empty()).then(|| view! { <p class="note note--bad">{run.error.clone()}</p> });
    let rules = found.rules.iter().enumerate().map(|(n, (rule, kept))| {
        let number = (n + 1).to_string();
        let href = f.link(&[("fate", "kept"), ("rule", &number)]);
        let off = rule.disabled.then(|| pill(Tone::Neutral, "", "Disabled"));
        view! {
            <tr class="tall">
                <td class="num">{n + 1}</td><td>{format!("{}.", rule.sentence())}" "{off}</td><td class="num"><a href=href>{grouped(*kept)}</a></td>
            </tr>
        }
        .into_any()
    });
    let headings = view! { <th scope="col" class="num">"Rule"</th><th scope="col">"What it keeps"</th><th scope="col" class="num">"Kept"</th> };
    let fates = [
        (Fate::Removed, "removed", if run.dry_run { "Would go" } else { "Removed" }, run.sums.removed),
        (Fate::Kept, "kept", "Kept", run.sums.kept),
        (Fate::Uncovered, "uncovered", "Not covered", run.sums.uncovered),
        (Fate::Held, "held", "Held", run.sums.held),
    ];
    let facets = fates.map(|(of, key, words, n)| {
        let href = f.link(&[("fate", key), ("rule", "")]);
        view! { <a class="facet" href=href aria-current=(of == fate).then_some("true")>{format!("{words} {}", grouped(n))}</a> }.into_any()
    });
    let list = match rows.items.is_empty() {
        true => view! { <p class="note">{nothing(fate, settled, run.dry_run)}</p> }.into_any(),
        false => {
            let headings = view! {
                <th scope="col">"Artifact"</th><th scope="col">"Digest"</th><th scope="col">"Why"</th>
                <th scope="col" class="p2">"Pushed"</th><th scope="col" class="p2">"Pulled"</th>
            };
            let lines = rows.items.iter().map(|one| row(&project, one, now, run.dry_run)).collect();
            view! { {table("", headings, lines)}{pager(&f, rows.next.clone())} }.into_any()
        }
    };
    Ok(Page::new(name.clone()).way(way(&Owner::Project(project.clone()), &name)).purpose(about).actions(view! { {stop}{deleted} }).live(!settled).body(view! {
        <div class="progress" role="group" aria-label="Progress">
            <span aria-live="polite">{run_status(run.status)}</span><span>{outcome(run)}</span>
        </div>
        {error}
        {facts(vec![
            ("Started", time(run.started_at, now)),
            ("Duration", duration(run.ended_at.unwrap_or(now).0 - run.started_at.0).into_any()),
            ("Started by", run.requested_by.clone().into_any()),
        ])}
        <section><h2>"Rules it went by"</h2>{table("", headings, rules.collect())}</section>
        <section id="results">
            <h2>"Artifacts"</h2>
            <div class="filter-bar">{facets.into_iter().collect_view()}</div>
            {list}
        </section>
        {(!found.log.is_empty()).then(|| view! { <section class="card pad"><h2>"Log"</h2><pre class="log">{found.log.clone()}</pre></section> })}
    }))
}

fn nothing(fate: Fate, settled: bool, dry_run: bool) -> &'static str {
    match (fate, settled) {
        (_, false) => "Nothing so far.",
        (Fate::Removed, true) if dry_run => "Nothing would go.",
        (Fate::Removed, true) => "Nothing was removed.",
        (Fate::Held, true) => "Nothing was held against the rules.",
        (Fate::Kept | Fate::Uncovered, true) => "Nothing to list: only the newest run lists what stayed.",
    }
}

fn row(project: &ProjectName, one: &RetentionResult, now: model::Stamp, dry: bool) -> AnyView {
    let name = if one.tags.is_empty() { "untagged".to_owned() } else { model::stamp::some(&one.tags, 6) };
    let stands = dry || one.fate != Fate::Removed;
    let name = format!("{}: {name}", one.repository);
    let name = match stands {
        true => view! { <a href=paths::artifact(project, &one.repository, &one.digest)>{name}</a> }.into_any(),
        false => name.into_any(),
    };
    view! {
        <tr class="tall">
            <td class="wrap">{name}</td><td>{digest(one.digest.as_str())}</td><td class="wrap">{one.why.clone()}</td>
            <td class="p2">{time(one.pushed_at, now)}</td><td class="p2">{when(one.pulled_at, now, "never")}</td>
        </tr>
    }
    .into_any()
}
