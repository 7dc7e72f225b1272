//! The database: SQLite in the data directory, or PostgreSQL by URL. One SQL text for both.
//!
//! [`Db::write`] is the only way to write. Its closure touches nothing but the database and may be run again:
//! on SQLite waiting closures share a commit, on PostgreSQL a serialization failure repeats it. A writer thread
//! runs it, so a client that goes away cannot cut it in two; the answer leaves after the durable commit.
//! Reads take a connection that cannot write.
//!
//! SQL here keeps to what both engines share: `$n`, BIGINT, TEXT and bytes, `RETURNING`, `ON CONFLICT`, no
//! `FOR UPDATE`, sums cast to BIGINT, names instead of `*`.

mod list;
pub(crate) mod meta;
mod migrate;
#[cfg(feature = "testing")]
mod permissions;
mod script;
mod snapshot;
#[cfg(test)]
mod tests;
mod text;
mod line;
mod turns;
mod writer;

pub use list::{Listing, between, named, one_of};
pub use migrate::NotOpened;
pub use script::{Ran, Script, Value, length, parts, placeholders};
pub use snapshot::Snapshot;
pub use turns::{asked_by, asked_on, asks};
pub use text::{Conditions, folded, like_contains, like_prefix};

use crate::error::{Error, Result};
use crate::points::point;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, any::AnyPoolOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use turns::Turn;
pub(crate) use turns::Turns;
use writer::{Job, Op};

/// Which engine stands behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// An open database.
#[derive(Clone)]
pub struct Db {
    jobs: mpsc::Sender<Box<dyn Job>>,
    readers: AnyPool,
    engine: Engine,
    url: Arc<str>,
    counts: Arc<Counts>,
    turns: Arc<(Turns, Turns)>,
}

/// A connection that can only read.
pub struct Reader {
    connection: PoolConnection<Any>,
    _turn: Option<Turn>,
}

impl std::ops::Deref for Reader {
    type Target = AnyConnection;
    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl std::ops::DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

/// How much the writer and the readers have to do.
pub struct Load {
    /// Writes that wait, and how many may.
    pub queued: u64,
    pub queue: u64,
    /// Connections that read, and how many may.
    pub reading: u64,
    pub readers: u64,
    /// How often an account or address waited for its quarter of the queue, and of the readers, in vain.
    pub queue_refused: u64,
    pub readers_refused: u64,
    pub commits: u64,
    /// How long the writer has worked.
    pub busy: Duration,
}

/// What was committed, counted.
#[derive(Default)]
struct Counts {
    /// µs that the writer worked.
    busy: AtomicU64,
    commits: AtomicU64,
    /// Writes that the writer has taken from its queue and not begun.
    waiting: AtomicU64,
    /// Odd while a write is under way that may change what permissions are made of.
    permissions: AtomicU64,
}

impl Counts {
    fn worked(&self, since: std::time::Instant) {
        self.busy.fetch_add(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Release);
    }

    /// Until the answer is dropped nothing known of permissions counts, and nothing from before it does afterwards.
    fn settle(&self) -> impl Drop + '_ {
        struct Settling<'a>(&'a AtomicU64);
        impl Drop for Settling<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::AcqRel);
            }
        }
        self.permissions.fetch_add(1, Ordering::AcqRel);
        Settling(&self.permissions)
    }
}

/// Most closures that share one SQLite commit.
const GROUP: usize = 64;
const READERS: u32 = 16;
const WRITERS: u32 = 8;

// WAL with synchronous FULL: an acknowledged commit survives a power cut.
const SQLITE_WRITER: &str = "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; \
    PRAGMA foreign_keys=ON; PRAGMA journal_size_limit=67108864; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;";
const SQLITE_READER: &str = "PRAGMA busy_timeout=5000; PRAGMA query_only=ON; PRAGMA trusted_schema=OFF;";
const POSTGRES_WRITER: &str = "SET default_transaction_isolation = 'serializable'";
const POSTGRES_READER: &str = "SET default_transaction_read_only = on; SET statement_timeout = '30s'";

impl Db {
    /// Opens `url` (`sqlite:///path/wharf.db` or `postgres://…`), creating and migrating the schema where needed.
    /// A database that is damaged, foreign or newer than this program is refused and left as it is.
    pub async fn open(url: &str) -> Result<Db, NotOpened> {
        sqlx::any::install_default_drivers();
        let engine = if url.starts_with("sqlite:") { Engine::Sqlite } else { Engine::Postgres };
        migrate::run(url, engine).await?;
        point!("start.migrated");
        let pool = move |size: u32, setup: &'static str| {
            AnyPoolOptions::new()
                .max_connections(size)
                .acquire_timeout(Duration::from_secs(10))
                // A local file does not go away; a server may.
                .test_before_acquire(engine == Engine::Postgres)
                .idle_timeout(None)
                .max_lifetime(None)
                .after_connect(move |c, _| Box::pin(async move { sqlx::raw_sql(setup).execute(c).await.map(drop) }))
        };
        let (writers, readers) = match engine {
            Engine::Sqlite => (pool(1, SQLITE_WRITER), pool(READERS, SQLITE_READER)),
            Engine::Postgres => (pool(WRITERS, POSTGRES_WRITER), pool(READERS, POSTGRES_READER)),
        };
        let counts = Arc::new(Counts::default());
        let jobs = writer::start(writers, url.to_owned(), engine, GROUP, counts.clone()).await.map_err(NotOpened::from)?;
        // The readers open after the writer: the file is there, and in WAL mode.
        let readers = readers.connect(url).await.map_err(NotOpened::from)?;
        let turns = Arc::new((Turns::of(READERS as usize), Turns::of(jobs.max_capacity())));
        Ok(Db { jobs, readers, engine, url: url.into(), counts, turns })
    }

    /// Runs `f` in a transaction, more than once if it must, and answers after the commit.
    pub async fn write<T: Send + 'static>(
        &self,
        f: impl AsyncFn(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.queue(f, false).await
    }

    /// As [`Db::write`], for the content of repositories: `f` changes nothing that permissions are made of (accounts,
    /// members, grants, and of projects what [`crate::access`] reads), so that what is known of them still stands.
    pub async fn write_content<T: Send + 'static>(
        &self,
        f: impl AsyncFn(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.queue(f, true).await
    }

    async fn queue<T: Send + 'static>(
        &self,
        f: impl AsyncFn(&mut AnyConnection) -> Result<T> + Send + 'static,
        content: bool,
    ) -> Result<T> {
        let _turn = self.turns.1.take().await?;
        let (op, answer) = Op::new(f, content, turns::asker());
        let closed = || Error::Unavailable("the server is shutting down".to_owned());
        self.jobs.send(Box::new(op)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?.map_err(Error::told)
    }

    /// Writes a row, durably, to see whether that can be done.
    pub async fn can_write(&self, now: model::Stamp) -> Result<()> {
        let text = "INSERT INTO meta (key, value) VALUES ('written', $1) ON CONFLICT (key) DO UPDATE SET value = $1";
        self.write_content(async move |c| Ok(sqlx::query(text).bind(now.0.to_string()).execute(c).await.map(drop)?)).await
    }

    /// How much the writer and the readers have to do.
    pub fn load(&self) -> Load {
        let (all, idle) = (self.readers.size() as u64, self.readers.num_idle() as u64);
        Load {
            queued: (self.jobs.max_capacity() - self.jobs.capacity()) as u64 + self.counts.waiting.load(Ordering::Relaxed),
            queue: self.jobs.max_capacity() as u64,
            reading: all.saturating_sub(idle),
            readers: u64::from(READERS),
            queue_refused: self.turns.1.refused(),
            readers_refused: self.turns.0.refused(),
            commits: self.counts.commits.load(Ordering::Acquire),
            busy: Duration::from_micros(self.counts.busy.load(Ordering::Acquire)),
        }
    }

    /// A connection that can only read.
    pub async fn read(&self) -> Result<Reader> {
        let turn = self.turns.0.take().await?;
        Ok(Reader { connection: self.readers.acquire().await?, _turn: turn })
    }

    /// Counts commits: what was read at this count is still so while it stands. It rises before a commit is answered.
    /// `None` where other processes may write too.
    pub fn generation(&self) -> Option<u64> {
        (self.engine == Engine::Sqlite).then(|| self.counts.commits.load(Ordering::Acquire))
    }

    /// As [`Db::generation`], of what permissions are made of; `None` also while that is changing. What a writer's closure
    /// finds known under it is as its own transaction would read it: of the closures before it in a shared commit none
    /// changed that.
    pub fn permissions(&self) -> Option<u64> {
        let count = self.counts.permissions.load(Ordering::Acquire);
        (self.engine == Engine::Sqlite && count.is_multiple_of(2)).then_some(count)
    }

    pub fn engine(&self) -> Engine {
        self.engine
    }
}
