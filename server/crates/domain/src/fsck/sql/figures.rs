//! What is counted beside the rows that it counts.

use crate::accessories::sql::{IS_SIGNED, is_superseded};
use crate::error::Result;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

/// Rows of one statement: a database may cut off one that runs for long.
const PAGE: i64 = 500;

/// A column that counts.
#[derive(Clone)]
pub(crate) struct Figure {
    pub table: &'static str,
    pub column: &'static str,
    words: &'static str,
    /// What it should be: SQL over the row `t`.
    right: String,
}

/// Every column that counts. What one is made of is no other: each is right or wrong by itself, but for what is listed, which
/// repositories and projects count, and which comes first.
pub(crate) fn all() -> Vec<Figure> {
    let count = |of: &str| format!("(SELECT CAST(COUNT(*) AS BIGINT) FROM {of})");
    let sum = |what: &str, of: &str| format!("(SELECT CAST(COALESCE(SUM({what}), 0) AS BIGINT) FROM {of})");
    let (tags, indexes) = (
        count("tags AS x WHERE x.artifact_id = t.id"),
        count("artifact_children AS x WHERE x.repository_id = t.repository_id AND x.child_digest = t.digest"),
    );
    let waits = "NOT EXISTS (SELECT 1 FROM accessories AS x JOIN artifacts AS s ON s.repository_id = x.repository_id
      AND s.digest = x.subject_digest WHERE x.artifact_id = t.id AND (x.superseded = 0";
    let waits = format!("{waits} OR {tags} = 0))");
    let listed = format!("CASE WHEN (t.accessory_kind IS NULL OR {waits}) AND t.hidden = 0 AND ({indexes} = 0 OR {tags} > 0) THEN 1 ELSE 0 END");
    let manifests = |column: &str| sum("a.manifest_size", &format!("artifacts AS a WHERE a.{column} = t.id"));
    let needed = |column: &str| {
        sum("x.size", &format!("artifacts AS a JOIN artifact_blobs AS x ON x.artifact_id = a.id WHERE a.{column} = t.id"))
    };
    let held = sum("b.size", "repository_blobs AS l JOIN blobs AS b ON b.digest = l.digest WHERE l.repository_id = t.id");
    // Each once, however many of the project's repositories hold it.
    let shared = sum(
        "b.size",
        "blobs AS b WHERE b.digest IN (SELECT l.digest FROM repositories AS r
           JOIN repository_blobs AS l ON l.repository_id = r.id WHERE r.project_id = t.id)",
    );
    // What living artifacts are made of: the rest is garbage, or waits for an undo.
    let used = sum(
        "b.size",
        "blobs AS b WHERE b.digest IN (SELECT l.digest FROM repositories AS r JOIN repository_blobs AS l ON l.repository_id = r.id
           WHERE r.project_id = t.id AND r.name NOT LIKE '#%'
             AND EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = l.digest AND x.repository_id = l.repository_id))",
    );
    let living = sum("a.manifest_size", "repositories AS r JOIN artifacts AS a ON a.repository_id = r.id WHERE r.project_id = t.id AND r.name NOT LIKE '#%'");
    let figure = |table, column, words, right| Figure { table, column, words, right };
    vec![
        figure("artifacts", "tag_count", "number of tags", tags),
        figure("artifacts", "parent_count", "number of indexes that list it", indexes),
        figure("accessories", "superseded", "mark as not in force", is_superseded("t")),
        figure("artifacts", "signed", "mark as signed", IS_SIGNED.replace("$1", "t.repository_id").replace("$2", "t.digest")),
        figure("artifacts", "listed", "mark as listed", listed),
        figure("repositories", "artifact_count", "number of artifacts", count("artifacts AS a WHERE a.repository_id = t.id AND a.listed = 1")),
        figure("repositories", "stored_bytes", "stored bytes", format!("{held} + {}", manifests("repository_id"))),
        figure("repositories", "logical_bytes", "bytes without sharing", format!("{} + {}", needed("repository_id"), manifests("repository_id"))),
        figure("projects", "artifact_count", "number of artifacts", count(
            "artifacts AS a JOIN repositories AS r ON r.id = a.repository_id WHERE a.project_id = t.id AND a.listed = 1 AND r.pushed_at IS NOT NULL",
        )),
        figure("projects", "repository_count", "number of repositories", count("repositories AS r WHERE r.project_id = t.id AND r.pushed_at IS NOT NULL")),
        figure("projects", "member_count", "number of members", count("members AS m WHERE m.project_id = t.id")),
        figure("projects", "stored_bytes", "stored bytes", format!("{shared} + {}", manifests("project_id"))),
        figure("projects", "used_bytes", "bytes that count for its quota", format!("{used} + {living}")),
        figure("projects", "logical_bytes", "bytes without sharing", format!("{} + {}", needed("project_id"), manifests("project_id"))),
    ]
}

impl Figure {
    /// Of a project that was deleted nothing is counted any more.
    fn wrong(&self) -> String {
        let there = if self.table == "projects" { "t.deleted_at IS NULL AND " } else { "" };
        format!("{there}t.{} <> {}", self.column, self.right)
    }

    /// Looks at the next rows after the number `after`: the last one's number, and words on what is counted wrong. `None`:
    /// there are no more.
    pub(crate) async fn find(&self, c: &mut AnyConnection, after: i64) -> Result<Option<(i64, Vec<String>)>> {
        let Figure { table, column, right, words } = self;
        let page = format!("SELECT MAX(id) AS id FROM (SELECT id FROM {table} WHERE id > $1 ORDER BY id LIMIT {PAGE}) AS page");
        let last = sqlx::query(AssertSqlSafe(page)).bind(after).fetch_one(&mut *c).await?.get::<Option<i64>, _>("id");
        let Some(last) = last else { return Ok(None) };
        let name = match self.table {
            "artifacts" => "'artifact ' || COALESCE((SELECT r.full_name FROM repositories AS r WHERE r.id = t.repository_id), '?') || '@' || t.digest",
            "accessories" => "'accessory of ' || t.subject_digest",
            "repositories" => "'repository ' || t.full_name",
            _ => "'project ' || t.name",
        };
        let text = format!(
            "SELECT {name} AS name, t.{column} AS said, {right} AS counted FROM {table} AS t WHERE t.id > $1 AND t.id <= $2 AND {} ORDER BY t.id", self.wrong(),
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(after).bind(last).fetch_all(c).await?;
        let say = |row: &sqlx::any::AnyRow| {
            let (name, said, counted): (String, i64, i64) = (row.get("name"), row.get("said"), row.get("counted"));
            format!("{name}: {words} is {said} and should be {counted}")
        };
        Ok(Some((last, rows.iter().map(say).collect())))
    }

    /// Counts rows of a span again: after the first number, up to the second.
    pub(crate) async fn mend(&self, c: &mut AnyConnection, (after, last): (i64, i64)) -> Result<()> {
        let text = format!("UPDATE {} AS t SET {} = {} WHERE t.id > $1 AND t.id <= $2 AND {}", self.table, self.column, self.right, self.wrong());
        sqlx::query(AssertSqlSafe(text)).bind(after).bind(last).execute(c).await?;
        Ok(())
    }
}
