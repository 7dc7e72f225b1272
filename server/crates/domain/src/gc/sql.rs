//! SQL of garbage collection.

use crate::db::Listing;
use crate::error::Result;
use model::collection::Collection;
use model::run::{RunStatus, Trigger};
use model::list::Query;
use model::{CollectionId, Digest, Page, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

const COLUMNS: &str = "t.id AS id, t.status AS status, t.trigger_kind AS trigger_kind, t.dry_run AS dry_run, \
    t.requested_by AS requested_by, t.checked AS checked, t.blobs AS blobs, t.bytes AS bytes, t.young AS young, \
    t.error AS error, t.started_at AS started_at, t.ended_at AS ended_at";

static LIST: Listing =
    Listing { from: "collections AS t", columns: COLUMNS, sorts: &[("id", "t.id")], descending: true, keys: &[("id", "t.id"), ("status", "t.status"), ("started",
        "t.started_at")] };

/// Longest log, in bytes: the end of it counts.
const LOG: usize = 256 * 1024;

fn collection(row: &AnyRow) -> Collection {
    Collection {
        id: CollectionId(row.get("id")),
        status: RunStatus::from_key(&row.get::<String, _>("status")),
        trigger: Trigger::from_key(&row.get::<String, _>("trigger_kind")),
        dry_run: row.get::<i64, _>("dry_run") != 0,
        requested_by: row.get("requested_by"),
        checked: row.get("checked"),
        blobs: row.get("blobs"),
        bytes: row.get("bytes"),
        young: row.get("young"),
        error: row.get("error"),
        started_at: Stamp(row.get("started_at")),
        ended_at: row.get::<Option<i64>, _>("ended_at").map(Stamp),
    }
}

pub async fn insert(c: &mut AnyConnection, now: Stamp, trigger: Trigger, dry_run: bool, by: &str) -> Result<CollectionId> {
    let row = sqlx::query(
        "INSERT INTO collections (status, trigger_kind, dry_run, requested_by, checked, blobs, bytes, young, error, log, started_at)
         VALUES ('queued', $1, $2, $3, 0, 0, 0, 0, '', '', $4) RETURNING id",
    )
    .bind(trigger.key())
    .bind(i64::from(dry_run))
    .bind(by)
    .bind(now.0)
    .fetch_one(c)
    .await?;
    Ok(CollectionId(row.get("id")))
}

pub async fn unsettled(c: &mut AnyConnection) -> Result<Option<CollectionId>> {
    let row = sqlx::query("SELECT id FROM collections WHERE ended_at IS NULL ORDER BY id LIMIT 1").fetch_optional(c).await?;
    Ok(row.map(|row| CollectionId(row.get("id"))))
}

/// When the last one that was no dry run began.
pub async fn last_start(c: &mut AnyConnection) -> Result<Option<Stamp>> {
    let row = sqlx::query("SELECT started_at FROM collections WHERE dry_run = 0 ORDER BY id DESC LIMIT 1").fetch_optional(c).await?;
    Ok(row.map(|row| Stamp(row.get("started_at"))))
}

pub async fn list(c: &mut AnyConnection, query: &Query) -> Result<Page<Collection>> {
    LIST.fetch(c, query, |_| {}, |row| Ok(collection(row))).await
}

pub async fn get(c: &mut AnyConnection, id: CollectionId) -> Result<Option<(Collection, String)>> {
    let text = format!("SELECT {COLUMNS}, t.log AS log FROM collections AS t WHERE t.id = $1");
    let row = sqlx::query(AssertSqlSafe(text)).bind(id.0).fetch_optional(c).await?;
    Ok(row.map(|row| (collection(&row), row.get("log"))))
}

/// A log within its bound: of a longer one the end counts.
pub fn bounded(log: String, most: usize) -> String {
    if log.len() <= most {
        return log;
    }
    let mut cut = log.floor_char_boundary(log.len() - most / 2);
    cut += log[cut..].find('\n').map_or(0, |n| n + 1);
    format!("… the beginning was cut\n{}", &log[cut..])
}

/// What a page adds to a collection's figures.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub checked: i64,
    pub blobs: i64,
    pub bytes: i64,
    pub young: i64,
    /// The last thing that went wrong.
    pub error: String,
}

pub async fn note(
    c: &mut AnyConnection,
    id: CollectionId,
    status: RunStatus,
    more: &Tally,
    line: &str,
    ended: Option<Stamp>,
) -> Result<()> {
    let row = sqlx::query("SELECT log FROM collections WHERE id = $1").bind(id.0).fetch_one(&mut *c).await?;
    let log = bounded(row.get::<String, _>("log") + line, LOG);
    sqlx::query(
        "UPDATE collections SET status = $2, checked = checked + $3, blobs = blobs + $4, bytes = bytes + $5, young = young + $6,
           error = CASE WHEN $7 = '' THEN error ELSE $7 END, log = $8, ended_at = $9
         WHERE id = $1 AND ended_at IS NULL",
    )
    .bind(id.0)
    .bind(status.key())
    .bind(more.checked)
    .bind(more.blobs)
    .bind(more.bytes)
    .bind(more.young)
    .bind(more.error.as_str())
    .bind(log)
    .bind(ended.map(|at| at.0))
    .execute(c)
    .await?;
    Ok(())
}

/// A blob in a repository.
#[derive(Clone, Default)]
pub struct Link {
    digest: String,
    project: i64,
    repository: i64,
}

/// Of a page of links drops those that no artifact of the repository needs and that were touched before `before`. Answers
/// the page's last; `None` where there are no more.
pub async fn drop_links(c: &mut AnyConnection, before: Stamp, after: &Link, limit: i64) -> Result<Option<Link>> {
    let rows = sqlx::query(
        "SELECT l.digest AS digest, l.project_id AS project_id, l.repository_id AS repository_id, l.touched_at AS touched_at
         FROM repository_blobs AS l WHERE (l.digest, l.project_id, l.repository_id) > ($1, $2, $3)
         ORDER BY l.digest, l.project_id, l.repository_id LIMIT $4",
    )
    .bind(after.digest.as_str())
    .bind(after.project)
    .bind(after.repository)
    .bind(limit)
    .fetch_all(&mut *c)
    .await?;
    let link = |row: &AnyRow| Link { digest: row.get("digest"), project: row.get("project_id"), repository: row.get("repository_id") };
    for link in rows.iter().filter(|row| row.get::<i64, _>("touched_at") < before.0).map(link) {
        sqlx::query(
            "DELETE FROM repository_blobs WHERE digest = $1 AND project_id = $2 AND repository_id = $3 AND touched_at < $4
             AND NOT EXISTS (SELECT 1 FROM artifact_blobs AS b WHERE b.digest = $1 AND b.repository_id = $3)
             AND NOT EXISTS (SELECT 1 FROM deleted_blobs AS d WHERE d.digest = $1 AND d.repository_id = $3)",
        )
        .bind(link.digest)
        .bind(link.project)
        .bind(link.repository)
        .bind(before.0)
        .execute(&mut *c)
        .await?;
    }
    Ok(rows.last().map(link))
}

/// A blob as a collection sees it.
#[derive(Clone, Debug)]
pub struct BlobRow {
    pub digest: String,
    pub size: i64,
    /// No artifact is made of it.
    pub unused: bool,
    /// A push may count on it.
    pub young: bool,
}

/// The next blobs by digest.
pub async fn blobs_after(c: &mut AnyConnection, before: Stamp, after: &str, limit: i64) -> Result<Vec<BlobRow>> {
    let rows = sqlx::query(
        "SELECT b.digest AS digest, b.size AS size,
           CAST(CASE WHEN b.state = 'deleting' THEN 1
             WHEN EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = b.digest) THEN 0
             WHEN EXISTS (SELECT 1 FROM deleted_blobs AS d WHERE d.digest = b.digest) THEN 0 ELSE 1 END AS BIGINT) AS unused,
           CAST(CASE WHEN b.state = 'deleting' THEN 0 WHEN b.touched_at >= $1 OR EXISTS
             (SELECT 1 FROM repository_blobs AS l WHERE l.digest = b.digest AND l.touched_at >= $1) THEN 1 ELSE 0 END AS BIGINT) AS young
         FROM blobs AS b WHERE b.digest > $2 ORDER BY b.digest LIMIT $3",
    )
    .bind(before.0)
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await?;
    let blob = |row: &AnyRow| BlobRow {
        digest: row.get("digest"),
        size: row.get("size"),
        unused: row.get::<i64, _>("unused") != 0,
        young: row.get::<i64, _>("young") != 0,
    };
    Ok(rows.iter().map(blob).collect())
}

/// Marks as `deleting` what is still garbage; answers what is marked, also by a collection that broke off.
pub async fn mark(c: &mut AnyConnection, before: Stamp, garbage: &[BlobRow]) -> Result<Vec<BlobRow>> {
    let mut ours = Vec::new();
    for blob in garbage {
        let done = sqlx::query(
            "UPDATE blobs SET state = 'deleting', version = version + 1 WHERE digest = $1 AND
               (state = 'deleting' OR (touched_at < $2
                 AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l WHERE l.digest = $1)
                 AND NOT EXISTS (SELECT 1 FROM deleted_blobs AS d WHERE d.digest = $1)
                 AND NOT EXISTS (SELECT 1 FROM artifact_blobs AS x WHERE x.digest = $1)))",
        )
        .bind(blob.digest.as_str())
        .bind(before.0)
        .execute(&mut *c)
        .await?;
        if done.rows_affected() == 1 {
            ours.push(blob.clone());
        }
    }
    Ok(ours)
}

/// A run begins again at the first blob: so do its figures, but for what is gone.
pub async fn begin(c: &mut AnyConnection, id: CollectionId) -> Result<()> {
    sqlx::query(
        "UPDATE collections SET status = 'running', checked = 0, young = 0, blobs = CASE WHEN dry_run = 1 THEN 0 ELSE blobs END,
           bytes = CASE WHEN dry_run = 1 THEN 0 ELSE bytes END WHERE id = $1 AND ended_at IS NULL",
    )
    .bind(id.0)
    .execute(c)
    .await?;
    Ok(())
}

/// The bytes could not be deleted: the blob is what it was.
pub async fn unmark(c: &mut AnyConnection, digest: &str) -> Result<()> {
    sqlx::query("UPDATE blobs SET state = 'live' WHERE digest = $1 AND state = 'deleting'").bind(digest).execute(c).await?;
    Ok(())
}

/// The bytes are gone: so are the rows.
pub async fn forget(c: &mut AnyConnection, digests: &[String]) -> Result<()> {
    for digest in digests {
        sqlx::query("DELETE FROM blobs WHERE digest = $1 AND state = 'deleting'").bind(digest.as_str()).execute(&mut *c).await?;
    }
    Ok(())
}

pub async fn size(c: &mut AnyConnection, digest: &Digest) -> Result<Option<i64>> {
    let row = sqlx::query("SELECT size FROM blobs WHERE digest = $1").bind(digest.as_str()).fetch_optional(c).await?;
    Ok(row.map(|row| row.get("size")))
}

pub async fn used_by(c: &mut AnyConnection, digest: &Digest) -> Result<Vec<(String, Digest)>> {
    let rows = sqlx::query(
        "SELECT r.full_name AS name, a.digest AS digest FROM artifact_blobs AS b JOIN artifacts AS a ON a.id = b.artifact_id
         JOIN repositories AS r ON r.id = a.repository_id WHERE b.digest = $1 ORDER BY r.full_name, a.id LIMIT 20",
    )
    .bind(digest.as_str())
    .fetch_all(c)
    .await?;
    rows.iter().map(|row| Ok((row.get("name"), crate::artifacts::sql::digest(row.get("digest"))?))).collect()
}

/// Repositories where the blob lies without an artifact, and when it was last counted on there.
pub async fn waits(c: &mut AnyConnection, digest: &Digest) -> Result<Vec<(String, Stamp)>> {
    let rows = sqlx::query(
        "SELECT r.full_name AS name, l.touched_at AS touched_at FROM repository_blobs AS l
         JOIN repositories AS r ON r.id = l.repository_id WHERE l.digest = $1 AND NOT EXISTS
           (SELECT 1 FROM artifact_blobs AS b WHERE b.digest = $1 AND b.repository_id = l.repository_id)
           AND NOT EXISTS (SELECT 1 FROM deleted_blobs AS d WHERE d.digest = $1 AND d.repository_id = l.repository_id)
         ORDER BY r.full_name LIMIT 20",
    )
    .bind(digest.as_str())
    .fetch_all(c)
    .await?;
    Ok(rows.iter().map(|row| (row.get("name"), Stamp(row.get("touched_at")))).collect())
}
