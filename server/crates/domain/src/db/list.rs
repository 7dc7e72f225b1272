//! Lists by key or by number, from one description.

use super::{Conditions, like_contains};
use crate::error::{Error, Result};
use model::Page;
use model::list::{Holds, Query, Window};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

/// A list's description. All texts are ours; what a client sends is bound, or chosen from `sorts`.
pub struct Listing {
    /// `table AS t JOIN …`; the rows' own table must be called `t` and have `id`.
    pub from: &'static str,
    /// Columns, each with a name.
    pub columns: &'static str,
    /// Sort keys and their expressions over `t`; the first is the default.
    pub sorts: &'static [(&'static str, &'static str)],
    /// The default order is descending.
    pub descending: bool,
    /// Keys of a query's conditions, and their expressions over `t`.
    pub keys: &'static [(&'static str, &'static str)],
}

/// Of a list's query what it says of names: part of it over `folded`, one of several whole ones over `whole`.
pub fn named(w: &mut Conditions, query: &Query, folded: &str, whole: &str) {
    if !query.search.is_empty() {
        holding(w, folded, &query.search);
    }
    if let Some(names) = &query.names {
        one_of(w, whole, names);
    }
}

/// What is lower case holds this part, whatever its case. An engine may fold only ASCII: then other letters must be as they stand.
fn holding(w: &mut Conditions, lower: &str, part: &str) {
    let like = |w: &mut Conditions, text: &str| {
        let n = w.bind(like_contains(text));
        format!("{lower} LIKE {n} ESCAPE '\\'")
    };
    let (all, ascii) = (super::folded(part), part.to_ascii_lowercase());
    let mut either = like(w, &all);
    if ascii != all {
        either = format!("({either} OR {})", like(w, &ascii));
    }
    w.and(either);
}

/// The column has one of these values.
pub fn one_of(w: &mut Conditions, column: &str, values: &[String]) {
    let places: Vec<String> = values.iter().map(|value| w.bind(value.replace('\0', "\u{fffd}"))).collect();
    w.and(match places.is_empty() {
        true => "1 = 0".to_owned(),
        false => format!("{column} IN ({})", places.join(", ")),
    });
}

/// The column lies between these, both included.
pub fn between(w: &mut Conditions, column: &str, (from, to): (Option<i64>, Option<i64>)) {
    for (sign, bound) in [(">=", from), ("<=", to)] {
        if let Some(bound) = bound {
            let n = w.bind(bound);
            w.and(format!("{column} {sign} {n}"));
        }
    }
}

impl Listing {
    /// What the query asks besides.
    fn hold(&self, w: &mut Conditions, query: &Query) -> Result<()> {
        for (key, holds) in &query.conditions {
            let known = self.keys.iter().find(|(name, _)| name == key);
            let (_, column) = known.ok_or_else(|| Error::invalid("q", format!("{key:?} is not known here")))?;
            match holds {
                Holds::Text(values) => one_of(w, column, values),
                Holds::Like(part) => holding(w, &format!("LOWER({column})"), part),
                Holds::Number(values) => {
                    let places: Vec<String> = values.iter().map(|value| w.bind(*value)).collect();
                    w.and(if places.is_empty() { "1 = 0".to_owned() } else { format!("{column} IN ({})", places.join(", ")) });
                }
                Holds::Between(from, to) => between(w, column, (*from, *to)),
            }
        }
        Ok(())
    }

    /// By what the query wants it sorted: the first expression, whether that descends, and the further ones. Rows after one are by one key.
    fn order(&self, query: &Query) -> Result<(&'static str, bool, String)> {
        let (mut keys, mut then) = (query.sort.split(',').filter(|key| !key.is_empty()), String::new());
        let expression = |key: &str| {
            let (name, descending) = key.strip_prefix('-').map_or((key, false), |name| (name, true));
            let known = || self.sorts.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            let found = self.sorts.iter().find(|(known, _)| *known == name);
            found.map(|(_, expression)| (*expression, descending)).ok_or_else(|| Error::invalid("sort", format!("must be one of {}", known())))
        };
        let first = keys.next().map_or(Ok((self.sorts[0].1, self.descending)), expression)?;
        for key in keys.filter(|_| matches!(query.window, Window::Number { .. })) {
            let (expression, descending) = expression(key)?;
            then.push_str(&format!("{expression} {}, ", if descending { "DESC" } else { "ASC" }));
        }
        Ok((first.0, first.1, then))
    }

    /// Reads one page. `where_` must hold all conditions but the window's.
    pub async fn fetch<T>(
        &self,
        c: &mut AnyConnection,
        query: &Query,
        where_: impl Fn(&mut Conditions),
        row: impl Fn(&AnyRow) -> Result<T>,
    ) -> Result<Page<T>> {
        self.fetch_of(c, query, None, where_, row).await
    }

    /// As [`Listing::fetch`], where a counter may say how many rows there are: counting them takes time that grows with them.
    pub async fn fetch_of<T>(
        &self,
        c: &mut AnyConnection,
        query: &Query,
        known: Option<i64>,
        where_: impl Fn(&mut Conditions),
        row: impl Fn(&AnyRow) -> Result<T>,
    ) -> Result<Page<T>> {
        let (expression, descending, then) = self.order(query)?;
        let mut all = Conditions::new();
        where_(&mut all);
        self.hold(&mut all, query)?;
        let total: i64 = match known.filter(|_| query.conditions.is_empty()) {
            Some(total) => total,
            None => {
                let text = format!("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM {}{}", self.from, all.clause());
                sqlx::query_with(AssertSqlSafe(text), all.arguments()).fetch_one(&mut *c).await?.get("n")
            }
        };

        let mut page = Conditions::new();
        where_(&mut page);
        self.hold(&mut page, query)?;
        let direction = if descending { "DESC" } else { "ASC" };
        let (limit, offset) = match query.window {
            Window::After { id, limit } => {
                if let Some(id) = id {
                    let n = page.bind(id);
                    let sign = if descending { '<' } else { '>' };
                    // Of the rows that are listed: where others stand among them is nobody's to ask.
                    let listed = match page.clause() {
                        clause if clause.is_empty() => " WHERE".to_owned(),
                        clause => format!("{clause} AND"),
                    };
                    page.and(format!("({expression}, t.id) {sign} (SELECT {expression}, t.id FROM {}{listed} t.id = {n})", self.from));
                }
                (limit, 0)
            }
            Window::Number { number, size } => (size, (number - 1).saturating_mul(size)),
        };
        // One row more than asked for tells whether there are more.
        let (limit_n, offset_n) = (page.bind(limit.saturating_add(1)), page.bind(offset));
        let text = format!(
            "SELECT t.id AS row_id, {} FROM {}{} ORDER BY {expression} {direction}, {then}t.id {direction} LIMIT {limit_n} OFFSET {offset_n}",
            self.columns,
            self.from,
            page.clause(),
        );
        let rows = sqlx::query_with(AssertSqlSafe(text), page.arguments()).fetch_all(c).await?;
        let limit = usize::try_from(limit).unwrap_or_default();
        let more = rows.len() > limit;
        let next = if more { rows.get(limit.wrapping_sub(1)).map(|r| r.get::<i64, _>("row_id").to_string()) } else { None };
        let items = rows.iter().take(limit).map(row).collect::<Result<Vec<T>>>()?;
        Ok(Page { items, total, next })
    }
}
