//! The writer: a thread that runs write closures, each in a transaction.
//!
//! Why a thread: a closure's future need not be `Send`, and a request that is dropped does not drop its write.
//! SQLite has one write connection; closures that wait share one `BEGIN IMMEDIATE … COMMIT`, so that fifty callers
//! cost a few syncs. Where one of them fails they run again, each behind a savepoint. PostgreSQL runs some side by
//! side, SERIALIZABLE. On both whose write is next the line says.

use super::line::{Line, TOGETHER};
use super::{Counts, Engine};
use crate::error::{Error, Result};
use crate::points::point;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{RwLock, mpsc, oneshot};

/// After so many tries a PostgreSQL closure has the writers to itself, which ends a storm of conflicts.
const ALONE_AFTER: u32 = 3;
const TRIES: u32 = 20;

pub(super) trait Job: Send {
    /// It changes nothing that permissions are made of.
    fn is_content(&self) -> bool;
    /// In whose name.
    fn by(&self) -> &Arc<str>;
    /// What it was charged when its turn came.
    fn charged(&mut self) -> &mut Duration;
    fn run<'a>(&'a mut self, c: &'a mut AnyConnection) -> LocalBoxFuture<'a, Result<()>>;
    fn answer(self: Box<Self>, done: Result<()>);
}

pub(super) struct Op<F, T> {
    f: F,
    content: bool,
    by: Arc<str>,
    charged: Duration,
    out: Option<T>,
    answer: oneshot::Sender<Result<T>>,
}

impl<F, T> Op<F, T> {
    pub(super) fn new(f: F, content: bool, by: Arc<str>) -> (Self, oneshot::Receiver<Result<T>>) {
        let (answer, receiver) = oneshot::channel();
        (Op { f, content, by, charged: Duration::ZERO, out: None, answer }, receiver)
    }
}

impl<T: Send, F: AsyncFn(&mut AnyConnection) -> Result<T> + Send> Job for Op<F, T> {
    fn is_content(&self) -> bool {
        self.content
    }

    fn by(&self) -> &Arc<str> {
        &self.by
    }

    fn charged(&mut self) -> &mut Duration {
        &mut self.charged
    }

    fn run<'a>(&'a mut self, c: &'a mut AnyConnection) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            #[cfg(feature = "testing")]
            let before = super::permissions::said(c).await?;
            let run = AssertUnwindSafe((self.f)(c)).catch_unwind().await;
            #[cfg(feature = "testing")]
            if self.content && matches!(run, Ok(Ok(_))) && before != super::permissions::said(c).await? {
                return Err(Error::Internal("a write of content changed what permissions are made of".to_owned()));
            }
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
    counts: Arc<Counts>,
) -> std::result::Result<mpsc::Sender<Box<dyn Job>>, sqlx::Error> {
    let (jobs, queue) = mpsc::channel(1024);
    let (opened, open) = oneshot::channel();
    std::thread::Builder::new()
        .name("db-writer".into())
        .spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            // Without sockets a wake-up is that of a thread, which is cheaper.
            match engine {
                Engine::Sqlite => runtime.enable_time(),
                Engine::Postgres => runtime.enable_all(),
            };
            let runtime = runtime.build().expect("a runtime for the writer");
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
                    Engine::Sqlite => one_writer(&pool, queue, group, &counts).await,
                    Engine::Postgres => many_writers(&pool, queue, &counts).await,
                }
                pool.close().await;
            });
        })
        .map_err(sqlx::Error::Io)?;
    open.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
    Ok(jobs)
}

async fn one_writer(pool: &AnyPool, mut queue: mpsc::Receiver<Box<dyn Job>>, group: usize, counts: &Counts) {
    let (mut line, most) = (Line::default(), queue.max_capacity());
    loop {
        if line.len() == 0 {
            match queue.recv().await {
                Some(job) => line.push(job),
                None => return,
            }
        }
        while line.len() < most
            && let Ok(job) = queue.try_recv()
        {
            line.push(job);
        }
        let mut batch = line.batch(group);
        counts.waiting.store(line.len() as u64, Ordering::Relaxed);
        let begin = Instant::now();
        let settling = batch.iter().any(|job| !job.is_content()).then(|| counts.settle());
        let mut shared = None;
        for guard in [Guard::None, Guard::Savepoints] {
            if batch.len() > 1 && shared.is_none() {
                shared = together(pool, &mut batch, guard).await;
            }
        }
        // Also where a commit failed: whether it was kept is not known then.
        counts.committed();
        let results = match shared {
            Some(results) => results,
            None => {
                let mut results = Vec::with_capacity(batch.len());
                for job in &mut batch {
                    let begin = Instant::now();
                    results.push((alone(pool, &mut **job, "BEGIN IMMEDIATE", Engine::Sqlite).await, begin.elapsed()));
                    counts.committed();
                }
                results
            }
        };
        counts.worked(begin);
        // Before the answers, so that whoever has one finds permissions known.
        drop(settling);
        line.put_back(batch.split_off(results.len()));
        for (mut job, (done, cost)) in batch.drain(..).zip(results) {
            line.took(&mut *job, cost);
            job.answer(done);
        }
    }
}

/// What keeps closures of one transaction apart.
#[derive(Clone, Copy, PartialEq)]
enum Guard {
    /// Nothing, which costs nothing: the first failure undoes them all.
    None,
    /// Each has a savepoint, and fails alone.
    Savepoints,
}

/// Runs the batch in one transaction, and answers what each came to and how long it took; of those for which there is no time left
/// nothing. `None`: nothing of it was kept.
async fn together(pool: &AnyPool, batch: &mut [Box<dyn Job>], guard: Guard) -> Option<Vec<(Result<()>, Duration)>> {
    let unavailable = |n: usize| Some((0..n).map(|_| (Err(Error::Unavailable("the database is busy".into())), Duration::ZERO)).collect());
    let size = batch.len();
    let Ok(mut connection) = pool.acquire().await else { return unavailable(size) };
    let mut begun = false;
    let mut results = Vec::with_capacity(size);
    let kept: std::result::Result<bool, sqlx::Error> = async {
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        begun = true;
        if guard == Guard::Savepoints {
            sqlx::query("SAVEPOINT job").execute(&mut *tx).await?;
        }
        let begin = Instant::now();
        for job in batch {
            if begin.elapsed() > TOGETHER {
                break;
            }
            let started = Instant::now();
            let result = job.run(&mut tx).await;
            match (guard, result.is_ok()) {
                (Guard::None, true) => {}
                (Guard::None, false) => {
                    tx.rollback().await?;
                    return Ok(false);
                }
                (Guard::Savepoints, true) => sqlx::raw_sql("RELEASE job; SAVEPOINT job").execute(&mut *tx).await.map(drop)?,
                (Guard::Savepoints, false) => sqlx::raw_sql("ROLLBACK TO job").execute(&mut *tx).await.map(drop)?,
            }
            results.push((result, started.elapsed()));
        }
        point!("write.before");
        tx.commit().await?;
        point!("write.after");
        Ok(true)
    }
    .await;
    match kept {
        Ok(true) => Some(results),
        Ok(false) => None,
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

async fn many_writers(pool: &AnyPool, mut queue: mpsc::Receiver<Box<dyn Job>>, counts: &Counts) {
    let (turn, at_once) = (&RwLock::new(()), pool.options().get_max_connections() as usize);
    let (mut line, most, mut open, mut running) = (Line::default(), queue.max_capacity(), true, FuturesUnordered::new());
    loop {
        while running.len() < at_once
            && let Some(job) = line.next()
        {
            running.push(retried(pool, turn, job));
        }
        counts.waiting.store(line.len() as u64, Ordering::Relaxed);
        tokio::select! {
            Some((mut job, done, begin)) = running.next() => {
                counts.worked(begin);
                counts.committed();
                line.took(&mut *job, begin.elapsed());
                job.answer(done);
            }
            job = queue.recv(), if open && line.len() < most => match job {
                Some(job) => line.push(job),
                None => open = false,
            },
            else => return,
        }
    }
}

/// Runs a write on PostgreSQL, as often as others' writes get in its way; answers when it began, too.
async fn retried(pool: &AnyPool, turn: &RwLock<()>, mut job: Box<dyn Job>) -> (Box<dyn Job>, Result<()>, Instant) {
    let (begin, mut tries) = (Instant::now(), 0);
    loop {
        let (_shared, _sole);
        if tries < ALONE_AFTER {
            _shared = turn.read().await;
        } else {
            _sole = turn.write().await;
        }
        let done = alone(pool, &mut *job, "BEGIN ISOLATION LEVEL SERIALIZABLE", Engine::Postgres).await;
        if tries == TRIES || !matches!(&done, Err(Error::Db(error)) if must_retry(error)) {
            return (job, done, begin);
        }
        tries += 1;
    }
}

/// PostgreSQL's serialization failure and deadlock; and a statement after one that failed, which a closure took for an answer.
fn must_retry(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|e| e.code()).is_some_and(|code| matches!(&*code, "40001" | "40P01" | "25P02"))
}
