//! What hangs on the rows of a list, for all of them at once: the number of statements does not grow with the list.

use super::{digest, tags};
use crate::db::{Script, Value};
use crate::error::Result;
use model::accessory::Kind;
use model::artifact::Artifact;
use sqlx::{AnyConnection, Row};
use std::collections::{HashMap, HashSet};

/// Rows of one statement. A shorter part repeats its last value, so that there is one text for all lengths.
const PART: usize = 64;

/// Adds to each artifact its tags, what is attached to it, and the index that signs it.
pub async fn complete(c: &mut AnyConnection, repository: i64, artifacts: &mut [Artifact]) -> Result<()> {
    for part in artifacts.chunks_mut(PART) {
        complete_part(c, repository, part).await?;
    }
    Ok(())
}

async fn complete_part(c: &mut AnyConnection, repository: i64, part: &mut [Artifact]) -> Result<()> {
    let Some(last) = part.last() else { return Ok(()) };
    let padding = std::iter::repeat_n(last, PART - part.len());
    let all: Vec<&Artifact> = part.iter().chain(padding).collect();
    let names = |from: usize| (0..PART).map(|n| format!("${}", n + from)).collect::<Vec<_>>().join(", ");
    let digests = || std::iter::once(Value::from(repository)).chain(all.iter().map(|artifact| artifact.digest.as_str().into()));
    let mut script = Script::default();
    script.add(
        format!("SELECT artifact_id, id, name, pushed_at, pulled_at FROM tags WHERE artifact_id IN ({}) ORDER BY name", names(1)),
        all.iter().map(|artifact| artifact.id.0.into()),
    );
    script.add(
        format!(
            "SELECT subject_digest AS subject, kind, artifact_id FROM accessories
             WHERE repository_id = $1 AND superseded = 0 AND subject_digest IN ({})",
            names(2)
        ),
        digests(),
    );
    script.add(
        format!(
            "SELECT x.child_digest AS child, p.digest AS digest FROM artifact_children AS x JOIN artifacts AS p ON p.id = x.parent_id
             WHERE x.repository_id = $1 AND p.signed = 1 AND x.child_digest IN ({}) ORDER BY p.id",
            names(2)
        ),
        digests(),
    );
    let ran = script.run(c).await?;
    let mut by_id: HashMap<i64, &mut Artifact> = part.iter_mut().map(|artifact| (artifact.id.0, artifact)).collect();
    for row in &ran[0].rows {
        if let Some(artifact) = by_id.get_mut(&row.get("artifact_id")) {
            artifact.tags.push(tags::view(row)?);
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
            && artifact.signed_by_index.is_none()
        {
            artifact.signed_by_index = Some(digest(row.get("digest"))?);
        }
    }
    for artifact in part {
        artifact.attached.sort();
    }
    Ok(())
}
