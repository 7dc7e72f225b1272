//! What hangs on the rows of a list, for all of them at once: the number of statements does not grow with the list.

use super::{digest, tags};
use crate::db::{Script, Value, length, parts, placeholders};
use crate::error::Result;
use crate::labels;
use model::accessory::Kind;
use model::artifact::{Artifact, Platforms, Type};
use sqlx::{AnyConnection, Row};
use std::collections::{HashMap, HashSet};

/// Rows of one statement. A shorter part repeats its last value, so that there is one text for all lengths.
const PART: usize = 64;
/// Most accessories of a row, and platforms of an index, that are looked at.
const LOOKED_AT: i64 = 1000;

/// Is the child `x` of an index, with its artifact `a` if it has come, a platform of it? What has not come is one as the index says so.
pub const IS_PLATFORM: &str = "((a.id IS NOT NULL AND a.accessory_kind IS NULL)
    OR (a.id IS NULL AND x.platform NOT IN ('', 'unknown/unknown') AND EXISTS
      (SELECT 1 FROM artifact_blobs AS w WHERE w.artifact_id = x.parent_id AND w.digest = x.child_digest AND w.optional = 1)))";

/// Adds to each artifact so many of its tags at most, what is attached to it, the index that signs it, and how many of its platforms are signed.
/// All that is read has a bound for each row.
pub async fn complete(c: &mut AnyConnection, repository: i64, artifacts: &mut [Artifact], tags: i64) -> Result<()> {
    for part in artifacts.chunks_mut(PART) {
        complete_part(c, repository, part, tags).await?;
    }
    Ok(())
}

/// The same look for each row, each with its own end, in one statement.
fn each(n: usize, first: usize, one: impl Fn(&str) -> String) -> String {
    let one = |n: usize| format!("SELECT y{n}.* FROM ({}) AS y{n}", one(&format!("${n}")));
    (first..first + n).map(one).collect::<Vec<_>>().join(" UNION ALL ")
}

async fn complete_part(c: &mut AnyConnection, repository: i64, part: &mut [Artifact], tags: i64) -> Result<()> {
    if part.is_empty() {
        return Ok(());
    }
    // What is asked for beyond the rows names nothing.
    let length = length(part.len());
    let beyond = length - part.len();
    let numbers = || part.iter().map(|artifact| artifact.id.0).chain(std::iter::repeat_n(0, beyond)).map(Value::from);
    let names = part.iter().map(|artifact| artifact.digest.as_str()).chain(std::iter::repeat_n("", beyond));
    let digests = || std::iter::once(Value::from(repository)).chain(names.clone().map(Value::from));
    let mut script = Script::default();
    script.add(
        each(length, 1, |id| format!("SELECT artifact_id, id, name, pushed_at, pulled_at FROM tags WHERE artifact_id = {id} ORDER BY name LIMIT {tags}")),
        numbers(),
    );
    script.add(
        each(length, 2, |digest| {
            format!(
                "SELECT x.subject_digest AS subject, x.kind AS kind, x.artifact_id AS artifact_id FROM accessories AS x
                 WHERE x.repository_id = $1 AND x.superseded = 0 AND x.subject_digest = {digest} LIMIT {LOOKED_AT}"
            )
        }),
        digests(),
    );
    script.add(
        format!(
            "SELECT x.child_digest AS child, MIN(p.digest) AS digest FROM artifact_children AS x JOIN artifacts AS p ON p.id = x.parent_id
             WHERE x.repository_id = $1 AND p.signed = 1 AND x.child_digest IN ({}) GROUP BY x.child_digest",
            placeholders(2, length)
        ),
        digests(),
    );
    script.add(
        format!(
            "SELECT x.artifact_id AS artifact_id, {} FROM artifact_labels AS x JOIN labels AS t ON t.id = x.label_id WHERE x.artifact_id IN ({}) ORDER BY t.name, t.id",
            labels::COLUMNS,
            placeholders(1, length)
        ),
        numbers(),
    );
    let indexes: Vec<i64> = part.iter().filter(|artifact| artifact.kind == Type::Index).map(|artifact| artifact.id.0).collect();
    for these in parts(&indexes) {
        let text = each(these.len(), 1, |id| {
            format!(
                "SELECT CAST({id} AS BIGINT) AS parent, CAST(COUNT(*) AS BIGINT) AS n, CAST(COALESCE(SUM(z.signed), 0) AS BIGINT) AS signed,
                   CAST(COALESCE(SUM(z.described), 0) AS BIGINT) AS described FROM
                   (SELECT COALESCE(a.signed, 0) AS signed, CASE WHEN EXISTS (SELECT 1 FROM accessories AS s WHERE s.repository_id = a.repository_id
                      AND s.subject_digest = a.digest AND s.kind = 'sbom' AND s.superseded = 0) THEN 1 ELSE 0 END AS described
                    FROM artifact_children AS x LEFT JOIN artifacts AS a ON a.repository_id = x.repository_id AND a.digest = x.child_digest
                    WHERE x.parent_id = {id} AND {IS_PLATFORM} LIMIT {LOOKED_AT}) AS z"
            )
        });
        script.add(text, these.iter().map(|id| (**id).into()));
    }
    let ran = script.run(c).await?;
    let mut by_id: HashMap<i64, &mut Artifact> = part.iter_mut().map(|artifact| (artifact.id.0, artifact)).collect();
    let mut seen = HashSet::new();
    for row in &ran[0].rows {
        let tag = tags::view(row)?;
        if let Some(artifact) = by_id.get_mut(&row.get("artifact_id"))
            && seen.insert(tag.id.0)
        {
            artifact.tags.push(tag);
        }
    }
    for row in &ran[3].rows {
        if let Some(artifact) = by_id.get_mut(&row.get("artifact_id")) {
            artifact.labels.push(labels::label(row));
        }
    }
    for row in ran[4..].iter().flat_map(|ran| &ran.rows).filter(|row| row.get::<i64, _>("n") > 0) {
        if let Some(artifact) = by_id.get_mut(&row.get("parent")) {
            artifact.platforms = Some(Platforms { total: row.get("n"), signed: row.get("signed"), described: row.get("described") });
        }
    }
    let mut by_digest: HashMap<String, &mut Artifact> = part.iter_mut().map(|artifact| (artifact.digest.to_string(), artifact)).collect();
    let mut seen = HashSet::new();
    for row in &ran[1].rows {
        let Some(artifact) = by_digest.get_mut(row.get::<&str, _>("subject")) else { continue };
        let kind = Kind::from_key(row.get("kind"));
        // One that is attached in two ways is one.
        if seen.insert((artifact.id, row.get::<i64, _>("artifact_id"))) {
            artifact.accessory_count += 1;
        }
        if !artifact.attached.contains(&kind) {
            artifact.attached.push(kind);
        }
    }
    for row in &ran[2].rows {
        if let Some(artifact) = by_digest.get_mut(row.get::<&str, _>("child"))
            && !artifact.signed
        {
            artifact.signed_by_index = Some(digest(row.get("digest"))?);
        }
    }
    for artifact in part {
        artifact.attached.sort();
        artifact.tags.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(())
}

/// Which of these stand in the repository.
pub async fn standing(c: &mut AnyConnection, repository: i64, digests: &[&model::Digest]) -> Result<HashSet<String>> {
    let mut script = Script::default();
    for part in parts(digests) {
        let text = format!("SELECT digest FROM artifacts WHERE repository_id = $1 AND digest IN ({})", placeholders(2, part.len()));
        script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|digest| digest.as_str().into())));
    }
    Ok(script.run(c).await?.iter().flat_map(|ran| &ran.rows).map(|row| row.get("digest")).collect())
}
