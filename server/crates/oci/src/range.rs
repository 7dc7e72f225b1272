//! Parts of a blob: RFC 9110, section 14 (`Range`, several ranges included), as podman asks for the missing pieces of a zstd:chunked
//! layer: it takes exactly one part for each range, in its order.

use axum::http::{HeaderMap, header};
use std::ops::Range;

/// Most ranges of one request: as many as podman's library asks for.
const MOST: usize = 1024;
/// What a request wants of a blob.
#[derive(Debug, PartialEq)]
pub enum Wanted {
    Whole,
    One(Range<u64>),
    /// Several, together no more than the blob, in the order they were asked for.
    Several(Vec<Range<u64>>),
    Unsatisfiable,
}

/// Reads `Range` and `If-Range` of a GET. What is no range, too many, or more than the whole together, is left unheeded (RFC 9110,
/// 14.2: a server may).
pub fn wanted(headers: &HeaderMap, etag: &str, size: u64) -> Wanted {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    // 13.1.5: only the very same content has parts that fit what the client has.
    if text(header::IF_RANGE).is_some_and(|held| held != etag) {
        return Wanted::Whole;
    }
    let Some(specs) = text(header::RANGE).and_then(|value| value.strip_prefix("bytes=")) else { return Wanted::Whole };
    let specs: Vec<&str> = specs.split(',').map(str::trim).filter(|spec| !spec.is_empty()).collect();
    if specs.is_empty() || specs.len() > MOST {
        return Wanted::Whole;
    }
    let (mut ranges, mut sum) = (Vec::new(), 0_u64);
    for spec in &specs {
        match one(spec, size) {
            Spec::Nonsense => return Wanted::Whole,
            // Of several those are served that can be.
            Spec::Beyond => {}
            Spec::Within(range) => {
                sum = sum.saturating_add(range.end - range.start);
                ranges.push(range);
            }
        }
    }
    match ranges.len() {
        0 => Wanted::Unsatisfiable,
        1 => Wanted::One(ranges.swap_remove(0)),
        _ if sum > size => Wanted::Whole,
        _ => Wanted::Several(ranges),
    }
}

enum Spec {
    Within(Range<u64>),
    Beyond,
    Nonsense,
}

fn one(spec: &str, size: u64) -> Spec {
    let Some((first, last)) = spec.split_once('-') else { return Spec::Nonsense };
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let range = match (first.is_empty(), last.is_empty()) {
        (true, true) => return Spec::Nonsense,
        (true, false) => match number(last) {
            Some(0) => return Spec::Beyond,
            Some(n) => size.saturating_sub(n)..size,
            None => return Spec::Nonsense,
        },
        (false, true) => match number(first) {
            Some(first) => first..size,
            None => return Spec::Nonsense,
        },
        (false, false) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
            // RFC 9110, 14.2: a server may reject an invalid ranges-specifier.
            (Some(_), Some(_)) => return Spec::Beyond,
            _ => return Spec::Nonsense,
        },
    };
    if range.start >= size { Spec::Beyond } else { Spec::Within(range) }
}

/// `Content-Range` of a part.
pub fn said(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end - 1)
}

/// What stands before each part of several, and after the last (RFC 2046, 5.1.1).
pub fn before(boundary: &str, range: &Range<u64>, size: u64) -> String {
    format!("\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: {}\r\n\r\n", said(range, size))
}

pub fn after(boundary: &str) -> String {
    format!("\r\n--{boundary}--\r\n")
}

/// Bytes of an answer with several parts.
pub fn length(boundary: &str, ranges: &[Range<u64>], size: u64) -> u64 {
    let parts = ranges.iter().map(|range| before(boundary, range, size).len() as u64 + range.end - range.start);
    parts.sum::<u64>() + after(boundary).len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, size: u64) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, text.parse().unwrap());
        match wanted(&headers, "\"e\"", size) {
            Wanted::Whole => "whole".to_owned(),
            Wanted::Unsatisfiable => "416".to_owned(),
            Wanted::One(range) => format!("{}..{}", range.start, range.end),
            Wanted::Several(ranges) => ranges.iter().map(|range| format!("{}..{}", range.start, range.end)).collect::<Vec<_>>().join(" "),
        }
    }

    #[test]
    fn n_083_ranges_within_the_blob_are_served_and_never_more_than_the_blob() {
        let many = format!("bytes={}", vec!["0-1"; 1000].join(","));
        for (text, expected) in [
            ("bytes=0-4", "0..5"), ("bytes=5-", "5..10"), ("bytes=-3", "7..10"), ("bytes=-30", "0..10"),
            ("bytes=0-99", "0..10"), ("bytes=10-", "416"), ("bytes=-0", "416"), ("bytes=5-4", "416"),
            (many.as_str(), "whole"), ("bytes=a-b", "whole"), ("items=0-1", "whole"), ("bytes=-", "whole"),
            ("bytes=99999999999999999999-", "whole"), ("bytes=+1-2", "whole"), ("bytes=", "whole"), ("bytes=,", "whole"),
        ] {
            assert_eq!(read(text, 10), expected, "{text}");
        }
    }

    #[test]
    fn c_1_3_several_ranges_are_served_in_their_order() {
        for (text, expected) in [
            ("bytes=0-1,4-5", "0..2 4..6"), ("bytes=4-5, 0-1", "4..6 0..2"), ("bytes=0-1,,3-3,", "0..2 3..4"), ("bytes=-2,0-0", "8..10 0..1"),
            // One beyond the end is left out; with none left there is nothing.
            ("bytes=0-1,20-30", "0..2"), ("bytes=0-1,20-30,4-5", "0..2 4..6"), ("bytes=20-30,40-", "416"), ("bytes=5-4,0-0", "0..1"),
            // Adjoining parts are parts; what overlaps may be served while it is not more than the blob.
            ("bytes=0-4,5-9", "0..5 5..10"), ("bytes=0-3,2-5", "0..4 2..6"), ("bytes=0-9,0-0", "whole"), ("bytes=0-,0-,0-", "whole"),
            ("bytes=0-1,x", "whole"), ("bytes=0-1;2-3", "whole"),
        ] {
            assert_eq!(read(text, 10), expected, "{text}");
        }
        let apart: Vec<String> = (0..1024).map(|n| format!("{0}-{0}", 2 * n)).collect();
        assert_eq!(read(&format!("bytes={}", apart.join(",")), 4096).split(' ').count(), 1024);
        assert_eq!(read(&format!("bytes={},4000-4000", apart.join(",")), 4096), "whole", "one more than we serve");
    }

    #[test]
    fn parts_are_for_the_same_content_alone() {
        for (held, expected) in [("\"e\"", Wanted::One(0..2)), ("\"f\"", Wanted::Whole), ("W/\"e\"", Wanted::Whole), ("", Wanted::Whole)] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, "bytes=0-1".parse().unwrap());
            headers.insert(header::IF_RANGE, held.parse().unwrap());
            assert_eq!(wanted(&headers, "\"e\"", 10), expected, "{held}");
        }
    }
}
