//! What the writer promises, and that both folders of migrations end in the same tables.

use crate::error::{Error, Result};
use crate::testing::World;
use sqlx::{AnyConnection, Connection, Row};
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
async fn what_an_older_version_linked_is_linked_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let url = crate::testing::database(dir.path()).await;
    sqlx::any::install_default_drivers();
    let older = if url.starts_with("sqlite:") { &super::migrate::SQLITE } else { &super::migrate::POSTGRES };
    let mut c = AnyConnection::connect(&if url.starts_with("sqlite:") { format!("{url}?mode=rwc") } else { url.clone() }).await.unwrap();
    older.run_direct(Some(7), &mut c, false).await.unwrap();
    for text in [
        "INSERT INTO projects (name, public, require_signature, owner_id, repository_count, artifact_count, member_count, created_at, updated_at)
         VALUES ('p', 1, 0, 1, 2, 1, 0, 1, 1)",
        "INSERT INTO repositories (project_id, name, full_name, description, artifact_count, pull_count, created_at, updated_at)
         VALUES (1, 'a', 'p/a', '', 1, 0, 1, 1), (1, 'b', 'p/b', '', 0, 0, 1, 1)",
        "INSERT INTO blobs (digest, size, state, version, created_at, touched_at) VALUES ('y', 20, 'live', 3, 4, 5), ('x', 10, 'deleting', 1, 1, 1)",
        "INSERT INTO repository_blobs (repository_id, digest, created_at, touched_at, project_id) VALUES (1, 'y', 6, 7, 1)",
        "INSERT INTO repository_blobs (repository_id, digest, created_at, touched_at, project_id) VALUES (2, 'y', 8, 9, 1), (2, 'x', 1, 1, 1)",
        "INSERT INTO artifact_blobs (artifact_id, repository_id, digest, size) VALUES (1, 1, 'y', 20)",
    ] {
        sqlx::query(text).execute(&mut c).await.unwrap();
    }
    c.close().await.unwrap();

    let db = super::Db::open(&url).await.unwrap();
    let said = async |text: &'static str| {
        let rows = sqlx::query(text).fetch_all(&mut *db.read().await.unwrap()).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>("said")).collect::<Vec<_>>()
    };
    let blobs = "SELECT digest || ' ' || size || ' ' || state || ' ' || version || ' ' || created_at || ' ' || touched_at AS said FROM blobs ORDER BY digest";
    assert_eq!(said(blobs).await, ["x 10 deleting 1 1 1", "y 20 live 3 4 5"]);
    let links = "SELECT digest || ' ' || project_id || ' ' || repository_id || ' ' || created_at || ' ' || touched_at AS said
                 FROM repository_blobs ORDER BY digest, repository_id";
    assert_eq!(said(links).await, ["x 1 2 1 1", "y 1 1 6 7", "y 1 2 8 9"]);
    assert_eq!(said("SELECT artifact_id || ' ' || digest || ' ' || size || ' ' || repository_id AS said FROM artifact_blobs").await, ["1 y 20 1"]);
    let stored = "SELECT stored_bytes || ' ' || logical_bytes AS said FROM projects";
    assert_eq!(said(stored).await, ["30 20"]);
    // What is taken away is still counted.
    for (text, left) in [
        ("DELETE FROM repository_blobs WHERE repository_id = 1", "30 20"),
        ("DELETE FROM repository_blobs WHERE digest = 'y'", "10 20"),
        ("DELETE FROM artifact_blobs WHERE digest = 'y'", "10 0"),
        ("INSERT INTO repository_blobs (digest, project_id, repository_id, created_at) VALUES ('y', 1, 1, 1)", "30 0"),
        ("INSERT INTO artifact_blobs (artifact_id, repository_id, digest, size) VALUES (2, 1, 'y', 5)", "30 5"),
    ] {
        db.write(async move |c| Ok(sqlx::query(text).execute(c).await.map(drop)?)).await.unwrap();
        assert_eq!(said(stored).await, [left], "{text}");
    }
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
async fn who_writes_much_keeps_nobody_waiting_for_all_of_it() {
    const MUCH: usize = 40;
    let world = World::new().await;
    let done = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let slow = || {
        let (db, done) = (world.ctx.db.clone(), done.clone());
        async move {
            let write = db.write_content(async move |_| {
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
                Ok(())
            });
            write.await.unwrap();
            done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    };
    let heavy: Vec<_> = (0..MUCH).map(|_| tokio::spawn(crate::db::asked_by("heavy", slow()))).collect();
    // All of it waits or runs before anybody else asks.
    let finished = || done.load(std::sync::atomic::Ordering::SeqCst);
    while world.ctx.db.load().queued as usize + finished() + 8 < MUCH {
        tokio::task::yield_now().await;
    }
    let before = finished();
    let honest = world.ctx.db.write_content(async |_| Ok(()));
    crate::db::asked_by("honest", honest).await.unwrap();
    let meanwhile = finished() - before;
    for write in heavy {
        write.await.unwrap();
    }
    // Those that ran already, on PostgreSQL eight, and hardly one after them.
    assert!(meanwhile <= MUCH / 2, "it waited for {meanwhile} of {MUCH}");
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
