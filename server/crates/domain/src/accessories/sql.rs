//! SQL of accessories. The functions take a connection: their callers hold the proof for the repository.

use crate::db::{Conditions, Listing, Script, parts, placeholders};
use crate::error::{Error, Result};
use model::accessory::{Attachment, Kind};
use model::list::Query;
use model::{Digest, Page, Stamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

/// An accessory with what its listing needs of its artifact.
#[derive(Clone, Debug)]
pub struct Accessory {
    pub id: i64,
    pub artifact_id: i64,
    pub digest: Digest,
    pub subject: Digest,
    pub kind: Kind,
    pub attachment: Attachment,
    pub detail: String,
    pub artifact_type: String,
    pub size: i64,
    pub pushed_at: Stamp,
}

const SELECT: &str = "SELECT x.id AS id, x.artifact_id AS artifact_id, x.subject_digest AS subject, x.kind AS kind, \
    x.attachment AS attachment, x.detail AS detail, a.digest AS digest, a.artifact_type AS artifact_type, \
    a.size AS size, a.pushed_at AS pushed_at \
    FROM accessories AS x JOIN artifacts AS a ON a.id = x.artifact_id";

fn accessory(row: &AnyRow) -> Result<Accessory> {
    let digest = |name: &str| {
        let text: String = row.get(name);
        text.parse::<Digest>().map_err(|_| Error::Internal(format!("digest {text:?} in the database")))
    };
    Ok(Accessory {
        id: row.get("id"),
        artifact_id: row.get("artifact_id"),
        digest: digest("digest")?,
        subject: digest("subject")?,
        kind: Kind::from_key(&row.get::<String, _>("kind")),
        attachment: Attachment::from_key(&row.get::<String, _>("attachment")),
        detail: row.get("detail"),
        artifact_type: row.get("artifact_type"),
        size: row.get("size"),
        pushed_at: Stamp(row.get("pushed_at")),
    })
}

/// What hangs directly under these, oldest first, whether in force or not: at most `limit`.
pub async fn of_subjects(c: &mut AnyConnection, repository: i64, subjects: &[Digest], limit: i64) -> Result<Vec<Accessory>> {
    under(c, repository, subjects, "", 0, limit).await
}

/// As [`of_subjects`], those in force, from the `skip`th on.
pub async fn in_force(c: &mut AnyConnection, repository: i64, subjects: &[Digest], skip: i64, limit: i64) -> Result<Vec<Accessory>> {
    under(c, repository, subjects, "AND x.superseded = 0", skip, limit).await
}

/// Harbor's type of one, as [`Kind::harbor_type`] says it; a test holds the two together.
const TYPE: &str = "CASE t.kind WHEN 'cosign-signature' THEN 'signature.cosign' WHEN 'notation-signature' THEN 'signature.notation' \
    ELSE CASE WHEN t.kind = 'sbom' AND a.artifact_type = 'application/vnd.goharbor.harbor.sbom.v1' THEN 'sbom.harbor' \
    ELSE 'subject.accessory' END END";

/// What hangs under one artifact, as its list is asked for.
const LISTING: Listing = Listing {
    from: "accessories AS t JOIN artifacts AS a ON a.id = t.artifact_id",
    columns: "t.id AS id, t.artifact_id AS artifact_id, t.subject_digest AS subject, t.kind AS kind, t.attachment AS attachment, \
        t.detail AS detail, a.digest AS digest, a.artifact_type AS artifact_type, a.size AS size, a.pushed_at AS pushed_at",
    sorts: &[("id", "t.id"), ("size", "a.size"), ("pushed", "a.pushed_at"), ("digest", "a.digest"), ("type", TYPE)],
    descending: false,
    keys: &[("id", "t.id"), ("artifact", "t.artifact_id"), ("size", "a.size"), ("pushed", "a.pushed_at"), ("digest", "a.digest"), ("type", TYPE)],
};

/// What hangs directly under the subject and is in force: a page of the list that the query asks for.
pub async fn list(c: &mut AnyConnection, repository: i64, subject: &Digest, query: &Query) -> Result<Page<Accessory>> {
    let under = |w: &mut Conditions| {
        let (repository, subject) = (w.bind(repository), w.bind(subject.as_str()));
        w.and(format!("t.repository_id = {repository} AND t.subject_digest = {subject} AND t.superseded = 0"));
    };
    LISTING.fetch(c, query, under, accessory).await
}

async fn under(c: &mut AnyConnection, repository: i64, subjects: &[Digest], only: &str, skip: i64, limit: i64) -> Result<Vec<Accessory>> {
    let skip = skip.clamp(0, COUNTED);
    let mut script = Script::default();
    for part in parts(subjects) {
        let text = format!(
            "{SELECT} WHERE x.repository_id = $1 AND x.subject_digest IN ({}) {only} ORDER BY x.id LIMIT $2",
            placeholders(3, part.len())
        );
        script.add(text, [repository.into(), (skip + limit).into()].into_iter().chain(part.iter().map(|digest| digest.as_str().into())));
    }
    let ran = script.run(c).await?;
    let mut found = ran.iter().flat_map(|ran| &ran.rows).map(accessory).collect::<Result<Vec<_>>>()?;
    found.sort_by_key(|accessory| accessory.id);
    Ok(found.into_iter().skip(skip as usize).take(limit as usize).collect())
}

/// Most that are counted.
const COUNTED: i64 = 100_000;

/// How many in force hang directly under these; of very many, so many.
pub async fn count_in_force(c: &mut AnyConnection, repository: i64, subjects: &[Digest]) -> Result<i64> {
    count(c, repository, subjects, "AND x.superseded = 0").await
}

async fn count(c: &mut AnyConnection, repository: i64, subjects: &[Digest], only: &str) -> Result<i64> {
    let mut script = Script::default();
    for part in parts(subjects) {
        let text = format!(
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM (SELECT x.id AS id FROM accessories AS x
             WHERE x.repository_id = $1 AND x.subject_digest IN ({}) {only} LIMIT {COUNTED}) AS y",
            placeholders(2, part.len())
        );
        script.add(text, std::iter::once(repository.into()).chain(part.iter().map(|digest| digest.as_str().into())));
    }
    let ran = script.run(c).await?;
    Ok(ran.iter().flat_map(|ran| &ran.rows).map(|row| row.get::<i64, _>("n")).sum())
}

/// What an artifact is attached to: at most a few.
pub async fn subjects_of(c: &mut AnyConnection, artifact: i64) -> Result<Vec<model::artifact::Subject>> {
    let rows = sqlx::query(
        "SELECT x.subject_digest AS digest, x.attachment AS attachment, x.detail AS detail, x.superseded AS superseded,
           CAST(CASE WHEN EXISTS (SELECT 1 FROM artifacts AS s WHERE s.repository_id = x.repository_id AND s.digest = x.subject_digest)
             THEN 1 ELSE 0 END AS BIGINT) AS here
         FROM accessories AS x WHERE x.artifact_id = $1 ORDER BY x.id LIMIT 20",
    )
    .bind(artifact)
    .fetch_all(c)
    .await?;
    let subject = |row: &AnyRow| {
        Ok(model::artifact::Subject {
            digest: crate::artifacts::sql::digest(row.get("digest"))?,
            attachment: Attachment::from_key(&row.get::<String, _>("attachment")),
            detail: row.get("detail"),
            here: row.get::<i64, _>("here") != 0,
            superseded: row.get::<i64, _>("superseded") != 0,
        })
    };
    rows.iter().map(subject).collect()
}

/// A manifest that refers to another by `subject`: distribution-spec 1.1, "Listing Referrers".
pub struct Referrer {
    /// Referrers of a subject are listed in this order.
    pub number: i64,
    pub artifact_id: i64,
    pub media_type: String,
    pub digest: Digest,
    /// Of the manifest, in bytes.
    pub size: i64,
    pub artifact_type: String,
    /// A JSON object.
    pub annotations: String,
}

/// What refers to `subject` by its `subject` field, by number.
pub async fn referrers(
    c: &mut AnyConnection,
    repository: i64,
    subject: &str,
    artifact_type: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<Referrer>> {
    // Few columns: there may be thousands of rows, and each value of each costs.
    let text = "SELECT x.id AS number, x.artifact_id AS artifact_id, a.digest AS digest, a.media_type AS media_type, a.artifact_type AS artifact_type,
           a.manifest_size AS size, a.annotations AS annotations
         FROM accessories AS x JOIN artifacts AS a ON a.id = x.artifact_id
         WHERE x.repository_id = $1 AND x.subject_digest = $2 AND x.attachment = 'subject' AND x.id > $3
           AND ($4 = '' OR a.artifact_type = $4) ORDER BY x.id LIMIT $5";
    let rows = sqlx::query(text)
        .bind(repository)
        .bind(subject)
        .bind(after)
        .bind(artifact_type.unwrap_or_default())
        .bind(limit)
        .fetch_all(c)
        .await?;
    let referrer = |row: &AnyRow| {
        Ok(Referrer {
            number: row.get("number"),
            artifact_id: row.get("artifact_id"),
            media_type: row.get("media_type"),
            digest: crate::artifacts::sql::digest(row.get("digest"))?,
            size: row.get("size"),
            artifact_type: row.get("artifact_type"),
            annotations: row.get("annotations"),
        })
    };
    rows.iter().map(referrer).collect()
}

/// Attaches an artifact. What a manifest itself says, pushed again with all that it needs, is believed anew; what an index says of it
/// changes nothing of that.
pub fn add_attached(script: &mut Script, now: Stamp, repository: i64, artifact: i64, recognised: &super::Recognised) {
    script.add(
        "INSERT INTO accessories (repository_id, subject_digest, artifact_id, kind, attachment, detail, superseded, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7)
         ON CONFLICT (artifact_id, subject_digest) DO UPDATE
           SET kind = excluded.kind, attachment = excluded.attachment, detail = excluded.detail, superseded = 0
           WHERE excluded.attachment <> 'index-child'",
        [
            repository.into(),
            recognised.subject.as_str().into(),
            artifact.into(),
            recognised.kind.key().into(),
            recognised.attachment.key().into(),
            recognised.detail.replace('\0', "").into(),
            now.0.into(),
        ],
    );
}

/// Marks these artifacts as what they are attached as: by what they say themselves first, then by what an index says of them.
pub fn add_marks(script: &mut Script, artifacts: &[i64]) {
    let first = |column: &str| {
        format!(
            "(SELECT x.{column} FROM accessories AS x WHERE x.artifact_id = artifacts.id
              ORDER BY CASE x.attachment WHEN 'subject' THEN 0 WHEN 'cosign-tag' THEN 1 ELSE 2 END, x.superseded, x.id LIMIT 1)"
        )
    };
    let text = format!("UPDATE artifacts SET accessory_kind = {}, accessory_detail = COALESCE({}, '')", first("kind"), first("detail"));
    for part in parts(artifacts) {
        script.add(format!("{text} WHERE id IN ({})", placeholders(1, part.len())), part.iter().map(|id| (**id).into()));
    }
}

/// An index's word that one of its children describes another stands while an index lists both. Brings that up to date for these,
/// which an index that is gone listed.
pub async fn settle_words(c: &mut AnyConnection, artifacts: &[i64]) -> Result<()> {
    let mut script = Script::default();
    for part in parts(artifacts) {
        let text = format!(
            "DELETE FROM accessories WHERE attachment = 'index-child' AND artifact_id IN ({}) AND NOT EXISTS
               (SELECT 1 FROM artifacts AS a JOIN artifact_children AS x ON x.repository_id = a.repository_id AND x.child_digest = a.digest
                JOIN artifact_children AS y ON y.repository_id = a.repository_id AND y.child_digest = accessories.subject_digest AND y.parent_id = x.parent_id
                WHERE a.id = accessories.artifact_id)
             RETURNING artifact_id",
            placeholders(1, part.len())
        );
        script.add(text, part.iter().map(|id| (**id).into()));
    }
    let ran = script.run(&mut *c).await?;
    let changed: std::collections::BTreeSet<i64> = ran.iter().flat_map(|ran| &ran.rows).map(|row| row.get("artifact_id")).collect();
    let (changed, mut script): (Vec<i64>, _) = (changed.into_iter().collect(), Script::default());
    add_marks(&mut script, &changed);
    script.run(c).await.map(drop)
}

/// As [`add_attached`], at once, and marked so.
pub async fn attach(
    c: &mut AnyConnection,
    now: Stamp,
    repository: i64,
    artifact: i64,
    recognised: &super::Recognised,
) -> Result<()> {
    let mut script = Script::default();
    add_attached(&mut script, now, repository, artifact, recognised);
    add_marks(&mut script, &[artifact]);
    script.run(c).await.map(drop)
}

/// An accessory by cosign's tag is in force while such a tag names it: without one it stays under its subject, goes with it,
/// and is neither shown nor counted. Brings that up to date; answers what it is attached to in that way and was not before, or no
/// more: of thousands of tags one was set.
pub async fn settle(c: &mut AnyConnection, artifact: i64) -> Result<Vec<String>> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "UPDATE accessories SET superseded = 1 - superseded
         WHERE artifact_id = $1 AND attachment = 'cosign-tag' AND superseded <> {} RETURNING subject_digest",
        is_superseded("accessories")
    )))
    .bind(artifact)
    .fetch_all(c)
    .await?;
    Ok(rows.iter().map(|row| row.get("subject_digest")).collect())
}

/// Most accessories that are looked after as what they are attached to comes.
const AWAITING: i64 = 2000;

/// What is listed by itself because `subject` was not here.
pub async fn awaiting_subject(c: &mut AnyConnection, repository: i64, subject: &str) -> Result<Vec<i64>> {
    let rows = sqlx::query(
        "SELECT a.id AS id FROM accessories AS x JOIN artifacts AS a ON a.id = x.artifact_id
         WHERE x.repository_id = $1 AND x.subject_digest = $2 AND a.listed = 1 LIMIT $3",
    )
    .bind(repository)
    .bind(subject)
    .bind(AWAITING)
    .fetch_all(c)
    .await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}

/// Whether the accessory of the row `x` is not in force: no tag of cosign's names it any more.
pub fn is_superseded(x: &str) -> String {
    let names = [".sig", ".att", ".sbom"].map(|suffix| format!("REPLACE({x}.subject_digest, ':', '-') || '{suffix}'")).join(", ");
    format!(
        "CASE WHEN {x}.attachment = 'cosign-tag' AND NOT EXISTS (SELECT 1 FROM tags AS g
           WHERE g.artifact_id = {x}.artifact_id AND g.name IN ({names})) THEN 1 ELSE 0 END"
    )
}

/// Whether the artifact with digest `$2` in the repository `$1` is signed, from what hangs under it.
pub const IS_SIGNED: &str = "CASE WHEN EXISTS (
    SELECT 1 FROM accessories AS x WHERE x.repository_id = $1 AND x.subject_digest = $2 AND x.superseded = 0
      AND x.kind IN ('cosign-signature', 'notation-signature')) THEN 1 ELSE 0 END";

/// Signatures in force that hang under a digest, some of them.
pub async fn signatures_of(c: &mut AnyConnection, repository: i64, digest: &Digest) -> Result<Vec<(i64, Digest)>> {
    let rows = sqlx::query(
        "SELECT a.id AS id, a.digest AS digest FROM accessories AS x JOIN artifacts AS a ON a.id = x.artifact_id
         WHERE x.repository_id = $1 AND x.subject_digest = $2 AND x.superseded = 0 AND x.kind IN ('cosign-signature', 'notation-signature') ORDER BY x.id LIMIT 100",
    )
    .bind(repository)
    .bind(digest.as_str())
    .fetch_all(c)
    .await?;
    rows.iter().map(|row| Ok((row.get("id"), crate::artifacts::sql::digest(row.get("digest"))?))).collect()
}

/// What is signed by this artifact alone, by cosign's tag only or in any way.
pub async fn signed_by_it_alone(c: &mut AnyConnection, artifact: i64, by_tag: bool) -> Result<Vec<Digest>> {
    let rows = sqlx::query(
        "SELECT x.subject_digest AS digest FROM accessories AS x JOIN artifacts AS s ON s.repository_id = x.repository_id AND s.digest = x.subject_digest
         WHERE x.artifact_id = $1 AND x.superseded = 0 AND x.kind IN ('cosign-signature', 'notation-signature') AND s.signed = 1
           AND ($2 = 0 OR x.attachment = 'cosign-tag') AND NOT EXISTS
             (SELECT 1 FROM accessories AS y WHERE y.repository_id = x.repository_id AND y.subject_digest = x.subject_digest AND y.artifact_id <> $1
              AND y.superseded = 0 AND y.kind IN ('cosign-signature', 'notation-signature')) ORDER BY x.id LIMIT 20",
    )
    .bind(artifact)
    .bind(i64::from(by_tag))
    .fetch_all(c)
    .await?;
    rows.iter().map(|row| crate::artifacts::sql::digest(row.get("digest"))).collect()
}

/// Sets whether the artifacts with these digests are signed.
pub async fn recount_signatures(c: &mut AnyConnection, repository: i64, digests: impl IntoIterator<Item = &str>) -> Result<()> {
    let mut script = Script::default();
    for digest in digests {
        let text = format!("UPDATE artifacts SET signed = {IS_SIGNED} WHERE repository_id = $1 AND digest = $2");
        script.add(text, [repository.into(), digest.into()]);
    }
    script.run(c).await.map(drop)
}
