//! SQL of executions and tasks.

use super::uploads::RemoteBlob;
use super::work::{Progress, WorkTask};
use crate::db::{Listing, one_of};
use crate::error::Result;
use crate::replication::rules::Candidate;
use model::accessory::Kind;
use model::replication::execution::{Execution, Task, TaskStatus};
use model::run::{RunStatus, Trigger};
use model::list::Query;
use model::{ArtifactId, ExecutionId, Page, RuleId, Stamp, TaskId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

/// Longest log of a task, in bytes; the oldest lines go.
const LOG: usize = 64 * 1024;

const COLUMNS: &str = "t.id AS id, t.rule_id AS rule_id, t.status AS status, t.status_text AS status_text, \
    t.trigger_kind AS trigger_kind, t.unchanged AS unchanged, t.planned AS planned, t.removals_left AS removals_left, t.started_at AS started_at, t.ended_at AS ended_at";

static LIST: Listing = Listing {
    from: "executions AS t",
    columns: COLUMNS,
    sorts: &[("id", "t.id"), ("started", "t.started_at")],
    descending: true,
    keys: &[("id", "t.id"), ("started", "t.started_at"), ("ended", "t.ended_at")],
};

const TASK_COLUMNS: &str = "t.id AS id, t.execution_id AS execution_id, t.status AS status, t.source AS source, \
    t.destination AS destination, t.digest AS digest, t.tags AS tags, t.accessories AS accessories, \
    t.bytes_done AS bytes_done, t.bytes_total AS bytes_total, t.error AS error, t.removes AS removes, t.started_at AS started_at, \
    t.ended_at AS ended_at";

static TASKS: Listing =
    Listing { from: "tasks AS t", columns: TASK_COLUMNS, sorts: &[("id", "t.id"), ("started", "COALESCE(t.started_at, 0)"), ("ended", "COALESCE(t.ended_at, 0)")],
        descending: false, keys: &[("id", "t.id"), ("started", "t.started_at"), ("ended", "t.ended_at")] };

fn execution(row: &AnyRow) -> Execution {
    Execution {
        id: ExecutionId(row.get("id")),
        rule_id: RuleId(row.get("rule_id")),
        status: RunStatus::from_key(&row.get::<String, _>("status")),
        status_text: row.get("status_text"),
        trigger: Trigger::from_key(&row.get::<String, _>("trigger_kind")),
        started_at: Stamp(row.get("started_at")),
        ended_at: row.get::<Option<i64>, _>("ended_at").map(Stamp),
        total: row.get("unchanged"),
        succeeded: 0,
        skipped: row.get("unchanged"),
        unchanged: row.get("unchanged"),
        removals_left: row.get("removals_left"),
        failed: 0,
        partly: 0,
        stopped: 0,
        in_progress: 0,
        bytes_done: 0,
        bytes_total: 0,
    }
}

async fn count(c: &mut AnyConnection, execution: &mut Execution) -> Result<()> {
    let rows = sqlx::query(
        "SELECT status, CAST(COUNT(*) AS BIGINT) AS n, CAST(SUM(bytes_done) AS BIGINT) AS done,
           CAST(SUM(bytes_total) AS BIGINT) AS total FROM tasks WHERE execution_id = $1 GROUP BY status",
    )
    .bind(execution.id.0)
    .fetch_all(c)
    .await?;
    for row in rows {
        let n: i64 = row.get("n");
        execution.total += n;
        execution.bytes_done += row.get::<i64, _>("done");
        execution.bytes_total += row.get::<i64, _>("total");
        match TaskStatus::from_key(&row.get::<String, _>("status")) {
            TaskStatus::Pending | TaskStatus::Running => execution.in_progress += n,
            TaskStatus::Succeeded => execution.succeeded += n,
            TaskStatus::Skipped => execution.skipped += n,
            TaskStatus::Failed => execution.failed += n,
            TaskStatus::PartlyFailed => {
                execution.failed += n;
                execution.partly += n;
            }
            TaskStatus::Stopped => execution.stopped += n,
        }
    }
    Ok(())
}

pub fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn task_row(row: &AnyRow) -> Task {
    Task {
        id: TaskId(row.get("id")),
        execution_id: ExecutionId(row.get("execution_id")),
        status: TaskStatus::from_key(&row.get::<String, _>("status")),
        source: row.get("source"),
        destination: row.get("destination"),
        digest: row.get("digest"),
        tags: words(&row.get::<String, _>("tags")),
        accessories: words(&row.get::<String, _>("accessories")).iter().map(|key| Kind::from_key(key)).collect(),
        bytes_done: row.get("bytes_done"),
        bytes_total: row.get("bytes_total"),
        error: row.get("error"),
        removes: row.get::<i64, _>("removes") != 0,
        started_at: row.get::<Option<i64>, _>("started_at").map(Stamp),
        ended_at: row.get::<Option<i64>, _>("ended_at").map(Stamp),
    }
}

/// Where a rule's target is.
pub async fn target_url(c: &mut AnyConnection, rule: RuleId) -> Result<String> {
    let text = "SELECT g.url AS url FROM rules AS r JOIN targets AS g ON g.id = r.target_id WHERE r.id = $1";
    Ok(sqlx::query(text).bind(rule.0).fetch_optional(c).await?.map(|row| row.get("url")).unwrap_or_default())
}

/// Is it enabled, and when was it changed last?
pub async fn rule_state(c: &mut AnyConnection, rule: RuleId) -> Result<Option<(bool, Stamp)>> {
    let row = sqlx::query("SELECT enabled, updated_at FROM rules WHERE id = $1").bind(rule.0).fetch_optional(c).await?;
    Ok(row.map(|row| (row.get::<i64, _>("enabled") != 0, Stamp(row.get("updated_at")))))
}

pub async fn artifact_exists(c: &mut AnyConnection, id: ArtifactId) -> Result<bool> {
    Ok(sqlx::query("SELECT id FROM artifacts WHERE id = $1").bind(id.0).fetch_optional(c).await?.is_some())
}

pub async fn insert(
    c: &mut AnyConnection,
    now: Stamp,
    rule: RuleId,
    artifact: Option<ArtifactId>,
    by: &str,
) -> Result<ExecutionId> {
    let row = sqlx::query(
        "INSERT INTO executions (rule_id, status, status_text, trigger_kind, artifact_id, requested_by, started_at)
         VALUES ($1, 'queued', '', 'manual', $2, $3, $4) RETURNING id",
    )
    .bind(rule.0)
    .bind(artifact.map(|id| id.0))
    .bind(by)
    .bind(now.0)
    .fetch_one(c)
    .await?;
    Ok(ExecutionId(row.get("id")))
}

pub async fn only_artifact(c: &mut AnyConnection, id: ExecutionId) -> Result<Option<ArtifactId>> {
    let row = sqlx::query("SELECT artifact_id FROM executions WHERE id = $1").bind(id.0).fetch_one(c).await?;
    Ok(row.get::<Option<i64>, _>("artifact_id").map(ArtifactId))
}

pub async fn get(c: &mut AnyConnection, id: ExecutionId) -> Result<Option<Execution>> {
    let text = format!("SELECT {COLUMNS} FROM executions AS t WHERE t.id = $1");
    let Some(row) = sqlx::query(AssertSqlSafe(text)).bind(id.0).fetch_optional(&mut *c).await? else {
        return Ok(None);
    };
    let mut found = execution(&row);
    count(c, &mut found).await?;
    Ok(Some(found))
}

pub async fn list(
    c: &mut AnyConnection,
    rule: Option<RuleId>,
    status: Option<RunStatus>,
    query: &Query,
) -> Result<Page<Execution>> {
    let mut page = LIST
        .fetch(
            c,
            query,
            |w| {
                if let Some(rule) = rule {
                    let n = w.bind(rule.0);
                    w.and(format!("t.rule_id = {n}"));
                }
                if let Some(status) = status {
                    let n = w.bind(status.key());
                    w.and(format!("t.status = {n}"));
                }
            },
            |row| Ok(execution(row)),
        )
        .await?;
    for execution in &mut page.items {
        count(c, execution).await?;
    }
    Ok(page)
}

pub async fn set_status(
    c: &mut AnyConnection,
    id: ExecutionId,
    status: RunStatus,
    text: &str,
    ended: Option<Stamp>,
) -> Result<()> {
    sqlx::query("UPDATE executions SET status = $2, status_text = $3, ended_at = $4 WHERE id = $1")
        .bind(id.0)
        .bind(status.key())
        .bind(text)
        .bind(ended.map(|at| at.0))
        .execute(c)
        .await?;
    Ok(())
}

pub async fn reset_running(c: &mut AnyConnection, id: ExecutionId) -> Result<()> {
    sqlx::query("UPDATE tasks SET status = 'pending', bytes_done = 0 WHERE execution_id = $1 AND status = 'running'")
        .bind(id.0)
        .execute(c)
        .await?;
    Ok(())
}

/// A task; one that has nowhere to go has failed already.
pub async fn insert_task(
    c: &mut AnyConnection,
    now: Stamp,
    id: ExecutionId,
    candidate: &Candidate,
    source: &str,
    destination: std::result::Result<String, String>,
) -> Result<()> {
    let (status, destination, error) = match destination {
        Ok(destination) => (TaskStatus::Pending, destination, String::new()),
        Err(why) => (TaskStatus::Failed, String::new(), format!("rule: {why}")),
    };
    // Whoever looks at its log finds why it never began.
    let (log, over) = if error.is_empty() { (String::new(), None) } else { (format!("failed: {error}\n"), Some(now.0)) };
    sqlx::query(
        "INSERT INTO tasks (execution_id, artifact_id, status, source, destination, digest, tags, accessories,
           bytes_done, bytes_total, error, log, started_at, ended_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, '', 0, 0, $8, $9, $10, $10)",
    )
    .bind(id.0)
    .bind(candidate.id.0)
    .bind(status.key())
    .bind(source)
    .bind(destination)
    .bind(candidate.digest.as_str())
    .bind(candidate.tags.join(" "))
    .bind(error)
    .bind(log)
    .bind(over)
    .execute(c)
    .await?;
    Ok(())
}

pub async fn copy_failed(c: &mut AnyConnection, from: ExecutionId, to: ExecutionId) -> Result<u64> {
    let done = sqlx::query(
        "INSERT INTO tasks (execution_id, artifact_id, status, source, destination, digest, tags, accessories,
           bytes_done, bytes_total, error, log, removes)
         SELECT $2, artifact_id, 'pending', source, destination, digest, tags, '', 0, 0, '', '', removes
         FROM tasks WHERE execution_id = $1 AND status IN ('failed', 'partly-failed', 'stopped') AND destination <> '' ORDER BY id",
    )
    .bind(from.0)
    .bind(to.0)
    .execute(c)
    .await?;
    Ok(done.rows_affected())
}

/// Executions of a rule that wait for a worker.
pub async fn waiting(c: &mut AnyConnection, rule: RuleId) -> Result<i64> {
    let text = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM executions WHERE rule_id = $1 AND status = 'queued'";
    Ok(sqlx::query(text).bind(rule.0).fetch_one(c).await?.get("n"))
}

/// It was there already: a count, instead of the task's row.
pub async fn unchanged(c: &mut AnyConnection, id: ExecutionId, task: TaskId) -> Result<()> {
    let done = sqlx::query("DELETE FROM tasks WHERE id = $1 AND execution_id = $2").bind(task.0).bind(id.0).execute(&mut *c).await?;
    if done.rows_affected() > 0 {
        sqlx::query("UPDATE executions SET unchanged = unchanged + 1 WHERE id = $1").bind(id.0).execute(c).await?;
    }
    Ok(())
}

pub async fn is_planned(c: &mut AnyConnection, id: ExecutionId) -> Result<bool> {
    let row = sqlx::query("SELECT planned FROM executions WHERE id = $1").bind(id.0).fetch_one(c).await?;
    Ok(row.get::<i64, _>("planned") != 0)
}

pub async fn set_planned(c: &mut AnyConnection, id: ExecutionId) -> Result<()> {
    sqlx::query("UPDATE executions SET planned = 1 WHERE id = $1").bind(id.0).execute(c).await?;
    Ok(())
}

/// Some tasks of a plan that was cut.
pub async fn drop_tasks(c: &mut AnyConnection, id: ExecutionId, limit: i64) -> Result<u64> {
    let text = "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE execution_id = $1 LIMIT $2)";
    Ok(sqlx::query(text).bind(id.0).bind(limit).execute(c).await?.rows_affected())
}

pub async fn pending(c: &mut AnyConnection, id: ExecutionId, limit: i64) -> Result<Vec<WorkTask>> {
    let rows = sqlx::query(
        "SELECT id, source, destination, digest, tags, removes FROM tasks
         WHERE execution_id = $1 AND status = 'pending' ORDER BY id LIMIT $2",
    )
    .bind(id.0)
    .bind(limit)
    .fetch_all(c)
    .await?;
    Ok(rows
        .iter()
        .map(|row| WorkTask {
            id: TaskId(row.get("id")),
            source: row.get("source"),
            destination: row.get("destination"),
            digest: row.get("digest"),
            tags: words(&row.get::<String, _>("tags")),
            removes: row.get::<i64, _>("removes") != 0,
        })
        .collect())
}

pub async fn note(c: &mut AnyConnection, now: Stamp, id: TaskId, progress: &Progress) -> Result<()> {
    let status = progress.status.unwrap_or(TaskStatus::Running);
    let row = sqlx::query("SELECT log FROM tasks WHERE id = $1").bind(id.0).fetch_optional(&mut *c).await?;
    let Some(row) = row else { return Ok(()) };
    let mut log = row.get::<String, _>("log") + &progress.log.replace('\0', "");
    if log.len() > LOG {
        let mut cut = log.len() - LOG;
        while !log.is_char_boundary(cut) {
            cut += 1;
        }
        log = format!("…{}", &log[cut..]);
    }
    let accessories: Vec<&str> = progress.accessories.iter().map(|kind| kind.key()).collect();
    sqlx::query(
        "UPDATE tasks SET status = $2, bytes_done = $3, bytes_total = $4, accessories = $5, error = $6, log = $7,
           started_at = COALESCE(started_at, $8), ended_at = CASE WHEN $9 = 1 THEN $8 ELSE ended_at END WHERE id = $1",
    )
    .bind(id.0)
    .bind(status.key())
    .bind(progress.bytes_done)
    .bind(progress.bytes_total)
    .bind(accessories.join(" "))
    .bind(progress.error.replace('\0', ""))
    .bind(log)
    .bind(now.0)
    .bind(i64::from(status.settled()))
    .execute(c)
    .await?;
    Ok(())
}

pub async fn settle(c: &mut AnyConnection, now: Stamp, id: ExecutionId, status: TaskStatus) -> Result<()> {
    sqlx::query(
        "UPDATE tasks SET status = $2, ended_at = $3 WHERE execution_id = $1 AND status IN ('pending', 'running')",
    )
    .bind(id.0)
    .bind(status.key())
    .bind(now.0)
    .execute(c)
    .await?;
    Ok(())
}

pub async fn tasks(c: &mut AnyConnection, id: ExecutionId, status: Option<&[TaskStatus]>, query: &Query) -> Result<Page<Task>> {
    TASKS
        .fetch(
            c,
            query,
            |w| {
                let n = w.bind(id.0);
                w.and(format!("t.execution_id = {n}"));
                if let Some(status) = status {
                    one_of(w, "t.status", &status.iter().map(|status| status.key().to_owned()).collect::<Vec<_>>());
                }
            },
            |row| Ok(task_row(row)),
        )
        .await
}

pub async fn task(c: &mut AnyConnection, execution: ExecutionId, id: TaskId) -> Result<Option<(Task, String)>> {
    let text = format!("SELECT {TASK_COLUMNS}, t.log AS log FROM tasks AS t WHERE t.id = $1 AND t.execution_id = $2");
    let row = sqlx::query(AssertSqlSafe(text)).bind(id.0).bind(execution.0).fetch_optional(c).await?;
    Ok(row.map(|row| (task_row(&row), row.get("log"))))
}

/// Whose upload of this blob lies at the target, and where.
pub async fn upload(c: &mut AnyConnection, blob: &RemoteBlob) -> Result<Option<(ExecutionId, String)>> {
    let row = sqlx::query(
        "SELECT execution_id, location FROM remote_uploads WHERE target_id = $1 AND repository = $2 AND digest = $3",
    )
    .bind(blob.target.0)
    .bind(blob.repository.as_str())
    .bind(blob.digest.as_str())
    .fetch_optional(c)
    .await?;
    Ok(row.map(|row| (ExecutionId(row.get("execution_id")), row.get("location"))))
}

pub async fn set_upload(
    c: &mut AnyConnection,
    now: Stamp,
    execution: ExecutionId,
    blob: &RemoteBlob,
    location: &str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO remote_uploads (target_id, repository, digest, execution_id, location, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (target_id, repository, digest) DO UPDATE SET execution_id = $4, location = $5, created_at = $6",
    )
    .bind(blob.target.0)
    .bind(blob.repository.as_str())
    .bind(blob.digest.as_str())
    .bind(execution.0)
    .bind(location)
    .bind(now.0)
    .execute(c)
    .await?;
    Ok(())
}

/// Another execution goes on with it; how long it is kept does not change.
pub async fn own_upload(c: &mut AnyConnection, execution: ExecutionId, blob: &RemoteBlob) -> Result<()> {
    sqlx::query("UPDATE remote_uploads SET execution_id = $4 WHERE target_id = $1 AND repository = $2 AND digest = $3")
        .bind(blob.target.0)
        .bind(blob.repository.as_str())
        .bind(blob.digest.as_str())
        .bind(execution.0)
        .execute(c)
        .await?;
    Ok(())
}

pub async fn delete_upload(c: &mut AnyConnection, blob: &RemoteBlob) -> Result<()> {
    sqlx::query("DELETE FROM remote_uploads WHERE target_id = $1 AND repository = $2 AND digest = $3")
        .bind(blob.target.0)
        .bind(blob.repository.as_str())
        .bind(blob.digest.as_str())
        .execute(c)
        .await?;
    Ok(())
}

pub async fn sweep_uploads(c: &mut AnyConnection, before: i64) -> Result<()> {
    sqlx::query("DELETE FROM remote_uploads WHERE created_at < $1").bind(before).execute(c).await?;
    Ok(())
}
