//! SQL of deletions.

pub(crate) mod parked;

use crate::access::Authorized;
use crate::manifest::Recognised;
use parked::IS_PARKED;
use crate::db::{Listing, Script, Value, parts, placeholders};
use crate::error::{Error, Result};
use model::accessory::{Attachment, Kind};
use model::deletion::{Deletion, Undoable, What};
use model::list::Query;
use model::{DeletionId, Digest, Page, RepositoryName, Stamp, Tag};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use std::collections::{HashMap, HashSet};

const FROM: &str = "deletions AS t JOIN repositories AS r ON r.id = t.repository_id";
const COLUMNS: &str = "t.id AS id, t.what AS what, t.repository_id AS repository_id, CASE WHEN t.name <> '' THEN t.name ELSE r.name END AS repository, \
     t.digest AS digest, t.tags AS tags, \
    t.artifacts AS artifacts, t.bytes AS bytes, t.deleted_by AS deleted_by, t.deleted_at AS deleted_at, t.expires_at AS expires_at";

static LIST: Listing =
    Listing { from: FROM, columns: COLUMNS, sorts: &[("id", "t.id")], descending: true, keys: &[] };

/// Tags of a row that are shown.
const SHOWN: usize = 100;

fn deletion(row: &AnyRow) -> Result<Deletion> {
    let name: String = row.get("repository");
    let tags: String = row.get("tags");
    Ok(Deletion {
        id: DeletionId(row.get("id")),
        repository_id: row.get("repository_id"),
        repository: name.parse().map_err(|_| Error::Internal(format!("repository name {name:?} in the database")))?,
        what: What::from_key(&row.get::<String, _>("what")),
        digest: Some(row.get::<String, _>("digest")).filter(|text| !text.is_empty()).map(crate::artifacts::sql::digest).transpose()?,
        tags: tags.split_whitespace().take(SHOWN).map(str::to_owned).collect(),
        artifacts: row.get("artifacts"),
        bytes: row.get("bytes"),
        deleted_by: row.get("deleted_by"),
        deleted_at: Stamp(row.get("deleted_at")),
        expires_at: Stamp(row.get("expires_at")),
    })
}

pub async fn list(proof: &mut Authorized<'_>, now: Stamp, query: &Query, by: Option<&str>) -> Result<Page<Deletion>> {
    let project = proof.project.id.0;
    LIST.fetch(
        proof.conn(),
        query,
        |w| {
            let (p, n) = (w.bind(project), w.bind(now.0));
            w.and(format!("t.project_id = {p} AND t.expires_at > {n} AND (t.what = 'repository' OR NOT ({IS_PARKED}))"));
            if let Some(by) = by {
                let n = w.bind(by.to_owned());
                w.and(format!("t.deleted_by = {n}"));
            }
        },
        deletion,
    )
    .await
}

/// How many deletions wait for an undo, their bytes, and when the last of them is over; of one project, or of all.
pub async fn waiting(c: &mut AnyConnection, now: Stamp, project: Option<i64>) -> Result<Undoable> {
    let row = sqlx::query(
        AssertSqlSafe(format!(
            "SELECT CAST(COUNT(*) AS BIGINT) AS n, CAST(COALESCE(SUM(t.bytes), 0) AS BIGINT) AS bytes, MAX(t.expires_at) AS until FROM {FROM}
             WHERE ($1 = 0 OR t.project_id = $1) AND t.expires_at > $2 AND (t.what = 'repository' OR NOT ({IS_PARKED}))"
        )),
    )
    .bind(project.unwrap_or(0))
    .bind(now.0)
    .fetch_one(c)
    .await?;
    Ok(Undoable { deletions: row.get("n"), bytes: row.get("bytes"), until: row.get::<Option<i64>, _>("until").map(Stamp) })
}

pub async fn get(proof: &mut Authorized<'_>, now: Stamp, id: DeletionId) -> Result<Option<Deletion>> {
    let project = proof.project.id.0;
    let text = format!("SELECT {COLUMNS} FROM {FROM} WHERE t.id = $1 AND t.project_id = $2 AND t.expires_at > $3
       AND (t.what = 'repository' OR NOT ({IS_PARKED}))");
    let row = sqlx::query(AssertSqlSafe(text)).bind(id.0).bind(project).bind(now.0).fetch_optional(proof.conn()).await?;
    row.as_ref().map(deletion).transpose()
}

/// A deletion to come.
pub struct New<'a> {
    pub project: i64,
    pub repository: i64,
    pub digest: &'a Digest,
    pub tags: &'a [String],
    pub ids: &'a [i64],
    pub bytes: i64,
    pub by: String,
    pub until: Stamp,
}

/// A deletion of which one row says all.
pub struct Small<'a> {
    pub project: i64,
    pub repository: i64,
    pub what: What,
    /// The repository's name, where that is what is deleted.
    pub name: &'a str,
    pub digest: &'a str,
    pub tag: &'a str,
    pub artifacts: i64,
    pub bytes: i64,
    pub by: &'a str,
    pub until: Stamp,
}

/// Moves of one tag that are kept: CI moves some a thousand times a day.
const MOVES: i64 = 20;

/// Keeps what [`Small`] says.
pub async fn keep_small(c: &mut AnyConnection, now: Stamp, new: &Small<'_>) -> Result<()> {
    let mut script = Script::default();
    script.add(
        "INSERT INTO deletions (project_id, repository_id, what, name, digest, tags, artifacts, bytes, deleted_by, deleted_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        [
            new.project.into(), new.repository.into(), new.what.key().into(), new.name.into(), new.digest.into(), new.tag.into(),
            new.artifacts.into(), new.bytes.into(), new.by.into(), now.0.into(), new.until.0.into(),
        ],
    );
    if new.what == What::Moved {
        script.add(
            "DELETE FROM deletions WHERE repository_id = $1 AND what = 'moved' AND tags = $2 AND id <=
               (SELECT id FROM deletions WHERE repository_id = $1 AND what = 'moved' AND tags = $2 ORDER BY id DESC LIMIT 1 OFFSET $3)",
            [new.repository.into(), new.tag.into(), MOVES.into()],
        );
    }
    script.run(c).await.map(drop)
}

/// Keeps the artifacts `ids`, which are about to go, for an undo.
pub async fn keep(c: &mut AnyConnection, now: Stamp, new: &New<'_>) -> Result<()> {
    let row = sqlx::query(
        "INSERT INTO deletions (project_id, repository_id, digest, tags, artifacts, bytes, deleted_by, deleted_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
    )
    .bind(new.project)
    .bind(new.repository)
    .bind(new.digest.as_str())
    .bind(new.tags.join(" "))
    .bind(new.ids.len() as i64)
    .bind(new.bytes)
    .bind(new.by.as_str())
    .bind(now.0)
    .bind(new.until.0)
    .fetch_one(&mut *c)
    .await?;
    let id: i64 = row.get("id");
    let (all, going) = (ordered(c, new.repository, new.ids).await?, new.ids.iter().copied().collect::<HashSet<i64>>());
    let (tags, labels) = (tags_of(c, new.ids).await?, labels_of(c, new.ids).await?);
    let mut script = Script::default();
    for (n, part) in all.chunks(TOGETHER).enumerate() {
        // A child that stays is kept as it is needed by its index, and nothing more of it.
        let row = |m: usize| {
            let n = 4 * m + 2;
            format!("SELECT CAST(${n} AS BIGINT) AS id, CAST(${} AS BIGINT) AS position, CAST(${} AS TEXT) AS tags, CAST(${} AS TEXT) AS labels", n + 1, n + 2, n + 3)
        };
        let rows: Vec<String> = (0..part.len()).map(row).collect();
        let mut values: Vec<Value> = vec![id.into()];
        for (m, artifact) in part.iter().enumerate() {
            let tags = tags.get(artifact).map(|tags| tags.join(" ")).unwrap_or_default();
            let labels = labels.get(artifact).map(|labels| labels.join(" ")).unwrap_or_default();
            values.extend([(*artifact).into(), ((n * TOGETHER + m) as i64).into(), tags.as_str().into(), labels.into()]);
        }
        script.add(
            format!(
                "INSERT INTO deleted_artifacts (deletion_id, position, digest, media_type, content, tags, labels, hidden, pull_count, pushed_at, pulled_at)
                 SELECT $1, v.position, a.digest, a.media_type, m.content, v.tags, v.labels, a.hidden, a.pull_count, a.pushed_at, a.pulled_at
                 FROM ({}) AS v JOIN artifacts AS a ON a.id = v.id JOIN manifests AS m ON m.artifact_id = a.id",
                rows.join(" UNION ALL ")
            ),
            values,
        );
    }
    let goes: Vec<i64> = all.iter().copied().filter(|artifact| going.contains(artifact)).collect();
    for part in parts(&goes) {
        script.add(
            format!(
                "INSERT INTO deleted_accessories (deletion_id, digest, subject_digest, kind, attachment, detail, superseded)
                 SELECT $1, a.digest, x.subject_digest, x.kind, x.attachment, x.detail, x.superseded
                 FROM accessories AS x JOIN artifacts AS a ON a.id = x.artifact_id WHERE x.artifact_id IN ({})",
                placeholders(2, part.len())
            ),
            std::iter::once(id.into()).chain(part.iter().map(|artifact| (**artifact).into())),
        );
    }
    for part in parts(&all) {
        // Only what the repository holds: a manifest may name blobs that were never here, and another project's are none of its.
        script.add(
            format!(
                "INSERT INTO deleted_blobs (deletion_id, digest, repository_id)
                 SELECT DISTINCT $1, b.digest, $2 FROM artifact_blobs AS b JOIN repository_blobs AS l ON l.repository_id = $2 AND l.digest = b.digest
                 WHERE b.artifact_id IN ({}) ON CONFLICT DO NOTHING",
                placeholders(3, part.len())
            ),
            [id.into(), new.repository.into()].into_iter().chain(part.iter().map(|artifact| (**artifact).into())),
        );
    }
    script.run(c).await.map(drop)
}

/// Rows of one statement.
const TOGETHER: usize = 64;

/// The tags of each that has some, by name.
async fn tags_of(c: &mut AnyConnection, artifacts: &[i64]) -> Result<HashMap<i64, Vec<String>>> {
    let mut script = Script::default();
    for part in parts(artifacts) {
        let text = format!("SELECT artifact_id, name FROM tags WHERE artifact_id IN ({}) ORDER BY name", placeholders(1, part.len()));
        script.add(text, part.iter().map(|artifact| (**artifact).into()));
    }
    let mut tags = HashMap::<i64, Vec<String>>::new();
    for row in script.run(c).await?.iter().flat_map(|ran| &ran.rows) {
        tags.entry(row.get("artifact_id")).or_default().push(row.get("name"));
    }
    Ok(tags)
}

/// The numbers of the labels that each carries.
async fn labels_of(c: &mut AnyConnection, artifacts: &[i64]) -> Result<HashMap<i64, Vec<String>>> {
    let mut script = Script::default();
    for part in parts(artifacts) {
        let text = format!("SELECT artifact_id, label_id FROM artifact_labels WHERE artifact_id IN ({})", placeholders(1, part.len()));
        script.add(text, part.iter().map(|artifact| (**artifact).into()));
    }
    let mut labels = HashMap::<i64, Vec<String>>::new();
    for row in script.run(c).await?.iter().flat_map(|ran| &ran.rows) {
        labels.entry(row.get("artifact_id")).or_default().push(row.get::<i64, _>("label_id").to_string());
    }
    Ok(labels)
}

/// The artifacts that go, and every child of an index among them, also one that another index keeps for now: all that an
/// undo must place. Children stand before their index.
async fn ordered(c: &mut AnyConnection, repository: i64, ids: &[i64]) -> Result<Vec<i64>> {
    let mut children = HashMap::<i64, Vec<i64>>::new();
    let (mut level, mut known) = (ids.to_vec(), ids.iter().copied().collect::<HashSet<i64>>());
    while !level.is_empty() {
        let mut script = Script::default();
        for part in parts(&level) {
            let text = format!(
                "SELECT x.parent_id AS parent, a.id AS id FROM artifact_children AS x
                 JOIN artifacts AS a ON a.repository_id = x.repository_id AND a.digest = x.child_digest
                 WHERE x.repository_id = $1 AND x.parent_id IN ({}) ORDER BY x.parent_id, x.position",
                placeholders(2, part.len())
            );
            script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|id| (**id).into())));
        }
        let mut next = Vec::new();
        for row in script.run(&mut *c).await?.iter().flat_map(|ran| &ran.rows) {
            let child: i64 = row.get("id");
            children.entry(row.get("parent")).or_default().push(child);
            if known.insert(child) {
                next.push(child);
            }
        }
        level = next;
    }
    let (mut order, mut seen) = (Vec::new(), HashSet::new());
    // Each is looked at twice: for its children, and when they are done.
    let mut stack: Vec<(i64, bool)> = ids.iter().rev().map(|id| (*id, false)).collect();
    while let Some((id, done)) = stack.pop() {
        if done {
            order.push(id);
        } else if seen.insert(id) {
            stack.push((id, true));
            stack.extend(children.get(&id).into_iter().flatten().map(|child| (*child, false)));
        }
    }
    Ok(order)
}

/// A manifest as it is kept.
pub struct KeptManifest {
    pub digest: Digest,
    pub media_type: String,
    pub content: Vec<u8>,
    pub tags: Vec<String>,
    /// Numbers of the labels that it carried.
    pub labels: Vec<i64>,
    /// It was a list of referrers.
    pub is_list: bool,
    pub accessories: Vec<KeptAccessory>,
    pub pull_count: i64,
    pub pushed_at: Stamp,
    pub pulled_at: Option<Stamp>,
}

/// What it was attached to.
pub struct KeptAccessory {
    pub recognised: Recognised,
}

/// The manifest at `position`; `None` after the last.
pub async fn kept(c: &mut AnyConnection, id: DeletionId, position: i64) -> Result<Option<KeptManifest>> {
    let row = sqlx::query(
        "SELECT digest, media_type, content, tags, labels, hidden, pull_count, pushed_at, pulled_at
         FROM deleted_artifacts WHERE deletion_id = $1 AND position = $2",
    )
    .bind(id.0)
    .bind(position)
    .fetch_optional(&mut *c)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let digest: String = row.get("digest");
    let accessories = sqlx::query(
        "SELECT subject_digest, kind, attachment, detail FROM deleted_accessories
         WHERE deletion_id = $1 AND digest = $2 ORDER BY subject_digest",
    )
    .bind(id.0)
    .bind(digest.as_str())
    .fetch_all(c)
    .await?;
    let accessory = |row: &AnyRow| {
        Ok(KeptAccessory {
            recognised: Recognised {
                subject: crate::artifacts::sql::digest(row.get("subject_digest"))?,
                kind: Kind::from_key(&row.get::<String, _>("kind")),
                attachment: Attachment::from_key(&row.get::<String, _>("attachment")),
                detail: row.get("detail"),
            },
        })
    };
    Ok(Some(KeptManifest {
        digest: crate::artifacts::sql::digest(digest)?,
        media_type: row.get("media_type"),
        content: row.get("content"),
        tags: row.get::<String, _>("tags").split_whitespace().map(str::to_owned).collect(),
        labels: row.get::<String, _>("labels").split_whitespace().filter_map(|id| id.parse().ok()).collect(),
        is_list: row.get::<i64, _>("hidden") != 0 && accessories.is_empty(),
        accessories: accessories.iter().map(accessory).collect::<Result<_>>()?,
        pull_count: row.get("pull_count"),
        pushed_at: Stamp(row.get("pushed_at")),
        pulled_at: row.get::<Option<i64>, _>("pulled_at").map(Stamp),
    }))
}

/// Blobs that are kept for an undo.
pub async fn blobs(c: &mut AnyConnection, id: DeletionId) -> Result<Vec<Digest>> {
    let rows = sqlx::query("SELECT digest FROM deleted_blobs WHERE deletion_id = $1").bind(id.0).fetch_all(c).await?;
    rows.iter().map(|row| crate::artifacts::sql::digest(row.get("digest"))).collect()
}

/// What the tag names now.
pub async fn tagged(proof: &mut Authorized<'_>, repository: &RepositoryName, tag: &Tag) -> Result<Option<Digest>> {
    let found = crate::artifacts::sql::find(proof, repository, &crate::artifacts::Reference::Tag(tag.clone())).await?;
    Ok(found.map(|found| found.digest))
}

/// Gives an artifact its history back.
pub async fn remember(c: &mut AnyConnection, artifact: i64, kept: &KeptManifest) -> Result<()> {
    sqlx::query(
        "UPDATE artifacts SET pushed_at = $2, pulled_at = COALESCE(pulled_at, $3), pull_count = pull_count + $4
         WHERE id = $1 AND version = 1",
    )
    .bind(artifact)
    .bind(kept.pushed_at.0)
    .bind(kept.pulled_at.map(|at| at.0))
    .bind(kept.pull_count)
    .execute(&mut *c)
    .await?;
    // Labels that are there still.
    let mut script = Script::default();
    for part in parts(&kept.labels) {
        let text = format!(
            "INSERT INTO artifact_labels (artifact_id, label_id, created_at) SELECT $1, b.id, $2 FROM labels AS b WHERE b.id IN ({}) ON CONFLICT DO NOTHING",
            placeholders(3, part.len())
        );
        script.add(text, [artifact.into(), kept.pushed_at.0.into()].into_iter().chain(part.iter().map(|label| (**label).into())));
    }
    script.run(&mut *c).await?;
    Ok(())
}

/// Nothing is kept any more for this deletion.
pub async fn forget(c: &mut AnyConnection, id: DeletionId) -> Result<()> {
    forget_all(c, &[id]).await
}

/// As [`forget`], for some.
pub async fn forget_all(c: &mut AnyConnection, ids: &[DeletionId]) -> Result<()> {
    let mut script = Script::default();
    for part in parts(ids) {
        let of = |table| (table, "deletion_id");
        for (table, column) in [of("deleted_artifacts"), of("deleted_accessories"), of("deleted_blobs"), ("deletions", "id")] {
            let text = format!("DELETE FROM {table} WHERE {column} IN ({})", placeholders(1, part.len()));
            script.add(text, part.iter().map(|id| id.0.into()));
        }
    }
    script.run(c).await.map(drop)
}

/// Deletions that one write forgets, and the artifacts in them.
const FORGOTTEN: i64 = 256;

/// Forgets some deletions whose window is over, as many as one write may; answers how many.
pub async fn forget_over(c: &mut AnyConnection, now: Stamp) -> Result<u64> {
    let text = "SELECT id, artifacts FROM deletions WHERE expires_at <= $1 AND what <> 'repository' ORDER BY expires_at LIMIT $2";
    let rows = sqlx::query(text).bind(now.0).bind(FORGOTTEN).fetch_all(&mut *c).await?;
    let (mut artifacts, mut some) = (0, Vec::new());
    for row in &rows {
        artifacts += row.get::<i64, _>("artifacts");
        if artifacts > FORGOTTEN && !some.is_empty() {
            break;
        }
        some.push(DeletionId(row.get("id")));
    }
    forget_all(c, &some).await?;
    Ok(some.len() as u64)
}

/// Deletions that keep a blob: repository with its project, and until when. At most 20.
pub async fn keepers(c: &mut AnyConnection, digest: &Digest) -> Result<Vec<(String, Stamp)>> {
    let rows = sqlx::query(
        "SELECT r.full_name AS name, d.expires_at AS expires_at FROM deleted_blobs AS b JOIN deletions AS d ON d.id = b.deletion_id
         JOIN repositories AS r ON r.id = b.repository_id WHERE b.digest = $1 ORDER BY d.expires_at DESC, d.id LIMIT 20",
    )
    .bind(digest.as_str())
    .fetch_all(c)
    .await?;
    Ok(rows.iter().map(|row| (row.get("name"), Stamp(row.get("expires_at")))).collect())
}
