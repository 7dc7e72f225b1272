//! The database as it was at one moment, in a file of its own.

use super::{Db, Engine};
use crate::error::{Error, Result};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use std::path::Path;

/// Rows read at a time.
const PAGE: i64 = 1000;

impl Db {
    /// Writes a copy to the new file `to` while others write; it is not synced. SQLite only.
    pub async fn snapshot(&self, to: &Path) -> Result<()> {
        if self.engine != Engine::Sqlite {
            return Err(Error::Precondition(
                "the database is PostgreSQL: back it up with pg_dump first, and the data directory's blobs after it".to_owned(),
            ));
        }
        let to = to.to_str().filter(|to| !to.contains('\'')).ok_or_else(|| Error::invalid("to", "must be a path of plain text without a quote"))?;
        let mut c = AnyConnection::connect(&self.url).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("VACUUM INTO '{to}'"))).execute(&mut c).await?;
        Ok(c.close().await?)
    }
}

/// A copy that is looked into, not written to.
pub struct Snapshot(AnyConnection);

impl Snapshot {
    /// Opens a file that [`Db::snapshot`] made.
    pub async fn open(path: &Path) -> Result<Snapshot> {
        Ok(Snapshot(AnyConnection::connect(&format!("sqlite://{}?mode=ro", path.display())).await?))
    }

    /// Digests and sizes of the live blobs, by digest.
    pub async fn blobs_after(&mut self, after: &str) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query("SELECT digest, size FROM blobs WHERE digest > $1 AND state = 'live' ORDER BY digest LIMIT $2")
            .bind(after)
            .bind(PAGE)
            .fetch_all(&mut self.0)
            .await?;
        Ok(rows.iter().map(|row| (row.get("digest"), row.get("size"))).collect())
    }

    /// Of which server it is (`instance`), if it says so.
    pub async fn instance(&mut self) -> Result<Option<String>> {
        let row = sqlx::query("SELECT value FROM meta WHERE key = 'instance'").fetch_optional(&mut self.0).await?;
        Ok(row.map(|row| row.get("value")))
    }

    pub async fn close(self) -> Result<()> {
        Ok(self.0.close().await?)
    }
}
