//! SQL of uploads and of which blobs a repository may read.

use crate::access::Authorized;
use crate::db::Script;
use crate::error::{Error, Result};
use crate::identity::{Principal, Who};
use crate::repositories::Seen;
use model::{Digest, ProjectName, RepositoryName, Stamp};
use sqlx::{AnyConnection, AssertSqlSafe, Row};

pub async fn insert(
    proof: &mut Authorized<'_>,
    now: Stamp,
    id: &str,
    repository: &str,
    principal: &str,
    kept: i64,
) -> Result<()> {
    let project = proof.project.id.0;
    sqlx::query(
        "INSERT INTO uploads (id, project_id, repository, principal, received, created_at, expires_at)
         VALUES ($1, $2, $3, $4, 0, $5, $6) ON CONFLICT (id) DO NOTHING",
    )
    .bind(id)
    .bind(project)
    .bind(repository)
    .bind(principal)
    .bind(now.0)
    .bind(now.0 + kept)
    .execute(proof.conn())
    .await?;
    Ok(())
}

/// Uploads that expire after `then`, of the person, or of the robot accounts of the project: at most `most` are counted.
pub async fn open_count(proof: &mut Authorized<'_>, who: &Principal, then: Stamp, most: i64) -> Result<i64> {
    let project = proof.project.id.0;
    let of = match who.who {
        Who::Robot { .. } => "project_id = $3 AND principal LIKE 'robot:%'",
        _ => "principal = $1 AND $3 = $3",
    };
    let text = format!(
        "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM (SELECT id FROM uploads WHERE {of} AND expires_at > $2 AND $1 = $1 LIMIT $4) AS x"
    );
    let row = sqlx::query(AssertSqlSafe(text))
        .bind(who.key())
        .bind(then.0)
        .bind(project)
        .bind(most)
        .fetch_one(proof.conn())
        .await?;
    Ok(row.get("n"))
}

pub async fn received(
    proof: &mut Authorized<'_>,
    now: Stamp,
    id: &str,
    repository: &str,
    principal: &str,
) -> Result<Option<i64>> {
    if !crate::blobs::is_upload(id) {
        return Ok(None);
    }
    let project = proof.project.id.0;
    let row = sqlx::query(
        "SELECT received FROM uploads
         WHERE id = $1 AND project_id = $2 AND repository = $3 AND principal = $4 AND expires_at > $5",
    )
    .bind(id)
    .bind(project)
    .bind(repository)
    .bind(principal)
    .bind(now.0)
    .fetch_optional(proof.conn())
    .await?;
    Ok(row.map(|row| row.get("received")))
}

/// Bookkeeping of bytes that were accepted by [`received`]'s check.
pub async fn set_received(c: &mut AnyConnection, now: Stamp, id: &str, received: i64, kept: i64) -> Result<bool> {
    let done = sqlx::query("UPDATE uploads SET received = $2, expires_at = $3 WHERE id = $1")
        .bind(id)
        .bind(received)
        .bind(now.0 + kept)
        .execute(c)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes one that is still over: `false` if somebody went on with it.
pub async fn delete_expired(c: &mut AnyConnection, now: Stamp, id: &str) -> Result<bool> {
    let done = sqlx::query("DELETE FROM uploads WHERE id = $1 AND expires_at <= $2").bind(id).bind(now.0).execute(c).await?;
    Ok(done.rows_affected() == 1)
}

pub async fn delete(c: &mut AnyConnection, id: &str) -> Result<()> {
    sqlx::query("DELETE FROM uploads WHERE id = $1").bind(id).execute(c).await?;
    Ok(())
}

pub async fn known(c: &mut AnyConnection, id: &str) -> Result<bool> {
    Ok(sqlx::query("SELECT id FROM uploads WHERE id = $1").bind(id).fetch_optional(c).await?.is_some())
}

pub async fn expired(c: &mut AnyConnection, now: Stamp) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT id FROM uploads WHERE expires_at <= $1").bind(now.0).fetch_all(c).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}

/// The repository's id, making its row where there is none. It shows only with its first manifest.
pub(crate) async fn repository_id(
    proof: &mut Authorized<'_>,
    now: Stamp,
    repository: &RepositoryName,
) -> Result<i64> {
    let project = proof.project.id.0;
    if let Some(id) = existing(proof, repository).await? {
        return Ok(id);
    }
    let full_name = format!("{}/{repository}", proof.project.name);
    let row = sqlx::query(
        "INSERT INTO repositories (project_id, name, full_name, description, artifact_count, pull_count, created_at, updated_at)
         VALUES ($1, $2, $3, '', 0, 0, $4, $4) RETURNING id",
    )
    .bind(project)
    .bind(repository.as_str())
    .bind(full_name)
    .bind(now.0)
    .fetch_one(proof.conn())
    .await?;
    Ok(row.get("id"))
}

async fn existing(proof: &mut Authorized<'_>, repository: &RepositoryName) -> Result<Option<i64>> {
    let project = proof.project.id.0;
    let row = sqlx::query("SELECT id FROM repositories WHERE project_id = $1 AND name = $2")
        .bind(project)
        .bind(repository.as_str())
        .fetch_optional(proof.conn())
        .await?;
    Ok(row.map(|row| row.get("id")))
}

/// Makes a published blob readable in the repository.
pub async fn link_new(
    proof: &mut Authorized<'_>,
    now: Stamp,
    repository: &RepositoryName,
    digest: &Digest,
    size: i64,
) -> Result<()> {
    let mut script = Script::default();
    script.add(
        "INSERT INTO blobs (digest, size, state, version, created_at, touched_at) VALUES ($1, $2, 'live', 1, $3, $3)
         ON CONFLICT (digest) DO UPDATE SET touched_at = $3 WHERE blobs.state = 'live'",
        [digest.as_str().into(), size.into(), now.0.into()],
    );
    add_link(&mut script, proof, now, repository, digest);
    let ran = script.run(proof.conn()).await?;
    // `hold` waited for this before the bytes were published.
    if ran[0].changed == 0 {
        return Err(Error::Unavailable(format!("blob {digest} is being deleted: push it again")));
    }
    if ran[1].changed == 0 {
        link_first(proof, now, repository, digest).await?;
    }
    Ok(())
}

/// Is the blob live, and when was it last counted on? `None`: it is not known.
pub async fn blob_state(c: &mut AnyConnection, digest: &Digest) -> Result<Option<(bool, Stamp)>> {
    let row = sqlx::query("SELECT state, touched_at FROM blobs WHERE digest = $1").bind(digest.as_str()).fetch_optional(c).await?;
    Ok(row.map(|row| (row.get::<String, _>("state") == "live", Stamp(row.get("touched_at")))))
}

/// Counts on a live blob from now on; `false` if it is not live any more.
pub async fn touch_blob(c: &mut AnyConnection, now: Stamp, digest: &Digest) -> Result<bool> {
    let done = sqlx::query("UPDATE blobs SET touched_at = $2 WHERE digest = $1 AND state = 'live'")
        .bind(digest.as_str())
        .bind(now.0)
        .execute(c)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts on a blob in a repository, where a collection could take it: no artifact there is made of it. `false` if it is
/// not there any more.
pub async fn touch_link(
    proof: &mut Authorized<'_>,
    now: Stamp,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<bool> {
    let Some(id) = existing(proof, repository).await? else { return Ok(false) };
    let project = proof.project.id.0;
    let done = sqlx::query("UPDATE repository_blobs SET touched_at = $4 WHERE digest = $1 AND project_id = $2 AND repository_id = $3")
        .bind(digest.as_str())
        .bind(project)
        .bind(id)
        .bind(now.0)
        .execute(proof.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes a blob that is known readable in the repository; `false` if it is not known any more.
pub async fn link_known(
    proof: &mut Authorized<'_>,
    now: Stamp,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<bool> {
    if !touch_blob(proof.conn(), now, digest).await? {
        return Ok(false);
    }
    link_first(proof, now, repository, digest).await?;
    Ok(true)
}

/// Links a known blob, if the repository has its row.
fn add_link(script: &mut Script, proof: &Authorized<'_>, now: Stamp, repository: &RepositoryName, digest: &Digest) {
    script.add(
        "INSERT INTO repository_blobs (repository_id, digest, created_at, touched_at, project_id)
         SELECT r.id, $3, $4, $4, r.project_id FROM repositories AS r WHERE r.project_id = $1 AND r.name = $2
         ON CONFLICT (digest, project_id, repository_id) DO UPDATE SET touched_at = $4",
        [proof.project.id.0.into(), repository.as_str().into(), digest.as_str().into(), now.0.into()],
    );
}

/// Links a known blob, making the repository's row where there is none.
async fn link_first(proof: &mut Authorized<'_>, now: Stamp, repository: &RepositoryName, digest: &Digest) -> Result<()> {
    repository_id(proof, now, repository).await?;
    let mut script = Script::default();
    add_link(&mut script, proof, now, repository, digest);
    script.run(proof.conn()).await.map(drop)
}

/// Some repositories of projects that the caller sees and that hold the blob, for a mount without a source. Of others not one is looked
/// at: how long it takes says nothing of them.
pub async fn holders(c: &mut AnyConnection, digest: &Digest, seen: &Seen) -> Result<Vec<(ProjectName, RepositoryName)>> {
    let rows = sqlx::query(
        "SELECT p.name AS project, r.name AS repository FROM repository_blobs AS rb
         JOIN repositories AS r ON r.id = rb.repository_id JOIN projects AS p ON p.id = r.project_id
         WHERE rb.digest = $1 AND p.deleted_at IS NULL AND r.name NOT LIKE '#%' AND ($2 = 1 OR p.public = 1
           OR p.id IN (SELECT m.project_id FROM members AS m WHERE m.user_id = $3)
           OR p.id IN (SELECT g.project_id FROM robot_grants AS g WHERE g.robot_id = $4 AND g.scope = 'project')) LIMIT 16",
    )
    .bind(digest.as_str())
    .bind(i64::from(seen.all))
    .bind(seen.member)
    .bind(seen.robot)
    .fetch_all(c)
    .await?;
    let parse = |row: &sqlx::any::AnyRow| -> Option<(ProjectName, RepositoryName)> {
        Some((row.get::<String, _>("project").parse().ok()?, row.get::<String, _>("repository").parse().ok()?))
    };
    Ok(rows.iter().filter_map(parse).collect())
}

pub async fn holds(proof: &mut Authorized<'_>, repository: &RepositoryName, digest: &Digest) -> Result<bool> {
    Ok(blob_in(proof, repository, digest).await?.is_some())
}

/// Size of a blob in the repository, and when it was last counted on there.
pub async fn blob_in(
    proof: &mut Authorized<'_>,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<(i64, Stamp)>> {
    let project = proof.project.id.0;
    let row = sqlx::query(
        "SELECT b.size AS size, rb.touched_at AS touched_at FROM repositories AS r
         JOIN repository_blobs AS rb ON rb.repository_id = r.id AND rb.project_id = r.project_id
         JOIN blobs AS b ON b.digest = rb.digest
         WHERE r.project_id = $1 AND r.name = $2 AND rb.digest = $3",
    )
    .bind(project)
    .bind(repository.as_str())
    .bind(digest.as_str())
    .fetch_optional(proof.conn())
    .await?;
    Ok(row.map(|row| (row.get("size"), Stamp(row.get("touched_at")))))
}

pub async fn blob_used(proof: &mut Authorized<'_>, repository: &RepositoryName, digest: &Digest) -> Result<bool> {
    let Some(id) = existing(proof, repository).await? else { return Ok(false) };
    let row = sqlx::query(
        "SELECT artifact_id FROM artifact_blobs WHERE digest = $1 AND repository_id = $2 LIMIT 1",
    )
    .bind(digest.as_str())
    .bind(id)
    .fetch_optional(proof.conn())
    .await?;
    Ok(row.is_some())
}

pub async fn unlink(proof: &mut Authorized<'_>, repository: &RepositoryName, digest: &Digest) -> Result<()> {
    let Some(id) = existing(proof, repository).await? else { return Ok(()) };
    let project = proof.project.id.0;
    sqlx::query("DELETE FROM repository_blobs WHERE digest = $1 AND project_id = $2 AND repository_id = $3")
        .bind(digest.as_str())
        .bind(project)
        .bind(id)
        .execute(proof.conn())
        .await?;
    Ok(())
}

/// Some blobs that the database knows, from both ends, with their sizes.
pub async fn some_blobs(c: &mut AnyConnection, most: i64) -> Result<Vec<(Digest, u64)>> {
    let mut all = Vec::new();
    for order in ["ASC", "DESC"] {
        let text = format!("SELECT digest, size FROM blobs WHERE state = 'live' ORDER BY digest {order} LIMIT {most}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(text)).fetch_all(&mut *c).await?;
        all.extend(rows.iter().filter_map(|row| Some((row.get::<String, _>("digest").parse().ok()?, row.get::<i64, _>("size").unsigned_abs()))));
    }
    // Of few blobs both ends are the same.
    all.sort();
    all.dedup();
    Ok(all)
}
