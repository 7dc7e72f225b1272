//! Two years of a busy registry, made by SQL and a clock: what grows has an end, and who pushes does not feel the purge.
//! The short form is a test, with as many runs as pushes; `cargo xtask torture growth [PUSHES]` is the long one, with so many pushes in each year, ten times as many
//! pulls, a tenth as many runs of ten tasks each, and as many refusals as pushes.

use super::*;
use crate::events::Event;
use crate::identity::{Client, Principal};
use crate::testing::World;
use std::time::{Duration, Instant};

const DAY: i64 = 86_400_000;
const YEAR: i64 = 365;
/// Pushes of a year in the short form.
const SHORT: i64 = 5_000;
/// Days between two purges in the short form: more than a part of each table comes meanwhile.
const SHORT_STEP: i64 = 73;
/// Manifests are so large, and logs of a task.
const MANIFEST: usize = 1500;
const LOG: usize = 600;

/// What so many pushes leave that a CI moves and cleans up: an event for the push and one for the deletion, and the deletion.
fn pushes(count: i64) -> Vec<String> {
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {count})");
    let event = |kind: &str| {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        let payload = format!(r#"{{"project":"p","repository":"team/service","reference":"build-12345","digest":"{digest}"}}"#);
        format!(
            "{numbers} INSERT INTO events (at, last_at, times, kind, project_id, payload, outcome, actor, actor_id, via, address, request_id)
             SELECT $1, $1, 1, '{kind}', 1, '{payload}', 'done', 'robot$p+ci', 7, 'basic', '198.51.100.7', '0123456789abcdef' FROM n"
        )
    };
    let deletions = format!(
        "{numbers} INSERT INTO deletions (project_id, repository_id, digest, tags, artifacts, bytes, deleted_by, deleted_at, expires_at)
         SELECT 1, 1, 'sha256:0', 'build-12345', 1, 50000000, 'robot$p+ci', $1, $1 + {} FROM n",
        7 * DAY
    );
    let kept = format!(
        "INSERT INTO deleted_artifacts (deletion_id, position, digest, media_type, content, tags, hidden, pull_count, pushed_at)
         SELECT d.id, 0, 'sha256:0', '{}', d.digest || '{}', '', 0, 0, $1 FROM deletions AS d WHERE d.deleted_at = $1 AND d.what = 'artifact'",
        crate::manifest::OCI_MANIFEST,
        "x".repeat(MANIFEST)
    );
    vec![event("artifact.push"), event("artifact.delete"), deletions, kept]
}

/// What so many runs leave.
fn runs(count: i64) -> Vec<String> {
    let numbers = |many: i64| format!("WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {many})");
    vec![
        format!(
            "{} INSERT INTO executions (rule_id, status, status_text, trigger_kind, requested_by, started_at, ended_at)
             SELECT 1, 'succeeded', '', 'event', 'robot$p+ci', $1, $1 FROM n",
            numbers(count)
        ),
        format!(
            "{} INSERT INTO tasks (execution_id, artifact_id, status, source, destination, digest, tags, accessories, bytes_done, bytes_total, error, log)
             SELECT e.id, 1, 'succeeded', 'p/team/service', 'q/team/service', 'sha256:0', 'build-12345', '', 50000000, 50000000, '', '{}'
             FROM n CROSS JOIN executions AS e WHERE e.started_at = $1",
            numbers(10),
            "l".repeat(LOG)
        ),
        "INSERT INTO collections (status, trigger_kind, dry_run, requested_by, checked, blobs, bytes, young, error, log, started_at, ended_at)
         VALUES ('succeeded', 'schedule', 0, '', 0, 0, 0, 0, '', '', $1, $1)".to_owned(),
    ]
}

/// Refused by the code that refuses, from ever other addresses.
async fn refusals(world: &World, count: i64) {
    for n in 0..count {
        let client = Client { address: format!("10.{}.{}.1", n % 7, n % 251), ..Client::default() };
        world.ctx.local.refusals.note(world.ctx.now(), &Principal::anonymous(client), Event::RequestRefused { route: "/api/v2.0/users".into() });
    }
    crate::events::flush(&world.ctx).await.unwrap();
}

async fn write(world: &World, texts: Vec<String>, at: i64) {
    for text in texts {
        let one = async move |c: &mut sqlx::AnyConnection| Ok(sqlx::query(sqlx::AssertSqlSafe(text.clone())).bind(at).execute(c).await.map(drop)?);
        world.ctx.db.write_content(one).await.unwrap();
    }
}

/// Purges while somebody pushes; answers how long it took, and the pushes' times.
async fn purge_beside_pushes(world: &World) -> (Duration, Vec<Duration>) {
    let ctx = world.ctx.clone();
    let begin = Instant::now();
    let purging = tokio::spawn(async move {
        purge(&ctx).await.unwrap();
        begin.elapsed()
    });
    let (project, repository) = ("p".parse().unwrap(), "r".parse().unwrap());
    let mut spans = Vec::new();
    while !purging.is_finished() && spans.len() < 20 {
        let begin = Instant::now();
        world.image(&project, &repository, "latest", &format!("{}", spans.len() % 2)).await;
        spans.push(begin.elapsed());
    }
    (purging.await.unwrap(), spans)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_6_2_a_year_of_pushes_runs_and_refusals_flattens() {
    if std::env::var_os("WHARF_TEST_POSTGRES").is_some() {
        eprintln!("SKIPPED on PostgreSQL: the rows are made in SQLite's words; the test beside it purges on both");
        return;
    }
    let year = std::env::var("WHARF_TORTURE_GROWTH").ok().and_then(|n| n.parse().ok()).unwrap_or(SHORT);
    let long = year > SHORT;
    // Days that pass at once.
    let step = if long { 5 } else { SHORT_STEP };
    // In the short form what is kept is as much shorter as the year is emptier, so that bounds by number are met in both.
    let usual = Spans::default();
    let kept = Spans { events_rows: (year / 2).min(1_000_000), runs_kept: usual.runs_kept.min(year / 100), ..usual };
    let world = World::with(|settings| (settings.upkeep, settings.recycle) = (kept, 7 * DAY)).await;
    world.project("p", false).await;
    println!("{:>5}{:>11}{:>10}{:>10}{:>10}{:>14}{:>14}{:>10}{:>18}", "day", "events", "runs", "tasks", "deleted", "database", "free in it", "purge s", "push ms, max");
    let mut sizes = Vec::new();
    for day in (step..=2 * YEAR).step_by(step as usize) {
        let at = world.ctx.now().0;
        let share = |of: i64| of * day / YEAR - of * (day - step) / YEAR;
        write(&world, pushes(share(year)), at).await;
        write(&world, runs(share(if long { year / 10 } else { year })), at).await;
        // Pulls are counts of the artifact that was pulled.
        write(&world, vec![format!("UPDATE artifacts SET pull_count = pull_count + {}, pulled_at = $1", share(year * 10))], at).await;
        refusals(&world, share(year)).await;
        world.pass(step * DAY);
        let (took, mut spans) = purge_beside_pushes(&world).await;
        spans.sort();
        let held = held(&world.ctx, &world.admin).await.unwrap();
        let rows = |name: &str| held.tables.iter().find(|table| table.name == name).unwrap().rows;
        sizes.push((rows("events"), rows("executions"), rows("tasks"), rows("deletions"), held.bytes));
        if day % 73 < step || day == YEAR {
            let bytes = |n: i64| model::stamp::bytes(n);
            println!(
                "{day:>5}{:>11}{:>10}{:>10}{:>10}{:>14}{:>14}{:>10.1}{:>18.1}",
                rows("events"), rows("executions"), rows("tasks"), rows("deletions"), bytes(held.bytes), bytes(held.free),
                took.as_secs_f64(), spans.last().unwrap().as_secs_f64() * 1000.0
            );
        }
        if long && day == 2 * YEAR {
            println!("the page says:");
            for table in &held.tables {
                println!("  {:<34}{:>10} rows{:>12}   kept: {}", table.label, table.rows, model::stamp::bytes(table.bytes), table.kept);
            }
        }
    }
    // The second year is as large as the end of the first, row by row and byte by byte.
    let (first, last) = (sizes[(YEAR / step) as usize - 1], sizes[sizes.len() - 1]);
    assert_eq!((last.1, last.2), (kept.runs_kept, 10 * kept.runs_kept), "{sizes:?}");
    assert_eq!((first.1, first.2), (last.1, last.2), "{sizes:?}");
    // Those of the pushes beside the last purge are too many, until the next.
    let beside = kept.events_rows..kept.events_rows + 50;
    assert!(beside.contains(&first.0) && beside.contains(&last.0), "{sizes:?}");
    assert!(last.3 <= 8 * year / YEAR + 20, "{sizes:?}");
    assert!(last.4 <= first.4 * 102 / 100, "{sizes:?}");
}
