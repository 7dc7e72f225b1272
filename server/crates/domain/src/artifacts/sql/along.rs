//! What goes along with an artifact that is deleted, and what keeps it.

use super::{SUMMED, digest};
use crate::db::{Script, parts, placeholders};
use crate::error::Result;
use crate::manifest::machinery_subject;
use model::{Digest, Tag};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::{HashMap, HashSet};

/// Most tags, and most entries of indexes, that are looked at.
const LOOKED: usize = 1000;
const ENTRIES: usize = 20_000;

/// Indexes of the repository that list this digest: at most a hundred.
pub async fn parents(c: &mut AnyConnection, repository: i64, digest: &Digest) -> Result<Vec<Digest>> {
    let rows = sqlx::query(
        "SELECT p.digest AS digest FROM artifact_children AS x JOIN artifacts AS p ON p.id = x.parent_id
         WHERE x.repository_id = $1 AND x.child_digest = $2 AND p.hidden = 0 ORDER BY p.id LIMIT 100",
    )
    .bind(repository)
    .bind(digest.as_str())
    .fetch_all(c)
    .await?;
    let mut parents = rows.iter().map(|row| self::digest(row.get("digest"))).collect::<Result<Vec<Digest>>>()?;
    parents.sort();
    parents.dedup();
    Ok(parents)
}

/// Which indexes that people see list these: their entries, by index; and those of which so many do that not all were looked at.
pub async fn listed_in(c: &mut AnyConnection, repository: i64, digests: &[&Digest]) -> Result<(HashMap<i64, Vec<String>>, Vec<String>)> {
    let mut script = Script::default();
    for part in parts(digests) {
        let text = format!(
            "SELECT x.parent_id AS parent_id, x.child_digest AS child_digest FROM artifact_children AS x JOIN artifacts AS p ON p.id = x.parent_id
             WHERE x.repository_id = $1 AND x.child_digest IN ({}) AND p.hidden = 0 LIMIT {ENTRIES}",
            placeholders(2, part.len())
        );
        script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|digest| digest.as_str().into())));
    }
    let (mut by_index, mut unknown) = (HashMap::<i64, Vec<String>>::new(), Vec::new());
    for (ran, part) in script.run(c).await?.iter().zip(parts(digests)) {
        if ran.rows.len() >= ENTRIES {
            unknown.extend(part.iter().map(|digest| digest.to_string()));
        }
        for row in &ran.rows {
            by_index.entry(row.get("parent_id")).or_default().push(row.get("child_digest"));
        }
    }
    Ok((by_index, unknown))
}

/// Some tags of people's that name these, with what they name.
pub async fn some_tags(c: &mut AnyConnection, ids: &[i64]) -> Result<Vec<(Digest, Tag)>> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!(
            "SELECT a.digest AS digest, t.name AS name FROM tags AS t JOIN artifacts AS a ON a.id = t.artifact_id
             WHERE t.artifact_id IN ({}) ORDER BY t.id LIMIT {LOOKED}",
            placeholders(1, part.len())
        );
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let ran = script.run(c).await?;
    let mut found = Vec::new();
    for row in ran.iter().flat_map(|ran| &ran.rows) {
        let Ok(tag) = row.get::<String, _>("name").parse::<Tag>() else { continue };
        if machinery_subject(&tag).is_none() && found.len() < 100 {
            found.push((digest(row.get("digest"))?, tag));
        }
    }
    Ok(found)
}

/// Those of them that a person's tag names. Where there are very many tags all of their part are: what is not known is not deleted.
pub async fn tagged_by_people(c: &mut AnyConnection, ids: &[i64]) -> Result<HashSet<i64>> {
    const MOST: usize = 1000;
    let (mut script, mut found) = (Script::default(), HashSet::new());
    for part in parts(ids) {
        let text = format!("SELECT artifact_id, name FROM tags WHERE artifact_id IN ({}) LIMIT {MOST}", placeholders(1, part.len()));
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    for (ran, part) in script.run(c).await?.iter().zip(parts(ids)) {
        if ran.rows.len() >= MOST {
            found.extend(part.iter().map(|id| **id));
        }
        let people = |row: &&AnyRow| row.get::<String, _>("name").parse().is_ok_and(|tag| machinery_subject(&tag).is_none());
        found.extend(ran.rows.iter().filter(people).map(|row| row.get::<i64, _>("artifact_id")));
    }
    Ok(found)
}

/// How long their manifests are, together.
pub async fn manifest_bytes(c: &mut AnyConnection, ids: &[i64]) -> Result<i64> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!("SELECT CAST(SUM(manifest_size) AS BIGINT) AS n FROM artifacts WHERE id IN ({})", placeholders(1, part.len()));
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let ran = script.run(c).await?;
    Ok(ran.iter().flat_map(|ran| &ran.rows).filter_map(|row| row.get::<Option<i64>, _>("n")).sum())
}

/// A child that goes with its index.
pub struct Lone {
    pub id: i64,
    pub digest: Digest,
    pub is_accessory: bool,
}

/// Children of an index that no tag names and no other index lists.
pub async fn lone_children(c: &mut AnyConnection, repository: i64, index: i64) -> Result<Vec<Lone>> {
    let rows = sqlx::query(
        "SELECT DISTINCT a.id AS id, a.digest AS digest, a.accessory_kind AS accessory_kind FROM artifact_children AS x
         JOIN artifacts AS a ON a.repository_id = x.repository_id AND a.digest = x.child_digest
         WHERE x.parent_id = $1 AND x.repository_id = $2 AND a.tag_count = 0 AND NOT EXISTS
           (SELECT 1 FROM artifact_children AS y JOIN artifacts AS p ON p.id = y.parent_id
            WHERE y.repository_id = $2 AND y.child_digest = x.child_digest AND y.parent_id <> $1 AND p.hidden = 0)",
    )
    .bind(index)
    .bind(repository)
    .fetch_all(c)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Lone {
                id: row.get("id"),
                digest: digest(row.get("digest"))?,
                is_accessory: row.get::<Option<String>, _>("accessory_kind").is_some(),
            })
        })
        .collect()
}

/// Bytes of manifests and blobs that only these artifacts of the repository use; of very many blobs, those of some.
pub async fn freed(c: &mut AnyConnection, repository: i64, ids: &[i64]) -> Result<i64> {
    let mut script = Script::default();
    for part in parts(ids) {
        let these = || part.iter().map(|id| (**id).into());
        let places = placeholders(1, part.len());
        script.add(format!("SELECT CAST(COALESCE(SUM(manifest_size), 0) AS BIGINT) AS n FROM artifacts WHERE id IN ({places})"), these());
        script.add(format!("SELECT digest, size FROM artifact_blobs WHERE artifact_id IN ({places}) LIMIT {SUMMED}"), these());
    }
    let ran = script.run(&mut *c).await?;
    let mut sum: i64 = ran.iter().step_by(2).filter_map(|ran| ran.rows.first()).map(|row| row.get::<i64, _>("n")).sum();
    let mut uses = HashMap::<String, (i64, i64)>::new();
    for row in ran.iter().skip(1).step_by(2).flat_map(|ran| &ran.rows).take(SUMMED as usize) {
        uses.entry(row.get("digest")).or_insert((row.get("size"), 0)).1 += 1;
    }
    let (uses, mut script): (Vec<_>, _) = (uses.into_iter().collect(), Script::default());
    for (digest, (_, times)) in &uses {
        // One use more than theirs is enough to know. What is not here frees nothing.
        script.add(
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM (SELECT artifact_id FROM artifact_blobs WHERE digest = $1 AND repository_id = $2 LIMIT $3) AS x
             WHERE EXISTS (SELECT 1 FROM repository_blobs AS l WHERE l.digest = $1 AND l.repository_id = $2)",
            [digest.as_str().into(), repository.into(), (times + 1).into()],
        );
    }
    let ran = script.run(c).await?;
    for ((_, (size, times)), ran) in uses.iter().zip(&ran) {
        if ran.rows.first().is_some_and(|row| row.get::<i64, _>("n") == *times) {
            sum = sum.saturating_add(*size);
        }
    }
    Ok(sum)
}

/// What these accessories are attached to, as far as it is in their repository: pairs of ids.
pub async fn subjects_here(c: &mut AnyConnection, ids: &[i64]) -> Result<Vec<(i64, i64)>> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!(
            "SELECT x.artifact_id AS id, s.id AS subject FROM accessories AS x
             JOIN artifacts AS s ON s.repository_id = x.repository_id AND s.digest = x.subject_digest WHERE x.artifact_id IN ({})",
            placeholders(1, part.len())
        );
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let ran = script.run(c).await?;
    Ok(ran.iter().flat_map(|ran| &ran.rows).map(|row| (row.get("id"), row.get("subject"))).collect())
}

/// What these hang under in their repository: indexes that people see and that list them, and what they are attached to. Of very many, some more
/// than a bound, so that it is seen to be passed.
pub async fn above(c: &mut AnyConnection, ids: &[i64]) -> Result<Vec<i64>> {
    const MOST: usize = 5000;
    let mut script = Script::default();
    for part in parts(ids) {
        let (these, places) = (|| part.iter().map(|id| (**id).into()), placeholders(1, part.len()));
        script.add(
            format!(
                "SELECT DISTINCT p.id AS id FROM artifacts AS a JOIN artifact_children AS x ON x.repository_id = a.repository_id AND x.child_digest = a.digest
                 JOIN artifacts AS p ON p.id = x.parent_id WHERE a.id IN ({places}) AND p.hidden = 0 LIMIT {MOST}"
            ),
            these(),
        );
        script.add(
            format!(
                "SELECT DISTINCT s.id AS id FROM accessories AS x JOIN artifacts AS s ON s.repository_id = x.repository_id AND s.digest = x.subject_digest
                 WHERE x.artifact_id IN ({places}) AND x.superseded = 0 LIMIT {MOST}"
            ),
            these(),
        );
    }
    Ok(script.run(c).await?.iter().flat_map(|ran| &ran.rows).map(|row| row.get("id")).collect())
}

/// Indexes that people see and that list one of these.
pub async fn listing(c: &mut AnyConnection, ids: &[i64]) -> Result<Vec<i64>> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!(
            "SELECT DISTINCT p.id AS id FROM artifacts AS a JOIN artifact_children AS x ON x.repository_id = a.repository_id AND x.child_digest = a.digest
             JOIN artifacts AS p ON p.id = x.parent_id WHERE a.id IN ({}) AND p.hidden = 0",
            placeholders(1, part.len())
        );
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    Ok(script.run(c).await?.iter().flat_map(|ran| &ran.rows).map(|row| row.get("id")).collect())
}

/// Entries of indexes that are gone through in search of what is blocked.
const GONE_THROUGH: i64 = 20_000;

/// Those of `digests` that a repository has anything of: artifacts that are it, list it, or are made of it.
pub async fn present(c: &mut AnyConnection, repository: i64, digests: &[&Digest]) -> Result<HashSet<String>> {
    let mut script = Script::default();
    for part in parts(digests) {
        let values: Vec<String> = (0..part.len()).map(|n| format!("SELECT CAST(${} AS TEXT) AS digest", n + 2)).collect();
        let text = format!(
            "SELECT v.digest AS digest FROM ({}) AS v WHERE EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = v.digest AND x.repository_id = $1)
               OR EXISTS (SELECT 1 FROM artifact_children AS x WHERE x.repository_id = $1 AND x.child_digest = v.digest)
               OR EXISTS (SELECT 1 FROM artifacts AS a WHERE a.repository_id = $1 AND a.digest = v.digest)",
            values.join(" UNION ALL ")
        );
        script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|digest| digest.as_str().into())));
    }
    Ok(script.run(c).await?.iter().flat_map(|ran| &ran.rows).map(|row| row.get("digest")).collect())
}

/// The first that is found of `digests`, which are few, among what the artifact lists and is made of, through indexes within. `Err`: it lists so much
/// that this cannot be told.
pub async fn first_within(c: &mut AnyConnection, id: i64, digests: &[&str]) -> Result<std::result::Result<Option<String>, ()>> {
    let (mut level, mut seen, mut left) = (vec![id], HashSet::from([id]), GONE_THROUGH);
    while !level.is_empty() {
        let mut script = Script::default();
        for part in parts(&level) {
            let (these, those) = (placeholders(1, part.len()), placeholders(1 + part.len(), digests.len()));
            for (table, of, what) in [("artifact_blobs", "artifact_id", "digest"), ("artifact_children", "parent_id", "child_digest")] {
                let text = format!("SELECT {what} AS digest FROM {table} WHERE {of} IN ({these}) AND {what} IN ({those}) LIMIT 1");
                script.add(text, part.iter().map(|id| (**id).into()).chain(digests.iter().map(|digest| (*digest).into())));
            }
        }
        if let Some(row) = script.run(&mut *c).await?.iter().flat_map(|ran| &ran.rows).next() {
            return Ok(Ok(Some(row.get("digest"))));
        }
        let mut below = Vec::new();
        for part in parts(&level) {
            let text = format!(
                "SELECT a.id AS id FROM artifact_children AS x JOIN artifacts AS a ON a.repository_id = x.repository_id AND a.digest = x.child_digest
                 WHERE x.parent_id IN ({}) LIMIT {}",
                placeholders(1, part.len()), left + 1
            );
            let mut script = Script::default();
            script.add(text, part.iter().map(|id| (**id).into()));
            let rows: Vec<i64> = script.run(&mut *c).await?.iter().flat_map(|ran| &ran.rows).map(|row| row.get("id")).collect();
            left -= rows.len() as i64;
            if left < 0 {
                return Ok(Err(()));
            }
            below.extend(rows.into_iter().filter(|id| seen.insert(*id)));
        }
        level = below;
    }
    Ok(Ok(None))
}

/// The artifacts of these digests, each in the repository of the artifact that it is asked for.
pub async fn beside(c: &mut AnyConnection, asked: &[(i64, Digest)]) -> Result<Vec<i64>> {
    let mut script = Script::default();
    for (id, digest) in asked {
        script.add(
            "SELECT s.id AS id FROM artifacts AS a JOIN artifacts AS s ON s.repository_id = a.repository_id AND s.digest = $2 WHERE a.id = $1",
            [(*id).into(), digest.as_str().into()],
        );
    }
    Ok(script.run(c).await?.iter().flat_map(|ran| &ran.rows).map(|row| row.get("id")).collect())
}

/// What these artifacts are attached to.
pub async fn subjects_of(c: &mut AnyConnection, ids: &[i64]) -> Result<Vec<String>> {
    let mut script = Script::default();
    for part in parts(ids) {
        let text = format!("SELECT DISTINCT subject_digest FROM accessories WHERE artifact_id IN ({})", placeholders(1, part.len()));
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let ran = script.run(c).await?;
    let subjects: std::collections::BTreeSet<String> = ran.iter().flat_map(|ran| &ran.rows).map(|row| row.get("subject_digest")).collect();
    Ok(subjects.into_iter().collect())
}

/// How deep in indexes of indexes it is looked for pulls.
const DEEP: i64 = 8;

/// The latest pull of anything that these indexes list, by index.
pub async fn pulled_below(c: &mut AnyConnection, indexes: &[i64]) -> Result<HashMap<i64, i64>> {
    let mut script = Script::default();
    for part in parts(indexes) {
        let text = format!(
            "WITH RECURSIVE below (root, id, depth) AS (
               SELECT a.id, a.id, CAST(0 AS BIGINT) FROM artifacts AS a WHERE a.id IN ({})
               UNION SELECT b.root, k.id, b.depth + 1 FROM below AS b JOIN artifact_children AS x ON x.parent_id = b.id
                 JOIN artifacts AS k ON k.repository_id = x.repository_id AND k.digest = x.child_digest WHERE b.depth < {DEEP})
             SELECT b.root AS root, MAX(a.pulled_at) AS pulled FROM below AS b JOIN artifacts AS a ON a.id = b.id WHERE a.pulled_at IS NOT NULL GROUP BY b.root",
            placeholders(1, part.len())
        );
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let ran = script.run(c).await?;
    Ok(ran.iter().flat_map(|ran| &ran.rows).map(|row| (row.get("root"), row.get("pulled"))).collect())
}
