//! The job of a run: repository by repository, each judged whole, then each removal by itself, judged again in its own write. A run that is broken
//! off goes on at the repository where it was.

use super::judge::{Judge, Judged, held_by_indexes, held_by_labels};
use super::sql::{self, Noted, Told, Work};
use super::JOB;
use crate::artifacts::{self, Seen};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::jobs::{self, Claim, Cut};
use crate::points::point;
use crate::policy::locks::Locks;
use model::retention::Fate;
use model::run::RunStatus;
use model::{RepositoryName, RetentionRunId};
use tokio::sync::watch;

/// Results of one write.
const SLICE: usize = 100;
/// Repositories of one look.
const REPOSITORIES: i64 = 100;

/// Carries runs out until `stopping` says so; what is under way then goes on at the next start.
pub async fn run(ctx: Ctx, stopping: watch::Receiver<bool>) {
    let (ctx, ends) = (&ctx, &stopping);
    jobs::serve(ctx, JOB, 2, 2, stopping.clone(), |claim| async move { carry_out(ctx, &claim, ends).await }).await;
}

struct Run<'a> {
    ctx: &'a Ctx,
    id: RetentionRunId,
    work: Work,
    judge: Judge,
}

/// Carries one run out, to its end, a stop or the end of the server.
pub(crate) async fn carry_out(ctx: &Ctx, claim: &Claim, stopping: &watch::Receiver<bool>) -> Result<()> {
    let Ok(id) = claim.key.parse().map(RetentionRunId) else {
        tracing::error!(key = claim.key, "a job of retention names no run");
        return jobs::finish(ctx, claim).await;
    };
    let Some(work) = sql::work(&mut *ctx.db.read().await?, id).await? else {
        let now = ctx.now();
        ctx.db.write_content(async move |c| sql::end(c, now, id, RunStatus::Stopped, "the project is gone").await).await?;
        return jobs::finish(ctx, claim).await;
    };
    ctx.db.write_content(async move |c| sql::begin(c, id).await).await?;
    let judge = Judge::new(&work.rules, work.uncovered, work.started)?;
    let run = Run { ctx, id, work, judge };
    let (status, error) = match jobs::hold(ctx, claim, stopping, run.all()).await {
        Ok(Ok(())) => (RunStatus::Succeeded, String::new()),
        Err(Cut::Stopped) => (RunStatus::Stopped, String::new()),
        Err(Cut::Left) => return Ok(()),
        // Nobody's mistake, or one that trying again does not mend.
        Ok(Err(error)) if matches!(error, Error::Unavailable(_) | Error::Db(_)) => return Err(error),
        Ok(Err(error)) => (RunStatus::Failed, error.to_string()),
    };
    let now = ctx.now();
    ctx.db.write_content(async move |c| sql::end(c, now, id, status, &error).await).await?;
    jobs::finish(ctx, claim).await
}

impl Run<'_> {
    async fn all(&self) -> Result<()> {
        // A label that is gone is on nothing, so that what the rule kept would go.
        let mut c = self.ctx.db.read().await?;
        if let Some((n, label)) = super::without_label(&mut c, self.work.project, &self.work.rules).await? {
            return Err(Error::Precondition(format!("nothing was removed: rule {} is about the label {label}, which is not there any more", n + 1)));
        }
        drop(c);
        let mut after = self.work.at;
        loop {
            let part = sql::repositories(&mut *self.ctx.db.read().await?, self.work.project, after, REPOSITORIES).await?;
            let Some((last, _)) = part.last() else { return Ok(()) };
            after = *last;
            for (id, name) in part {
                if self.judge.reaches(&name) {
                    self.repository(id, &name).await?;
                }
            }
        }
    }

    async fn repository(&self, id: i64, name: &str) -> Result<()> {
        let (ctx, run, now) = (self.ctx, self.id, self.ctx.now());
        let repository: RepositoryName = name.parse().map_err(|_| Error::Internal(format!("repository name {name:?} in the database")))?;
        let task = {
            let (name, told) = (name.to_owned(), if self.work.dry { Told::Foretold } else { Told::Done });
            ctx.db.write_content(async move |c| sql::begin_task(c, now, run, (id, &name), told).await).await?
        };
        // Pulls of the last seconds count.
        artifacts::Pulls::flush(ctx).await?;
        let Some(mut judged) = self.judge.repository(&mut *ctx.db.read().await?, id, name).await? else { return Ok(()) };
        let held = held_by_indexes(&mut *ctx.db.read().await?, &judged).await?;
        judged.iter_mut().filter(|one| held.contains_key(&one.candidate.id)).for_each(|one| one.fate = Fate::Held);
        point!("retention.judged");
        let because = |one: &Judged| match held.get(&one.candidate.id) {
            Some(index) => format!("the index {}, which stays, lists it", model::digest::short(index)),
            None => String::new(),
        };
        let (going, staying): (Vec<Judged>, Vec<Judged>) = judged.into_iter().partition(|one| one.fate == Fate::Removed);
        for part in staying.chunks(SLICE) {
            let noted = self.noted(part, &because).await?;
            self.note(task, noted).await?;
        }
        match self.work.dry {
            true => self.foretell(task, id, &repository, &going).await?,
            false => self.remove(task, &repository, going).await?,
        }
        let (now, name) = (ctx.now(), name.to_owned());
        ctx.db
            .write_content(async move |c| {
                let line = format!("{} {name}: done\n", now.rfc3339());
                sql::end_task(c, now, run, (task, id), RunStatus::Succeeded, &line).await
            })
            .await
    }

    /// Reads what is told of some.
    async fn noted(&self, part: &[Judged], because: &(dyn Fn(&Judged) -> String + Sync)) -> Result<Vec<Noted>> {
        let mut c = self.ctx.db.read().await?;
        let ids: Vec<i64> = part.iter().map(|one| one.candidate.id).collect();
        let (digests, mut tags) = (sql::named(&mut c, &ids).await?, artifacts::sql::tag_names_of(&mut c, &ids).await?);
        // What went meanwhile is not told of.
        let noted = part.iter().filter_map(|one| {
            let digest = digests.get(&one.candidate.id)?.clone();
            Some(Noted {
                artifact: one.candidate.id, digest, tags: tags.remove(&one.candidate.id).unwrap_or_default(), fate: one.fate, by: one.by, why: because(one),
                pushed: one.candidate.pushed, pulled: one.candidate.pulled, bytes: 0,
            })
        });
        Ok(noted.collect())
    }

    async fn note(&self, task: i64, noted: Vec<Noted>) -> Result<()> {
        let run = self.id;
        self.ctx.db.write_content(async move |c| sql::note(c, run, task, &noted).await).await
    }

    /// Of a dry run: what would go, and what an immutable tag would keep.
    async fn foretell(&self, task: i64, id: i64, repository: &RepositoryName, going: &[Judged]) -> Result<()> {
        let ctx = self.ctx;
        let kept = self.judge.kept_labels();
        for part in going.chunks(SLICE) {
            let mut noted = self.noted(part, &|_| String::new()).await?;
            {
                let mut c = ctx.db.read().await?;
                let mut proof = crate::access::project(&mut c, ctx.now(), &Principal::system(), &self.work.name, model::Action::ArtifactRead).await?;
                let mut all = Vec::new();
                for one in &mut noted {
                    match artifacts::along(&mut proof, repository, &one.digest).await {
                        Ok((_, Some(why))) => (one.fate, one.why) = (Fate::Held, why),
                        Ok((ids, None)) => match held_by_labels(proof.conn(), one.artifact, &ids, &kept).await? {
                            Some(why) => (one.fate, one.why) = (Fate::Held, why),
                            None => all.extend(ids),
                        },
                        Err(Error::NotFound(_)) => {}
                        Err(error @ (Error::Precondition(_) | Error::Locked(_))) => (one.fate, one.why) = (Fate::Held, error.to_string()),
                        Err(error) => return Err(error),
                    }
                }
                all.sort_unstable();
                all.dedup();
                if let Some(first) = noted.iter_mut().find(|one| one.fate == Fate::Removed) {
                    first.bytes = artifacts::sql::freed(proof.conn(), id, &all).await?;
                }
            }
            self.note(task, noted).await?;
        }
        Ok(())
    }

    /// Removes what is to go. What an index lists goes after the index: such are tried again while anything goes.
    async fn remove(&self, task: i64, repository: &RepositoryName, mut left: Vec<Judged>) -> Result<()> {
        let (ctx, project, kept) = (self.ctx, self.work.name.clone(), self.judge.kept_labels());
        loop {
            let (before, mut again) = (left.len(), Vec::new());
            for one in left {
                let Some(mut noted) = self.noted(std::slice::from_ref(&one), &|_| String::new()).await?.pop() else { continue };
                let labels = match self.judge.looks_at_labels() {
                    true => Some(crate::labels::names_of(&mut *ctx.db.read().await?, &[one.candidate.id]).await?.remove(&one.candidate.id).unwrap_or_default()),
                    false => None,
                };
                if !self.judge.takes_as_before(&one, repository.as_str(), &noted.tags, labels.as_deref().unwrap_or_default()) {
                    (noted.fate, noted.why) = (Fate::Held, artifacts::again().to_string());
                    self.note(task, vec![noted]).await?;
                    continue;
                }
                let seen = Seen { id: one.candidate.id, pushed: one.candidate.pushed, pulled: one.candidate.pulled, tags: noted.tags.clone(), labels };
                // The row of what became of it goes into the same write: what is removed is told, whenever the server is killed.
                let (run, told) = (self.id, noted.clone());
                let note = async move |c: &mut sqlx::AnyConnection, freed: i64| {
                    sql::note(c, run, task, &[Noted { bytes: freed, ..told.clone() }]).await
                };
                // What is held is no attempt that the log should tell of.
                let held = {
                    let mut c = ctx.db.read().await?;
                    let mut proof = crate::access::project(&mut c, ctx.now(), &Principal::system(), &project, model::Action::ArtifactRead).await?;
                    let locks = Locks::of(&proof.project, repository)?;
                    match locks.is_empty() && kept.is_empty() {
                        true => None,
                        false => match artifacts::along(&mut proof, repository, &noted.digest).await {
                            Ok((ids, None)) => held_by_labels(proof.conn(), one.candidate.id, &ids, &kept).await?,
                            Ok((_, locked)) => locked,
                            // The removal itself says it, and what it says is told.
                            Err(Error::NotFound(_) | Error::Precondition(_) | Error::Locked(_) | Error::Conflict { .. }) => None,
                            Err(error) => return Err(error),
                        },
                    }
                };
                if let Some(why) = held {
                    (noted.fate, noted.why) = (Fate::Held, why);
                    self.note(task, vec![noted]).await?;
                    continue;
                }
                match artifacts::retire(ctx, (&project, repository), &noted.digest, seen, run.0, note).await {
                    Ok(_) => {
                        point!("retention.removed");
                        continue;
                    }
                    Err(Error::NotFound(_)) => continue,
                    // An index lists it: that may go yet.
                    Err(Error::Precondition(_)) => {
                        again.push(one);
                        continue;
                    }
                    Err(error @ (Error::Locked(_) | Error::Conflict { .. })) => {
                        (noted.fate, noted.why) = (Fate::Held, error.to_string());
                    }
                    Err(error) => return Err(error),
                }
                self.note(task, vec![noted]).await?;
            }
            if again.is_empty() {
                return Ok(());
            }
            if again.len() == before {
                // Nothing goes any more: an index came meanwhile, or too much hangs on it.
                again.iter_mut().for_each(|one| one.fate = Fate::Held);
                let noted = self.noted(&again, &|_| "an index lists it, or more hangs on it than one deletion takes".to_owned()).await?;
                return self.note(task, noted).await;
            }
            left = again;
        }
    }
}
