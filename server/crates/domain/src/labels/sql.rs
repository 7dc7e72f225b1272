//! SQL of labels.

use crate::db::{Conditions, Listing, Script, Value, named, parts, placeholders};
use crate::error::{Error, Result};
use model::label::{Label, LabelInput};
use model::list::Query;
use model::{LabelId, Page, ProjectId, ProjectName, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::HashMap;

/// Of a label `t`, for [`label`].
pub(crate) const COLUMNS: &str = "t.id AS id, t.name AS name, t.description AS description, t.color AS color, \
    t.project_id AS project_id, t.created_at AS created_at, t.updated_at AS updated_at";

static LIST: Listing = Listing {
    from: "labels AS t",
    columns: COLUMNS,
    sorts: &[("name", "t.name"), ("id", "t.id"), ("created", "t.created_at"), ("updated", "t.updated_at")],
    descending: false,
    keys: &[("id", "t.id"), ("created", "t.created_at"), ("updated", "t.updated_at")],
};

pub(crate) fn label(row: &AnyRow) -> Label {
    Label {
        id: LabelId(row.get("id")),
        input: LabelInput { name: row.get("name"), description: row.get("description"), color: row.get("color") },
        project_id: Some(row.get::<i64, _>("project_id")).filter(|id| *id != 0).map(ProjectId),
        created_at: Stamp(row.get("created_at")),
        updated_at: Stamp(row.get("updated_at")),
    }
}

/// Of the project, or those for all: 0.
pub async fn list(c: &mut AnyConnection, project: i64, query: &Query) -> Result<Page<Label>> {
    let of = |w: &mut Conditions| {
        let n = w.bind(project);
        w.and(format!("t.project_id = {n}"));
        named(w, query, "LOWER(t.name)", "t.name");
    };
    LIST.fetch(c, query, of, |row| Ok(label(row))).await
}

/// Those of the project, then those for all, by name.
pub async fn usable(c: &mut AnyConnection, project: i64) -> Result<Vec<Label>> {
    let text = format!("SELECT {COLUMNS} FROM labels AS t WHERE t.project_id IN ($1, 0) ORDER BY t.project_id DESC, t.name, t.id");
    Ok(sqlx::query(AssertSqlSafe(text)).bind(project).fetch_all(c).await?.iter().map(label).collect())
}

/// A label, and its project's name.
pub async fn get(c: &mut AnyConnection, id: LabelId) -> Result<Option<(Label, Option<ProjectName>)>> {
    let text = format!("SELECT {COLUMNS}, p.name AS project FROM labels AS t LEFT JOIN projects AS p ON p.id = t.project_id AND p.deleted_at IS NULL
        WHERE t.id = $1 AND (t.project_id = 0 OR p.id IS NOT NULL)");
    let Some(row) = sqlx::query(AssertSqlSafe(text)).bind(id.0).fetch_optional(c).await? else { return Ok(None) };
    let project = row.get::<Option<String>, _>("project").map(|name| name.parse());
    let project = project.transpose().map_err(|_| Error::Internal("a project's name in the database".to_owned()))?;
    Ok(Some((label(&row), project)))
}

pub async fn count(c: &mut AnyConnection, project: i64) -> Result<i64> {
    let row = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM labels WHERE project_id = $1").bind(project).fetch_one(c).await?;
    Ok(row.get("n"))
}

/// `None`: the name is taken.
pub async fn insert(c: &mut AnyConnection, now: Stamp, project: i64, input: &LabelInput) -> Result<Option<LabelId>> {
    let text = "INSERT INTO labels (project_id, name, description, color, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
                ON CONFLICT DO NOTHING RETURNING id";
    let query = sqlx::query(text).bind(project).bind(input.name.trim()).bind(input.description.as_str()).bind(input.color.as_str()).bind(now.0);
    Ok(query.fetch_optional(c).await?.map(|row| LabelId(row.get("id"))))
}

/// `false`: the name is taken.
pub async fn update(c: &mut AnyConnection, now: Stamp, id: LabelId, input: &LabelInput) -> Result<bool> {
    let text = "UPDATE labels SET name = $2, description = $3, color = $4, updated_at = $5 WHERE id = $1
                AND NOT EXISTS (SELECT 1 FROM labels AS o WHERE o.project_id = labels.project_id AND o.name = $2 AND o.id <> $1)";
    let query = sqlx::query(text).bind(id.0).bind(input.name.trim()).bind(input.description.as_str()).bind(input.color.as_str()).bind(now.0);
    Ok(query.execute(c).await?.rows_affected() == 1)
}

pub async fn delete(c: &mut AnyConnection, id: LabelId) -> Result<bool> {
    sqlx::query("DELETE FROM artifact_labels WHERE label_id = $1").bind(id.0).execute(&mut *c).await?;
    Ok(sqlx::query("DELETE FROM labels WHERE id = $1").bind(id.0).execute(c).await?.rows_affected() == 1)
}

/// How many labels an artifact carries.
pub async fn on(c: &mut AnyConnection, artifact: i64) -> Result<i64> {
    let row = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM artifact_labels WHERE artifact_id = $1").bind(artifact).fetch_one(c).await?;
    Ok(row.get("n"))
}

/// `false`: it carries it.
pub async fn put(c: &mut AnyConnection, now: Stamp, artifact: i64, id: LabelId) -> Result<bool> {
    let text = "INSERT INTO artifact_labels (artifact_id, label_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    Ok(sqlx::query(text).bind(artifact).bind(id.0).bind(now.0).execute(c).await?.rows_affected() == 1)
}

pub async fn take_off(c: &mut AnyConnection, artifact: i64, id: LabelId) -> Result<bool> {
    let text = "DELETE FROM artifact_labels WHERE artifact_id = $1 AND label_id = $2";
    Ok(sqlx::query(text).bind(artifact).bind(id.0).execute(c).await?.rows_affected() == 1)
}

/// Of these names those that no label of the project has, nor one for all.
pub(crate) async fn unknown(c: &mut AnyConnection, project: ProjectId, names: &[&str]) -> Result<Vec<String>> {
    let mut script = Script::default();
    for part in parts(names) {
        let text = format!("SELECT DISTINCT name FROM labels WHERE project_id IN (0, $1) AND name IN ({})", placeholders(2, part.len()));
        script.add(text, std::iter::once(project.0.into()).chain(part.iter().map(|name| Value::Text(Some((**name).to_owned())))));
    }
    let ran = script.run(c).await?;
    let known: Vec<String> = ran.iter().flat_map(|ran| &ran.rows).map(|row| row.get("name")).collect();
    Ok(names.iter().filter(|name| !known.iter().any(|known| known == *name)).map(|name| (*name).to_owned()).collect())
}

/// The names of the labels that these carry, by artifact.
pub(crate) async fn names_of(c: &mut AnyConnection, ids: &[i64]) -> Result<HashMap<i64, Vec<String>>> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!(
            "SELECT x.artifact_id AS id, b.name AS name FROM artifact_labels AS x JOIN labels AS b ON b.id = x.label_id WHERE x.artifact_id IN ({})
                ORDER BY b.name, b.id",
            placeholders(1, part.len())
        );
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let mut found = HashMap::<i64, Vec<String>>::new();
    for row in script.run(c).await?.iter().flat_map(|ran| &ran.rows) {
        found.entry(row.get("id")).or_default().push(row.get("name"));
    }
    Ok(found)
}
