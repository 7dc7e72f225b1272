//! Brings the schema up to date, or says why this database is not for this program.

use super::Engine;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, Connection, Row};

pub(super) static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
pub(super) static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Why a database (or data directory) is not opened. It is left untouched.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotOpened(pub String);

impl From<sqlx::Error> for NotOpened {
    fn from(error: sqlx::Error) -> Self {
        NotOpened(format!("the database cannot be opened: {error}"))
    }
}

/// Largest database file that is read whole before it is used, in bytes.
const LOOKED_AT: u64 = 32 << 20;

/// What SQLite finds wrong; `None` where all is well.
async fn damage(c: &mut AnyConnection) -> Result<Option<String>, sqlx::Error> {
    let found: String = sqlx::query("PRAGMA quick_check(1)").fetch_one(c).await?.get(0);
    Ok((found != "ok").then(|| format!("the database is damaged: {found}; stop the server, run wharf fsck, restore it from a backup")))
}

impl super::Db {
    /// Reads the whole database for damage, beside what else goes on. PostgreSQL looks after itself.
    pub async fn look(&self) -> Result<(), NotOpened> {
        if self.engine() != Engine::Sqlite {
            return Ok(());
        }
        let mut c = self.read().await.map_err(|error| NotOpened(error.to_string()))?;
        damage(&mut c).await?.map_or(Ok(()), |damage| Err(NotOpened(damage)))
    }
}

pub(super) async fn run(url: &str, engine: Engine) -> Result<(), NotOpened> {
    let create = if engine == Engine::Sqlite { format!("{url}?mode=rwc") } else { url.to_owned() };
    let mut c = AnyConnection::connect(&create).await?;
    if engine == Engine::Sqlite {
        let path = url.trim_start_matches("sqlite://");
        // A large one is looked at while the server runs (`Db::look`): reading it all would keep everybody waiting.
        if std::fs::metadata(path).is_ok_and(|about| about.len() <= LOOKED_AT)
            && let Some(damage) = damage(&mut c).await?
        {
            return Err(NotOpened(damage));
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
        return Err(NotOpened("the database holds tables of another program; give Wharf a database of its own".into()));
    }
    let migrator = if engine == Engine::Sqlite { &SQLITE } else { &POSTGRES };
    migrator.run_direct(None, &mut c, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => NotOpened(format!(
            "the database was written by a newer Wharf (it has migration {version}); use that version or newer"
        )),
        MigrateError::VersionMismatch(version) => {
            NotOpened(format!("migration {version} of the database is not the one this Wharf knows; it was not made by a release"))
        }
        other => NotOpened(format!("the database could not be brought up to date: {other}")),
    })?;
    c.close().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database remembers the sums of the migrations that made it, and one that differs is refused: a file that stands in main is never
    /// edited again, what it got wrong is mended by the next one. Lines are only added to `migrations/sums`.
    #[test]
    fn what_made_a_database_is_never_edited() {
        let mut found = String::new();
        for (engine, migrator) in [("sqlite", &SQLITE), ("postgres", &POSTGRES)] {
            for migration in migrator.iter() {
                found += &format!("{engine} {:04} {}\n", migration.version, hex::encode(&migration.checksum[..16]));
            }
        }
        assert_eq!(found, include_str!("../../migrations/sums"));
    }
}
