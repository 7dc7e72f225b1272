//! Answers that are asked for over and over, in bounded memory and exact: one counts only as long as nothing was committed
//! since before it was read (`Db::generation`), and until the time its caller's account ends. With a database that other
//! processes write to there is no such count, and nothing is kept.

use crate::db::Db;
use model::Stamp;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Answers of one kind, by a key that holds everything they depend on but the database and the time.
pub struct ExactCache<V> {
    kept: Cache<String, Entry<V>, Weigh>,
}

#[derive(Clone)]
struct Entry<V> {
    generation: u64,
    until: Option<Stamp>,
    /// Bytes, about.
    weight: u64,
    value: V,
}

#[derive(Clone)]
struct Weigh;

impl<V> Weighter<String, Entry<V>> for Weigh {
    fn weight(&self, key: &String, kept: &Entry<V>) -> u64 {
        // A key, an entry and its place in the table.
        key.len() as u64 + kept.weight + 128
    }
}

/// Where an answer stands in time: taken before the first read it is made from.
#[derive(Clone, Copy, Debug)]
pub struct Moment(Option<u64>);

impl Moment {
    pub fn of(db: &Db) -> Moment {
        Moment(db.generation())
    }

    /// For answers made only of what permissions are made of.
    pub fn of_permissions(db: &Db) -> Moment {
        Moment(db.permissions())
    }
}

impl<V: Clone> ExactCache<V> {
    /// At most `bytes`, for answers of about `each`.
    pub fn new(bytes: u64, each: u64) -> Self {
        ExactCache { kept: Cache::with_weighter((bytes / each) as usize, bytes, Weigh) }
    }

    /// The answer, if nothing was committed since and its time is not over.
    pub fn get(&self, moment: Moment, now: Stamp, key: &str) -> Option<V> {
        let generation = moment.0?;
        let kept = self.kept.get(key)?;
        (kept.generation == generation && kept.until.is_none_or(|until| now < until)).then_some(kept.value)
    }

    /// Keeps an answer that was read after `moment`, of about `weight` bytes.
    pub fn keep(&self, moment: Moment, key: String, until: Option<Stamp>, weight: usize, value: V) {
        if let Some(generation) = moment.0 {
            self.kept.insert(key, Entry { generation, until, weight: weight as u64, value });
        }
    }
}
