//! Lists as Harbor's clients page them: `page`, `page_size`, `q`, `sort`; `X-Total-Count` and `Link`.

use crate::answers::{Answer, Listed};
use crate::call::{Call, truth};
use crate::errors::ApiError;
use axum::http::StatusCode;
use model::Page;
use model::list::{Holds, Query, Window};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Rows that `page_size=0` gives at most.
const ALL: i64 = 10_000;

/// Most keys of `sort`.
const SORTED: usize = 8;

/// Most values of a set in `q`.
const VALUES: usize = 100;

/// Which page of how many rows. More than a hundred is 422, none means everything, ten thousand at a time.
pub fn window(call: &Call) -> Result<(i64, i64), ApiError> {
    let number = |name: &str, default: i64| match call.param(name) {
        None => Ok(default),
        Some(text) => text.parse::<i64>().ok().filter(|n| *n >= 0).ok_or_else(|| unprocessable(format!("{name} must be a number"))),
    };
    let (page, size) = (number("page", 1)?.max(1), number("page_size", 10)?);
    match size {
        0 => Ok((page, ALL)),
        1..=100 => Ok((page, size)),
        _ => Err(unprocessable("page_size in query should be less than or equal to 100".to_owned())),
    }
}

fn unprocessable(message: String) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message)
}

/// What a list can be asked for.
pub struct Asks<'a> {
    /// `sort` by the API's names, each with ours.
    pub sorts: &'a [(&'a str, &'a str)],
    /// The key of `q`, and the parameter, that name rows.
    pub name: &'a str,
    /// Keys of `q` that the list itself judges.
    pub keys: &'a [&'a str],
    /// Keys of `q` by the API's names, each with ours and how its values read. Any other key is refused.
    pub columns: &'a [(&'a str, &'a str, As)],
}

/// What a column holds.
#[derive(Clone, Copy, Debug)]
pub enum As {
    Text,
    Number,
    Truth,
    Moment,
}

/// The times of a row.
pub const TIMES: [(&str, &str, As); 2] = [("creation_time", "created", As::Moment), ("update_time", "updated", As::Moment)];

/// What a pair of `q` demands of its column.
fn holds(key: &str, is: &Is, column: As) -> Result<Holds, ApiError> {
    let wrong = |must: &str| ApiError::bad(format!("q: {key} must be {must}"));
    let number = |text: &str, last: bool| match column {
        As::Text => None,
        As::Number => text.parse().ok(),
        As::Truth => truth(text).map(i64::from),
        As::Moment => moment(text, last),
    };
    let must = match column {
        As::Text => "text",
        As::Number => "a number",
        As::Truth => "true or false",
        As::Moment => "a time",
    };
    let end = |text: &str, last: bool| match text {
        "" => Ok(None),
        text => number(text, last).map(Some).ok_or_else(|| wrong(must)),
    };
    Ok(match (column, is) {
        (As::Text, Is::Like(part)) => Holds::Like(part.clone()),
        (As::Text, Is::One(value)) => Holds::Text(vec![value.clone()]),
        (As::Text, Is::Any(values)) => Holds::Text(values.clone()),
        (As::Text, _) => return Err(wrong("a text, a part (~text) or a set {a b}")),
        (_, Is::Between(from, to)) => Holds::Between(end(from, false)?, end(to, true)?),
        // A day is all of it.
        (As::Moment, Is::One(value)) => Holds::Between(end(value, false)?, end(value, true)?),
        (_, Is::One(value)) => Holds::Number(vec![number(value, false).ok_or_else(|| wrong(must))?]),
        (As::Number, Is::Any(values)) => Holds::Number(values.iter().map(|value| number(value, false).ok_or_else(|| wrong(must))).collect::<Result<_, _>>()?),
        _ => return Err(wrong(must)),
    })
}

/// A list's query, and `q` for what only the list itself knows.
pub fn query(call: &Call, asks: &Asks<'_>) -> Result<(Query, Q), ApiError> {
    let (number, size) = window(call)?;
    let twice = |name: &str| call.query.iter().filter(|(key, _)| key == name).count() > 1;
    if let Some(name) = ["q", "sort", "page", "page_size", asks.name].into_iter().find(|name| !name.is_empty() && twice(name)) {
        return Err(ApiError::bad(format!("{name} is given twice")));
    }
    let q = Q::parse(call.param("q").unwrap_or_default())?;
    let known: Vec<&str> = asks.keys.iter().copied().chain([asks.name]).chain(asks.columns.iter().map(|(key, ..)| *key)).filter(|known| !known.is_empty()).collect();
    if let Some((key, _)) = q.0.iter().find(|(key, _)| !known.iter().any(|known| known.eq_ignore_ascii_case(key))) {
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        return Err(ApiError::bad(format!("q: {key:?} is not known here; this list can be asked for {known}")));
    }
    let sort = match call.param("sort") {
        None => String::new(),
        Some(text) => {
            let ours = |key: &str| {
                let (minus, name) = key.strip_prefix('-').map_or(("", key), |name| ("-", name));
                let known = asks.sorts.iter().find(|(theirs, _)| *theirs == name);
                let all = || asks.sorts.iter().map(|(theirs, _)| *theirs).collect::<Vec<_>>().join(", ");
                let wrong = || ApiError::bad(format!("sort: {name:?} is not known here; this list is sorted by {}", all()));
                known.map(|(_, ours)| format!("{minus}{ours}")).ok_or_else(wrong)
            };
            let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty()).take(SORTED + 1).map(ours).collect::<Result<Vec<_>, _>>()?;
            if keys.len() > SORTED {
                return Err(ApiError::bad(format!("sort: has more than {SORTED} keys")));
            }
            keys.join(",")
        }
    };
    if q.is(asks.name).is_some() && call.param(asks.name).is_some_and(|text| !text.is_empty()) {
        return Err(ApiError::bad(format!("{} is given twice: by itself, and in q", asks.name)));
    }
    let (search, names) = match q.is(asks.name) {
        Some(Is::Like(part)) => (part.clone(), None),
        Some(Is::One(name)) => (String::new(), Some(vec![name.clone()])),
        Some(Is::Any(names)) => (String::new(), Some(names.clone())),
        // A row has one name.
        Some(Is::All(names)) => (String::new(), Some(if names.len() == 1 { names.clone() } else { Vec::new() })),
        Some(Is::Between(..)) => return Err(ApiError::bad(format!("q: {} takes no range", asks.name))),
        None => (call.param(asks.name).unwrap_or_default().to_owned(), None),
    };
    let mut conditions = Vec::new();
    for (key, ours, column) in asks.columns {
        if let Some(is) = q.is(key) {
            conditions.push(((*ours).to_owned(), holds(key, is, *column)?));
        }
    }
    Ok((Query { search, names, conditions, sort, window: Window::Number { number, size } }, q))
}

/// One value of a key that may stand by itself or in `q`, not in both.
pub fn one<'a>(call: &'a Call, q: &'a Q, key: &str) -> Result<Option<&'a str>, ApiError> {
    match (call.param(key), q.text(key)?) {
        (Some(_), Some(_)) => Err(ApiError::bad(format!("{key} is given twice: by itself, and in q"))),
        (own, within) => Ok(own.or(within)),
    }
}

/// What `q` says of one key.
#[derive(Debug, PartialEq, Eq)]
pub enum Is {
    /// `k=v`.
    One(String),
    /// `k=~v`: holds it.
    Like(String),
    /// `k={a b}`.
    Any(Vec<String>),
    /// `k=(a b)`.
    All(Vec<String>),
    /// `k=[a~b]`, either end open.
    Between(String, String),
}

/// Harbor's `q` language: pairs separated by commas; unescaped a second time.
#[derive(Debug, Default)]
pub struct Q(Vec<(String, Is)>);

fn unquoted(text: &str) -> String {
    let text = text.trim();
    let inner = ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(text).to_owned()
}

/// The pairs of `q`: a comma within quotes separates nothing. A quote begins where a value or a word of it does.
fn pairs(text: &str) -> Vec<&str> {
    let (mut pairs, mut from, mut quote, mut before) = (Vec::new(), 0, None, ',');
    for (at, c) in text.char_indices() {
        match quote {
            Some(mark) if c == mark => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"') && matches!(before, '=' | '~' | '{' | '(' | '[' | ' ') && text[at + 1..].contains(c) => quote = Some(c),
            None if c == ',' => {
                pairs.push(&text[from..at]);
                from = at + 1;
            }
            None => {}
        }
        before = c;
    }
    pairs.push(&text[from..]);
    pairs
}

/// Words of a set: separated by spaces, quoted where they hold one.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in text.chars() {
        match quote {
            Some(mark) if c == mark => quote = None,
            Some(_) => word.push(c),
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None if c == ' ' => words.push(std::mem::take(&mut word)),
            None => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

impl Q {
    pub fn parse(text: &str) -> Result<Q, ApiError> {
        let text = percent_decode_str(text).decode_utf8_lossy();
        let mut found: Vec<(String, Is)> = Vec::new();
        for pair in pairs(&text).into_iter().filter(|pair| !pair.trim().is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| ApiError::bad(format!("q holds {pair:?}, which is no key=value")))?;
            let (key, value) = (key.trim(), value.trim());
            if found.iter().any(|(known, _)| known.eq_ignore_ascii_case(key)) {
                return Err(ApiError::bad(format!("q: {key} stands twice")));
            }
            let within = |open: char, close: char| value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
            let is = if let Some(part) = value.strip_prefix('~') {
                Is::Like(unquoted(part))
            } else if let Some(inner) = within('{', '}') {
                Is::Any(words(inner))
            } else if let Some(inner) = within('(', ')') {
                Is::All(words(inner))
            } else if let Some(inner) = within('[', ']') {
                let (from, to) = inner.split_once('~').ok_or_else(|| ApiError::bad(format!("q: the range of {key} must read [from~to]")))?;
                Is::Between(unquoted(from), unquoted(to))
            } else if value.starts_with(['{', '(', '[']) {
                return Err(ApiError::bad(format!("q: the value of {key} does not end")));
            } else {
                Is::One(unquoted(value))
            };
            // Each value is a condition of a statement.
            if matches!(&is, Is::Any(values) | Is::All(values) if values.len() > VALUES) {
                return Err(ApiError::bad(format!("q: {key} has more than {VALUES} values")));
            }
            found.push((key.to_owned(), is));
        }
        Ok(Q(found))
    }

    /// What it says of `key`.
    pub fn is(&self, key: &str) -> Option<&Is> {
        self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, is)| is)
    }

    /// Its one value.
    pub fn text(&self, key: &str) -> Result<Option<&str>, ApiError> {
        match self.is(key) {
            None => Ok(None),
            Some(Is::One(value)) => Ok(Some(value)),
            Some(_) => Err(ApiError::bad(format!("q: {key} takes one value"))),
        }
    }

    /// The values of which `key` may be any; `None` where nothing is said of it.
    pub fn values(&self, key: &str) -> Result<Option<Vec<String>>, ApiError> {
        match self.is(key) {
            None => Ok(None),
            Some(Is::One(value)) => Ok(Some(vec![value.clone()])),
            Some(Is::Any(values)) => Ok(Some(values.clone())),
            Some(Is::All(values)) if values.len() == 1 => Ok(Some(values.clone())),
            Some(_) => Err(ApiError::bad(format!("q: {key} takes a value or a set {{a b}}"))),
        }
    }

    /// A range of numbers as `read` takes them from text.
    pub fn between(&self, key: &str, read: impl Fn(&str, bool) -> Option<i64>) -> Result<Option<(Option<i64>, Option<i64>)>, ApiError> {
        let wrong = || ApiError::bad(format!("q: {key} must read [from~to]"));
        let end = |text: &str, last: bool| match text {
            "" => Ok(None),
            text => read(text, last).map(Some).ok_or_else(wrong),
        };
        match self.is(key) {
            None => Ok(None),
            Some(Is::Between(from, to)) => Ok(Some((end(from, false)?, end(to, true)?))),
            Some(Is::One(value)) => Ok(Some((end(value, false)?, end(value, true)?))),
            Some(_) => Err(wrong()),
        }
    }
}

/// A time of `q`, in ms since 1970: RFC 3339, `2020-01-02 03:04:05`, or a day, whose end is meant where a range ends.
pub fn moment(text: &str, last: bool) -> Option<i64> {
    let day = text.len() == 10;
    let whole = match day {
        true => format!("{text}T{}Z", if last { "23:59:59.999" } else { "00:00:00" }),
        false => {
            let text = text.replacen(' ', "T", 1);
            let zoned = text.ends_with('Z') || text.get(19..).is_some_and(|rest| rest.contains(['+', '-']));
            if zoned { text } else { format!("{text}Z") }
        }
    };
    let at = time::OffsetDateTime::parse(&whole, &time::format_description::well_known::Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

/// The rows, their number in all, and the ways to the pages around.
pub fn page<T, R>(call: &Call, page: Page<T>, show: impl Fn(T) -> R) -> Answer<Listed<R>> {
    let total = page.total;
    let rows = page.items.into_iter().map(show).collect();
    let (number, size) = window(call)?;
    let link = |to: i64, rel: &str| {
        let mut query: Vec<String> = call
            .query
            .iter()
            .filter(|(name, _)| name != "page" && name != "page_size")
            .map(|(name, value)| format!("{}={}", utf8_percent_encode(name, NON_ALPHANUMERIC), utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        query.push(format!("page={to}"));
        // As it was asked for: no page of its own may be so large.
        query.push(format!("page_size={}", if size == ALL { 0 } else { size }));
        format!("<{}?{}>; rel=\"{rel}\"", call.path, query.join("&"))
    };
    let before = (number > 1).then(|| link(number - 1, "prev"));
    let after = (number.saturating_mul(size) < total).then(|| link(number + 1, "next"));
    let links: Vec<String> = before.into_iter().chain(after).collect();
    Ok(Listed { rows, total, link: (!links.is_empty()).then(|| links.join(" , ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_4_9_the_q_language_is_read() {
        let q = Q::parse("Level=project,name=~co%2Bsign,x={'a b' c},y=(a),z=[1~],w='v w',date=[2020-01-01~2020-01-02 03:04:05]").unwrap();
        assert_eq!(q.text("level").unwrap(), Some("project"));
        let many = |words: &[&str]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
        for (key, is) in [
            ("name", Is::Like("co+sign".into())), ("x", Is::Any(many(&["a b", "c"]))), ("Y", Is::All(many(&["a"]))),
            ("z", Is::Between("1".into(), String::new())), ("w", Is::One("v w".into())),
        ] {
            assert_eq!(q.is(key), Some(&is), "{key}");
        }
        assert_eq!(q.between("date", moment).unwrap(), Some((Some(1_577_836_800_000), Some(1_577_934_245_000))));
        assert_eq!(q.between("z", |text, _| text.parse().ok()).unwrap(), Some((Some(1), None)));
        let quoted = Q::parse("a='b, c=d',e=O'Neil,f={\"g,h\" i},j=~' ,',k='l,m=n").unwrap();
        for (key, is) in [
            ("a", Is::One("b, c=d".into())), ("e", Is::One("O'Neil".into())), ("f", Is::Any(many(&["g,h", "i"]))), ("j", Is::Like(" ,".into())),
            ("k", Is::One("'l".into())), ("m", Is::One("n".into())),
        ] {
            assert_eq!(quoted.is(key), Some(&is), "{key}");
        }
        assert!(q.text("x").is_err() && q.between("w", moment).is_err() && Q::parse("").unwrap().is("a").is_none());
        let many = |n: usize| format!("a={{{}}}", vec!["x"; n].join(" "));
        assert!(Q::parse(&many(VALUES)).is_ok() && Q::parse(&many(VALUES + 1)).is_err());
        for bad in ["nonsense", "a=1,a=2", "a={b", "a=[1]", "a=(b}"] {
            assert!(Q::parse(bad).is_err(), "{bad}");
        }
    }
}
