//! The order of writes: those who ask take turns by what their writes have cost so far. On SQLite what takes long has a commit of its
//! own; on PostgreSQL some run side by side. So whoever writes much waits behind himself, and keeps another waiting for one of his
//! writes at most.
//!
//! This is start-time fair queueing: everybody has a clock that his writes move on by what they cost, the one that is behind is next,
//! and whoever comes after a pause begins where the line is.

use super::writer::Job;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// From here on a write counts as long: nobody else's waits for it in one commit.
const LONG: Duration = Duration::from_millis(20);
/// What the writes of one commit may take together: the rest of them waits for the next.
pub(super) const TOGETHER: Duration = Duration::from_millis(50);
/// What a write costs at least, for the others.
const LEAST: Duration = Duration::from_micros(50);
/// Clocks that are kept before those that are behind the line are forgotten.
const NAMES: usize = 1024;

/// Writes that wait.
#[derive(Default)]
pub(super) struct Line {
    by: HashMap<Arc<str>, Holder>,
    waiting: usize,
    /// The clock of the line, the furthest of all, and the number of the next write.
    now: Duration,
    furthest: Duration,
    number: u64,
}

#[derive(Default)]
struct Holder {
    jobs: VecDeque<(u64, Box<dyn Job>)>,
    clock: Duration,
    /// What the last took, or a part of what one before it did.
    cost: Duration,
}

impl Line {
    pub fn len(&self) -> usize {
        self.waiting
    }

    pub fn push(&mut self, job: Box<dyn Job>) {
        // Where nobody waited, nobody was kept waiting: all that is known still is who writes what takes long.
        if self.waiting == 0 {
            self.now = self.furthest;
            self.by.retain(|_, holder| holder.cost >= LONG);
        }
        if self.by.len() >= NAMES {
            let now = self.now;
            self.by.retain(|_, holder| !holder.jobs.is_empty() || holder.clock > now);
        }
        let holder = self.by.entry(job.by().clone()).or_default();
        if holder.jobs.is_empty() {
            holder.clock = holder.clock.max(self.now);
        }
        holder.jobs.push_back((self.number, job));
        self.number += 1;
        self.waiting += 1;
    }

    /// Those that run next, in one commit: at most so many.
    pub fn batch(&mut self, most: usize) -> Vec<Box<dyn Job>> {
        let (mut batch, mut sum) = (Vec::new(), Duration::ZERO);
        while batch.len() < most {
            let waits = self.by.values_mut().filter_map(|holder| holder.jobs.front().map(|(number, _)| (holder.clock, *number)).map(|key| (key, holder)));
            let Some((_, holder)) = waits.min_by_key(|(key, _)| *key) else { break };
            let fits = holder.cost < LONG && sum + holder.cost <= TOGETHER;
            if !batch.is_empty() && !fits {
                break;
            }
            let Some((_, mut job)) = holder.jobs.pop_front() else { break };
            self.waiting -= 1;
            self.now = self.now.max(holder.clock);
            *job.charged() = holder.cost.max(LEAST);
            holder.clock += *job.charged();
            self.furthest = self.furthest.max(holder.clock);
            sum += holder.cost;
            batch.push(job);
            if !fits {
                break;
            }
        }
        batch
    }

    /// The one that runs next.
    pub fn next(&mut self) -> Option<Box<dyn Job>> {
        self.batch(1).pop()
    }

    /// Of a batch these were not run: the ones before took longer than they were thought to.
    pub fn put_back(&mut self, jobs: Vec<Box<dyn Job>>) {
        for mut job in jobs.into_iter().rev() {
            self.waiting += 1;
            let holder = self.by.entry(job.by().clone()).or_default();
            holder.clock = holder.clock.saturating_sub(*job.charged());
            holder.jobs.push_front((0, job));
        }
    }

    /// The write took so long: it pays that, and no more.
    pub fn took(&mut self, job: &mut dyn Job, cost: Duration) {
        let charged = *job.charged();
        let Some(holder) = self.by.get_mut(job.by()) else { return };
        holder.clock = holder.clock.saturating_sub(charged) + cost.max(LEAST);
        holder.cost = cost.max(holder.cost / 2);
        self.furthest = self.furthest.max(holder.clock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::writer::Op;

    fn write(line: &mut Line, by: &str) {
        let (op, _) = Op::new(async |_: &mut sqlx::AnyConnection| Ok(()), true, by.into());
        line.push(Box::new(op));
    }

    fn next(line: &mut Line, cost: impl Fn(&str) -> u64) -> Vec<String> {
        let (mut batch, mut sum, mut ran) = (line.batch(64).into_iter(), Duration::ZERO, Vec::new());
        while sum <= TOGETHER
            && let Some(mut job) = batch.next()
        {
            let took = Duration::from_millis(cost(job.by()));
            line.took(&mut *job, took);
            sum += took;
            ran.push(job.by().to_string());
        }
        line.put_back(batch.collect());
        ran
    }

    #[test]
    fn who_writes_much_waits_behind_himself() {
        let mut line = Line::default();
        let cost = |name: &str| if name == "heavy" { 200 } else { 1 };
        write(&mut line, "heavy");
        assert_eq!(next(&mut line, cost), ["heavy"]);
        for _ in 0..17 {
            write(&mut line, "heavy");
        }
        assert_eq!(next(&mut line, cost), ["heavy"]);
        for honest in ["a", "b", "a"] {
            write(&mut line, honest);
        }
        // In one commit, and before all of the other's.
        assert_eq!(next(&mut line, cost), ["a", "b", "a"]);
        assert_eq!(next(&mut line, cost), ["heavy"], "long ones are alone");
        write(&mut line, "c");
        assert_eq!(next(&mut line, cost), ["c"]);
        for _ in 0..15 {
            assert_eq!(next(&mut line, cost), ["heavy"]);
        }
        assert_eq!((next(&mut line, cost), line.len()), (vec![], 0));
        // Two who write much share; one who paused has saved nothing up.
        for _ in 0..4 {
            write(&mut line, "heavy");
        }
        next(&mut line, cost);
        for _ in 0..4 {
            write(&mut line, "late");
        }
        let mut order = Vec::new();
        while line.len() > 0 {
            order.extend(next(&mut line, |_| 200));
        }
        assert_eq!(order, ["late", "late", "heavy", "late", "heavy", "late", "heavy"]);
    }

    #[test]
    fn in_peace_the_line_is_first_come_first_served_and_full_commits_are_shared() {
        let mut line = Line::default();
        let names: Vec<String> = (0..100).map(|n| format!("user:{n}")).collect();
        for name in &names {
            write(&mut line, name);
        }
        assert_eq!(next(&mut line, |_| 0), names[..64]);
        assert_eq!(next(&mut line, |_| 0), names[64..]);
        for n in 0..3 * NAMES {
            write(&mut line, &format!("at {n}"));
            next(&mut line, |_| 0);
        }
        assert!(line.by.len() <= NAMES + 1, "{}", line.by.len());
    }
}
