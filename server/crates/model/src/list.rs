//! Lists: one page of rows and where the next one starts.

use serde::{Deserialize, Serialize};

/// One page of a list that is paged by key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// How many rows match in all.
    pub total: i64,
    /// Key of the last row, when there are more: the next page's `after`.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The page without rows.
    pub fn empty() -> Self {
        Page { items: Vec::new(), total: 0, next: None }
    }

    /// Turns each row into what another layer shows.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), total: self.total, next: self.next }
    }
}

/// Rows of a portal page.
pub const PAGE: i64 = 25;

/// Which part of which list: search text, order and window. The portal keeps it in the page's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Part of the name; empty for all.
    pub search: String,
    /// Whole names, one of which it must be; `None` for any.
    pub names: Option<Vec<String>>,
    /// What else must hold, each by the key of a column.
    pub conditions: Vec<(String, Holds)>,
    /// Key of a column, `-` before it for descending; empty for the list's own order. An unknown key is refused.
    pub sort: String,
    pub window: Window,
}

/// What must hold of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holds {
    /// It is one of these.
    Text(Vec<String>),
    /// It holds this, in whatever case.
    Like(String),
    /// It is one of these; truths are 0 and 1.
    Number(Vec<i64>),
    /// From and to, both included: a number, or ms since 1970.
    Between(Option<i64>, Option<i64>),
}

/// How the list is cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// By key, for the portal: the rows after the one with this id.
    After { id: Option<i64>, limit: i64 },
    /// By number, for the REST API: page `number` from 1, `size` rows each.
    Number { number: i64, size: i64 },
}

impl Default for Query {
    fn default() -> Self {
        Query { search: String::new(), names: None, conditions: Vec::new(), sort: String::new(), window: Window::After { id: None, limit: PAGE } }
    }
}

impl Query {
    /// Everything, up to `limit` rows.
    pub fn all(limit: i64) -> Query {
        Query { window: Window::After { id: None, limit }, ..Query::default() }
    }

    /// The portal's: what stands in the address.
    pub fn portal(search: Option<String>, sort: Option<String>, after: Option<i64>) -> Query {
        Query {
            search: search.unwrap_or_default(),
            names: None,
            conditions: Vec::new(),
            sort: sort.unwrap_or_default(),
            window: Window::After { id: after, limit: PAGE },
        }
    }
}
