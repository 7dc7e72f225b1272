//! SQL of target registries.

use crate::db::{Listing, named};
use crate::error::{Error, Result};
use model::list::Query;
use model::replication::target::{Provider, Target, TargetInput};
use model::{Page, Stamp, TargetId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

const COLUMNS: &str = "t.id AS id, t.name AS name, t.provider AS provider, t.url AS url, t.description AS description, \
    t.token_server AS token_server, t.access_id AS access_id, CAST(CASE WHEN t.secret IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_secret, \
    t.verify_certificate AS verify_certificate, t.ca_certificate AS ca_certificate, t.proxy AS proxy, t.healthy AS healthy, \
    (SELECT CAST(COUNT(*) AS BIGINT) FROM rules AS r WHERE r.target_id = t.id) AS rule_count, \
    t.created_at AS created_at, t.updated_at AS updated_at";

static LIST: Listing = Listing {
    from: "targets AS t",
    columns: COLUMNS,
    sorts: &[("name", "t.name"), ("created", "t.created_at"), ("id", "t.id"), ("updated", "t.updated_at")],
    descending: false,
    keys: &[("id", "t.id"), ("provider", "t.provider"), ("url", "t.url"), ("description", "t.description"), ("created", "t.created_at"), ("updated", "t.updated_at")],
};

fn target(row: &AnyRow) -> Result<Target> {
    let provider: String = row.get("provider");
    Ok(Target {
        id: TargetId(row.get("id")),
        name: row.get("name"),
        provider: Provider::from_key(&provider)
            .ok_or_else(|| Error::Internal(format!("provider {provider:?} in the database")))?,
        url: row.get("url"),
        description: row.get("description"),
        token_server: row.get("token_server"),
        access_id: row.get("access_id"),
        has_secret: row.get::<i64, _>("has_secret") != 0,
        verify_certificate: row.get::<i64, _>("verify_certificate") != 0,
        ca_certificate: row.get("ca_certificate"),
        proxy: row.get("proxy"),
        healthy: row.get::<Option<i64>, _>("healthy").map(|n| n != 0),
        rule_count: row.get("rule_count"),
        created_at: Stamp(row.get("created_at")),
        updated_at: Stamp(row.get("updated_at")),
    })
}

/// `None`: the name is taken.
pub async fn insert(c: &mut AnyConnection, now: Stamp, input: &TargetInput) -> Result<Option<TargetId>> {
    let row = sqlx::query(
        "INSERT INTO targets (name, provider, url, description, access_id, secret_version, verify_certificate,
           ca_certificate, created_at, updated_at, token_server, proxy)
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(input.name.as_str())
    .bind(input.provider.key())
    .bind(input.url.as_str())
    .bind(input.description.as_str())
    .bind(input.access_id.as_str())
    .bind(i64::from(input.verify_certificate))
    .bind(input.ca_certificate.as_str())
    .bind(now.0)
    .bind(input.token_server.as_str())
    .bind(input.proxy.as_str())
    .fetch_optional(c)
    .await?;
    Ok(row.map(|row| TargetId(row.get("id"))))
}

/// `false`: the name is taken by another.
pub async fn update(c: &mut AnyConnection, now: Stamp, id: TargetId, input: &TargetInput) -> Result<bool> {
    let other = sqlx::query("SELECT id FROM targets WHERE name = $1 AND id <> $2")
        .bind(input.name.as_str())
        .bind(id.0)
        .fetch_optional(&mut *c)
        .await?;
    if other.is_some() {
        return Ok(false);
    }
    sqlx::query(
        "UPDATE targets SET name = $2, provider = $3, url = $4, description = $5, access_id = $6,
           verify_certificate = $7, ca_certificate = $8, healthy = NULL, updated_at = $9, token_server = $10, proxy = $11
         WHERE id = $1",
    )
    .bind(id.0)
    .bind(input.name.as_str())
    .bind(input.provider.key())
    .bind(input.url.as_str())
    .bind(input.description.as_str())
    .bind(input.access_id.as_str())
    .bind(i64::from(input.verify_certificate))
    .bind(input.ca_certificate.as_str())
    .bind(now.0)
    .bind(input.token_server.as_str())
    .bind(input.proxy.as_str())
    .execute(c)
    .await?;
    Ok(true)
}

/// Sets or forgets the sealed secret.
pub async fn set_secret(c: &mut AnyConnection, id: TargetId, sealed: Option<&[u8]>, version: i64) -> Result<()> {
    sqlx::query("UPDATE targets SET secret = $2, secret_version = $3 WHERE id = $1")
        .bind(id.0)
        .bind(sealed.map(<[u8]>::to_vec))
        .bind(version)
        .execute(c)
        .await?;
    Ok(())
}

/// The sealed secret and its version.
pub async fn secret(c: &mut AnyConnection, id: TargetId) -> Result<Option<(Option<Vec<u8>>, i64)>> {
    let row = sqlx::query("SELECT secret, secret_version FROM targets WHERE id = $1").bind(id.0).fetch_optional(c).await?;
    Ok(row.map(|row| (row.get("secret"), row.get("secret_version"))))
}

pub async fn get(c: &mut AnyConnection, id: TargetId) -> Result<Option<Target>> {
    let text = format!("SELECT {COLUMNS} FROM targets AS t WHERE t.id = $1");
    let row = sqlx::query(AssertSqlSafe(text)).bind(id.0).fetch_optional(c).await?;
    row.as_ref().map(target).transpose()
}

/// A target with its sealed secret and the secret's version, of one moment: an address never meets another one's secret.
pub async fn with_secret(c: &mut AnyConnection, id: TargetId) -> Result<Option<(Target, Option<Vec<u8>>, i64)>> {
    let text = format!("SELECT {COLUMNS}, t.secret AS secret, t.secret_version AS secret_version FROM targets AS t WHERE t.id = $1");
    let row = sqlx::query(AssertSqlSafe(text)).bind(id.0).fetch_optional(c).await?;
    row.map(|row| Ok((target(&row)?, row.get("secret"), row.get("secret_version")))).transpose()
}

pub async fn list(c: &mut AnyConnection, query: &Query) -> Result<Page<Target>> {
    LIST.fetch(
        c,
        query,
        |w| {
            named(w, query, "LOWER(t.name)", "t.name");
        },
        target,
    )
    .await
}

pub async fn set_health(c: &mut AnyConnection, id: TargetId, healthy: bool) -> Result<()> {
    sqlx::query("UPDATE targets SET healthy = $2 WHERE id = $1").bind(id.0).bind(i64::from(healthy)).execute(c).await?;
    Ok(())
}

/// Gives up the uploads that lie at the target unfinished.
pub async fn forget_uploads(c: &mut AnyConnection, id: TargetId) -> Result<()> {
    sqlx::query("DELETE FROM remote_uploads WHERE target_id = $1").bind(id.0).execute(c).await?;
    Ok(())
}

pub async fn delete(c: &mut AnyConnection, id: TargetId) -> Result<()> {
    forget_uploads(c, id).await?;
    sqlx::query("DELETE FROM targets WHERE id = $1").bind(id.0).execute(c).await?;
    Ok(())
}
