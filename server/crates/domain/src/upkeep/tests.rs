//! A year's rows, made by SQL: what is kept has an end, and purging stays beside pushes.

use super::*;
use crate::testing::World;
use sqlx::Row;

const DAY: i64 = 86_400_000;

async fn rows(world: &World, table: &str) -> i64 {
    let text = format!("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM {table}");
    sqlx::query(sqlx::AssertSqlSafe(text)).fetch_one(&mut *world.ctx.db.read().await.unwrap()).await.unwrap().get("n")
}

#[tokio::test]
async fn c_6_2_what_requests_and_runs_make_grow_has_an_end() {
    let kept = Spans { events: 30 * DAY, events_rows: 3000, runs: 10 * DAY, runs_kept: 50 };
    let world = World::with(|settings| settings.upkeep = kept).await;
    let project = world.project("p", false).await;
    let mut sizes = Vec::new();
    for day in 0..40 {
        let now = world.ctx.now().0;
        world.ctx.db.write(async move |c| {
            sqlx::query(
                "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 400)
                 INSERT INTO events (at, last_at, times, kind, payload, outcome, actor, actor_id, via, address, request_id)
                 SELECT $1, $1, 1, 'artifact.push', '{}', 'done', 'ci', 1, 'basic', '', '' FROM n",
            ).bind(now).execute(&mut *c).await?;
            for _ in 0..8 {
                let id: i64 = sqlx::query("INSERT INTO executions (rule_id, status, status_text, trigger_kind, requested_by, started_at, ended_at)
                    VALUES (1, 'succeeded', '', 'manual', 'ada', $1, $1) RETURNING id").bind(now).fetch_one(&mut *c).await?.get("id");
                sqlx::query(
                    "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 30)
                     INSERT INTO tasks (execution_id, artifact_id, status, source, destination, digest, tags, accessories, bytes_done, bytes_total, error, log)
                     SELECT $1, 1, 'succeeded', '', '', '', '', '', 0, 0, '', '' FROM n",
                ).bind(id).execute(&mut *c).await?;
                sqlx::query("INSERT INTO collections (status, trigger_kind, dry_run, requested_by, checked, blobs, bytes, young, error, log, started_at, ended_at)
                    VALUES ('succeeded', 'schedule', 0, '', 0, 0, 0, 0, '', '', $1, $1)").bind(now).execute(&mut *c).await?;
            }
            Ok(())
        }).await.unwrap();
        world.image(&project, &"r".parse().unwrap(), "latest", &format!("day {day}")).await;
        purge(&world.ctx).await.unwrap();
        world.pass(DAY);
        sizes.push((rows(&world, "events").await, rows(&world, "executions").await, rows(&world, "tasks").await, rows(&world, "collections").await));
    }
    // It flattens: the second half is as large as the end of the first.
    assert!(sizes[20..].iter().all(|size| size == &sizes[20]), "{sizes:?}");
    let (events, executions, tasks, collections) = sizes[39];
    assert!((2900..=3000).contains(&events), "{events}");
    assert_eq!((executions, tasks, collections), (50, 50 * 30, 50));
    // What is under way is never taken, however old.
    const REOPEN: &str = "UPDATE executions SET ended_at = NULL WHERE id = (SELECT MIN(id) FROM executions)";
    world.ctx.db.write(async |c| Ok(sqlx::query(REOPEN).execute(c).await.map(drop)?)).await.unwrap();
    world.pass(100 * DAY);
    purge(&world.ctx).await.unwrap();
    assert_eq!((rows(&world, "executions").await, rows(&world, "tasks").await, rows(&world, "collections").await), (1, 30, 0));
    // Administrators see it, and nobody else.
    let held = held(&world.ctx, &world.admin).await.unwrap();
    assert!(held.tables.iter().any(|table| table.name == "tasks" && table.rows == 30) && held.bytes > 0);
    let user = world.user("ada").await;
    assert!(super::held(&world.ctx, &user).await.is_err());
}
