//! Deleted repositories. One is set aside whole, in one short write however large it is: its row gets a name that no client can
//! ask for, and shows nowhere. *Undo* gives it its name back. When its window is over it is taken apart in slices, which pushes pass.

use crate::access::Authorized;
use crate::ctx::Ctx;
use crate::db::{Script, parts, placeholders};
use crate::error::{Error, Result};
use model::deletion::What;
use model::{RepositoryName, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// Artifacts, and rows of other kinds, that one write takes apart.
const SLICE: i64 = 256;
/// Bytes of manifests from which on a write takes no more of them.
const SLICE_BYTES: i64 = 4 << 20;

/// Whether a row of `repositories AS r` is one that was set aside.
pub const IS_PARKED: &str = "r.name LIKE '#%'";

/// Sets a repository aside until then; it is nowhere from now on.
pub async fn park(proof: &mut Authorized<'_>, now: Stamp, id: i64, name: &RepositoryName, by: String, until: Stamp) -> Result<()> {
    let project = proof.project.id.0;
    let c = proof.conn();
    let row = sqlx::query("SELECT artifact_count, stored_bytes FROM repositories WHERE id = $1").bind(id).fetch_one(&mut *c).await?;
    let new = super::Small {
        project, repository: id, what: What::Repository, name: name.as_str(), digest: "", tag: "",
        artifacts: row.get("artifact_count"), bytes: row.get("stored_bytes"), by: &by, until,
    };
    super::keep_small(c, now, &new).await?;
    let mut script = Script::default();
    script.add(
        "UPDATE projects SET artifact_count = artifact_count - $2, repository_count = repository_count - 1 WHERE id = $1",
        [project.into(), row.get::<i64, _>("artifact_count").into()],
    );
    let hidden = format!("#{id}");
    script.add("UPDATE repositories SET name = $2, full_name = $2, pushed_at = NULL WHERE id = $1", [id.into(), hidden.into()]);
    script.run(c).await.map(drop)
}

/// Gives a repository that was set aside its name back; `false`: there is one of that name by now.
pub async fn unpark(proof: &mut Authorized<'_>, now: Stamp, id: i64, name: &RepositoryName) -> Result<bool> {
    let (project, full) = (proof.project.id.0, format!("{}/{name}", proof.project.name));
    let c = proof.conn();
    let other = sqlx::query("SELECT id, pushed_at FROM repositories WHERE project_id = $1 AND name = $2")
        .bind(project)
        .bind(name.as_str())
        .fetch_optional(&mut *c)
        .await?;
    if let Some(other) = other {
        if other.get::<Option<i64>, _>("pushed_at").is_some() {
            return Ok(false);
        }
        // Blobs of a push that has begun: they move in with it.
        let mut script = Script::default();
        let other: i64 = other.get("id");
        script.add(
            "INSERT INTO repository_blobs (repository_id, digest, created_at, touched_at, project_id)
             SELECT $1, l.digest, l.created_at, l.touched_at, l.project_id FROM repository_blobs AS l WHERE l.repository_id = $2
             ON CONFLICT (digest, project_id, repository_id) DO NOTHING",
            [id.into(), other.into()],
        );
        script.add("DELETE FROM repository_blobs WHERE repository_id = $1", [other.into()]);
        script.add("DELETE FROM repositories WHERE id = $1", [other.into()]);
        script.run(&mut *c).await?;
    }
    let mut script = Script::default();
    script.add(
        "UPDATE repositories SET name = $2, full_name = $3, pushed_at = $4, updated_at = $4 WHERE id = $1",
        [id.into(), name.as_str().into(), full.into(), now.0.into()],
    );
    script.add(
        "UPDATE projects SET artifact_count = artifact_count + (SELECT artifact_count FROM repositories WHERE id = $2),
           repository_count = repository_count + 1 WHERE id = $1",
        [project.into(), id.into()],
    );
    script.run(c).await.map(|_| true)
}

/// Takes a slice of a repository apart whose window is over; `false`: there is none.
async fn slice(c: &mut AnyConnection, now: Stamp) -> Result<bool> {
    let row = sqlx::query(
        "SELECT t.repository_id AS id FROM deletions AS t WHERE t.what = 'repository' AND t.expires_at <= $1 ORDER BY t.expires_at LIMIT 1",
    )
    .bind(now.0)
    .fetch_optional(&mut *c)
    .await?;
    let Some(repository) = row.map(|row| row.get::<i64, _>("id")) else { return Ok(false) };
    let text = "SELECT id, manifest_size FROM artifacts WHERE repository_id = $1 LIMIT $2";
    let rows = sqlx::query(text).bind(repository).bind(SLICE).fetch_all(&mut *c).await?;
    // At least one: it is what it is.
    let mut room = SLICE_BYTES;
    let fits = |row: &&AnyRow| {
        let fits = room > 0;
        room -= row.get::<i64, _>("manifest_size");
        fits
    };
    let ids: Vec<i64> = rows.iter().take_while(fits).map(|row| row.get("id")).collect();
    let mut script = Script::default();
    for part in parts(&ids) {
        for (table, column) in [
            ("manifests", "artifact_id"), ("artifact_blobs", "artifact_id"), ("artifact_children", "parent_id"), ("accessories", "artifact_id"),
            ("artifact_labels", "artifact_id"), ("tags", "artifact_id"), ("artifacts", "id"),
        ] {
            let text = format!("DELETE FROM {table} WHERE {column} IN ({})", placeholders(1, part.len()));
            script.add(text, part.iter().map(|id| (**id).into()));
        }
    }
    script.run(&mut *c).await?;
    if !ids.is_empty() {
        return Ok(true);
    }
    // A collection frees the bytes: they may lie in other repositories as well.
    let gone = sqlx::query(
        "DELETE FROM repository_blobs WHERE repository_id = $1 AND digest IN
           (SELECT digest FROM repository_blobs WHERE repository_id = $1 LIMIT $2)",
    )
    .bind(repository)
    .bind(SLICE)
    .execute(&mut *c)
    .await?;
    if gone.rows_affected() > 0 {
        return Ok(true);
    }
    // What was kept of single deletions in it, then itself.
    let kept = sqlx::query("SELECT id FROM deletions WHERE repository_id = $1 AND what <> 'repository' LIMIT 20").bind(repository).fetch_all(&mut *c).await?;
    for row in &kept {
        super::forget(c, model::DeletionId(row.get("id"))).await?;
    }
    if kept.is_empty() {
        sqlx::query("DELETE FROM deletions WHERE repository_id = $1").bind(repository).execute(&mut *c).await?;
        sqlx::query("DELETE FROM repository_days WHERE repository_id = $1").bind(repository).execute(&mut *c).await?;
        sqlx::query("DELETE FROM repositories WHERE id = $1").bind(repository).execute(c).await?;
    }
    Ok(true)
}

/// Takes apart what is over, slice by slice, to its end.
pub async fn dismantle(ctx: &Ctx) -> Result<()> {
    let now = ctx.now();
    while ctx.db.write_content(async move |c| slice(c, now).await).await? {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// A project goes: nothing of it can be undone any more.
pub async fn end_all(c: &mut AnyConnection, now: Stamp, project: i64) -> Result<()> {
    sqlx::query("UPDATE deletions SET expires_at = $2 WHERE project_id = $1 AND expires_at > $2").bind(project).bind(now.0).execute(c).await?;
    Ok(())
}

/// For one that somebody wants gone now.
pub async fn end(c: &mut AnyConnection, now: Stamp, id: model::DeletionId) -> Result<()> {
    sqlx::query("UPDATE deletions SET expires_at = $2 WHERE id = $1").bind(id.0).bind(now.0).execute(c).await?;
    Ok(())
}

/// What stands in the way of an undo.
pub fn taken(name: &RepositoryName) -> Error {
    Error::conflict("repository", format!("{name} is there again: delete that first, or copy what you need out of it"))
}
