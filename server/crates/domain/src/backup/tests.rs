//! A backup is what it says, also made twice, also of a damaged store; what is none is refused.

use super::*;
use crate::artifacts::{Reference, pull};
use crate::db::Db;
use crate::keys::Keys;
use crate::testing::World;
use crate::{Settings, gc};
use crate::clock::Clock;
use std::sync::Arc;

/// PostgreSQL has its own tools.
async fn world() -> Option<World> {
    let world = World::on_disk().await;
    if world.ctx.db.generation().is_none() {
        let to = tempfile::tempdir().unwrap();
        let refused = make(&world.ctx, to.path(), None, |_| {}).await;
        assert!(refused.unwrap_err().to_string().contains("pg_dump"));
        return None;
    }
    Some(world)
}

fn file(root: &Path, digest: &Digest) -> std::path::PathBuf {
    root.join("blobs/sha256").join(&digest.hex()[..2]).join(digest.hex())
}

#[tokio::test]
async fn a_second_backup_copies_what_is_new_and_drops_what_is_gone() {
    let Some(world) = world().await else { return };
    let (project, repository) = (world.project("p", false).await, "r".parse().unwrap());
    world.image(&project, &repository, "1", "one").await;
    let to = tempfile::tempdir().unwrap();
    let first = make(&world.ctx, to.path(), None, |_| {}).await.unwrap();
    assert_eq!((first.blobs, first.copied, first.lost.len()), (2, first.bytes, 0));
    world.image(&project, &repository, "2", "two").await;
    let stray = file(to.path(), &crate::blobs::digest_of(model::Algorithm::Sha256, b"stray"));
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(&stray, "stray").unwrap();
    let second = make(&world.ctx, to.path(), None, |_| {}).await.unwrap();
    assert_eq!((second.blobs, second.copied, second.lost.len()), (4, second.bytes - first.bytes, 0));
    assert!(!stray.exists());
    assert!(!to.path().join(KEY).exists());
    let (done, report) = verify(to.path(), Default::default()).await.unwrap();
    assert_eq!(done, second);
    assert_eq!((report.artifacts, report.blobs, report.findings.len()), (2, 4, 0));
}

#[tokio::test]
async fn what_is_lost_is_named_and_the_rest_is_kept() {
    let Some(world) = world().await else { return };
    let (project, repository) = (world.project("p", false).await, "r".parse().unwrap());
    world.image(&project, &repository, "1", "one").await;
    let changed = world.blob(&project, &repository, b"will change").await;
    let lost = world.blob(&project, &repository, b"will be lost").await;
    fs::write(file(world.dir(), &changed), "has changed").unwrap();
    fs::remove_file(file(world.dir(), &lost)).unwrap();
    let to = tempfile::tempdir().unwrap();
    let done = make(&world.ctx, to.path(), None, |_| {}).await.unwrap();
    let mut named: Vec<&str> = done.lost.iter().filter_map(|line| line.split(' ').next()).collect();
    named.sort_unstable();
    let mut expected = [changed.as_str(), lost.as_str()];
    expected.sort_unstable();
    assert_eq!(named, expected);
    assert!(!file(to.path(), &changed).exists());
    assert_eq!(verify(to.path(), Default::default()).await.unwrap().1.findings.len(), 2);
}

#[tokio::test]
async fn a_restored_directory_serves_what_the_backup_held() {
    let Some(world) = world().await else { return };
    let (project, repository) = (world.project("p", false).await, "r".parse().unwrap());
    let image = world.image(&project, &repository, "1", "one").await;
    let (to, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::datadir::check_key(&world.ctx.db, &Keys::from_bytes([7; 32])).await.unwrap();
    let key = place.path().join("old-key");
    write_private(&key, hex::encode([7; 32]).as_bytes()).unwrap();
    make(&world.ctx, to.path(), None, |_| {}).await.unwrap();
    let data = place.path().join("data");
    let refused = restore(to.path(), &data, None, None, |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("holds no key"), "{refused}");
    // The server does not begin anew in what is half restored.
    assert!(crate::datadir::DataDir::open(&data).err().unwrap().to_string().contains("run it again"));
    let wrong = place.path().join("wrong-key");
    write_private(&wrong, hex::encode([8; 32]).as_bytes()).unwrap();
    let refused = restore(to.path(), &data, Some(&wrong), None, |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("not the one"), "{refused}");
    restore(to.path(), &data, Some(&key), None, |_| {}).await.unwrap();
    let again = restore(to.path(), &data, Some(&key), None, |_| {}).await.unwrap_err().to_string();
    assert!(again.contains("holds a database already"), "{again}");
    let opened = crate::datadir::DataDir::open(&data).unwrap();
    let db = Db::open(&opened.sqlite_url().unwrap()).await.unwrap();
    let blobs = Arc::new(Disk::open(&data).unwrap());
    let ctx = Ctx::new(db, blobs, Clock::System, Keys::from_bytes([7; 32]), Settings::default());
    let found = pull(&ctx, &world.admin, &project, &repository, &Reference::Tag("1".parse().unwrap()), false).await.unwrap();
    assert_eq!(found.digest, image);
    assert!(crate::fsck::check(&ctx, crate::fsck::Options { deep: true, repair: false }).await.unwrap().findings.is_empty());
}

#[tokio::test]
async fn a_folder_that_is_none_of_backups_is_left_as_it_is() {
    let Some(world) = world().await else { return };
    let to = tempfile::tempdir().unwrap();
    fs::write(to.path().join("photo.jpg"), "x").unwrap();
    assert!(make(&world.ctx, to.path(), None, |_| {}).await.is_err());
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 1);
    // The data directory itself is none either.
    assert!(make(&world.ctx, world.dir(), None, |_| {}).await.is_err());
    let unfinished = tempfile::tempdir().unwrap();
    make(&world.ctx, unfinished.path(), None, |_| {}).await.unwrap();
    fs::remove_file(unfinished.path().join(DONE)).unwrap();
    assert!(verify(unfinished.path(), Default::default()).await.unwrap_err().to_string().contains("no finished backup"));
}

#[tokio::test]
async fn no_collection_deletes_while_a_backup_copies() {
    let Some(world) = world().await else { return };
    let (project, repository) = (world.project("p", false).await, "r".parse().unwrap());
    let garbage = world.blob(&project, &repository, b"garbage").await;
    world.pass(world.ctx.settings.gc_grace + 1);
    let held = world.ctx.local.collecting.write().await;
    let id = gc::start(&world.ctx, &world.admin, false).await.unwrap();
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let run = tokio::spawn(gc::run(world.ctx.clone(), stopping));
    let status = async || gc::get(&world.ctx, &world.admin, id).await.unwrap().0.status;
    while status().await == model::run::RunStatus::Queued {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    // It has had time to get to its blobs, and may not.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(file(world.dir(), &garbage).exists());
    drop(held);
    while !status().await.settled() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(!file(world.dir(), &garbage).exists());
    stop.send(true).unwrap();
    run.await.unwrap();
}

#[tokio::test]
async fn an_earlier_backup_stays_whole_until_the_next_one_is() {
    let Some(world) = world().await else { return };
    let (project, repository) = (world.project("p", false).await, "r".parse().unwrap());
    world.image(&project, &repository, "1", "one").await;
    let to = tempfile::tempdir().unwrap();
    let first = make(&world.ctx, to.path(), None, |_| {}).await.unwrap();
    world.image(&project, &repository, "2", "two").await;
    // It breaks off at its first blob.
    let folder = to.path().join("uploads");
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "in the way").unwrap();
    assert!(make(&world.ctx, to.path(), None, |_| {}).await.is_err());
    fs::remove_file(&folder).unwrap();
    let (done, report) = verify(to.path(), Default::default()).await.unwrap();
    assert_eq!((done, report.artifacts), (first, 1));
    // Two at once are one too many.
    let held = lock(to.path()).unwrap();
    assert!(make(&world.ctx, to.path(), None, |_| {}).await.unwrap_err().to_string().contains("another backup"));
    drop(held);
    make(&world.ctx, to.path(), None, |_| {}).await.unwrap();
    let (_, report) = verify(to.path(), Default::default()).await.unwrap();
    assert_eq!((report.artifacts, report.findings.len()), (2, 0));
}

#[tokio::test]
async fn s_13_a_folder_holds_the_backups_of_one_server() {
    let (Some(one), Some(other)) = (world().await, world().await) else { return };
    for world in [&one, &other] {
        let (project, repository) = (world.project("p", false).await, "r".parse().unwrap());
        world.image(&project, &repository, "1", &world.ctx.random.id()).await;
        crate::instance::check(&world.ctx.db, &*world.ctx.blobs).await.unwrap();
    }
    let to = tempfile::tempdir().unwrap();
    let first = make(&one.ctx, to.path(), None, |_| {}).await.unwrap();
    for early in [false, true] {
        // One of before the blobs said whose they are.
        if early {
            fs::remove_file(to.path().join("blobs/instance")).unwrap();
        }
        let error = make(&other.ctx, to.path(), None, |_| {}).await.unwrap_err().to_string();
        assert!(error.contains("holds backups of another server"), "{error}");
        let (done, report) = verify(to.path(), Default::default()).await.unwrap();
        assert_eq!((done, report.blobs, report.findings.len()), (first.clone(), 2, 0), "the first stands");
    }
    assert_eq!(make(&one.ctx, to.path(), None, |_| {}).await.unwrap().copied, 0, "its own goes on");
}
