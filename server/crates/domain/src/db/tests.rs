//! What the writer promises, and that both folders of migrations end in the same tables.

use crate::error::{Error, Result};
use crate::testing::World;
use sqlx::Row;
use std::collections::BTreeMap;

async fn put(world: &World, key: String) -> Result<()> {
    world
        .ctx
        .db
        .write(async move |c| {
            sqlx::query("INSERT INTO meta (key, value) VALUES ($1, '')").bind(key.as_str()).execute(c).await?;
            if key.starts_with("refused") {
                return Err(Error::Precondition("no".into()));
            }
            if key.starts_with("panic") {
                panic!("in a write");
            }
            Ok(())
        })
        .await
}

#[tokio::test]
async fn closures_that_share_a_commit_fail_alone() {
    let world = World::new().await;
    let keys: Vec<String> =
        (0..40).map(|n| if n % 10 == 3 { format!("refused{n}") } else if n % 10 == 7 { format!("panic{n}") } else { format!("kept{n:02}") }).collect();
    let done = futures_util::future::join_all(keys.iter().map(|key| put(&world, key.clone()))).await;
    for (key, done) in keys.iter().zip(&done) {
        assert_eq!(done.is_ok(), key.starts_with("kept"), "{key}: {done:?}");
    }
    let mut c = world.ctx.db.read().await.unwrap();
    let rows = sqlx::query("SELECT key FROM meta WHERE key <> 'key_check' ORDER BY key").fetch_all(&mut *c).await.unwrap();
    let found: Vec<String> = rows.iter().map(|row| row.get("key")).collect();
    let mut kept: Vec<String> = keys.into_iter().filter(|key| key.starts_with("kept")).collect();
    kept.sort();
    assert_eq!(found, kept);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_cut_its_write() {
    let world = World::new().await;
    // Dropped as soon as it is queued.
    let _ = tokio::time::timeout(std::time::Duration::ZERO, put(&world, "kept".into())).await;
    put(&world, "after".into()).await.unwrap();
    let mut c = world.ctx.db.read().await.unwrap();
    let row = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM meta WHERE key = 'kept'").fetch_one(&mut *c).await.unwrap();
    assert!(row.get::<i64, _>("n") <= 1);
}

#[tokio::test]
async fn a_write_of_content_leaves_permissions_alone_and_what_is_known_of_them_ends_with_any_other() {
    let world = World::new().await;
    let (db, disable) = (&world.ctx.db, "UPDATE users SET disabled = 1");
    let begin = db.permissions();
    let refused = db.write_content(async move |c| Ok(sqlx::query(disable).execute(c).await.map(drop)?)).await;
    assert!(refused.unwrap_err().to_string().contains("what permissions are made of"));
    db.write_content(async |c| Ok(sqlx::query("INSERT INTO meta (key, value) VALUES ('a', '')").execute(c).await.map(drop)?)).await.unwrap();
    assert_eq!(db.permissions(), begin);
    // While one may change them nothing is known.
    let (other, seen) = (db.clone(), std::sync::Arc::new(std::sync::Mutex::new(None)));
    let saw = seen.clone();
    db.write(async move |_| { *saw.lock().unwrap() = Some(other.permissions()); Ok(()) }).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), Some(None));
    put(&world, "b".into()).await.unwrap();
    if begin.is_some() {
        assert!(db.permissions() > begin);
    }
    let mut c = db.read().await.unwrap();
    let row = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM users WHERE disabled = 1").fetch_one(&mut *c).await.unwrap();
    assert_eq!(row.get::<i64, _>("n"), 0);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let world = World::new().await;
    let mut c = world.ctx.db.read().await.unwrap();
    assert!(sqlx::query("DELETE FROM users").execute(&mut *c).await.is_err());
    assert!(crate::users::any(&world.ctx).await.unwrap());
}

/// Tables with their columns, as a migration's text has them; types that only one engine knows are brought together.
fn tables(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::new();
    let mut current: Option<(String, Vec<String>)> = None;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("--")) {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            current = Some((rest.trim_end_matches(" (").to_owned(), Vec::new()));
        } else if line.starts_with(");") {
            if let Some((name, columns)) = current.take() {
                tables.insert(name, columns);
            }
        } else if let Some((_, columns)) = &mut current {
            let line = line.split(" -- ").next().unwrap_or_default().trim_end_matches([',', ' ']);
            let plain = line
                .replace(" COLLATE \"C\"", "")
                .replace("BYTEA", "BLOB")
                .replace("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT");
            columns.push(plain);
        }
    }
    tables
}

#[test]
fn both_engines_get_the_same_tables() {
    let sqlite = tables(include_str!("../../migrations/sqlite/0001_create_schema.sql"));
    let postgres = tables(include_str!("../../migrations/postgres/0001_create_schema.sql"));
    assert!(sqlite.len() > 15);
    assert_eq!(sqlite, postgres);
}
