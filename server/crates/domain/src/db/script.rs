//! Statements that need not wait for each other's answers. SQLite's driver takes each call to a thread and back, which costs
//! more than a short statement: a script makes the way once. To PostgreSQL they go one by one.

use crate::error::Result;
use futures_util::TryStreamExt;
use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{AnyConnection, AssertSqlSafe, Either, Executor};

/// A value of a statement.
pub enum Value {
    Int(i64),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(n: i64) -> Value {
        Value::Int(n)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(Some(text))
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.to_vec())
    }
}

/// What a statement did.
#[derive(Default)]
pub struct Ran {
    /// Rows that it wrote.
    pub changed: u64,
    pub rows: Vec<AnyRow>,
}

/// Most statements of one trip: a text is parsed again from each of its statements on, and kept.
const TRIP: usize = 16;

/// Lengths of an `IN (…)`: few, so that the engine knows the texts.
const LENGTHS: [usize; 4] = [1, 4, 16, 64];

/// Cuts values into parts for an `IN (…)` each. A part that is short repeats its last value.
pub fn parts<T>(all: &[T]) -> impl Iterator<Item = Vec<&T>> {
    all.chunks(LENGTHS[LENGTHS.len() - 1]).map(|part| {
        let length = length(part.len());
        part.iter().chain(std::iter::repeat_n(&part[part.len() - 1], length - part.len())).collect()
    })
}

/// How long the text is that asks for so many: there are few, so that each is parsed once.
pub fn length(n: usize) -> usize {
    LENGTHS.into_iter().find(|length| *length >= n).unwrap_or(n)
}

/// `$first, …`, `n` of them.
pub fn placeholders(first: usize, n: usize) -> String {
    (first..first + n).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

/// Statements in their order.
#[derive(Default)]
pub struct Script(Vec<(String, Vec<Value>)>);

impl Script {
    /// Adds one statement with the values of its `$1`, `$2`, ….
    pub fn add(&mut self, text: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.0.push((text.into(), values.into_iter().collect()));
    }

    /// Runs them; answers what each did. What fails ends it, and is for the transaction to undo.
    pub async fn run(self, c: &mut AnyConnection) -> Result<Vec<Ran>> {
        let (mut parts, mut rest) = (Vec::new(), self.0);
        if c.backend_name() == "SQLite" {
            while !rest.is_empty() {
                let later = rest.split_off(rest.len().min(TRIP));
                parts.push(joined(std::mem::replace(&mut rest, later)));
            }
        } else {
            parts = rest;
        }
        let mut all = vec![];
        for (text, values) in parts {
            let mut answers = c.fetch_many(bound(text, values));
            let mut ran = Ran::default();
            while let Some(answer) = answers.try_next().await? {
                match answer {
                    Either::Right(row) => ran.rows.push(row),
                    Either::Left(done) => {
                        ran.changed = done.rows_affected();
                        all.push(std::mem::take(&mut ran));
                    }
                }
            }
        }
        Ok(all)
    }
}

fn bound(text: String, values: Vec<Value>) -> Query<'static, Any, AnyArguments> {
    values.into_iter().fold(sqlx::query(AssertSqlSafe(text)), |query, value| match value {
        Value::Int(n) => query.bind(n),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

/// One text of all: a statement's `$n` count on from those before it.
fn joined(parts: Vec<(String, Vec<Value>)>) -> (String, Vec<Value>) {
    let (mut whole, mut all) = (String::new(), Vec::new());
    for (text, values) in parts {
        let mut pieces = text.split('$');
        whole.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let n: usize = piece[..digits].parse().expect("a statement's $ is followed by a number");
            whole.push_str(&format!("${}{}", n + all.len(), &piece[digits..]));
        }
        whole.push_str(";\n");
        all.extend(values);
    }
    (whole, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;
    use sqlx::Row;

    #[tokio::test]
    async fn each_statement_has_its_own_values_and_its_own_answer() {
        let world = World::new().await;
        let said = world.ctx.db.write(async |c| {
            let mut script = Script::default();
            script.add("INSERT INTO meta (key, value) VALUES ($1, $2)", ["a".into(), "1".into()]);
            script.add("INSERT INTO meta (key, value) VALUES ($2, $1) ON CONFLICT (key) DO NOTHING", ["2".into(), "a".into()]);
            script.add("SELECT key, value FROM meta WHERE key = $1", ["a".into()]);
            script.add("UPDATE meta SET value = $1 WHERE key = $2 AND value = $3", ["3".into(), "a".into(), "1".into()]);
            let ran = script.run(c).await?;
            let rows: Vec<(String, String)> = ran[2].rows.iter().map(|row| (row.get("key"), row.get("value"))).collect();
            Ok((ran.iter().map(|ran| ran.changed).collect::<Vec<_>>(), rows))
        });
        let (changed, rows) = said.await.unwrap();
        assert_eq!((changed[0], changed[1], changed[3]), (1, 0, 1));
        assert_eq!(rows, [("a".to_owned(), "1".to_owned())]);
    }

    #[tokio::test]
    async fn a_long_script_makes_several_trips_and_answers_in_order() {
        let world = World::new().await;
        let changed = world.ctx.db.write(async |c| {
            let mut script = Script::default();
            for n in 0..50_i64 {
                // Every third is there already.
                let key = format!("k{}", if n % 3 == 2 { 0 } else { n });
                script.add("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING", [key.into(), n.to_string().into()]);
            }
            Ok(script.run(c).await?.iter().map(|ran| ran.changed).collect::<Vec<_>>())
        });
        let expected: Vec<u64> = (0..50).map(|n| u64::from(n % 3 != 2)).collect();
        assert_eq!(changed.await.unwrap(), expected);
    }

    #[tokio::test]
    async fn what_fails_undoes_what_came_before_it() {
        let world = World::new().await;
        let failed = world.ctx.db.write(async |c| {
            let mut script = Script::default();
            script.add("INSERT INTO meta (key, value) VALUES ($1, '')", ["a".into()]);
            script.add("INSERT INTO meta (key, value) VALUES ($1, '')", ["a".into()]);
            script.add("INSERT INTO meta (key, value) VALUES ($1, '')", ["b".into()]);
            script.run(c).await.map(drop)
        });
        assert!(matches!(failed.await, Err(crate::Error::Db(_) | crate::Error::Internal(_))));
        let mut c = world.ctx.db.read().await.unwrap();
        let left = sqlx::query("SELECT key FROM meta WHERE key IN ('a', 'b')").fetch_all(&mut *c).await.unwrap();
        assert!(left.is_empty());
    }
}
