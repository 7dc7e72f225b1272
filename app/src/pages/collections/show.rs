//! One collection, live, with its log.

use super::{forms, outcome, took};
use crate::pages::prelude::*;
use model::stamp::count;

pub async fn show(call: &Call) -> Shown {
    let (run, log) = domain::gc::get(&call.ctx, &call.who, call.param("id", "collection")?).await?;
    let (settled, now) = (run.status.settled(), call.me.now);
    let name = format!("Collection {}", run.id);
    let stop = (!settled).then(|| call.button::<forms::Stop>(vec![("id", run.id.to_string())], "Stop").into_render());
    let about = if run.dry_run { "A dry run: it only says what it would delete." } else { "What it deleted stays deleted." };
    let error = (!run.error.is_empty()).then(|| view! { <p class="note note--bad">{run.error.clone()}</p> });
    let way = vec![("Garbage collection".into(), paths::collections()), (name.clone(), String::new())];
    Ok(Page::new(name).way(way).purpose(about).actions(stop).live(!settled).body(view! {
        <div class="progress" role="group" aria-label="Progress">
            <span aria-live="polite">{run_status(run.status)}</span><span>{outcome(&run)}</span>
        </div>
        {error}
        {facts(vec![
            ("Started", time(run.started_at, now)),
            ("Duration", took(&run, now).into_any()),
            ("Started by", run.requested_by.clone().into_any()),
            ("Looked at", count(run.checked, "blob").into_any()),
            ("Kept for pushes under way", count(run.young, "blob").into_any()),
        ])}
        <section class="card pad"><h2>"Log"</h2><pre class="log">{log}</pre></section>
    }))
}
