//! Deletions are undone as a whole, kept for as long as they can be, and counted meanwhile.

use super::*;
use crate::artifacts::{self, Reference, delete, pull};
use crate::manifest::{self, OCI_INDEX, OCI_MANIFEST};
use crate::gc;
use crate::testing::World;
use model::collection::Collection;
use model::run::RunStatus;
use model::repository::Storage;
use model::{Digest, RepositoryName, Role};
use serde_json::json;
use tokio::sync::watch;

const WINDOW: i64 = 7 * 86_400_000;
const SBOM: &str = "application/spdx+json";

async fn world() -> (World, ProjectName, RepositoryName) {
    let world = World::with(|settings| settings.recycle = WINDOW).await;
    let project = world.project("p", false).await;
    (world, project, "r".parse().unwrap())
}

async fn all(world: &World, project: &ProjectName) -> Vec<Deletion> {
    list(&world.ctx, &world.admin, project, &Query::default()).await.unwrap().items
}

async fn shown(world: &World, project: &ProjectName, repository: &RepositoryName, digest: &Digest) -> model::artifact::ArtifactPage {
    artifacts::page(&world.ctx, &world.admin, project, repository, &Reference::Digest(digest.clone()), Default::default()).await.unwrap()
}

async fn collect(world: &World) -> Collection {
    let id = gc::start(&world.ctx, &world.admin, false).await.unwrap();
    let (stop, stopping) = watch::channel(false);
    let run = tokio::spawn(gc::run(world.ctx.clone(), stopping));
    let ended = loop {
        let (found, _) = gc::get(&world.ctx, &world.admin, id).await.unwrap();
        if found.status.settled() {
            break found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    stop.send(true).unwrap();
    run.await.unwrap();
    assert_eq!(ended.status, RunStatus::Succeeded);
    ended
}

async fn storage(world: &World, project: &ProjectName, repository: &RepositoryName) -> (Storage, Storage) {
    let frame = crate::projects::frame(&world.ctx, &world.admin, project).await.unwrap();
    let repository = crate::repositories::get(&world.ctx, &world.admin, project, repository).await.unwrap();
    (frame.project.storage, repository.storage)
}

#[tokio::test]
async fn an_undo_brings_the_whole_tree_back_as_it_was() {
    let (world, project, repository) = world().await;
    let child = world.image(&project, &repository, "child", "a").await;
    artifacts::delete_tag(&world.ctx, &world.admin, &project, &repository, &"child".parse().unwrap(), None).await.unwrap();
    let size = pull(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(child.clone()), false).await.unwrap().content.len();
    let index = world
        .manifest(&project, &repository, "1", &json!({
            "schemaVersion": 2, "mediaType": OCI_INDEX,
            "manifests": [{ "mediaType": OCI_MANIFEST, "digest": child, "size": size, "platform": { "os": "linux", "architecture": "arm64" } }],
        }))
        .await;
    let sbom = world.attach(&project, &repository, &index, SBOM, b"{}").await;
    let of_sbom = world.attach(&project, &repository, &sbom, SBOM, b"[]").await;
    artifacts::add_tag(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(index.clone()), "latest", false).await.unwrap();
    let before = shown(&world, &project, &repository, &index).await;
    let counted = storage(&world, &project, &repository).await;

    world.pass(1000);
    let plan = delete(&world.ctx, &world.admin, &project, &repository, &Reference::Tag("1".parse().unwrap())).await.unwrap();
    assert_eq!(plan.kept_for, WINDOW);
    for digest in [&index, &child, &sbom, &of_sbom] {
        let gone = pull(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(digest.clone()), false).await;
        assert!(matches!(gone, Err(Error::NotFound(_))));
    }
    let kept: Vec<Deletion> = all(&world, &project).await.into_iter().filter(|deletion| deletion.what == What::Artifact).collect();
    assert_eq!((kept.len(), kept[0].artifacts, kept[0].tags.clone()), (1, 4, vec!["1".to_owned(), "latest".into()]));
    // No collection takes it while it can be undone.
    world.pass(WINDOW - 2000);
    assert_eq!(collect(&world).await.blobs, 0);

    let back = restore(&world.ctx, &world.admin, &project, kept[0].id).await.unwrap();
    assert_eq!((back.digest, back.artifacts, back.taken.len()), (Some(index.clone()), 4, 0));
    let after = shown(&world, &project, &repository, &index).await;
    assert_eq!((after.artifact.pushed_at, after.artifact.kind), (before.artifact.pushed_at, before.artifact.kind));
    assert_eq!(after.tree.iter().map(|node| node.digest.clone()).collect::<Vec<_>>(), before.tree.iter().map(|n| n.digest.clone()).collect::<Vec<_>>());
    let tags = |page: &model::artifact::ArtifactPage| page.artifact.tags.iter().map(|tag| tag.name.to_string()).collect::<Vec<_>>();
    assert_eq!(tags(&after), tags(&before));
    assert_eq!(after.children.len(), 1);
    assert_eq!(storage(&world, &project, &repository).await, counted);
    assert!(all(&world, &project).await.iter().all(|deletion| deletion.what != What::Artifact));
    let again = restore(&world.ctx, &world.admin, &project, kept[0].id).await;
    assert!(matches!(again, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_tag_that_moved_on_meanwhile_stays_where_it_is() {
    let (world, project, repository) = world().await;
    let first = world.image(&project, &repository, "1", "a").await;
    delete(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(first.clone())).await.unwrap();
    let second = world.image(&project, &repository, "1", "b").await;
    let id = all(&world, &project).await[0].id;
    let back = restore(&world.ctx, &world.admin, &project, id).await.unwrap();
    assert_eq!(back.taken, ["1".parse().unwrap()]);
    let named = pull(&world.ctx, &world.admin, &project, &repository, &Reference::Tag("1".parse().unwrap()), false).await.unwrap();
    assert_eq!(named.digest, second);
    assert!(shown(&world, &project, &repository, &first).await.artifact.tags.is_empty());
}

#[tokio::test]
async fn a_superseded_signature_comes_back_as_one() {
    let (world, project, repository) = world().await;
    let image = world.image(&project, &repository, "1", "a").await;
    let sig = format!("{}.sig", image.tag_stem());
    let sign = async |note: &str| {
        let critical = json!({ "image": { "docker-manifest-digest": image }, "type": "cosign container image signature" });
        let bytes = json!({ "critical": critical, "optional": { "note": note } }).to_string().into_bytes();
        let config = world.blob(&project, &repository, b"{}").await;
        let layer = world.blob(&project, &repository, &bytes).await;
        world.manifest(&project, &repository, &sig, &json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2 },
            "layers": [{ "mediaType": manifest::media::SIMPLE_SIGNING, "digest": layer, "size": bytes.len() }],
        })).await
    };
    let (first, second) = (sign("one").await, sign("two").await);
    delete(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(image.clone())).await.unwrap();
    let id = all(&world, &project).await[0].id;
    restore(&world.ctx, &world.admin, &project, id).await.unwrap();
    let found = shown(&world, &project, &repository, &image).await;
    assert!(found.artifact.signed);
    assert_eq!(found.tree.iter().map(|node| &node.digest).collect::<Vec<_>>(), [&second]);
    // The old one is there as before: by digest, and with its image.
    pull(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(first), false).await.unwrap();
    let rows = artifacts::list(&world.ctx, &world.admin, &project, &repository, &Query::default(), &Default::default()).await.unwrap();
    assert_eq!((rows.items.len(), rows.total), (1, 1));
}

#[tokio::test]
async fn when_the_window_is_over_the_next_collection_frees_the_space() {
    let (world, project, repository) = world().await;
    let image = world.image(&project, &repository, "1", "a").await;
    delete(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(image)).await.unwrap();
    let id = all(&world, &project).await[0].id;
    world.pass(WINDOW);
    assert!(all(&world, &project).await.is_empty());
    let late = restore(&world.ctx, &world.admin, &project, id).await;
    assert!(matches!(late, Err(Error::NotFound(_))));
    assert_eq!(collect(&world).await.blobs, 2);
    assert_eq!(storage(&world, &project, &repository).await, (Storage::default(), Storage::default()));
}

#[tokio::test]
async fn what_is_deleted_for_good_is_not_kept() {
    let (world, project, repository) = world().await;
    let image = world.image(&project, &repository, "1", "a").await;
    delete(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(image)).await.unwrap();
    let id = all(&world, &project).await[0].id;
    let developer = world.member("developer", &project, Role::Developer).await;
    for refused in [purge(&world.ctx, &developer, &project, id).await, restore(&world.ctx, &developer, &project, id).await.map(drop)] {
        assert!(matches!(refused, Err(Error::Forbidden { .. })));
    }
    let stranger = world.user("stranger").await;
    assert!(matches!(list(&world.ctx, &stranger, &project, &Query::default()).await, Err(Error::NotVisible(_))));
    assert_eq!(all(&world, &project).await.len(), 1);
    purge(&world.ctx, &world.admin, &project, id).await.unwrap();
    world.pass(world.ctx.settings.gc_grace + 1);
    assert_eq!(collect(&world).await.blobs, 2);
}

#[tokio::test]
async fn a_deletion_of_another_project_is_not_found() {
    let (world, project, repository) = world().await;
    let image = world.image(&project, &repository, "1", "a").await;
    delete(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(image)).await.unwrap();
    let other = world.project("other", false).await;
    let id = all(&world, &project).await[0].id;
    assert!(matches!(restore(&world.ctx, &world.admin, &other, id).await, Err(Error::NotFound(_))));
    assert!(matches!(purge(&world.ctx, &world.admin, &other, id).await, Err(Error::NotFound(_))));
    assert_eq!(all(&world, &project).await.len(), 1);
}

#[tokio::test]
async fn shared_bytes_count_once_where_they_lie_and_each_time_they_are_used() {
    let (world, project, repository) = world().await;
    let other: RepositoryName = "other".parse().unwrap();
    world.image(&project, &repository, "1", "same").await;
    let (of_project, one) = storage(&world, &project, &repository).await;
    assert_eq!(of_project, one);
    assert_eq!(one.stored, one.logical);
    let manifest = one.stored - 4 - r#"{"architecture":"amd64","os":"linux","x":"same"}"#.len() as i64;
    world.image(&project, &other, "1", "same").await;
    let (of_project, two) = storage(&world, &project, &other).await;
    assert_eq!(two, one);
    assert_eq!(of_project, Storage { stored: one.stored + manifest, logical: 2 * one.logical });
    crate::repositories::delete(&world.ctx, &world.admin, &project, &other).await.unwrap();
    // It waits, and takes what it takes, until nobody can bring it back.
    assert_eq!(storage(&world, &project, &repository).await, (of_project, one));
    let waits = all(&world, &project).await[0].id;
    purge(&world.ctx, &world.admin, &project, waits).await.unwrap();
    assert_eq!(storage(&world, &project, &repository).await, (one, one));
}

#[tokio::test]
async fn c_6_6_a_tag_that_was_removed_or_moved_and_a_repository_come_back_as_well() {
    let world = World::with(|settings| settings.recycle = 7 * 86_400_000).await;
    let (ctx, who) = (&world.ctx, &world.admin);
    let (project, repository): (ProjectName, RepositoryName) = (world.project("p", false).await, "r".parse().unwrap());
    let one = world.image(&project, &repository, "v1", "one").await;
    let two = world.image(&project, &repository, "v2", "two").await;
    let names = async |tag: &str| pull(ctx, who, &project, &repository, &Reference::Tag(tag.parse().unwrap()), false).await.ok().map(|found| found.digest);
    let kept = async || list(ctx, who, &project, &Query::default()).await.unwrap().items;
    let undo = async |what: What| {
        let found = kept().await.into_iter().find(|deletion| deletion.what == what).expect("it is kept");
        restore(ctx, who, &project, found.id).await
    };
    // Removed.
    artifacts::delete_tag(ctx, who, &project, &repository, &"v1".parse().unwrap(), None).await.unwrap();
    assert_eq!(names("v1").await, None);
    undo(What::Tag).await.unwrap();
    assert_eq!(names("v1").await, Some(one.clone()));
    // Removed, and given to another meanwhile: it is not taken from that.
    artifacts::delete_tag(ctx, who, &project, &repository, &"v1".parse().unwrap(), None).await.unwrap();
    artifacts::add_tag(ctx, who, &project, &repository, &Reference::Digest(two.clone()), "v1", true).await.unwrap();
    assert!(matches!(undo(What::Tag).await, Err(Error::Conflict { .. })));
    assert_eq!(names("v1").await, Some(two.clone()));
    // Moved, by a push and by hand.
    world.image(&project, &repository, "v2", "three").await;
    undo(What::Moved).await.unwrap();
    assert_eq!(names("v2").await, Some(two.clone()));
    artifacts::add_tag(ctx, who, &project, &repository, &Reference::Digest(one.clone()), "v2", true).await.unwrap();
    undo(What::Moved).await.unwrap();
    assert_eq!(names("v2").await, Some(two.clone()));
    // A tag that moves all the time is kept some times.
    for n in 0..30 {
        world.image(&project, &repository, "latest", &format!("build {n}")).await;
    }
    let moves = kept().await.iter().filter(|deletion| deletion.tags == ["latest"]).count();
    assert_eq!(moves, 20);

    // The repository, with all of it.
    let state = async || {
        let rows = artifacts::list(ctx, who, &project, &repository, &Query::all(100), &Default::default()).await.unwrap().items;
        (rows, crate::projects::frame(ctx, who, &project).await.unwrap().project)
    };
    let before = state().await;
    crate::repositories::delete(ctx, who, &project, &repository).await.unwrap();
    let gone = crate::projects::frame(ctx, who, &project).await.unwrap().project;
    assert_eq!((gone.repository_count, gone.artifact_count), (0, 0));
    assert!(matches!(crate::repositories::get(ctx, who, &project, &repository).await, Err(Error::NotFound(_))));
    assert_eq!(names("v1").await, None);
    assert_eq!(kept().await.len(), 1, "what was kept in it goes along");
    let waits = waiting(ctx, who, &project).await.unwrap();
    assert!(waits.deletions >= 1 && waits.bytes > 0, "{waits:?}");
    assert!(waits.said(ctx.now()).ends_with("of what was deleted wait for an undo, at most 7 days more"), "{}", waits.said(ctx.now()));
    assert_eq!(waiting(ctx, &world.member("guest", &project, Role::Guest).await, &project).await.unwrap(), Default::default());
    assert!(all_waiting(ctx, &world.user("nobody").await).await.is_err());
    assert_eq!(crate::repositories::catalog(ctx, who, "", 10).await.unwrap(), Vec::<String>::new());
    world.pass(ctx.settings.gc_grace * 2);
    world.collect().await;
    undo(What::Repository).await.unwrap();
    let after = state().await;
    assert_eq!(after.0, before.0);
    assert_eq!((after.1.artifact_count, after.1.repository_count, after.1.storage), (before.1.artifact_count, before.1.repository_count, before.1.storage));
    assert!(crate::fsck::check(ctx, Default::default()).await.unwrap().findings.is_empty());
    // Another of that name in the way; then it is over, and the space is free.
    crate::repositories::delete(ctx, who, &project, &repository).await.unwrap();
    world.image(&project, &repository, "v9", "another").await;
    assert!(matches!(undo(What::Repository).await, Err(Error::Conflict { .. })));
    assert_eq!(kept().await.len(), 1);
    world.pass(8 * 86_400_000);
    world.collect().await;
    assert!(kept().await.is_empty());
    let left = crate::projects::frame(ctx, who, &project).await.unwrap().project;
    assert_eq!((left.repository_count, left.artifact_count), (1, 1));
    let held = crate::repositories::get(ctx, who, &project, &repository).await.unwrap().storage;
    assert_eq!(left.storage, held, "nothing else is counted");
    assert!(crate::fsck::check(ctx, Default::default()).await.unwrap().findings.is_empty());
}

#[tokio::test]
async fn s_01_who_undoes_much_waits_behind_himself() {
    use futures_util::future::{Either, select};
    let (world, project, repository) = world().await;
    let image = world.image(&project, &repository, "1", "a").await;
    delete(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(image)).await.unwrap();
    let id = all(&world, &project).await.into_iter().find(|deletion| deletion.what == What::Artifact).unwrap().id;
    let undo = || restore(&world.ctx, &world.admin, &project, id);
    let own = crate::db::asked_by("user:1", world.ctx.local.undoing.0.take()).await.unwrap();
    // Asked first, it would be first.
    let mine = Box::pin(crate::db::asked_by("user:1", undo()));
    let theirs = Box::pin(crate::db::asked_by("user:2", undo()));
    let Either::Right((undone, mine)) = select(mine, theirs).await else { panic!("it did not wait behind its own") };
    undone.unwrap();
    drop(own);
    assert!(matches!(mine.await, Err(Error::NotFound(_))), "it was undone");
}

/// What it costs is printed: `WHARF_TORTURE_CHILDREN` says how many.
#[tokio::test]
async fn a_large_index_goes_and_comes_back_in_parts() {
    let (world, project, repository) = world().await;
    let n = std::env::var("WHARF_TORTURE_CHILDREN").ok().and_then(|text| text.parse().ok()).unwrap_or(3 * SLICE + 5);
    let config = world.blob(&project, &repository, b"{}").await;
    let mut children = Vec::new();
    for child in 0..n {
        let text = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [], "annotations": { "n": child.to_string() },
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2 } }).to_string();
        let digest = crate::blobs::digest_of(model::Algorithm::Sha256, text.as_bytes());
        children.push(json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": text.len(), "platform": { "os": "linux", "architecture": child.to_string() } }));
        artifacts::push(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(digest), Vec::new(), Some(OCI_MANIFEST), text.into_bytes()).await.unwrap();
    }
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children }).to_string();
    let tag = Reference::Tag("all".parse().unwrap());
    let root = artifacts::push(&world.ctx, &world.admin, &project, &repository, &tag, Vec::new(), Some(OCI_INDEX), index.into_bytes()).await.unwrap().digest;
    let before = (shown(&world, &project, &repository, &root).await, storage(&world, &project, &repository).await);
    for _ in 0..2 {
        let began = std::time::Instant::now();
        let plan = delete(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(root.clone())).await.unwrap();
        let gone = began.elapsed();
        assert_eq!(plan.children.len(), n);
        let deletion = all(&world, &project).await.into_iter().find(|deletion| deletion.what == What::Artifact).unwrap();
        assert_eq!(deletion.artifacts as usize, n + 1);
        // Broken off in between, and asked for again.
        let prepared = Arc::new(prepare(&world.ctx, &world.admin, &project, deletion.id).await.unwrap());
        children_first(&world.ctx, &world.admin, &project, &prepared).await.unwrap();
        assert!(pull(&world.ctx, &world.admin, &project, &repository, &tag, false).await.is_err());
        let began = std::time::Instant::now();
        let back = restore(&world.ctx, &world.admin, &project, deletion.id).await.unwrap();
        println!("{n} children: gone in {gone:?}, back in {:?}", began.elapsed());
        assert_eq!((back.artifacts as usize, back.taken.len()), (n + 1, 0));
        let mut after = (shown(&world, &project, &repository, &root).await, storage(&world, &project, &repository).await);
        assert_eq!(after.1, before.1);
        // Rows are new ones.
        (after.0.artifact.id, after.0.artifact.tags) = (before.0.artifact.id, before.0.artifact.tags.clone());
        // Said again by a job.
        after.0.artifact.attributes = before.0.artifact.attributes.clone();
        for (child, was) in after.0.children.iter_mut().zip(&before.0.children) {
            child.number = was.number;
        }
        assert!(after.0 == before.0, "it is not as it was");
        assert_eq!(artifacts::list(&world.ctx, &world.admin, &project, &repository, &Query::default(), &Default::default()).await.unwrap().total, 1);
    }
}
