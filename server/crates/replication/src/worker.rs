//! The worker: takes executions, runs their tasks side by side, says how far they are, and stops when asked.

use crate::adapters;
use crate::copy::{ArtifactCopy, TaskEnd, Pace, Shared};
use crate::ends::{Here, Source};
use crate::meter::Meter;
use crate::remove::{ArtifactRemoval, Known};
use domain::replication::executions::{self, Progress, Work, WorkTask};
use domain::jobs::{self, Claim, Cut};
use domain::replication::removals::{self, Put};
use domain::replication::targets;
use domain::{Ctx, Principal};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use model::replication::execution::TaskStatus;
use model::run::RunStatus;
use model::replication::target::Provider;
use remote::{Failure, Nature, Registry};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// Executions run at the same time, each of another rule; of these to one target, so that one that hangs leaves room for others; and
/// artifacts of one execution.
const EXECUTIONS: usize = 32;
const TO_ONE: i64 = 3;
const TASKS: usize = 4;
/// Times an artifact is tried in one execution, and the wait before the second; each further one is as long again.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_secs(5);
/// So many artifacts without any answer end an execution.
const UNANSWERED: usize = 4;
/// How often a task says how far it is.
const REPORT: Duration = Duration::from_millis(700);

/// Runs executions until `stopping` says so; what is under way then goes on at the next start.
pub async fn run(ctx: Ctx, stopping: watch::Receiver<bool>) {
    let (ctx, ends) = (&ctx, &stopping);
    jobs::serve(ctx, executions::JOB, EXECUTIONS, TO_ONE, stopping.clone(), |claim| async move {
        match AssertUnwindSafe(execute(ctx, &claim, ends)).catch_unwind().await {
            Ok(done) => done,
            Err(_) => broken(ctx, &claim).await,
        }
    })
    .await;
}

/// An execution that our own mistake broke off is over: tried again it would be broken off again.
async fn broken(ctx: &Ctx, claim: &Claim) -> domain::Result<()> {
    let Ok(id) = claim.key.parse() else { return jobs::finish(ctx, claim).await };
    executions::settle(ctx, id, TaskStatus::Failed).await?;
    let words = "this server made a mistake, which its log tells; other executions go on".to_owned();
    executions::close(ctx, id, Some((RunStatus::Failed, words))).await?;
    jobs::finish(ctx, claim).await
}

async fn execute(ctx: &Ctx, claim: &Claim, stopping: &watch::Receiver<bool>) -> domain::Result<()> {
    let Some(work) = executions::open(ctx, &claim.key).await? else { return jobs::finish(ctx, claim).await };
    let whole = match jobs::hold(ctx, claim, stopping, run_tasks(ctx, &work)).await {
        Err(Cut::Left) => return Ok(()),
        Err(Cut::Stopped) => {
            executions::settle(ctx, work.id, TaskStatus::Stopped).await?;
            Some((RunStatus::Stopped, executions::STOPPED.to_owned()))
        }
        Ok(Ok(())) => None,
        Ok(Err(failure)) => {
            executions::settle(ctx, work.id, TaskStatus::Failed).await?;
            Some((RunStatus::Failed, failure.to_string()))
        }
    };
    executions::close(ctx, work.id, whole).await?;
    jobs::finish(ctx, claim).await
}

async fn run_tasks(ctx: &Ctx, work: &Work) -> Result<(), Failure> {
    executions::plan(ctx, work).await?;
    if left_to_do(ctx, work).await?.is_empty() {
        return Ok(());
    }
    let connection = targets::connection(ctx, &Principal::system(), work.rule.input.target_id).await?;
    let execution = work.id;
    let say = Arc::new(move |line: String| tracing::info!(%execution, "{line}"));
    let registry = Registry::connect(ctx, &connection, false, say).await?;
    let shared = Shared::new(Pace::of(work.rule.input.speed));
    let (prepared, known) = (Mutex::new(std::collections::HashSet::new()), Known::default());
    let (provider, unanswered) = (connection.provider, AtomicUsize::new(0));
    let source = Arc::new(Here(ctx.clone()));
    let run = Run { ctx, work, source, registry: &registry, provider, shared: &shared, prepared: &prepared, known: &known, unanswered: &unanswered };
    loop {
        let tasks = left_to_do(ctx, work).await?;
        if tasks.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
        // The first that finds nobody there any more ends them all: each would wait for as long.
        stream::iter(tasks).map(Ok).try_for_each_concurrent(TASKS, |task| run.task(task)).await?;
        // Each has ended one way or another; a database that notes nothing must not keep it going round.
        let left = executions::pending(ctx, work).await?;
        if left.iter().any(|task| ids.contains(&task.id)) {
            return Err(Failure::from(domain::Error::Unavailable("what was done could not be noted".to_owned())));
        }
    }
}

/// Some of the tasks that are left; what is to be removed is looked for when all that is here has gone there.
async fn left_to_do(ctx: &Ctx, work: &Work) -> Result<Vec<WorkTask>, Failure> {
    let tasks = executions::pending(ctx, work).await?;
    if !tasks.is_empty() {
        return Ok(tasks);
    }
    removals::plan(ctx, work).await?;
    Ok(executions::pending(ctx, work).await?)
}

struct Run<'a> {
    ctx: &'a Ctx,
    work: &'a Work,
    source: Arc<dyn Source>,
    registry: &'a Registry,
    provider: Provider,
    shared: &'a Shared,
    /// Projects that were made ready there.
    prepared: &'a Mutex<std::collections::HashSet<String>>,
    known: &'a Known,
    /// Artifacts, one after the other, to which nothing was answered.
    unanswered: &'a AtomicUsize,
}

impl Run<'_> {
    /// One artifact. `Err`: the destination is gone, and the others need not be tried.
    async fn task(&self, task: WorkTask) -> Result<(), Failure> {
        let meter = Arc::new(Meter::default());
        let input = &self.work.rule.input;
        let copy = ArtifactCopy {
            ctx: self.ctx,
            source: self.source.clone(),
            destination: Box::new(self.registry.saying(meter.voice())),
            shared: self.shared,
            execution: self.work.id,
            target: input.target_id,
            overwrite: input.overwrite,
            chunked: input.chunked,
            accepts: &input.accepts,
            meter: meter.clone(),
        };
        let report = async {
            loop {
                tokio::time::sleep(REPORT).await;
                self.note(&task, &meter, None, String::new()).await;
            }
        };
        self.note(&task, &meter, Some(TaskStatus::Running), String::new()).await;
        let done = tokio::select! {
            done = self.tries(&task, &copy) => done,
            () = report => unreachable!("reports go on until the copy ends"),
        };
        let silent = done.as_ref().is_err_and(|failure| failure.nature == Nature::Silent);
        let unanswered = if silent { self.unanswered.fetch_add(1, Ordering::Relaxed) + 1 } else { 0 };
        if !silent {
            self.unanswered.store(0, Ordering::Relaxed);
        }
        if !task.removes
            && let Err(error) = removals::note(self.ctx, self.work, &task, &Put { tagged: done.is_ok(), ..meter.all_put() }).await
        {
            tracing::warn!(%error, task = %task.id, "what a task put at its destination could not be noted");
        }
        match done {
            Ok(TaskEnd::Kept(why)) => {
                self.note(&task, &meter, None, String::new()).await;
                if let Err(error) = removals::keep(self.ctx, task.id, &why).await {
                    tracing::warn!(%error, task = %task.id, "a task's end could not be written");
                }
            }
            Ok(TaskEnd::Copied | TaskEnd::Removed) => self.note(&task, &meter, Some(TaskStatus::Succeeded), String::new()).await,
            Ok(TaskEnd::StandsThere) => {
                if let Err(error) = executions::unchanged(self.ctx, self.work.id, task.id).await {
                    tracing::warn!(%error, task = %task.id, "a task's end could not be written");
                }
            }
            Ok(TaskEnd::Without(what)) => {
                let error = format!("destination: it does not hold {}", what.join("; "));
                self.note(&task, &meter, Some(TaskStatus::PartlyFailed), error).await;
            }
            Err(failure) => {
                self.note(&task, &meter, Some(TaskStatus::Failed), failure.to_string()).await;
                // It greets, and answers nothing that matters: the others need not wait as long each.
                if unanswered >= UNANSWERED || failure.nature.nobody() && self.registry.is_there().await.is_err() {
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    /// What may pass is tried again: what arrived stands there by then.
    async fn tries(&self, task: &WorkTask, copy: &ArtifactCopy<'_>) -> Result<TaskEnd, Failure> {
        let mut tried = 0;
        loop {
            tried += 1;
            let done = async {
                if task.removes {
                    let (destination, meter) = (&*copy.destination, &*copy.meter);
                    let removal = ArtifactRemoval { ctx: self.ctx, work: self.work, destination, known: self.known, meter };
                    return removal.run(task).await;
                }
                self.prepare(&task.destination, &copy.meter).await?;
                copy.run(task, tried >= TRIES).await
            };
            match done.await {
                Err(failure) if failure.nature == Nature::Passing && tried < TRIES => {
                    let wait = AGAIN * tried;
                    copy.meter.say(format_args!("{failure}; the artifact is tried again in {} s", wait.as_secs()));
                    tokio::time::sleep(wait).await;
                }
                done => return done,
            }
        }
    }

    async fn prepare(&self, repository: &str, meter: &Meter) -> Result<(), Failure> {
        let project = repository.split('/').next().unwrap_or_default().to_owned();
        let mut prepared = self.prepared.lock().await;
        if prepared.contains(&project) {
            return Ok(());
        }
        let said = adapters::prepare(self.registry, self.provider, repository).await?;
        if !said.is_empty() {
            meter.say(said);
        }
        prepared.insert(project);
        Ok(())
    }

    async fn note(&self, task: &WorkTask, meter: &Meter, status: Option<TaskStatus>, error: String) {
        let mut log = meter.take_log();
        if !error.is_empty() {
            log.push_str(&format!("failed: {error}\n"));
        }
        let progress = Progress {
            status,
            bytes_done: meter.done.load(Ordering::Relaxed),
            bytes_total: meter.total.load(Ordering::Relaxed),
            accessories: meter.accessories(),
            error,
            log,
        };
        if let Err(error) = executions::note(self.ctx, task.id, progress).await {
            tracing::warn!(%error, task = %task.id, "a task's progress could not be written");
        }
    }
}
