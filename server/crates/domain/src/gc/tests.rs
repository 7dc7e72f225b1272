//! What a collection takes, and what it leaves.

use super::work::collect;
use super::{JOB, get, list, schedule, set_schedule, sql, start, stop, why};
use crate::artifacts::{self, Reference};
use crate::manifest;
use crate::error::Error;
use crate::testing::World;
use crate::{jobs, uploads};
use futures_util::StreamExt;
use model::collection::Collection;
use model::run::{RunStatus, Trigger};
use model::list::Query;
use model::{CollectionId, Digest, ProjectName, RepositoryName, Stamp};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

const HOUR: i64 = 3_600_000;

async fn places(world: &World) -> (ProjectName, RepositoryName) {
    (world.project("cargo", false).await, "image".parse().unwrap())
}

/// Starts a collection and runs it to its end.
async fn run(world: &World, dry_run: bool) -> Collection {
    let id = start(&world.ctx, &world.admin, dry_run).await.unwrap();
    work(world, id).await
}

async fn work(world: &World, id: CollectionId) -> Collection {
    let (_keep, stopping) = watch::channel(false);
    let claim = jobs::claim(&world.ctx, JOB, 1).await.unwrap().unwrap();
    collect(&world.ctx, &claim, &stopping).await.unwrap();
    get(&world.ctx, &world.admin, id).await.unwrap().0
}

async fn there(world: &World, digest: &Digest) -> bool {
    world.ctx.blobs.read(digest, 0..1).await.is_ok()
}

async fn delete(world: &World, project: &ProjectName, repository: &RepositoryName, digest: &Digest) {
    let reference = Reference::Digest(digest.clone());
    artifacts::delete(&world.ctx, &world.admin, project, repository, &reference).await.unwrap();
}

#[tokio::test]
async fn garbage_goes_after_the_grace_and_what_is_used_stays() {
    let world = World::new().await;
    let (project, repository) = places(&world).await;
    let kept = world.image(&project, &repository, "kept", "kept").await;
    let doomed = world.image(&project, &repository, "doomed", "doomed").await;
    let stray = world.blob(&project, &repository, b"no manifest names it").await;
    world.pass(3 * HOUR);
    delete(&world, &project, &repository, &doomed).await;
    let layer = crate::blobs::digest_of(model::Algorithm::Sha256, b"doomed");
    // The stray is old enough; the layers of the deleted image are not.
    let first = run(&world, false).await;
    assert_eq!((first.status, first.checked, first.blobs, first.bytes, first.young), (RunStatus::Succeeded, 5, 1, 20, 2));
    assert!(!there(&world, &stray).await && there(&world, &layer).await);
    world.pass(3 * HOUR);
    let second = run(&world, false).await;
    assert_eq!((second.blobs, second.young), (2, 0));
    assert!(!there(&world, &layer).await);
    let graph = artifacts::graph(&world.ctx, &world.admin, &project, &repository, &kept).await.unwrap();
    for (digest, _) in &graph[0].blobs {
        assert!(there(&world, digest).await, "{digest}");
    }
    // What is gone can be pushed again.
    world.image(&project, &repository, "again", "doomed").await;
    assert!(there(&world, &layer).await);
    let third = run(&world, false).await;
    assert_eq!((third.blobs, third.checked), (0, 4));
}

#[tokio::test]
async fn a_dry_run_says_what_would_go_and_changes_nothing() {
    let world = World::new().await;
    let (project, repository) = places(&world).await;
    let stray = world.blob(&project, &repository, b"stray").await;
    world.pass(3 * HOUR);
    let dry = run(&world, true).await;
    assert_eq!((dry.blobs, dry.bytes, dry.dry_run), (1, 5, true));
    let size = uploads::blob(&world.ctx, &world.admin, &project, &repository, &stray).await.unwrap();
    assert_eq!((size, there(&world, &stray).await), (Some(5), true));
    let (_, log) = get(&world.ctx, &world.admin, dry.id).await.unwrap();
    assert!(log.contains(&format!("{stray} would be deleted, 5 B")), "{log}");
}

#[tokio::test]
async fn whoever_was_told_that_a_blob_is_there_may_count_on_it() {
    let world = World::new().await;
    let (project, repository) = places(&world).await;
    let size = |digest: &Digest, n: i64, kind: &str| serde_json::json!({ "digest": digest, "size": n, "mediaType": kind });
    for round in 0..20 {
        let (config, layer) = (format!("{{\"round\":{round}}}"), format!("layer {round}"));
        let config_digest = world.blob(&project, &repository, config.as_bytes()).await;
        let layer_digest = world.blob(&project, &repository, layer.as_bytes()).await;
        // Long after the upload a client asks; a collection runs; then the client pushes what counts on the answer.
        world.pass(5 * HOUR);
        for digest in [&config_digest, &layer_digest] {
            let told = uploads::blob(&world.ctx, &world.admin, &project, &repository, digest).await.unwrap();
            assert!(told.is_some());
        }
        world.pass(HOUR);
        assert_eq!(run(&world, false).await.blobs, 0);
        let json = serde_json::json!({
            "schemaVersion": 2, "mediaType": manifest::OCI_MANIFEST,
            "config": size(&config_digest, config.len() as i64, "application/vnd.oci.image.config.v1+json"),
            "layers": [size(&layer_digest, layer.len() as i64, "application/vnd.oci.image.layer.v1.tar")],
        });
        world.manifest(&project, &repository, "latest", &json).await;
    }
}

#[tokio::test]
async fn a_push_of_what_is_being_deleted_waits_and_then_stands() {
    let world = World::new().await;
    let (project, repository) = places(&world).await;
    let digest = world.blob(&project, &repository, b"both at once").await;
    world.pass(3 * HOUR);
    // As a collection leaves it that was killed between its mark and the bytes.
    let before = model::Stamp(world.ctx.now().0 - HOUR);
    let left = world
        .ctx
        .db
        .write(async move |c| {
            sql::drop_links(c, before, &sql::Link::default(), 10).await?;
            let page = sql::blobs_after(c, before, "", 10).await?;
            sql::mark(c, before, &page).await
        })
        .await
        .unwrap();
    assert_eq!(left.len(), 1);
    let id = start(&world.ctx, &world.admin, false).await.unwrap();
    let pushed = AtomicBool::new(false);
    let push = async {
        world.blob(&project, &repository, b"both at once").await;
        pushed.store(true, Ordering::Relaxed);
    };
    let finish = async {
        // The push cannot pass while the row says `deleting`.
        tokio::task::yield_now().await;
        assert!(!pushed.load(Ordering::Relaxed));
        work(&world, id).await
    };
    let ((), collection) = tokio::join!(push, finish);
    assert_eq!(collection.blobs, 1);
    let bytes: Vec<_> = world.ctx.blobs.read(&digest, 0..12).await.unwrap().map(|part| part.unwrap()).collect().await;
    assert_eq!(bytes.concat(), b"both at once");
    assert_eq!(uploads::blob(&world.ctx, &world.admin, &project, &repository, &digest).await.unwrap(), Some(12));
}

#[tokio::test]
async fn a_stopped_collection_ends_and_the_next_one_may_begin() {
    let world = World::new().await;
    let id = start(&world.ctx, &world.admin, false).await.unwrap();
    let refused = start(&world.ctx, &world.admin, false).await.unwrap_err();
    assert!(matches!(&refused, Error::Precondition(text) if text.contains(&format!("collection {id} is still running"))), "{refused}");
    stop(&world.ctx, &world.admin, id).await.unwrap();
    assert_eq!(work(&world, id).await.status, RunStatus::Stopped);
    assert!(matches!(stop(&world.ctx, &world.admin, id).await, Err(Error::Precondition(_))));
    assert_eq!(run(&world, true).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn one_begins_by_itself_once_a_day() {
    let world = World::new().await;
    let first = start_if_due(&world.ctx).await.unwrap().unwrap();
    assert_eq!(start_if_due(&world.ctx).await.unwrap(), None, "one is under way");
    assert_eq!(work(&world, first).await.trigger, Trigger::Schedule);
    assert_eq!(start_if_due(&world.ctx).await.unwrap(), None, "one has just been");
    world.pass(25 * HOUR);
    assert!(start_if_due(&world.ctx).await.unwrap().is_some());
}

#[tokio::test]
async fn only_administrators_see_or_start_one() {
    let world = World::new().await;
    let (project, repository) = places(&world).await;
    let blob = world.blob(&project, &repository, b"blob").await;
    let who = world.user("somebody").await;
    assert!(matches!(start(&world.ctx, &who, true).await, Err(Error::Forbidden { .. })));
    assert!(matches!(list(&world.ctx, &who, &Query::default()).await, Err(Error::Forbidden { .. })));
    assert!(matches!(why(&world.ctx, &who, &blob).await, Err(Error::Forbidden { .. })));
    assert_eq!(list(&world.ctx, &world.admin, &Query::default()).await.unwrap().total, 0);
}

#[tokio::test]
async fn it_says_why_a_blob_is_kept() {
    let world = World::new().await;
    let (project, repository) = places(&world).await;
    let image = world.image(&project, &repository, "1", "text").await;
    let layer = crate::blobs::digest_of(model::Algorithm::Sha256, b"text");
    let kept = why(&world.ctx, &world.admin, &layer).await.unwrap();
    assert_eq!((kept.size, kept.used_by, kept.waits), (4, vec![("cargo/image".to_owned(), image.clone())], vec![]));
    delete(&world, &project, &repository, &image).await;
    let kept = why(&world.ctx, &world.admin, &layer).await.unwrap();
    let until = model::Stamp(world.ctx.now().0 + 2 * HOUR);
    assert_eq!((kept.used_by, kept.waits), (vec![], vec![("cargo/image".to_owned(), until)]));
    let nowhere = crate::blobs::digest_of(model::Algorithm::Sha256, b"nowhere");
    assert!(matches!(why(&world.ctx, &world.admin, &nowhere).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_long_log_keeps_its_end_and_is_cut_between_letters() {
    let world = World::new().await;
    let id = start(&world.ctx, &world.admin, true).await.unwrap();
    for pad in ["", "a"] {
        let line = format!("{pad}{}\nthe end\n", "é".repeat(150_000));
        let written = async move |c: &mut sqlx::AnyConnection| {
            sql::note(c, id, RunStatus::Running, &sql::Tally::default(), &line, None).await
        };
        world.ctx.db.write(written).await.unwrap();
        let (_, log) = get(&world.ctx, &world.admin, id).await.unwrap();
        assert!(log.ends_with("the end\n") && log.len() < 300_000, "{}", log.len());
    }
}

/// Looks whether one is due; answers which was started by that.
async fn start_if_due(ctx: &crate::Ctx) -> crate::Result<Option<CollectionId>> {
    let before = sql::unsettled(&mut *ctx.db.read().await?).await?;
    crate::schedules::start_due(ctx).await?;
    Ok(sql::unsettled(&mut *ctx.db.read().await?).await?.filter(|id| Some(*id) != before))
}

#[tokio::test]
async fn a_schedule_is_the_administrators_else_the_configurations() {
    let world = World::new().await;
    let (ctx, admin) = (&world.ctx, &world.admin);
    // As configured: the first is due at once.
    assert_eq!(schedule(ctx, admin).await.unwrap().next, Some(ctx.now()));
    for wrong in ["every day", "* * * * * *", "0 99 * * * *", "0 0 0 * *", "5 0 0 * * *"] {
        let refused = set_schedule(ctx, admin, Some(wrong.into())).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{wrong}: {refused:?}");
    }
    assert_eq!(schedule(ctx, admin).await.unwrap().cron, None);
    let who = world.user("somebody").await;
    assert!(matches!(set_schedule(ctx, &who, Some(String::new())).await, Err(Error::Forbidden { .. })));
    // The world begins at midnight, UTC.
    set_schedule(ctx, admin, Some("0 30 3 * * *".into())).await.unwrap();
    let set = schedule(ctx, admin).await.unwrap();
    assert_eq!((set.next, set.kind()), (Some(Stamp(crate::testing::BEGIN + 3 * HOUR + HOUR / 2)), "Custom"));
    world.pass(3 * HOUR);
    assert_eq!(start_if_due(ctx).await.unwrap(), None);
    // Days that were missed are made up for once.
    world.pass(50 * HOUR);
    let id = start_if_due(ctx).await.unwrap().unwrap();
    assert_eq!(start_if_due(ctx).await.unwrap(), None, "one is running");
    stop(ctx, admin, id).await.unwrap();
    work(&world, id).await;
    assert_eq!(start_if_due(ctx).await.unwrap(), None);
    set_schedule(ctx, admin, Some(String::new())).await.unwrap();
    world.pass(1000 * HOUR);
    assert_eq!((start_if_due(ctx).await.unwrap(), schedule(ctx, admin).await.unwrap().kind()), (None, "None"));
    set_schedule(ctx, admin, None).await.unwrap();
    assert!(start_if_due(ctx).await.unwrap().is_some());
}
