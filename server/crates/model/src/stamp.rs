//! A moment, as milliseconds since the Unix epoch: what the database holds and the wire carries.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(pub i64);

impl Stamp {
    /// RFC 3339 with milliseconds and `Z`, as Harbor's clients read it (`2026-11-24T09:02:28.000Z`).
    pub fn rfc3339(self) -> String {
        let Ok(at) = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000) else {
            return "0001-01-01T00:00:00.000Z".to_owned();
        };
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.millisecond()
        )
    }

    /// The beginning of a day in UTC, from `2026-01-31`.
    pub fn day(text: &str) -> Option<Stamp> {
        let mut parts = text.split('-');
        let mut number = || parts.next()?.parse::<u16>().ok();
        let (year, month, day) = (number()?, u8::try_from(number()?).ok()?, u8::try_from(number()?).ok()?);
        let date = time::Date::from_calendar_date(i32::from(year), time::Month::try_from(month).ok()?, day).ok()?;
        (text.len() == 10).then(|| Stamp(date.midnight().assume_utc().unix_timestamp() * 1000))
    }

    /// For a person's eyes: `2026-11-24 09:02:28 UTC`.
    pub fn readable(self) -> String {
        let text = self.rfc3339();
        format!("{} {} UTC", &text[..10], &text[11..19])
    }

    /// Whole days in a span are 86,400,000 ms.
    pub fn plus_days(self, days: i64) -> Stamp {
        Stamp(self.0 + days * 86_400_000)
    }

    /// How long ago this was at `now`, in words: `just now`, `5 minutes ago`, `in 3 days`.
    pub fn relative(self, now: Stamp) -> String {
        let seconds = (now.0 - self.0) / 1000;
        let (past, n) = (seconds >= 0, seconds.abs());
        // What has begun has passed; what is to come is told to the nearest, so that a week stays one when its first minute is over.
        let whole = |unit: i64| if past { n / unit } else { (n + unit / 2) / unit };
        let words = match n {
            0..=9 => return "just now".to_owned(),
            10..=59 => count(n, "second"),
            60..=3599 => count(whole(60), "minute"),
            3600..=86_399 => count(whole(3600), "hour"),
            86_400..=2_591_999 => count(whole(86_400), "day"),
            2_592_000..=31_535_999 => count(whole(2_592_000), "month"),
            _ => count(whole(31_536_000), "year"),
        };
        if past { format!("{words} ago") } else { format!("in {words}") }
    }
}

/// A span of ms in its largest whole unit, e.g. "7 days".
pub fn span(ms: i64) -> String {
    match ms {
        ms if ms >= 86_400_000 && ms % 86_400_000 == 0 => count(ms / 86_400_000, "day"),
        ms if ms >= 3_600_000 => count(ms / 3_600_000, "hour"),
        ms if ms >= 60_000 => count(ms / 60_000, "minute"),
        ms => count(ms / 1000, "second"),
    }
}

/// A number with commas: `1,280`.
pub fn grouped(n: i64) -> String {
    let (sign, digits) = (if n < 0 { "-" } else { "" }, n.unsigned_abs().to_string());
    let parts: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|part| std::str::from_utf8(part).unwrap_or_default()).collect();
    format!("{sign}{}", parts.join(","))
}

/// The first of some names, and how many more there are: `a, b and 3 more`.
pub fn some(names: &[impl ToString], most: usize) -> String {
    let shown = names.iter().take(most).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A counted noun in words: `1 artifact`, `3 repositories`.
pub fn count(n: i64, noun: &str) -> String {
    let few = n;
    let n = grouped(n);
    match noun.strip_suffix('y') {
        _ if few == 1 => format!("{n} {noun}"),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{n} {stem}ies"),
        _ => format!("{n} {noun}s"),
    }
}

/// A number of bytes for a person: decimal units, as `docker` prints them (`296 kB`, `1.2 MB`).
pub fn bytes(n: i64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    if n < 1000 {
        return format!("{n} B");
    }
    let (mut value, mut unit) = (n as f64, 0);
    while value >= 1000.0 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    if value < 10.0 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_prints_as_harbors_clients_read_it() {
        assert_eq!(Stamp(0).rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Stamp(1_700_000_000_042).rfc3339(), "2023-11-14T22:13:20.042Z");
    }

    #[test]
    fn relative_time_is_said_in_words() {
        let now = Stamp(1_000_000_000_000);
        assert_eq!(Stamp(now.0 - 5_000).relative(now), "just now");
        assert_eq!(Stamp(now.0 - 60_000).relative(now), "1 minute ago");
        assert_eq!(now.plus_days(5).relative(now), "in 5 days");
        assert_eq!(Stamp(now.plus_days(7).0 - 60_000).relative(now), "in 7 days");
        assert_eq!(Stamp(now.plus_days(-7).0 + 60_000).relative(now), "6 days ago");
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_250), "1.2 kB");
        assert_eq!(bytes(295_900), "296 kB");
    }

    #[test]
    fn counted_nouns_agree() {
        assert_eq!(count(1, "artifact"), "1 artifact");
        assert_eq!(count(0, "robot account"), "0 robot accounts");
        assert_eq!(count(2, "repository"), "2 repositories");
        assert_eq!(count(2, "day"), "2 days");
        assert_eq!((grouped(0), grouped(-999), grouped(1280), grouped(1_000_000)), ("0".into(), "-999".into(), "1,280".into(), "1,000,000".into()));
    }
}
