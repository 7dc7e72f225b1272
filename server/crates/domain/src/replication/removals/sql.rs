//! SQL of what rules put at their destinations, and of the tasks that remove it.

use super::Gone;
use crate::db::{Script, parts, placeholders};
use crate::error::Result;
use crate::replication::executions::WorkTask;
use crate::replication::executions::sql::words;
use model::{Digest, ExecutionId, RuleId, Stamp, TaskId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::BTreeSet;

/// A rule, and where its target is.
type Of<'a> = (RuleId, &'a str);

fn joined<'a>(all: impl Iterator<Item = &'a str>) -> String {
    all.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
}

fn gone(row: &AnyRow) -> Gone {
    Gone { source: row.get("source"), destination: row.get("destination"), digest: row.get("digest"), tags: words(&row.get::<String, _>("tags")) }
}

/// The rule put the artifact there.
pub async fn put(c: &mut AnyConnection, now: Stamp, (rule, url): Of<'_>, task: &WorkTask, attached: &[Digest]) -> Result<()> {
    sqlx::query(
        "INSERT INTO replicated (rule_id, url, destination, digest, source, tags, attached, put_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (rule_id, url, destination, digest) DO UPDATE SET source = excluded.source, tags = excluded.tags, attached = excluded.attached,
           put_at = excluded.put_at, asked = 0, may_go = 0",
    )
    .bind(rule.0)
    .bind(url)
    .bind(task.destination.as_str())
    .bind(task.digest.as_str())
    .bind(task.source.as_str())
    .bind(joined(task.tags.iter().map(String::as_str)))
    .bind(joined(attached.iter().map(Digest::as_str)))
    .bind(now.0)
    .execute(c)
    .await?;
    Ok(())
}

/// More of what it put there before: tags, and what is attached. It is here, so that what was said of its removal holds no more.
pub async fn more(c: &mut AnyConnection, of: Of<'_>, task: &WorkTask, attached: &[Digest]) -> Result<()> {
    let Some((before, known)) = noted(&mut *c, of, task).await? else { return Ok(()) };
    let tags = joined(before.tags.iter().chain(&task.tags).map(String::as_str));
    let attached = joined(known.iter().map(String::as_str).chain(attached.iter().map(Digest::as_str)));
    let text = "UPDATE replicated SET source = $5, tags = $6, attached = $7, asked = 0, may_go = 0
         WHERE rule_id = $1 AND url = $2 AND destination = $3 AND digest = $4 AND (source <> $5 OR tags <> $6 OR attached <> $7 OR asked <> 0 OR may_go <> 0)";
    let query = sqlx::query(text).bind(of.0.0).bind(of.1).bind(task.destination.as_str()).bind(task.digest.as_str());
    query.bind(task.source.as_str()).bind(tags).bind(attached).execute(c).await?;
    Ok(())
}

/// The rule set these tags there, or found them set: they name this digest, and what they named before no more.
pub async fn set_tags(c: &mut AnyConnection, (rule, url): Of<'_>, task: &WorkTask) -> Result<()> {
    let mut script = Script::default();
    for tag in &task.tags {
        script.add(
            "INSERT INTO replicated_tags (rule_id, url, destination, tag, digest) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (rule_id, url, destination, tag) DO UPDATE SET digest = excluded.digest WHERE replicated_tags.digest <> excluded.digest",
            [rule.0.into(), url.into(), task.destination.as_str().into(), tag.as_str().into(), task.digest.as_str().into()],
        );
    }
    script.run(c).await.map(drop)
}

/// The tags that name it, as the rule set them last.
pub async fn tags_of(c: &mut AnyConnection, (rule, url): Of<'_>, task: &WorkTask) -> Result<Vec<String>> {
    let text = "SELECT tag FROM replicated_tags WHERE rule_id = $1 AND url = $2 AND destination = $3 AND digest = $4 ORDER BY tag";
    let query = sqlx::query(text).bind(rule.0).bind(url).bind(task.destination.as_str()).bind(task.digest.as_str());
    Ok(query.fetch_all(c).await?.iter().map(|row| row.get("tag")).collect())
}

/// What is noted of it, with what is attached.
pub async fn noted(c: &mut AnyConnection, (rule, url): Of<'_>, task: &WorkTask) -> Result<Option<(Gone, Vec<String>)>> {
    let text = "SELECT source, destination, digest, tags, attached FROM replicated WHERE rule_id = $1 AND url = $2 AND destination = $3 AND digest = $4";
    let query = sqlx::query(text).bind(rule.0).bind(url).bind(task.destination.as_str()).bind(task.digest.as_str());
    Ok(query.fetch_optional(c).await?.map(|row| (gone(&row), words(&row.get::<String, _>("attached")))))
}

pub async fn forget(c: &mut AnyConnection, (rule, url): Of<'_>, task: &WorkTask) -> Result<()> {
    for table in ["replicated_tags", "replicated"] {
        let text = format!("DELETE FROM {table} WHERE rule_id = $1 AND url = $2 AND destination = $3 AND digest = $4");
        let query = sqlx::query(AssertSqlSafe(text)).bind(rule.0).bind(url).bind(task.destination.as_str()).bind(task.digest.as_str());
        query.execute(&mut *c).await?;
    }
    Ok(())
}

/// Of a rule that is deleted.
pub(crate) async fn forget_rule(c: &mut AnyConnection, rule: RuleId) -> Result<()> {
    sqlx::query("DELETE FROM replicated_tags WHERE rule_id = $1").bind(rule.0).execute(&mut *c).await?;
    sqlx::query("DELETE FROM replicated WHERE rule_id = $1").bind(rule.0).execute(c).await?;
    Ok(())
}

/// How much the rule put there.
pub async fn count(c: &mut AnyConnection, (rule, url): Of<'_>) -> Result<i64> {
    let text = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM replicated WHERE rule_id = $1 AND url = $2";
    Ok(sqlx::query(text).bind(rule.0).bind(url).fetch_one(c).await?.get("n"))
}

/// Of what the rule put there that which is no more where it came from, after this place and digest.
pub async fn without_source(c: &mut AnyConnection, (rule, url): Of<'_>, after: Option<(String, String)>, limit: i64) -> Result<Vec<Without>> {
    let (place, digest) = after.unwrap_or_default();
    let text = "SELECT w.source AS source, w.destination AS destination, w.digest AS digest, w.tags AS tags, w.asked AS asked, w.may_go AS may_go FROM replicated AS w
         WHERE w.rule_id = $1 AND w.url = $2 AND (w.destination, w.digest) > ($3, $4) AND NOT EXISTS
           (SELECT 1 FROM repositories AS r JOIN artifacts AS a ON a.repository_id = r.id AND a.digest = w.digest
            WHERE r.full_name = w.source AND r.pushed_at IS NOT NULL)
         ORDER BY w.destination, w.digest LIMIT $5";
    let rows = sqlx::query(text).bind(rule.0).bind(url).bind(place).bind(digest).bind(limit).fetch_all(c).await?;
    Ok(rows.iter().map(|row| Without { gone: gone(row), asked: row.get("asked"), may_go: row.get::<i64, _>("may_go") != 0 }).collect())
}

/// Something whose source is gone.
pub struct Without {
    pub gone: Gone,
    /// The execution that left it to somebody's answer; 0 for none.
    pub asked: i64,
    pub may_go: bool,
}

/// Is it where it came from?
pub async fn is_there(c: &mut AnyConnection, gone: &Gone) -> Result<bool> {
    let text = "SELECT a.id FROM repositories AS r JOIN artifacts AS a ON a.repository_id = r.id AND a.digest = $2
         WHERE r.full_name = $1 AND r.pushed_at IS NOT NULL LIMIT 1";
    Ok(sqlx::query(text).bind(gone.source.as_str()).bind(gone.digest.as_str()).fetch_optional(c).await?.is_some())
}

/// Does any of these repositories hold the digest?
pub async fn is_held(c: &mut AnyConnection, repositories: &[i64], digest: &str) -> Result<bool> {
    for part in parts(repositories) {
        let text = format!("SELECT id FROM artifacts WHERE digest = $1 AND repository_id IN ({}) LIMIT 1", placeholders(2, part.len()));
        let query = part.iter().fold(sqlx::query(AssertSqlSafe(text)).bind(digest), |query, id| query.bind(**id));
        if query.fetch_optional(&mut *c).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

pub async fn is_planned(c: &mut AnyConnection, id: ExecutionId) -> Result<bool> {
    let row = sqlx::query("SELECT removals_planned FROM executions WHERE id = $1").bind(id.0).fetch_one(c).await?;
    Ok(row.get::<i64, _>("removals_planned") != 0)
}

pub async fn set_planned(c: &mut AnyConnection, id: ExecutionId) -> Result<()> {
    sqlx::query("UPDATE executions SET removals_planned = 1 WHERE id = $1").bind(id.0).execute(c).await?;
    Ok(())
}

/// So many were left to somebody's answer.
pub async fn leave(c: &mut AnyConnection, id: ExecutionId, removals: i64) -> Result<()> {
    sqlx::query("UPDATE executions SET removals_left = $2 WHERE id = $1").bind(id.0).bind(removals).execute(c).await?;
    Ok(())
}

/// These are left to somebody's answer to that execution.
pub async fn ask(c: &mut AnyConnection, (rule, url): Of<'_>, id: ExecutionId, part: &[Gone]) -> Result<()> {
    let mut script = Script::default();
    for gone in part {
        script.add(
            "UPDATE replicated SET asked = $5 WHERE rule_id = $1 AND url = $2 AND destination = $3 AND digest = $4",
            [rule.0.into(), url.into(), gone.destination.as_str().into(), gone.digest.as_str().into(), id.0.into()],
        );
    }
    script.run(c).await.map(drop)
}

/// What that execution left may go; answers how many.
pub async fn allow(c: &mut AnyConnection, rule: RuleId, asked: ExecutionId) -> Result<u64> {
    let text = "UPDATE replicated SET may_go = 1 WHERE rule_id = $1 AND asked = $2";
    Ok(sqlx::query(text).bind(rule.0).bind(asked.0).execute(c).await?.rows_affected())
}

pub async fn drop_tasks(c: &mut AnyConnection, id: ExecutionId) -> Result<()> {
    sqlx::query("DELETE FROM tasks WHERE execution_id = $1 AND removes = 1").bind(id.0).execute(c).await?;
    Ok(())
}

/// Tasks that remove these; what was within the tenth once may go from then on.
pub async fn insert_tasks(c: &mut AnyConnection, (rule, url): Of<'_>, id: ExecutionId, part: &[Gone]) -> Result<()> {
    let mut script = Script::default();
    for gone in part {
        script.add(
            "UPDATE replicated SET may_go = 1 WHERE rule_id = $1 AND url = $2 AND destination = $3 AND digest = $4",
            [rule.0.into(), url.into(), gone.destination.as_str().into(), gone.digest.as_str().into()],
        );
        script.add(
            "INSERT INTO tasks (execution_id, artifact_id, status, source, destination, digest, tags, accessories, bytes_done, bytes_total, error, log, removes)
             VALUES ($1, 0, 'pending', $2, $3, $4, $5, '', 0, 0, '', '', 1)",
            [id.0.into(), gone.source.as_str().into(), gone.destination.as_str().into(), gone.digest.as_str().into(), gone.tags.join(" ").into()],
        );
    }
    script.run(c).await.map(drop)
}

/// A task ends without having removed anything.
pub async fn keep(c: &mut AnyConnection, now: Stamp, task: TaskId, why: &str) -> Result<()> {
    let text = "UPDATE tasks SET status = 'skipped', error = $2, log = log || $3, started_at = COALESCE(started_at, $4), ended_at = $4 WHERE id = $1";
    sqlx::query(text).bind(task.0).bind(why).bind(format!("kept there: {why}\n")).bind(now.0).execute(c).await?;
    Ok(())
}
