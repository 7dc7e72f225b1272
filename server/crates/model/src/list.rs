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
