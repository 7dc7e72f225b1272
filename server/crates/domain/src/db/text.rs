//! Small helpers for SQL text that both engines read alike.

use sqlx::Arguments;
use sqlx::any::AnyArguments;

/// Conditions of a list, each with its parameters, numbered `$1`, `$2`, … in the order they are added.
#[derive(Default)]
pub struct Conditions {
    text: Vec<String>,
    arguments: AnyArguments,
    count: usize,
}

impl Conditions {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter and returns its `$n`.
    pub fn bind<'q, T>(&mut self, value: T) -> String
    where
        T: 'q + sqlx::Encode<'q, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        self.count += 1;
        // Encoding text, integers and bytes cannot fail.
        let _ = self.arguments.add(value);
        format!("${}", self.count)
    }

    /// Adds a condition. Its parameters come from [`Conditions::bind`].
    pub fn and(&mut self, condition: impl Into<String>) {
        self.text.push(condition.into());
    }

    /// ` WHERE …`, or nothing.
    pub fn clause(&self) -> String {
        if self.text.is_empty() { String::new() } else { format!(" WHERE {}", self.text.join(" AND ")) }
    }

    /// The parameters, for one query.
    pub fn arguments(self) -> AnyArguments {
        self.arguments
    }
}

/// The form in which text is searched without regard to case: the same on both engines, because we fold it.
pub fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// Longest text that is searched for, in characters: nothing here has a longer name, and SQLite refuses patterns of 50,000 bytes.
const SEARCHED: usize = 1024;

/// A LIKE pattern (with `ESCAPE '\'`) for text that contains `part`; `%` and `_` are literal. What is longer than anything finds what it
/// begins with, which is nothing.
pub fn like_contains(part: &str) -> String {
    format!("%{}%", escaped(part))
}

/// A LIKE pattern (with `ESCAPE '\'`) for text that starts with `part`.
pub fn like_prefix(part: &str) -> String {
    format!("{}%", escaped(part))
}

/// PostgreSQL holds no NUL, so text with one is in no row: it is searched as what stands for it elsewhere.
fn escaped(part: &str) -> String {
    let part: String = part.chars().take(SEARCHED).collect();
    part.replace('\0', "\u{fffd}").replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
