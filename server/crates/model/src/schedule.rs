//! Schedules: when something is done by itself.

use crate::Stamp;
use serde::{Deserialize, Serialize};

/// A clock that somebody set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Six fields (second, minute, hour, day, month, weekday) in UTC, the second 0; empty for never.
    pub cron: String,
    /// When it was set, and when it last set something off.
    pub set_at: Stamp,
    pub last: Option<Stamp>,
    /// When it is due; `None` for never.
    pub next: Option<Stamp>,
}

/// Harbor's words for patterns, and a person's.
pub const WORDS: [(&str, &str, &str); 4] = [
    ("Hourly", "0 0 * * * *", "Every hour"),
    ("Daily", "0 0 0 * * *", "Every day at 00:00 UTC"),
    ("Weekly", "0 0 0 * * 0", "Every Sunday at 00:00 UTC"),
    ("None", "", "Never"),
];

/// Harbor's word for a pattern; `Custom` for one of one's own.
pub fn kind(cron: &str) -> &'static str {
    WORDS.iter().find(|(_, pattern, _)| *pattern == cron).map_or("Custom", |(kind, ..)| kind)
}

/// The pattern of Harbor's word, whatever its case.
pub fn pattern(kind: &str) -> Option<&'static str> {
    WORDS.iter().find(|(word, ..)| word.eq_ignore_ascii_case(kind)).map(|(_, pattern, _)| *pattern)
}
