//! Quotas: how much a project may hold.

use crate::stamp;
use serde::{Deserialize, Serialize};

/// Beyond its limit a project takes so many bytes of what is attached to artifacts: one that is full can still be signed.
pub const HEADROOM: i64 = 16 << 20;

/// The largest limit, in bytes: 1,024 TiB, as Harbor has it.
pub const MOST: i64 = 1 << 50;

/// From this part of the limit on, in percent, the pages warn.
pub const WARN: i64 = 85;

/// How much a project holds, and how much it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// What its living artifacts are made of, in bytes: a blob once however many share it, and the manifests. Neither what was deleted nor what no
    /// artifact is made of.
    pub used: i64,
    /// `None`: as much as the disk takes.
    pub limit: Option<i64>,
}

impl Quota {
    /// Of its limit, in percent, rounded down; nothing without one. More than 100 where the limit was lowered, or what was attached went beyond it.
    pub fn percent(&self) -> Option<i64> {
        self.limit.map(|limit| if limit == 0 { 100 } else { i64::try_from(i128::from(self.used) * 100 / i128::from(limit)).unwrap_or(i64::MAX) })
    }

    /// Is it time to warn?
    pub fn is_short(&self) -> bool {
        self.percent().is_some_and(|percent| percent >= WARN)
    }

    /// `9.8 of 10 GB`, `20 MB of 10 GB`; without a limit what is used.
    pub fn said(&self) -> String {
        let used = stamp::bytes(self.used);
        let Some(limit) = self.limit.map(stamp::bytes) else { return used };
        match (used.split_once(' '), limit.split_once(' ')) {
            (Some((number, unit)), Some((_, same))) if unit == same => format!("{number} of {limit}"),
            _ => format!("{used} of {limit}"),
        }
    }
}

/// What is wrong with a limit, in words.
pub fn check(limit: Option<i64>) -> Result<(), String> {
    match limit {
        Some(bytes) if !(1..=MOST).contains(&bytes) => Err(format!("must be 1 byte to {}; no limit is -1, or an empty field", stamp::bytes(MOST))),
        _ => Ok(()),
    }
}

/// Harbor's number of a limit: -1 is none.
pub fn from_number(number: i64) -> Option<i64> {
    (number != -1).then_some(number)
}

/// As [`from_number`], the other way.
pub fn to_number(limit: Option<i64>) -> i64 {
    limit.unwrap_or(-1)
}

/// A limit as a person writes it: `500 MB`, `10 GiB`, `1.5TB`, a number of bytes; empty, `-1`, `none` or `unlimited` is none. `Err` says what it must be.
pub fn parse(text: &str) -> Result<Option<i64>, String> {
    let text = text.trim().to_ascii_lowercase();
    if matches!(text.as_str(), "" | "-1" | "none" | "unlimited") {
        return Ok(None);
    }
    let wrong = || "must be a size such as 500 MB or 10 GiB, or empty for no limit".to_owned();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (text[..end].parse::<f64>().map_err(|_| wrong())?, text[end..].trim());
    let unit: f64 = match unit {
        "" if number < 1e6 => return Err("needs a unit, such as 500 MB or 10 GiB".to_owned()),
        "" | "b" | "bytes" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1_048_576.0,
        "gib" => 1_073_741_824.0,
        "tib" => 1_099_511_627_776.0,
        _ => return Err(wrong()),
    };
    let bytes = number * unit;
    // Past that it is no limit that is taken, and the number is still exact.
    if !bytes.is_finite() || bytes > 2.0 * MOST as f64 {
        return check(Some(i64::MAX)).map(|()| None);
    }
    let limit = Some(bytes.round() as i64);
    check(limit).map(|()| limit)
}

/// A limit as a field shows it, such that [`parse`] reads the same number of bytes: the largest unit that has it exactly.
pub fn written(limit: Option<i64>) -> String {
    let Some(bytes) = limit else { return String::new() };
    const UNITS: [(&str, i64); 8] =
        [("TiB", 1 << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1024), ("kB", 1000)];
    match UNITS.iter().find(|(_, size)| bytes % size == 0) {
        Some((unit, size)) => format!("{} {unit}", bytes / size),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_as_it_is_written() {
        for bytes in [1, 999, 1000, 1024, 1_000_000, 1 << 20, 10_000_000_000, 10 << 30, 1 << 40, MOST, 1_234_567] {
            assert_eq!(parse(&written(Some(bytes))), Ok(Some(bytes)), "{bytes}");
        }
        assert_eq!((parse(" 1.5 gb "), parse("10GiB"), parse("5000000")), (Ok(Some(1_500_000_000)), Ok(Some(10 << 30)), Ok(Some(5_000_000))));
        for none in ["", " ", "-1", "Unlimited", "none"] {
            assert_eq!(parse(none), Ok(None), "{none:?}");
        }
        for bad in ["0", "5", "0 GB", "-2", "ten", "10 XB", "1..5 GB", "1e30", "9999999 TB", ".", "1025 TiB", "10 GB more", "\u{0661} GB"] {
            assert!(parse(bad).is_err(), "{bad:?} is {:?}", parse(bad));
        }
    }

    #[test]
    fn how_full_it_is_is_said_in_one_unit_where_there_is_one() {
        let said = |used, limit| Quota { used, limit }.said();
        assert_eq!(said(9_800_000_000, Some(10_000_000_000)), "9.8 of 10 GB");
        assert_eq!(said(20_000_000, Some(10_000_000_000)), "20 MB of 10 GB");
        assert_eq!(said(0, None), "0 B");
        assert_eq!(Quota { used: 85, limit: Some(100) }.percent(), Some(85));
        assert!(Quota { used: 1, limit: Some(1) }.is_short() && !Quota { used: 84, limit: Some(100) }.is_short() && !Quota { used: i64::MAX, limit: None }.is_short());
        assert_eq!(Quota { used: i64::MAX, limit: Some(1) }.percent(), Some(i64::MAX));
    }
}
