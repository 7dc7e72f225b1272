//! SQL of what happens day by day.

use crate::db::{Script, parts, placeholders};
use crate::error::{Error, Result};
use model::activity::{Busy, Day};
use model::{ProjectId, RepositoryId, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeMap, HashMap};

fn day(row: &AnyRow, stored: Option<i64>) -> (i64, Day) {
    let number = row.get("day");
    (number, Day { number, pulls: row.get("pulls"), pushes: row.get("pushes"), stored })
}

/// A project's days from this one on that have a row.
pub async fn of_project(c: &mut AnyConnection, project: ProjectId, first: i64) -> Result<HashMap<i64, Day>> {
    let text = "SELECT day, pulls, pushes, stored FROM project_days WHERE project_id = $1 AND day >= $2";
    let rows = sqlx::query(text).bind(project.0).bind(first).fetch_all(c).await?;
    Ok(rows.iter().map(|row| day(row, Some(row.get("stored")))).collect())
}

/// A repository's days from this one on that have a row.
pub async fn of_repository(c: &mut AnyConnection, repository: RepositoryId, first: i64) -> Result<HashMap<i64, Day>> {
    let text = "SELECT day, pulls, pushes FROM repository_days WHERE repository_id = $1 AND day >= $2";
    let rows = sqlx::query(text).bind(repository.0).bind(first).fetch_all(c).await?;
    Ok(rows.iter().map(|row| day(row, None)).collect())
}

/// What the project held on the last day before this one that has a row.
pub async fn held_before(c: &mut AnyConnection, project: ProjectId, first: i64) -> Result<Option<i64>> {
    let text = "SELECT stored FROM project_days WHERE project_id = $1 AND day < $2 ORDER BY day DESC LIMIT 1";
    Ok(sqlx::query(text).bind(project.0).bind(first).fetch_optional(c).await?.map(|row| row.get("stored")))
}

/// What the project holds now.
pub async fn held(c: &mut AnyConnection, project: ProjectId) -> Result<Option<i64>> {
    let row = sqlx::query("SELECT used_bytes AS used FROM projects WHERE id = $1").bind(project.0).fetch_optional(c).await?;
    Ok(row.map(|row| row.get("used")))
}

/// Repositories of the project that show, by what they did from this day on.
pub async fn busiest(c: &mut AnyConnection, project: ProjectId, first: i64, limit: i64) -> Result<Vec<Busy>> {
    let text = "SELECT r.name AS name, s.pulls AS pulls, s.pushes AS pushes FROM
           (SELECT repository_id, CAST(SUM(pulls) AS BIGINT) AS pulls, CAST(SUM(pushes) AS BIGINT) AS pushes FROM repository_days
             WHERE project_id = $1 AND day >= $2 GROUP BY repository_id) AS s
         JOIN repositories AS r ON r.id = s.repository_id WHERE r.pushed_at IS NOT NULL ORDER BY s.pulls DESC, s.pushes DESC, r.id LIMIT $3";
    let rows = sqlx::query(text).bind(project.0).bind(first).bind(limit).fetch_all(c).await?;
    let busy = |row: &AnyRow| {
        let name: String = row.get("name");
        let repository = name.parse().map_err(|_| Error::Internal(format!("repository name {name:?} in the database")))?;
        Ok(Busy { repository, pulls: row.get("pulls"), pushes: row.get("pushes") })
    };
    rows.iter().map(busy).collect()
}

/// A repository with pushes that are not in their day yet.
#[derive(Clone)]
pub struct Pending {
    repository: i64,
    /// When it was pushed to last; of one that was deleted since nothing says so.
    pushed_at: Option<i64>,
    count: i64,
    noted: i64,
}

pub async fn pending(c: &mut AnyConnection, limit: i64) -> Result<Vec<Pending>> {
    let text = "SELECT id, pushed_at, push_count, pushes_noted FROM repositories WHERE push_count <> pushes_noted ORDER BY id LIMIT $1";
    let rows = sqlx::query(text).bind(limit).fetch_all(c).await?;
    let of = |row: &AnyRow| Pending { repository: row.get("id"), pushed_at: row.get("pushed_at"), count: row.get("push_count"), noted: row.get("pushes_noted") };
    Ok(rows.iter().map(of).collect())
}

/// Puts them into their days. What another process put there meanwhile is not put there again: each is taken from the count that was seen.
pub async fn note_pushes(c: &mut AnyConnection, now: Stamp, pending: &[Pending]) -> Result<()> {
    let mut script = Script::default();
    for one in pending {
        let text = "UPDATE repositories SET pushes_noted = $2 WHERE id = $1 AND pushes_noted = $3";
        script.add(text, [one.repository.into(), one.count.into(), one.noted.into()]);
    }
    let ran = script.run(&mut *c).await?;
    let ours = pending.iter().zip(&ran).filter(|(_, ran)| ran.changed == 1);
    let counts = ours.map(|(one, _)| Count {
        repository: one.repository, day: Day::of(one.pushed_at.map_or(now, Stamp)), pulls: 0, pushes: one.count - one.noted,
    });
    add(c, &counts.collect::<Vec<_>>()).await
}

/// Adds pulls: of a repository, at a moment, so many.
pub async fn note_pulls(c: &mut AnyConnection, pulls: &[(i64, Stamp, i64)]) -> Result<()> {
    let mut sums = BTreeMap::<(i64, i64), i64>::new();
    for (repository, at, count) in pulls {
        *sums.entry((*repository, Day::of(*at))).or_default() += count;
    }
    let counts = sums.into_iter().map(|((repository, day), pulls)| Count { repository, day, pulls, pushes: 0 });
    add(c, &counts.collect::<Vec<_>>()).await
}

struct Count {
    repository: i64,
    day: i64,
    pulls: i64,
    pushes: i64,
}

/// Adds to a repository's day, and to its project's; of a repository that is gone nothing.
async fn add(c: &mut AnyConnection, counts: &[Count]) -> Result<()> {
    let mut script = Script::default();
    for one in counts {
        let values = || [one.repository.into(), one.day.into(), one.pulls.into(), one.pushes.into()];
        script.add(
            "INSERT INTO repository_days (repository_id, project_id, day, pulls, pushes)
             SELECT r.id, r.project_id, $2, $3, $4 FROM repositories AS r WHERE r.id = $1
             ON CONFLICT (repository_id, day) DO UPDATE SET pulls = repository_days.pulls + excluded.pulls, pushes = repository_days.pushes + excluded.pushes",
            values(),
        );
        script.add(
            "INSERT INTO project_days (project_id, day, pulls, pushes, stored)
             SELECT p.id, $2, $3, $4, p.used_bytes FROM repositories AS r JOIN projects AS p ON p.id = r.project_id WHERE r.id = $1
             ON CONFLICT (project_id, day) DO UPDATE SET pulls = project_days.pulls + excluded.pulls, pushes = project_days.pushes + excluded.pushes,
               stored = excluded.stored",
            values(),
        );
    }
    script.run(c).await.map(drop)
}

/// Projects after this one.
pub async fn projects(c: &mut AnyConnection, after: i64, limit: i64) -> Result<Vec<i64>> {
    let text = "SELECT id FROM projects WHERE id > $1 AND deleted_at IS NULL ORDER BY id LIMIT $2";
    Ok(sqlx::query(text).bind(after).bind(limit).fetch_all(c).await?.iter().map(|row| row.get("id")).collect())
}

/// Notes what these projects hold.
pub async fn note_stored(c: &mut AnyConnection, today: i64, projects: &[i64]) -> Result<()> {
    let mut script = Script::default();
    for part in parts(projects) {
        let text = format!(
            "INSERT INTO project_days (project_id, day, pulls, pushes, stored)
             SELECT id, $1, 0, 0, used_bytes FROM projects WHERE deleted_at IS NULL AND id IN ({})
             ON CONFLICT (project_id, day) DO UPDATE SET stored = excluded.stored WHERE project_days.stored <> excluded.stored",
            placeholders(2, part.len())
        );
        script.add(text, std::iter::once(today.into()).chain(part.iter().map(|id| (**id).into())));
    }
    script.run(c).await.map(drop)
}

/// Deletes rows of days before this one; answers how many.
pub async fn purge(c: &mut AnyConnection, before: i64, limit: i64) -> Result<u64> {
    let mut gone = 0;
    for text in [
        "DELETE FROM repository_days WHERE (repository_id, day) IN (SELECT repository_id, day FROM repository_days WHERE day < $1 LIMIT $2)",
        "DELETE FROM project_days WHERE (project_id, day) IN (SELECT project_id, day FROM project_days WHERE day < $1 LIMIT $2)",
    ] {
        gone += sqlx::query(text).bind(before).bind(limit).execute(&mut *c).await?.rows_affected();
    }
    Ok(gone)
}
