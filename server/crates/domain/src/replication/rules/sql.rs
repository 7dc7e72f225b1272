//! SQL of replication rules.

use super::select::{Candidate, MatchedRepository};
use crate::db::{Listing, named};
use crate::error::{Error, Result};
use crate::selectors::Matcher;
use model::list::Query;
use model::accessory::Kind;
use model::selector::{Clause, Carried};
use model::replication::rule::{Rule, RuleInput, TagMode};
use model::{ArtifactId, Page, RuleId, Stamp, TargetId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

const FROM: &str = "rules AS t JOIN targets AS g ON g.id = t.target_id";
const COLUMNS: &str = "t.id AS id, t.name AS name, t.description AS description, t.target_id AS target_id, \
    t.repositories AS repositories, t.tag_mode AS tag_mode, t.tags AS tags, t.namespace AS namespace, \
    t.resource AS resource, t.further AS further, t.accepts AS accepts, t.speed AS speed, t.chunked AS chunked, t.single_active AS single_active, \
    t.flatten AS flatten, t.overwrite AS overwrite, t.removes AS removes, t.enabled AS enabled, g.name AS target_name, g.url AS target_url, \
    (SELECT CAST(COUNT(*) AS BIGINT) FROM executions AS e WHERE e.rule_id = t.id) AS execution_count, \
    (SELECT MAX(e.id) FROM executions AS e WHERE e.rule_id = t.id) AS last_execution, \
    t.created_at AS created_at, t.updated_at AS updated_at";

static LIST: Listing = Listing {
    from: FROM,
    columns: COLUMNS,
    sorts: &[("name", "t.name"), ("created", "t.created_at"), ("id", "t.id"), ("updated", "t.updated_at")],
    descending: false,
    keys: &[("id", "t.id"), ("enabled", "t.enabled"), ("target", "t.target_id"), ("description", "t.description"), ("created", "t.created_at"), ("updated",
        "t.updated_at")],
};

fn rule(row: &AnyRow) -> Result<(Rule, Option<i64>)> {
    let rule = Rule {
        id: RuleId(row.get("id")),
        input: RuleInput {
            name: row.get("name"),
            description: row.get("description"),
            target_id: TargetId(row.get("target_id")),
            repositories: row.get("repositories"),
            tag_mode: TagMode::from_key(&row.get::<String, _>("tag_mode")).unwrap_or_default(),
            tags: row.get("tags"),
            resource: Carried::from_key(&row.get::<String, _>("resource")).unwrap_or_default(),
            further: Clause::all(&row.get::<String, _>("further")).map_err(Error::Internal)?,
            accepts: row.get::<String, _>("accepts").split_whitespace().map(Kind::from_key).collect(),
            namespace: row.get("namespace"),
            speed: row.get("speed"),
            chunked: row.get::<i64, _>("chunked") != 0,
            single_active: row.get::<i64, _>("single_active") != 0,
            flatten: row.get("flatten"),
            overwrite: row.get::<i64, _>("overwrite") != 0,
            removes: row.get::<i64, _>("removes") != 0,
            enabled: row.get::<i64, _>("enabled") != 0,
        },
        target_name: row.get("target_name"),
        target_url: row.get("target_url"),
        last_execution: None,
        execution_count: row.get("execution_count"),
        created_at: Stamp(row.get("created_at")),
        updated_at: Stamp(row.get("updated_at")),
    };
    Ok((rule, row.get("last_execution")))
}

async fn complete(c: &mut AnyConnection, (mut rule, last): (Rule, Option<i64>)) -> Result<Rule> {
    if let Some(id) = last {
        rule.last_execution = crate::replication::executions::sql::get(c, model::ExecutionId(id)).await?;
    }
    Ok(rule)
}

pub async fn target_exists(c: &mut AnyConnection, id: TargetId) -> Result<bool> {
    Ok(sqlx::query("SELECT id FROM targets WHERE id = $1").bind(id.0).fetch_optional(c).await?.is_some())
}

fn accepted(input: &RuleInput) -> String {
    input.accepts.iter().map(|kind| kind.key()).collect::<Vec<_>>().join(" ")
}

/// `None`: the name is taken.
pub async fn insert(c: &mut AnyConnection, now: Stamp, input: &RuleInput) -> Result<Option<RuleId>> {
    let row = sqlx::query(
        "INSERT INTO rules (name, description, target_id, repositories, tag_mode, tags, namespace, flatten, overwrite,
           enabled, created_at, updated_at, resource, speed, chunked,
           single_active, further, accepts, removes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(input.name.as_str())
    .bind(input.description.as_str())
    .bind(input.target_id.0)
    .bind(input.repositories.as_str())
    .bind(input.tag_mode.key())
    .bind(input.tags.as_str())
    .bind(input.namespace.as_str())
    .bind(input.flatten)
    .bind(i64::from(input.overwrite))
    .bind(i64::from(input.enabled))
    .bind(now.0)
    .bind(input.resource.key())
    .bind(input.speed)
    .bind(i64::from(input.chunked))
    .bind(i64::from(input.single_active))
    .bind(Clause::lines(&input.further))
    .bind(accepted(input))
    .bind(i64::from(input.removes))
    .fetch_optional(c)
    .await?;
    Ok(row.map(|row| RuleId(row.get("id"))))
}

/// `false`: the name is taken by another.
pub async fn update(c: &mut AnyConnection, now: Stamp, id: RuleId, input: &RuleInput) -> Result<bool> {
    let other = sqlx::query("SELECT id FROM rules WHERE name = $1 AND id <> $2")
        .bind(input.name.as_str())
        .bind(id.0)
        .fetch_optional(&mut *c)
        .await?;
    if other.is_some() {
        return Ok(false);
    }
    sqlx::query(
        "UPDATE rules SET name = $2, description = $3, target_id = $4, repositories = $5, tag_mode = $6, tags = $7,
           namespace = $8, flatten = $9, overwrite = $10, enabled = $11, updated_at = $12, resource = $13, speed = $14,
           chunked = $15, single_active = $16, further = $17, accepts = $18, removes = $19 WHERE id = $1",
    )
    .bind(id.0)
    .bind(input.name.as_str())
    .bind(input.description.as_str())
    .bind(input.target_id.0)
    .bind(input.repositories.as_str())
    .bind(input.tag_mode.key())
    .bind(input.tags.as_str())
    .bind(input.namespace.as_str())
    .bind(input.flatten)
    .bind(i64::from(input.overwrite))
    .bind(i64::from(input.enabled))
    .bind(now.0)
    .bind(input.resource.key())
    .bind(input.speed)
    .bind(i64::from(input.chunked))
    .bind(i64::from(input.single_active))
    .bind(Clause::lines(&input.further))
    .bind(accepted(input))
    .bind(i64::from(input.removes))
    .execute(c)
    .await?;
    Ok(true)
}

pub async fn get(c: &mut AnyConnection, id: RuleId) -> Result<Option<Rule>> {
    let text = format!("SELECT {COLUMNS} FROM {FROM} WHERE t.id = $1");
    let Some(row) = sqlx::query(AssertSqlSafe(text)).bind(id.0).fetch_optional(&mut *c).await? else {
        return Ok(None);
    };
    Ok(Some(complete(c, rule(&row)?).await?))
}

/// What the rule says, and every other that is enabled and pushes to the same registry.
pub(crate) async fn to(c: &mut AnyConnection, of: &Rule) -> Result<Vec<RuleInput>> {
    let text = format!("SELECT {COLUMNS} FROM {FROM} WHERE g.url = $1 AND t.enabled = 1 AND t.id <> $2 ORDER BY t.id");
    let rows = sqlx::query(AssertSqlSafe(text)).bind(of.target_url.as_str()).bind(of.id.0).fetch_all(c).await?;
    let others = rows.iter().map(|row| rule(row).map(|(rule, _)| rule.input)).collect::<Result<Vec<_>>>()?;
    Ok(std::iter::once(of.input.clone()).chain(others).collect())
}

pub async fn list(c: &mut AnyConnection, query: &Query) -> Result<Page<Rule>> {
    let page = LIST
        .fetch(
            c,
            query,
            |w| {
                named(w, query, "t.name", "t.name");
            },
            rule,
        )
        .await?;
    let mut items = Vec::with_capacity(page.items.len());
    for found in page.items {
        items.push(complete(c, found).await?);
    }
    Ok(Page { items, total: page.total, next: page.next })
}

pub async fn is_running(c: &mut AnyConnection, id: RuleId) -> Result<bool> {
    let row = sqlx::query("SELECT id FROM executions WHERE rule_id = $1 AND status IN ('queued', 'running') LIMIT 1")
        .bind(id.0)
        .fetch_optional(c)
        .await?;
    Ok(row.is_some())
}

pub async fn delete(c: &mut AnyConnection, id: RuleId) -> Result<()> {
    for text in [
        "DELETE FROM tasks WHERE execution_id IN (SELECT id FROM executions WHERE rule_id = $1)",
        "DELETE FROM executions WHERE rule_id = $1",
        "DELETE FROM rules WHERE id = $1",
    ] {
        sqlx::query(text).bind(id.0).execute(&mut *c).await?;
    }
    crate::replication::removals::forget_rule(c, id).await
}

/// The repositories whose names a rule takes.
pub(crate) async fn sources(c: &mut AnyConnection, matcher: &Matcher) -> Result<Vec<MatchedRepository>> {
    let rows = sqlx::query(
        "SELECT r.id AS id, r.name AS name, p.name AS project FROM repositories AS r JOIN projects AS p ON p.id = r.project_id
         WHERE p.deleted_at IS NULL AND r.pushed_at IS NOT NULL ORDER BY p.name, r.name",
    )
    .fetch_all(&mut *c)
    .await?;
    let mut found = Vec::new();
    for row in rows {
        let (project, name): (String, String) = (row.get("project"), row.get("name"));
        let full = format!("{project}/{name}");
        if !matcher.takes_repository(&full) {
            continue;
        }
        let broken = |_| Error::Internal(format!("name {project}/{name} in the database"));
        found.push(MatchedRepository {
            id: row.get("id"),
            project: project.parse().map_err(broken)?,
            repository: name.parse().map_err(broken)?,
        });
    }
    Ok(found)
}

/// The next artifacts of a repository that a rule takes, after the one with the id `after`, and where to go on: `None` at the end. Looks at
/// every listed one, or at `only` one.
pub(crate) async fn candidates(
    c: &mut AnyConnection,
    matcher: &Matcher,
    source: &MatchedRepository,
    only: Option<ArtifactId>,
    after: i64,
    limit: i64,
) -> Result<(Vec<Candidate>, Option<i64>)> {
    let rows = sqlx::query(
        "SELECT id, digest, kind FROM artifacts
         WHERE repository_id = $1 AND (listed = 1 AND $2 = 0 OR id = $2) AND id > $3 ORDER BY id LIMIT $4",
    )
    .bind(source.id)
    .bind(only.map_or(0, |id| id.0))
    .bind(after)
    .bind(limit)
    .fetch_all(&mut *c)
    .await?;
    let next = (rows.len() as i64 == limit).then(|| rows.last().map(|row| row.get("id"))).flatten();
    let rows: Vec<AnyRow> = rows.into_iter().filter(|row| matcher.takes_kind(row.get("kind"))).collect();
    let ids: Vec<i64> = rows.iter().map(|row| row.get("id")).collect();
    let mut tags = crate::artifacts::sql::tag_names_of(c, &ids).await?;
    let mut labels = if matcher.looks_at_labels() { crate::labels::names_of(c, &ids).await? } else { Default::default() };
    let mut found = Vec::new();
    for row in rows {
        let id: i64 = row.get("id");
        if !matcher.takes_labels(&labels.remove(&id).unwrap_or_default()) {
            continue;
        }
        let Some(tags) = matcher.take(tags.remove(&id).unwrap_or_default()) else { continue };
        let digest = crate::artifacts::sql::digest(row.get("digest"))?;
        let (project, repository) = (source.project.clone(), source.repository.clone());
        found.push(Candidate { id: ArtifactId(id), project, repository, digest, tags });
    }
    Ok((found, next))
}
