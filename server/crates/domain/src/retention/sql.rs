//! SQL of tag retention: policies, runs with their tasks and results, and what rules look at.

use crate::db::{Listing, Script, parts, placeholders};
use crate::error::{Error, Result};
use crate::schedules::{self, Kind};
use model::list::Query;
use model::retention::{Fate, RetentionPolicy, RetentionResult, RetentionRule, RetentionRun, RetentionTask, Sums, Uncovered};
use model::run::{RunStatus, Trigger};
use model::{Digest, Page, ProjectId, ProjectName, RetentionId, RetentionRunId, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::HashMap;

fn rules(text: &str) -> Result<Vec<RetentionRule>> {
    serde_json::from_str(text).map_err(|error| Error::Internal(format!("rules of a retention policy in the database: {error}")))
}

pub fn written(rules: &[RetentionRule]) -> Result<String> {
    serde_json::to_string(rules).map_err(|error| Error::Internal(format!("rules to store: {error}")))
}

async fn policy(c: &mut AnyConnection, row: Option<AnyRow>) -> Result<Option<RetentionPolicy>> {
    let Some(row) = row else { return Ok(None) };
    let id = RetentionId(row.get("id"));
    Ok(Some(RetentionPolicy {
        id,
        project_id: ProjectId(row.get("project_id")),
        rules: rules(row.get("rules"))?,
        uncovered: Uncovered::from_key(row.get("uncovered")).unwrap_or_default(),
        schedule: schedules::get(c, Kind::Retention, &id.to_string()).await?,
        updated_at: Stamp(row.get("updated_at")),
    }))
}

pub async fn of_project(c: &mut AnyConnection, project: ProjectId) -> Result<Option<RetentionPolicy>> {
    let text = "SELECT id, project_id, rules, uncovered, updated_at FROM retentions WHERE project_id = $1";
    let row = sqlx::query(text).bind(project.0).fetch_optional(&mut *c).await?;
    policy(c, row).await
}

/// The project that a policy belongs to.
pub async fn project_of(c: &mut AnyConnection, id: RetentionId) -> Result<Option<ProjectName>> {
    let text = "SELECT p.name AS name FROM retentions AS t JOIN projects AS p ON p.id = t.project_id WHERE t.id = $1 AND p.deleted_at IS NULL";
    let row = sqlx::query(text).bind(id.0).fetch_optional(c).await?;
    row.map(|row| row.get::<String, _>("name").parse().map_err(|_| Error::Internal("a project's name in the database".to_owned()))).transpose()
}

/// `None`: the project has one.
pub async fn insert(c: &mut AnyConnection, now: Stamp, project: ProjectId, rules: &[RetentionRule], uncovered: Uncovered) -> Result<Option<RetentionId>> {
    let text = "INSERT INTO retentions (project_id, rules, uncovered, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING RETURNING id";
    let query = sqlx::query(text).bind(project.0).bind(written(rules)?).bind(uncovered.key()).bind(now.0);
    Ok(query.fetch_optional(c).await?.map(|row| RetentionId(row.get("id"))))
}

pub async fn update(c: &mut AnyConnection, now: Stamp, id: RetentionId, rules: &[RetentionRule], uncovered: Uncovered) -> Result<()> {
    let query = sqlx::query("UPDATE retentions SET rules = $2, uncovered = $3, updated_at = $4 WHERE id = $1").bind(id.0).bind(written(rules)?);
    Ok(query.bind(uncovered.key()).bind(now.0).execute(c).await.map(drop)?)
}

/// The policy goes, with its clock. Its runs stay as long as others.
pub async fn delete(c: &mut AnyConnection, now: Stamp, id: RetentionId) -> Result<()> {
    sqlx::query("DELETE FROM retentions WHERE id = $1").bind(id.0).execute(&mut *c).await?;
    schedules::set(c, now, Kind::Retention, &id.to_string(), None).await
}

const RUN: &str = "t.id AS id, t.retention_id AS retention_id, t.status AS status, t.trigger_kind AS trigger_kind, t.dry_run AS dry_run, \
    t.requested_by AS requested_by, t.kept AS kept, t.removed AS removed, t.uncovered AS uncovered, t.held AS held, t.bytes AS bytes, \
    t.error AS error, t.started_at AS started_at, t.ended_at AS ended_at";

static RUNS: Listing = Listing {
    from: "retention_runs AS t",
    columns: RUN,
    sorts: &[("id", "t.id")],
    descending: true,
    keys: &[("id", "t.id"), ("status", "t.status"), ("started", "t.started_at")],
};

fn sums(row: &AnyRow) -> Sums {
    Sums { kept: row.get("kept"), removed: row.get("removed"), uncovered: row.get("uncovered"), held: row.get("held"), bytes: row.get("bytes") }
}

fn run(row: &AnyRow) -> RetentionRun {
    RetentionRun {
        id: RetentionRunId(row.get("id")),
        policy_id: RetentionId(row.get("retention_id")),
        status: RunStatus::from_key(row.get("status")),
        trigger: Trigger::from_key(row.get("trigger_kind")),
        dry_run: row.get::<i64, _>("dry_run") != 0,
        requested_by: row.get("requested_by"),
        sums: sums(row),
        error: row.get("error"),
        started_at: Stamp(row.get("started_at")),
        ended_at: row.get::<Option<i64>, _>("ended_at").map(Stamp),
    }
}

/// A project's runs, also those of a policy that is gone.
pub async fn runs(c: &mut AnyConnection, project: ProjectId, query: &Query) -> Result<Page<RetentionRun>> {
    let of = |w: &mut crate::db::Conditions| {
        let n = w.bind(project.0);
        w.and(format!("t.project_id = {n}"));
    };
    RUNS.fetch(c, query, of, |row| Ok(run(row))).await
}

pub async fn get_run(c: &mut AnyConnection, project: ProjectId, id: RetentionRunId) -> Result<Option<RetentionRun>> {
    let text = format!("SELECT {RUN} FROM retention_runs AS t WHERE t.id = $1 AND t.project_id = $2");
    Ok(sqlx::query(AssertSqlSafe(text)).bind(id.0).bind(project.0).fetch_optional(c).await?.as_ref().map(run))
}

/// The rules that a run goes by, and its log.
pub async fn rules_and_log(c: &mut AnyConnection, id: RetentionRunId) -> Result<(Vec<RetentionRule>, String)> {
    let row = sqlx::query("SELECT rules, log FROM retention_runs WHERE id = $1").bind(id.0).fetch_one(c).await?;
    Ok((rules(row.get("rules"))?, row.get("log")))
}

pub async fn unsettled(c: &mut AnyConnection, policy: RetentionId) -> Result<Option<RetentionRunId>> {
    let text = "SELECT id FROM retention_runs WHERE retention_id = $1 AND ended_at IS NULL ORDER BY id LIMIT 1";
    Ok(sqlx::query(text).bind(policy.0).fetch_optional(c).await?.map(|row| RetentionRunId(row.get("id"))))
}

pub async fn insert_run(c: &mut AnyConnection, now: Stamp, policy: &RetentionPolicy, trigger: Trigger, dry_run: bool, by: &str) -> Result<RetentionRunId> {
    let row = sqlx::query(
        "INSERT INTO retention_runs (retention_id, project_id, status, trigger_kind, dry_run, requested_by, rules, rest, kept, removed, uncovered,
           held, bytes, error, log, at_repository, started_at)
         VALUES ($1, $2, 'queued', $3, $4, $5, $6, $7, 0, 0, 0, 0, 0, '', '', 0, $8) RETURNING id",
    )
    .bind(policy.id.0)
    .bind(policy.project_id.0)
    .bind(trigger.key())
    .bind(i64::from(dry_run))
    .bind(by)
    .bind(written(&policy.rules)?)
    .bind(policy.uncovered.key())
    .bind(now.0)
    .fetch_one(c)
    .await?;
    Ok(RetentionRunId(row.get("id")))
}

/// What a run is to do, as it was asked for.
pub struct Work {
    pub project: ProjectId,
    pub name: ProjectName,
    pub rules: Vec<RetentionRule>,
    pub uncovered: Uncovered,
    pub dry: bool,
    pub started: Stamp,
    /// The last repository that is done.
    pub at: i64,
}

/// `None`: it has ended, or its project is gone.
pub async fn work(c: &mut AnyConnection, id: RetentionRunId) -> Result<Option<Work>> {
    let row = sqlx::query(
        "SELECT t.project_id AS project_id, p.name AS name, t.rules AS rules, t.rest AS rest, t.dry_run AS dry_run, t.started_at AS started_at,
           t.at_repository AS at_repository FROM retention_runs AS t JOIN projects AS p ON p.id = t.project_id
         WHERE t.id = $1 AND t.ended_at IS NULL AND p.deleted_at IS NULL",
    )
    .bind(id.0)
    .fetch_optional(c)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Work {
        project: ProjectId(row.get("project_id")),
        name: row.get::<String, _>("name").parse().map_err(|_| Error::Internal("a project's name in the database".to_owned()))?,
        rules: rules(row.get("rules"))?,
        uncovered: Uncovered::from_key(row.get("rest")).unwrap_or_default(),
        dry: row.get::<i64, _>("dry_run") != 0,
        started: Stamp(row.get("started_at")),
        at: row.get("at_repository"),
    }))
}

/// Repositories of a project, after the one with this number: number and name.
pub async fn repositories(c: &mut AnyConnection, project: ProjectId, after: i64, limit: i64) -> Result<Vec<(i64, String)>> {
    let text = "SELECT id, name FROM repositories WHERE project_id = $1 AND id > $2 AND pushed_at IS NOT NULL ORDER BY id LIMIT $3";
    let rows = sqlx::query(text).bind(project.0).bind(after).bind(limit).fetch_all(c).await?;
    Ok(rows.iter().map(|row| (row.get("id"), row.get("name"))).collect())
}

/// An artifact that rules look at.
pub struct Listed {
    pub id: i64,
    pub pushed: i64,
    pub pulled: Option<i64>,
    pub is_index: bool,
}

/// What a repository's list shows, after this number: no children, no accessories, also none whose subject has not come.
pub async fn listed(c: &mut AnyConnection, repository: i64, after: i64, limit: i64) -> Result<Vec<Listed>> {
    let text = "SELECT id, pushed_at, pulled_at, kind FROM artifacts
                WHERE repository_id = $1 AND listed = 1 AND accessory_kind IS NULL AND id > $2 ORDER BY id LIMIT $3";
    let rows = sqlx::query(text).bind(repository).bind(after).bind(limit).fetch_all(c).await?;
    let one = |row: &AnyRow| Listed { id: row.get("id"), pushed: row.get("pushed_at"), pulled: row.get("pulled_at"), is_index: row.get::<&str, _>("kind") == "index" };
    Ok(rows.iter().map(one).collect())
}

/// The latest push and pull of their tags, by artifact.
pub async fn times_of_tags(c: &mut AnyConnection, ids: &[i64]) -> Result<HashMap<i64, (i64, Option<i64>)>> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!(
            "SELECT artifact_id, MAX(pushed_at) AS pushed, MAX(pulled_at) AS pulled FROM tags WHERE artifact_id IN ({}) GROUP BY artifact_id",
            placeholders(1, part.len())
        );
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let ran = script.run(c).await?;
    Ok(ran.iter().flat_map(|ran| &ran.rows).map(|row| (row.get("artifact_id"), (row.get("pushed"), row.get("pulled")))).collect())
}

/// How many indexes of indexes are looked through upwards.
const DEEP: i64 = 8;

/// Indexes that list these and that people see: the child, the topmost index over it that is listed itself, and its digest.
pub async fn indexes_over(c: &mut AnyConnection, ids: &[i64]) -> Result<Vec<(i64, i64, String)>> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!(
            "WITH RECURSIVE up (child, id, depth) AS (
               SELECT a.id, a.id, CAST(0 AS BIGINT) FROM artifacts AS a WHERE a.id IN ({})
               UNION SELECT o.child, p.id, o.depth + 1 FROM up AS o JOIN artifacts AS k ON k.id = o.id
                 JOIN artifact_children AS x ON x.repository_id = k.repository_id AND x.child_digest = k.digest
                 JOIN artifacts AS p ON p.id = x.parent_id WHERE p.hidden = 0 AND o.depth < {DEEP} AND (o.depth = 0 OR k.listed = 0))
             SELECT DISTINCT o.child AS child, a.id AS id, a.digest AS digest FROM up AS o JOIN artifacts AS a ON a.id = o.id
             WHERE o.depth > 0 AND a.listed = 1",
            placeholders(1, part.len())
        );
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let ran = script.run(c).await?;
    Ok(ran.iter().flat_map(|ran| &ran.rows).map(|row| (row.get("child"), row.get("id"), row.get("digest"))).collect())
}

/// The digests and times of some, by number.
pub async fn named(c: &mut AnyConnection, ids: &[i64]) -> Result<HashMap<i64, Digest>> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!("SELECT id, digest FROM artifacts WHERE id IN ({})", placeholders(1, part.len()));
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let ran = script.run(c).await?;
    ran.iter().flat_map(|ran| &ran.rows).map(|row| Ok((row.get("id"), crate::artifacts::sql::digest(row.get("digest"))?))).collect()
}

/// What a task's rows of removals say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// They are gone: what was removed before a break stays told.
    Done,
    /// They would go: after a break it is told anew.
    Foretold,
}

/// Begins a repository's part, or begins it anew after a break.
pub async fn begin_task(c: &mut AnyConnection, now: Stamp, run: RetentionRunId, (repository, name): (i64, &str), told: Told) -> Result<i64> {
    let row = sqlx::query(
        "INSERT INTO retention_tasks (run_id, repository_id, repository, status, kept, removed, uncovered, held, bytes, started_at)
         VALUES ($1, $2, $3, 'running', 0, 0, 0, 0, 0, $4) ON CONFLICT (run_id, repository_id) DO UPDATE SET status = 'running' RETURNING id",
    )
    .bind(run.0)
    .bind(repository)
    .bind(name)
    .bind(now.0)
    .fetch_one(&mut *c)
    .await?;
    let id: i64 = row.get("id");
    let (gone, bytes) = match told {
        Told::Done => ("fate <> 'removed'", "bytes"),
        Told::Foretold => ("1 = 1", "0"),
    };
    sqlx::query(AssertSqlSafe(format!("DELETE FROM retention_results WHERE task_id = $1 AND {gone}"))).bind(id).execute(&mut *c).await?;
    sqlx::query(AssertSqlSafe(format!(
        "UPDATE retention_tasks SET kept = 0, uncovered = 0, held = 0, bytes = {bytes},
           removed = (SELECT CAST(COUNT(*) AS BIGINT) FROM retention_results AS x WHERE x.task_id = $1) WHERE id = $1",
    )))
    .bind(id)
    .execute(&mut *c)
    .await?;
    begin(c, run).await?;
    Ok(id)
}

/// What became of one, to be noted.
#[derive(Clone)]
pub struct Noted {
    pub artifact: i64,
    pub digest: Digest,
    pub tags: Vec<String>,
    pub fate: Fate,
    pub by: u32,
    pub why: String,
    pub pushed: i64,
    pub pulled: Option<i64>,
    pub bytes: i64,
}

/// Tags of a result that are kept.
const TAGS: usize = 20;

/// Notes what became of some of a task's artifacts, and counts them.
pub async fn note(c: &mut AnyConnection, run: RetentionRunId, task: i64, noted: &[Noted]) -> Result<()> {
    let mut script = Script::default();
    for one in noted {
        let tags = one.tags.iter().take(TAGS).cloned().collect::<Vec<_>>().join(" ");
        script.add(
            "INSERT INTO retention_results (run_id, task_id, artifact_id, digest, tags, fate, taken_by, why, pushed_at, pulled_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULLIF($10, -1))",
            [
                run.0.into(), task.into(), one.artifact.into(), one.digest.as_str().into(), tags.into(), one.fate.key().into(), i64::from(one.by).into(),
                one.why.as_str().into(), one.pushed.into(), one.pulled.unwrap_or(-1).into(),
            ],
        );
    }
    let of = |fate: Fate| noted.iter().filter(|one| one.fate == fate).count() as i64;
    let bytes: i64 = noted.iter().map(|one| one.bytes).sum();
    for (table, id) in [("retention_tasks", task), ("retention_runs", run.0)] {
        let text = format!("UPDATE {table} SET kept = kept + $2, removed = removed + $3, uncovered = uncovered + $4, held = held + $5, bytes = bytes + $6 WHERE id = $1");
        script.add(text, [id.into(), of(Fate::Kept).into(), of(Fate::Removed).into(), of(Fate::Uncovered).into(), of(Fate::Held).into(), bytes.into()]);
    }
    script.run(c).await.map(drop)
}

/// A repository is done.
pub async fn end_task(c: &mut AnyConnection, now: Stamp, run: RetentionRunId, (task, repository): (i64, i64), status: RunStatus, line: &str) -> Result<()> {
    sqlx::query("UPDATE retention_tasks SET status = $2, ended_at = $3 WHERE id = $1").bind(task).bind(status.key()).bind(now.0).execute(&mut *c).await?;
    sqlx::query("UPDATE retention_runs SET at_repository = $2 WHERE id = $1").bind(run.0).bind(repository).execute(&mut *c).await?;
    say(c, run, line).await
}

/// A run is under way: its sums are those of its tasks, also after a break.
pub async fn begin(c: &mut AnyConnection, id: RetentionRunId) -> Result<()> {
    let sum = |column: &str| format!("{column} = (SELECT CAST(COALESCE(SUM(x.{column}), 0) AS BIGINT) FROM retention_tasks AS x WHERE x.run_id = $1)");
    let all = ["kept", "removed", "uncovered", "held", "bytes"].map(sum).join(", ");
    let text = format!("UPDATE retention_runs SET status = 'running', {all} WHERE id = $1 AND ended_at IS NULL");
    Ok(sqlx::query(AssertSqlSafe(text)).bind(id.0).execute(c).await.map(drop)?)
}

/// Longest log, in bytes: the end of it counts.
const LOG: usize = 256 * 1024;

/// Adds a line to a run's log.
pub async fn say(c: &mut AnyConnection, id: RetentionRunId, line: &str) -> Result<()> {
    let row = sqlx::query("SELECT log FROM retention_runs WHERE id = $1").bind(id.0).fetch_one(&mut *c).await?;
    let log = crate::gc::sql::bounded(row.get::<String, _>("log") + line, LOG);
    Ok(sqlx::query("UPDATE retention_runs SET log = $2 WHERE id = $1").bind(id.0).bind(log).execute(c).await.map(drop)?)
}

/// Ends a run, and what of its tasks is open.
pub async fn end(c: &mut AnyConnection, now: Stamp, id: RetentionRunId, status: RunStatus, error: &str) -> Result<()> {
    let open = "UPDATE retention_tasks SET status = $2, ended_at = $3 WHERE run_id = $1 AND ended_at IS NULL";
    sqlx::query(open).bind(id.0).bind(status.key()).bind(now.0).execute(&mut *c).await?;
    let text = "UPDATE retention_runs SET status = $2, error = $3, ended_at = $4 WHERE id = $1 AND ended_at IS NULL";
    Ok(sqlx::query(text).bind(id.0).bind(status.key()).bind(error).bind(now.0).execute(c).await.map(drop)?)
}

static TASKS: Listing = Listing {
    from: "retention_tasks AS t",
    columns: "t.id AS id, t.repository AS repository, t.status AS status, t.kept AS kept, t.removed AS removed, t.uncovered AS uncovered, t.held AS held, \
        t.bytes AS bytes, t.started_at AS started_at, t.ended_at AS ended_at",
    sorts: &[("id", "t.id"), ("removed", "t.removed"), ("repository", "t.repository")],
    descending: false,
    keys: &[("id", "t.id"), ("status", "t.status")],
};

pub async fn tasks(c: &mut AnyConnection, run: RetentionRunId, query: &Query) -> Result<Page<RetentionTask>> {
    let of = |w: &mut crate::db::Conditions| {
        let n = w.bind(run.0);
        w.and(format!("t.run_id = {n}"));
    };
    let task = |row: &AnyRow| {
        Ok(RetentionTask {
            id: row.get("id"),
            repository: name(row)?,
            status: RunStatus::from_key(row.get("status")),
            sums: sums(row),
            started_at: Stamp(row.get("started_at")),
            ended_at: row.get::<Option<i64>, _>("ended_at").map(Stamp),
        })
    };
    TASKS.fetch(c, query, of, task).await
}

fn name(row: &AnyRow) -> Result<model::RepositoryName> {
    row.get::<String, _>("repository").parse().map_err(|_| Error::Internal("a repository's name in the database".to_owned()))
}

static RESULTS: Listing = Listing {
    from: "retention_results AS t JOIN retention_tasks AS k ON k.id = t.task_id",
    columns: "t.id AS id, k.repository AS repository, t.digest AS digest, t.tags AS tags, t.fate AS fate, t.taken_by AS taken_by, t.why AS why, \
        t.pushed_at AS pushed_at, t.pulled_at AS pulled_at",
    sorts: &[("id", "t.id")],
    descending: false,
    keys: &[],
};

/// What became of a run's artifacts: of one fate and one task where they are named, or kept by one rule.
pub async fn results(c: &mut AnyConnection, run: RetentionRunId, rules: &[RetentionRule], asked: &super::Asked, query: &Query) -> Result<Page<RetentionResult>> {
    let of = |w: &mut crate::db::Conditions| {
        let n = w.bind(run.0);
        w.and(format!("t.run_id = {n}"));
        if let Some(fate) = asked.fate {
            let n = w.bind(fate.key());
            w.and(format!("t.fate = {n}"));
        }
        if let Some(task) = asked.task {
            let n = w.bind(task);
            w.and(format!("t.task_id = {n}"));
        }
        if let Some(rule) = asked.rule {
            // Bit by bit, as both engines have it.
            let n = w.bind(1_i64 << rule.min(31));
            w.and(format!("(t.taken_by & {n}) <> 0"));
        }
    };
    let result = |row: &AnyRow| {
        let (fate, by) = (Fate::from_key(row.get("fate")).unwrap_or(Fate::Held), row.get::<i64, _>("taken_by"));
        Ok(RetentionResult {
            id: row.get("id"),
            repository: name(row)?,
            digest: crate::artifacts::sql::digest(row.get("digest"))?,
            tags: row.get::<String, _>("tags").split_whitespace().map(str::to_owned).collect(),
            fate,
            why: super::why(fate, by, rules, row.get("why")),
            pushed_at: Stamp(row.get("pushed_at")),
            pulled_at: row.get::<Option<i64>, _>("pulled_at").map(Stamp),
        })
    };
    RESULTS.fetch(c, query, of, result).await
}

/// How many each rule of a run kept, by the rule's place.
pub async fn kept_by(c: &mut AnyConnection, run: RetentionRunId, rules: usize) -> Result<Vec<i64>> {
    let text = "SELECT taken_by, CAST(COUNT(*) AS BIGINT) AS n FROM retention_results WHERE run_id = $1 AND fate = 'kept' GROUP BY taken_by";
    let mut kept = vec![0; rules];
    for row in sqlx::query(text).bind(run.0).fetch_all(c).await? {
        let (by, n): (i64, i64) = (row.get("taken_by"), row.get("n"));
        kept.iter_mut().enumerate().filter(|(rule, _)| by & 1 << rule != 0).for_each(|(_, kept)| *kept += n);
    }
    Ok(kept)
}

/// Deletes some of what old runs say of what they kept: only the newest run of a policy lists that.
pub async fn purge_kept(c: &mut AnyConnection, limit: i64) -> Result<u64> {
    // From the runs, which are few, to their results by the index.
    let text = "DELETE FROM retention_results WHERE id IN (SELECT x.id FROM retention_results AS x
                WHERE x.run_id IN (SELECT r.id FROM retention_runs AS r WHERE r.ended_at IS NOT NULL
                  AND EXISTS (SELECT 1 FROM retention_runs AS n WHERE n.retention_id = r.retention_id AND n.id > r.id))
                  AND x.fate IN ('kept', 'uncovered') LIMIT $1)";
    Ok(sqlx::query(text).bind(limit).execute(c).await?.rows_affected())
}
