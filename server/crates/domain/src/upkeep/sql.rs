//! SQL of what is purged, and of what there is.

use crate::db::meta;
use crate::error::Result;
use model::Stamp;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

/// Most rows that are counted, and looked at to say how large they are.
const COUNTED: i64 = 5_000_000;
const SAMPLED: i64 = 200;

/// Runs that are past their time: settled, and old or more than are kept.
fn past(table: &str) -> String {
    format!(
        "SELECT id FROM {table} WHERE ended_at IS NOT NULL AND (ended_at < $1 OR id <=
           (SELECT COALESCE(MIN(x.id), 0) - 1 FROM (SELECT id FROM {table} ORDER BY id DESC LIMIT $2) AS x)) ORDER BY id LIMIT $3"
    )
}

/// Deletes some of the tasks of executions that are past their time.
pub async fn purge_tasks(c: &mut AnyConnection, then: Stamp, most: i64, limit: i64) -> Result<u64> {
    let text = format!("DELETE FROM tasks WHERE id IN (SELECT t.id FROM tasks AS t WHERE t.execution_id IN ({}) LIMIT $3)", past("executions"));
    let done = sqlx::query(AssertSqlSafe(text)).bind(then.0).bind(most).bind(limit).execute(c).await?;
    Ok(done.rows_affected())
}

/// Deletes some rows of runs of retention that are past their time.
pub async fn purge_of_runs(c: &mut AnyConnection, table: &'static str, then: Stamp, most: i64, limit: i64) -> Result<u64> {
    let text = format!("DELETE FROM {table} WHERE id IN (SELECT t.id FROM {table} AS t WHERE t.run_id IN ({}) LIMIT $3)", past("retention_runs"));
    let done = sqlx::query(AssertSqlSafe(text)).bind(then.0).bind(most).bind(limit).execute(c).await?;
    Ok(done.rows_affected())
}

/// Deletes some runs that are past their time and have no tasks.
pub async fn purge_runs(c: &mut AnyConnection, table: &'static str, then: Stamp, most: i64, limit: i64) -> Result<u64> {
    let left = match table {
        "executions" => "AND NOT EXISTS (SELECT 1 FROM tasks AS t WHERE t.execution_id = executions.id)",
        "retention_runs" => "AND NOT EXISTS (SELECT 1 FROM retention_tasks AS t WHERE t.run_id = retention_runs.id)",
        _ => "",
    };
    let text = format!("DELETE FROM {table} WHERE id IN ({}) {left}", past(table));
    let done = sqlx::query(AssertSqlSafe(text)).bind(then.0).bind(most).bind(limit).execute(c).await?;
    Ok(done.rows_affected())
}

fn is_sqlite(c: &AnyConnection) -> bool {
    c.backend_name() == "SQLite"
}

/// Rows of a table, and about how many bytes they take.
pub async fn size(c: &mut AnyConnection, table: &'static str) -> Result<(i64, i64)> {
    let text = format!("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM (SELECT 1 AS one FROM {table} LIMIT {COUNTED}) AS x");
    let rows: i64 = sqlx::query(AssertSqlSafe(text)).fetch_one(&mut *c).await?.get("n");
    if !is_sqlite(c) {
        let text = format!("SELECT pg_total_relation_size('{table}') AS n");
        return Ok((rows, sqlx::query(AssertSqlSafe(text)).fetch_one(c).await?.get("n")));
    }
    // SQLite says it only by reading all of a table: the newest rows stand for the rest.
    let wide = match table {
        "events" => "LENGTH(payload) + LENGTH(actor) + LENGTH(address) + 90",
        "tasks" => "LENGTH(log) + LENGTH(error) + LENGTH(source) + LENGTH(destination) + LENGTH(tags) + 160",
        "collections" | "retention_runs" => "LENGTH(log) + LENGTH(error) + 160",
        "retention_results" => "LENGTH(tags) + LENGTH(why) + 160",
        "executions" => "LENGTH(status_text) + 120",
        "deleted_artifacts" => "LENGTH(content) + LENGTH(tags) + 160",
        "manifests" => "LENGTH(content) + 20",
        "artifacts" => "LENGTH(annotations) + 420",
        "sessions" => "LENGTH(data) + 120",
        _ => "200",
    };
    let text = format!("SELECT CAST(COALESCE(AVG({wide}), 0) AS BIGINT) AS n FROM (SELECT * FROM {table} ORDER BY 1 DESC LIMIT {SAMPLED}) AS x");
    let each: i64 = sqlx::query(AssertSqlSafe(text)).fetch_one(c).await?.get("n");
    Ok((rows, rows.saturating_mul(each)))
}

/// Bytes of the whole database, and those of it that are free for what comes.
pub async fn whole(c: &mut AnyConnection) -> Result<(i64, i64)> {
    if !is_sqlite(c) {
        return Ok((sqlx::query("SELECT pg_database_size(current_database()) AS n").fetch_one(c).await?.get("n"), 0));
    }
    let mut pragma = async |text: &'static str| -> Result<i64> { Ok(sqlx::query(text).fetch_one(&mut *c).await?.get(0)) };
    let page = pragma("PRAGMA page_size").await?;
    Ok((pragma("PRAGMA page_count").await? * page, pragma("PRAGMA freelist_count").await? * page))
}

/// Bytes of blobs, as the projects count them.
pub async fn blobs(c: &mut AnyConnection) -> Result<i64> {
    let row = sqlx::query("SELECT CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT) AS n FROM projects WHERE deleted_at IS NULL").fetch_one(c).await?;
    Ok(row.get("n"))
}

/// Projects, repositories and artifacts, as projects count them.
pub async fn amounts(c: &mut AnyConnection) -> Result<(i64, i64, i64)> {
    let row = sqlx::query(
        "SELECT CAST(COUNT(*) AS BIGINT) AS projects, CAST(COALESCE(SUM(repository_count), 0) AS BIGINT) AS repositories,
           CAST(COALESCE(SUM(artifact_count), 0) AS BIGINT) AS artifacts FROM projects WHERE deleted_at IS NULL",
    )
    .fetch_one(c)
    .await?;
    Ok((row.get("projects"), row.get("repositories"), row.get("artifacts")))
}

/// Jobs by kind and state.
pub async fn jobs(c: &mut AnyConnection) -> Result<Vec<(String, String, i64)>> {
    let rows = sqlx::query("SELECT kind, state, CAST(COUNT(*) AS BIGINT) AS n FROM jobs GROUP BY kind, state ORDER BY kind, state").fetch_all(c).await?;
    Ok(rows.iter().map(|row| (row.get("kind"), row.get("state"), row.get("n"))).collect())
}

/// Executions by rule and status, of at most a hundred rules.
pub async fn executions(c: &mut AnyConnection) -> Result<Vec<(String, String, i64)>> {
    let rows = sqlx::query(
        "SELECT r.name AS name, e.status AS status, CAST(COUNT(*) AS BIGINT) AS n FROM executions AS e
         JOIN (SELECT id, name FROM rules ORDER BY id LIMIT 100) AS r ON r.id = e.rule_id GROUP BY r.name, e.status ORDER BY r.name, e.status",
    )
    .fetch_all(c)
    .await?;
    Ok(rows.iter().map(|row| (row.get("name"), row.get("status"), row.get("n"))).collect())
}

/// When each rule's last good execution ended.
pub async fn last_good(c: &mut AnyConnection) -> Result<Vec<(String, i64)>> {
    let rows = sqlx::query(
        "SELECT r.name AS name, MAX(e.ended_at) AS at FROM executions AS e
         JOIN (SELECT id, name FROM rules ORDER BY id LIMIT 100) AS r ON r.id = e.rule_id
         WHERE e.status = 'succeeded' AND e.ended_at IS NOT NULL GROUP BY r.name ORDER BY r.name",
    )
    .fetch_all(c)
    .await?;
    Ok(rows.iter().map(|row| (row.get("name"), row.get("at"))).collect())
}

pub async fn backup(c: &mut AnyConnection) -> Result<Option<i64>> {
    Ok(meta::get(c, "backup.at").await?.and_then(|at| at.parse().ok()))
}

pub async fn note_backup(c: &mut AnyConnection, now: Stamp) -> Result<()> {
    meta::put(c, "backup.at", &now.0.to_string()).await
}
