//! Lists as Harbor's clients page them: `page`, `page_size`, `q`, `sort`; `X-Total-Count` and `Link`.

use crate::call::{Call, ok};
use crate::errors::{Answer, ApiError};
use axum::http::{HeaderValue, StatusCode, header};
use model::Page;
use model::list::{Query, Window};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

/// Rows that `page_size=0` gives at most.
const ALL: i64 = 10_000;

/// Which page of how many rows. More than a hundred is 422, none means everything.
pub fn window(call: &Call) -> Result<(i64, i64), ApiError> {
    let number = |name: &str, default: i64| match call.param(name) {
        None => Ok(default),
        Some(text) => text.parse::<i64>().ok().filter(|n| *n >= 0).ok_or_else(|| unprocessable(format!("{name} must be a number"))),
    };
    let (page, size) = (number("page", 1)?.max(1), number("page_size", 10)?);
    match size {
        0 => Ok((1, ALL)),
        1..=100 => Ok((page, size)),
        _ => Err(unprocessable("page_size in query should be less than or equal to 100".to_owned())),
    }
}

fn unprocessable(message: String) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message)
}

/// A list's query: `sort` by the API's names, each with ours; search text from `q` under `field`, or from `also`.
pub fn query(call: &Call, sorts: &[(&str, &str)], field: &str, also: &str) -> Result<(Query, Q), ApiError> {
    let (number, size) = window(call)?;
    let q = Q::parse(call.param("q").unwrap_or_default())?;
    let sort = match call.param("sort") {
        None => String::new(),
        Some(text) => {
            let first = text.split(',').next().unwrap_or_default();
            let (minus, name) = first.strip_prefix('-').map_or(("", first), |name| ("-", name));
            let known = sorts.iter().find(|(theirs, _)| *theirs == name);
            let (_, ours) = known.ok_or_else(|| ApiError::bad(format!("cannot sort by {name}")))?;
            format!("{minus}{ours}")
        }
    };
    let search = q.text(field).map(str::to_owned).or_else(|| call.param(also).map(str::to_owned)).unwrap_or_default();
    Ok((Query { search, sort, window: Window::Number { number, size } }, q))
}

/// The `q` language: `k=v`, `k=~v`, `k={a b}`, `k=(a b)`, separated by commas; unescaped a second time.
#[derive(Debug, Default)]
pub struct Q(Vec<(String, String)>);

impl Q {
    pub fn parse(text: &str) -> Result<Q, ApiError> {
        let text = percent_decode_str(text).decode_utf8_lossy();
        let mut found = Vec::new();
        for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| ApiError::bad(format!("q holds {pair:?}, which is no key=value")))?;
            found.push((key.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(Q(found))
    }

    /// The value of `key`, without what marks it as fuzzy or quoted.
    pub fn text(&self, key: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        Some(value.trim_start_matches('~').trim_matches(['\'', '"']))
    }

    /// The values of `key={a b}` or `key=(a b)`, or its one exact value.
    pub fn set(&self, key: &str) -> Vec<String> {
        let Some((_, value)) = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)) else { return Vec::new() };
        if value.starts_with('~') {
            return Vec::new();
        }
        let inner = value.trim_matches(['{', '}', '(', ')']);
        inner.split_whitespace().map(|word| word.trim_matches(['\'', '"']).to_owned()).filter(|w| !w.is_empty()).collect()
    }

    pub fn is_exact(&self, key: &str) -> bool {
        self.0.iter().any(|(name, value)| name.eq_ignore_ascii_case(key) && !value.starts_with('~'))
    }
}

/// The rows, their number in all, and the ways to the pages around.
pub fn page<T>(call: &Call, page: Page<T>, show: impl Fn(T) -> Value) -> Answer {
    let total = page.total;
    let mut response = ok(Value::Array(page.items.into_iter().map(show).collect()))?;
    let headers = response.headers_mut();
    headers.insert("x-total-count", HeaderValue::from(total));
    let (number, size) = window(call)?;
    let mut links = Vec::new();
    let mut link = |to: i64, rel: &str| {
        let mut query: Vec<String> = call
            .query
            .iter()
            .filter(|(name, _)| name != "page" && name != "page_size")
            .map(|(name, value)| format!("{}={}", utf8_percent_encode(name, NON_ALPHANUMERIC), utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        query.push(format!("page={to}"));
        query.push(format!("page_size={size}"));
        links.push(format!("<{}?{}>; rel=\"{rel}\"", call.path, query.join("&")));
    };
    if number > 1 {
        link(number - 1, "prev");
    }
    if number.saturating_mul(size) < total {
        link(number + 1, "next");
    }
    if !links.is_empty()
        && let Ok(value) = HeaderValue::from_str(&links.join(" , "))
    {
        headers.insert(header::LINK, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_q_language_is_read() {
        let q = Q::parse("Level=project,name=~co%2Bsign,x={'a' 'b'}").unwrap();
        assert_eq!(q.text("level"), Some("project"));
        assert_eq!(q.text("name"), Some("co+sign"));
        assert_eq!(q.set("x"), ["a", "b"]);
        assert!(Q::parse("nonsense").is_err());
        assert!(Q::parse("").unwrap().text("a").is_none());
    }
}
