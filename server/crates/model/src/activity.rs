//! What happens day by day. A day goes from midnight to midnight UTC.

use crate::{RepositoryName, Stamp};
use serde::{Deserialize, Serialize};

/// Most days that are kept, and asked for at once.
pub const MOST: i64 = 400;

/// Milliseconds of a day.
pub const LENGTH: i64 = 86_400_000;

/// One day of a project, or of a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Its number since 1970-01-01.
    pub number: i64,
    /// Manifests that were fetched.
    pub pulls: i64,
    /// Manifests that were pushed.
    pub pushes: i64,
    /// Bytes that living artifacts are made of, at its end; of a project from the first day that was noted.
    pub stored: Option<i64>,
}

impl Day {
    /// The number of the day of a moment.
    pub fn of(now: Stamp) -> i64 {
        now.0.div_euclid(LENGTH)
    }

    /// `2026-11-30`.
    pub fn date(self) -> String {
        Stamp(self.number * LENGTH).rfc3339().chars().take(10).collect()
    }
}

/// A repository that was busy in some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Busy {
    pub repository: RepositoryName,
    pub pulls: i64,
    pub pushes: i64,
}
