//! The writer: a thread that runs write closures, each in a transaction.
//!
//! Why a thread: a closure's future need not be `Send`, and a request that is dropped does not drop its write.
//! SQLite has one write connection; closures that wait share one `BEGIN IMMEDIATE … COMMIT`, each behind a
//! savepoint, so that fifty callers cost a few syncs. PostgreSQL runs them side by side, SERIALIZABLE.

use super::Engine;
use crate::error::{Error, Result};
use crate::points::point;
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{RwLock, mpsc, oneshot};

/// After so many tries a PostgreSQL closure has the writers to itself, which ends a storm of conflicts.
const ALONE_AFTER: u32 = 3;
const TRIES: u32 = 20;

pub(super) trait Job: Send {
    fn run<'a>(&'a mut self, c: &'a mut AnyConnection) -> LocalBoxFuture<'a, Result<()>>;
    fn answer(self: Box<Self>, done: Result<()>);
}

pub(super) struct Op<F, T> {
    f: F,
    out: Option<T>,
    answer: oneshot::Sender<Result<T>>,
}

impl<F, T> Op<F, T> {
    pub(super) fn new(f: F) -> (Self, oneshot::Receiver<Result<T>>) {
        let (answer, receiver) = oneshot::channel();
        (Op { f, out: None, answer }, receiver)
    }
}

impl<T: Send, F: AsyncFn(&mut AnyConnection) -> Result<T> + Send> Job for Op<F, T> {
    fn run<'a>(&'a mut self, c: &'a mut AnyConnection) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let run = AssertUnwindSafe((self.f)(c)).catch_unwind().await;
            self.out = Some(run.map_err(|_| Error::Internal("a write panicked".to_owned()))??);
            Ok(())
        })
    }

    fn answer(self: Box<Self>, done: Result<()>) {
        let Op { out, answer, .. } = *self;
        let lost = || Error::Internal("a write gave no result".to_owned());
        // A caller that went away does not mind.
        let _ = answer.send(done.and_then(|()| out.ok_or_else(lost)));
    }
}

/// Starts the thread; answers when the pool is open.
pub(super) async fn start(
    pool: AnyPoolOptions,
    url: String,
    engine: Engine,
    group: usize,
    commits: Arc<AtomicU64>,
) -> std::result::Result<mpsc::Sender<Box<dyn Job>>, sqlx::Error> {
    let (jobs, queue) = mpsc::channel(1024);
    let (opened, open) = oneshot::channel();
    std::thread::Builder::new()
        .name("db-writer".into())
        .spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime for the writer");
            runtime.block_on(async move {
                let pool = match pool.connect(&url).await {
                    Ok(pool) => {
                        let _ = opened.send(Ok(()));
                        pool
                    }
                    Err(error) => {
                        let _ = opened.send(Err(error));
                        return;
                    }
                };
                match engine {
                    Engine::Sqlite => one_writer(&pool, queue, group, &commits).await,
                    Engine::Postgres => many_writers(&pool, queue).await,
                }
                pool.close().await;
            });
        })
        .map_err(sqlx::Error::Io)?;
    open.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
    Ok(jobs)
}

async fn one_writer(pool: &AnyPool, mut queue: mpsc::Receiver<Box<dyn Job>>, group: usize, commits: &AtomicU64) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, group).await > 0 {
        let mut shared = if batch.len() > 1 { together(pool, &mut batch).await.map(Vec::into_iter) } else { None };
        // Also where a commit failed: whether it was kept is not known then.
        commits.fetch_add(1, Ordering::Release);
        for mut job in batch.drain(..) {
            let done = match &mut shared {
                Some(results) => results.next().expect("one result a job"),
                None => {
                    let done = alone(pool, &mut *job, "BEGIN IMMEDIATE", Engine::Sqlite).await;
                    commits.fetch_add(1, Ordering::Release);
                    done
                }
            };
            job.answer(done);
        }
    }
}

/// Runs the batch in one transaction. `None`: nothing of it was kept, so run them one by one.
async fn together(pool: &AnyPool, batch: &mut [Box<dyn Job>]) -> Option<Vec<Result<()>>> {
    let unavailable = |n: usize| Some((0..n).map(|_| Err(Error::Unavailable("the database is busy".into()))).collect());
    let size = batch.len();
    let Ok(mut connection) = pool.acquire().await else { return unavailable(size) };
    let mut begun = false;
    let mut results = Vec::with_capacity(size);
    let kept: std::result::Result<(), sqlx::Error> = async {
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        begun = true;
        sqlx::query("SAVEPOINT job").execute(&mut *tx).await?;
        for job in batch {
            let result = job.run(&mut tx).await;
            let end = if result.is_ok() { "RELEASE job; SAVEPOINT job" } else { "ROLLBACK TO job" };
            sqlx::raw_sql(end).execute(&mut *tx).await?;
            results.push(result);
        }
        point!("write.before");
        tx.commit().await?;
        point!("write.after");
        Ok(())
    }
    .await;
    match kept {
        Ok(()) => Some(results),
        Err(error) => {
            // After SQLite's automatic rollback sqlx's idea of the transaction's depth stays wrong.
            let _ = connection.close().await;
            tracing::warn!(%error, "a shared commit failed; its members run again one by one");
            if begun { None } else { unavailable(size) }
        }
    }
}

async fn alone(pool: &AnyPool, job: &mut dyn Job, begin: &'static str, engine: Engine) -> Result<()> {
    let mut connection = pool.acquire().await?;
    let done = async {
        let mut tx = connection.begin_with(begin).await.map_err(|error| match engine {
            Engine::Sqlite => Error::Unavailable("the database is busy".to_owned()),
            Engine::Postgres => Error::from(error),
        })?;
        job.run(&mut tx).await?;
        if engine == Engine::Postgres {
            // COMMIT of an aborted transaction answers Ok with nothing kept; any statement before it tells.
            sqlx::query("SELECT 1").execute(&mut *tx).await?;
        }
        point!("write.before");
        tx.commit().await?;
        point!("write.after");
        Ok(())
    }
    .await;
    if engine == Engine::Sqlite && matches!(&done, Err(Error::Db(_))) {
        let _ = connection.close().await;
    }
    done
}

async fn many_writers(pool: &AnyPool, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    let turn = &RwLock::new(());
    let jobs = stream::poll_fn(|cx| queue.poll_recv(cx));
    jobs.for_each_concurrent(pool.options().get_max_connections() as usize, |mut job| async move {
        let mut tries = 0;
        let done = loop {
            let (_shared, _sole);
            if tries < ALONE_AFTER {
                _shared = turn.read().await;
            } else {
                _sole = turn.write().await;
            }
            let done = alone(pool, &mut *job, "BEGIN ISOLATION LEVEL SERIALIZABLE", Engine::Postgres).await;
            if tries == TRIES || !matches!(&done, Err(Error::Db(error)) if must_retry(error)) {
                break done;
            }
            tries += 1;
        };
        job.answer(done);
    })
    .await;
}

/// PostgreSQL's serialization failure and deadlock.
fn must_retry(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|e| e.code()).is_some_and(|code| matches!(&*code, "40001" | "40P01"))
}
