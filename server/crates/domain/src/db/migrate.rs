//! Brings the schema up to date, or says why this database is not for this program.

use super::Engine;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, Connection, Row};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Why a database (or data directory) is not opened. It is left untouched.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Refusal(format!("the database cannot be opened: {error}"))
    }
}

pub(super) async fn run(url: &str, engine: Engine) -> Result<(), Refusal> {
    let create = if engine == Engine::Sqlite { format!("{url}?mode=rwc") } else { url.to_owned() };
    let mut c = AnyConnection::connect(&create).await?;
    if engine == Engine::Sqlite {
        let healthy: String = sqlx::query("PRAGMA quick_check(1)").fetch_one(&mut c).await?.get(0);
        if healthy != "ok" {
            return Err(Refusal(format!("the database is damaged: {healthy}; restore it from a backup")));
        }
    }
    let tables = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM ";
    let (all, ours) = match engine {
        Engine::Sqlite => ("sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", " AND name = "),
        Engine::Postgres => ("information_schema.tables WHERE table_schema = current_schema()", " AND table_name = "),
    };
    let count = async |c: &mut AnyConnection, text: String| -> Result<i64, sqlx::Error> {
        Ok(sqlx::query(sqlx::AssertSqlSafe(text)).fetch_one(c).await?.get::<i64, _>("n"))
    };
    let foreign = count(&mut c, format!("{tables}{all}")).await? > 0
        && count(&mut c, format!("{tables}{all}{ours}'_sqlx_migrations'")).await? == 0;
    if foreign {
        return Err(Refusal("the database holds tables of another program; give Wharf a database of its own".into()));
    }
    let migrator = if engine == Engine::Sqlite { &SQLITE } else { &POSTGRES };
    migrator.run_direct(None, &mut c, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => Refusal(format!(
            "the database was written by a newer Wharf (it has migration {version}); use that version or newer"
        )),
        MigrateError::VersionMismatch(version) => {
            Refusal(format!("migration {version} of the database is not the one this Wharf knows; it was not made by a release"))
        }
        other => Refusal(format!("the database could not be brought up to date: {other}")),
    })?;
    c.close().await?;
    Ok(())
}
