//! Uploads and mounts: whose they are, what they must be, where blobs can be read.

use super::*;
use crate::blobs::digest_of;
use crate::testing::World;
use futures_util::stream;
use model::Algorithm;
use std::convert::Infallible;

fn body(bytes: &'static [u8]) -> impl Stream<Item = std::result::Result<Bytes, Infallible>> + Unpin {
    stream::iter([Ok(Bytes::from_static(bytes))])
}

fn of(bytes: &[u8]) -> Digest {
    digest_of(Algorithm::Sha256, bytes)
}

async fn world() -> (World, ProjectName, RepositoryName) {
    let world = World::new().await;
    let project = world.project("p", false).await;
    (world, project, "r".parse().unwrap())
}

#[tokio::test]
async fn n_071_a_wrong_digest_is_refused_and_nothing_is_readable() {
    let (world, project, repository) = world().await;
    let (ctx, who) = (&world.ctx, &world.admin);
    let wrong = of(b"something else");
    assert!(matches!(put(ctx, who, &project, &repository, &wrong, None, body(b"bytes")).await, Err(Error::DigestMismatch(_))));
    let id = start(ctx, who, &project, &repository).await.unwrap();
    let done = finish(ctx, who, &project, &repository, &id, &wrong, None, None, body(b"bytes")).await;
    assert!(matches!(done, Err(Error::DigestMismatch(_))));
    for digest in [wrong, of(b"bytes")] {
        assert_eq!(blob(ctx, who, &project, &repository, &digest).await.unwrap(), None);
    }
    assert!(matches!(received(ctx, who, &project, &repository, &id).await, Err(Error::NotFound(_))), "the upload has ended");
}

#[tokio::test]
async fn n_073_an_empty_blob_is_one_and_a_short_one_is_not() {
    let (world, project, repository) = world().await;
    let (ctx, who) = (&world.ctx, &world.admin);
    put(ctx, who, &project, &repository, &of(b""), Some(0), body(b"")).await.unwrap();
    assert_eq!(blob(ctx, who, &project, &repository, &of(b"")).await.unwrap(), Some(0));
    let short = put(ctx, who, &project, &repository, &of(b"bytes"), Some(6), body(b"bytes")).await;
    assert!(matches!(short, Err(Error::Invalid(_))));
    let long = put(ctx, who, &project, &repository, &of(b"bytes"), Some(4), body(b"bytes")).await;
    assert!(matches!(long, Err(Error::Invalid(_))));
    assert_eq!(blob(ctx, who, &project, &repository, &of(b"bytes")).await.unwrap(), None);
}

#[tokio::test]
async fn n_080_an_upload_is_its_starters_in_its_repository_only() {
    let (world, project, repository) = world().await;
    let other = world.project("other", false).await;
    let developer = world.member("developer", &project, model::Role::Developer).await;
    let id = start(&world.ctx, &world.admin, &project, &repository).await.unwrap();
    let elsewhere: RepositoryName = "elsewhere".parse().unwrap();
    // Before it has bytes, when it is kept in memory, and after, when it has a row.
    for bytes in [0, 3] {
        for (who, project, repository, id) in [
            (&developer, &project, &repository, id.as_str()),
            (&world.admin, &other, &repository, id.as_str()),
            (&world.admin, &project, &elsewhere, id.as_str()),
            (&world.admin, &project, &repository, "../../etc/passwd"),
            (&world.admin, &project, &repository, "00000000000000000000000000000000"),
        ] {
            let refused = append(&world.ctx, who, project, repository, id, None, None, body(b"x")).await;
            assert!(matches!(refused, Err(Error::NotFound(_))), "{id}");
            assert!(matches!(cancel(&world.ctx, who, project, repository, id).await, Err(Error::NotFound(_))));
        }
        assert_eq!(received(&world.ctx, &world.admin, &project, &repository, &id).await.unwrap(), bytes);
        if bytes == 0 {
            append(&world.ctx, &world.admin, &project, &repository, &id, None, None, body(b"abc")).await.unwrap();
        }
    }
    let empty = start(&world.ctx, &world.admin, &project, &repository).await.unwrap();
    world.pass(UPLOAD_LIFE + 1);
    for id in [&id, &empty] {
        assert!(matches!(received(&world.ctx, &world.admin, &project, &repository, id).await, Err(Error::NotFound(_))));
    }
    assert_eq!(sweep(&world.ctx).await.unwrap(), 1);
}

#[tokio::test]
async fn n_081_a_gap_an_overlap_and_a_replay_are_refused_and_the_bytes_stay() {
    let (world, project, repository) = world().await;
    let (ctx, who) = (&world.ctx, &world.admin);
    let id = start(ctx, who, &project, &repository).await.unwrap();
    assert_eq!(append(ctx, who, &project, &repository, &id, Some(0), Some(5), body(b"hello")).await.unwrap(), 5);
    for start in [0, 4, 6, u64::MAX] {
        let refused = append(ctx, who, &project, &repository, &id, Some(start), Some(1), body(b"x")).await;
        assert!(matches!(refused, Err(Error::Range { received: 5 })), "{start}");
    }
    finish(ctx, who, &project, &repository, &id, &of(b"hello wharf"), Some(5), Some(6), body(b" wharf")).await.unwrap();
    assert_eq!(blob(ctx, who, &project, &repository, &of(b"hello wharf")).await.unwrap(), Some(11));
}

#[tokio::test]
async fn n_082_two_writers_of_one_upload_do_not_mix() {
    let (world, project, repository) = world().await;
    let (ctx, who) = (&world.ctx, &world.admin);
    let id = start(ctx, who, &project, &repository).await.unwrap();
    let (sender, chunks) = tokio::sync::mpsc::channel::<std::result::Result<Bytes, Infallible>>(1);
    let slow = stream::unfold(chunks, |mut chunks| async { chunks.recv().await.map(|chunk| (chunk, chunks)) });
    let first = append(ctx, who, &project, &repository, &id, None, None, Box::pin(slow));
    let second = async {
        sender.send(Ok(Bytes::from_static(b"first"))).await.unwrap();
        // There is room for another chunk only once the first writer took this one: it has its turn.
        drop(sender.reserve().await.unwrap());
        let refused = append(ctx, who, &project, &repository, &id, None, None, body(b"second")).await;
        drop(sender);
        refused
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap(), 5);
    assert!(matches!(second, Err(Error::Unavailable(_))));
    finish(ctx, who, &project, &repository, &id, &of(b"first"), None, None, body(b"")).await.unwrap();
}

#[tokio::test]
async fn an_upload_that_broke_goes_on_where_it_broke() {
    let (world, project, repository) = world().await;
    let (ctx, who) = (&world.ctx, &world.admin);
    let digest = of(b"half and half");
    // In a chunk; in a whole blob of unknown length; in a small one, whose bytes wait in memory for the rest.
    for (last, length) in [(false, None), (true, None), (true, Some(13))] {
        let id = start(ctx, who, &project, &repository).await.unwrap();
        let broken = stream::iter([Ok(Bytes::from_static(b"half")), Err("the line went dead")]);
        let refused = match last {
            false => append(ctx, who, &project, &repository, &id, None, length, broken).await.map(drop),
            true => finish(ctx, who, &project, &repository, &id, &digest, None, length, broken).await,
        };
        assert!(matches!(refused, Err(Error::Invalid(_))));
        assert_eq!(received(ctx, who, &project, &repository, &id).await.unwrap(), 4);
        finish(ctx, who, &project, &repository, &id, &digest, Some(4), None, body(b" and half")).await.unwrap();
    }
}

#[tokio::test]
async fn n_028_n_030_a_blob_is_readable_only_where_it_was_pushed_or_mounted_with_the_right() {
    let (world, project, repository) = world().await;
    let other = world.project("other", false).await;
    let digest = world.blob(&project, &repository, b"secret bytes").await;
    let stranger = world.member("stranger", &other, model::Role::Developer).await;
    assert_eq!(blob(&world.ctx, &stranger, &other, &repository, &digest).await.unwrap(), None);
    let from = Some((project.clone(), repository.clone()));
    assert!(!mount(&world.ctx, &stranger, &other, &repository, &digest, from.clone()).await.unwrap());
    assert!(!mount(&world.ctx, &stranger, &other, &repository, &digest, None).await.unwrap());
    let nowhere = of(b"nowhere at all");
    assert!(!mount(&world.ctx, &stranger, &other, &repository, &nowhere, from.clone()).await.unwrap());
    assert_eq!(blob(&world.ctx, &stranger, &other, &repository, &digest).await.unwrap(), None);
    let missing = Some(("missing".parse().unwrap(), repository.clone()));
    assert!(!mount(&world.ctx, &world.admin, &other, &repository, &digest, missing).await.unwrap(), "an upload follows");
    assert!(mount(&world.ctx, &world.admin, &other, &repository, &digest, from).await.unwrap());
    assert_eq!(blob(&world.ctx, &stranger, &other, &repository, &digest).await.unwrap(), Some(12));
}

#[tokio::test]
async fn n_029_an_old_token_does_not_open_a_later_project_of_the_same_name() {
    let (world, project, repository) = world().await;
    let scopes = crate::identity::parse_scopes(["repository:p/r:pull,push"].into_iter()).unwrap();
    let token = crate::identity::issue(&world.ctx, &world.admin, &scopes).await.unwrap();
    let holder = crate::identity::authenticate_token(&world.ctx, &token.token, Default::default()).unwrap();
    start(&world.ctx, &holder, &project, &repository).await.unwrap();
    crate::projects::delete(&world.ctx, &world.admin, &project).await.unwrap();
    world.project("p", false).await;
    assert!(matches!(start(&world.ctx, &holder, &project, &repository).await, Err(Error::Forbidden { .. })));
}

#[tokio::test]
async fn n_086_uploads_that_are_never_finished_are_bounded_and_end() {
    let (world, project, repository) = world().await;
    let developer = world.member("developer", &project, model::Role::Developer).await;
    let mut last = String::new();
    for _ in 0..PER_OWNER {
        last = start(&world.ctx, &developer, &project, &repository).await.unwrap();
    }
    let refused = start(&world.ctx, &developer, &project, &repository).await;
    assert!(matches!(refused, Err(Error::TooMany { .. })));
    // Nobody else is kept from theirs, and one that is given up makes room.
    start(&world.ctx, &world.admin, &project, &repository).await.unwrap();
    cancel(&world.ctx, &developer, &project, &repository, &last).await.unwrap();
    start(&world.ctx, &developer, &project, &repository).await.unwrap();
    world.pass(UPLOAD_LIFE + 1);
    sweep(&world.ctx).await.unwrap();
    start(&world.ctx, &developer, &project, &repository).await.unwrap();
}

#[tokio::test]
async fn a_mount_without_a_source_looks_only_where_its_caller_may_see() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let repository: RepositoryName = "r".parse().unwrap();
    let mut digest = None;
    // More that she does not see than are looked at.
    for n in 0..20 {
        let hidden = world.project(&format!("hidden-{n}"), false).await;
        digest = Some(world.blob(&hidden, &repository, b"a layer").await);
    }
    let digest = digest.unwrap();
    let own = crate::projects::create(&world.ctx, &ada, "own", false, false).await.unwrap().name;
    assert!(!mount(&world.ctx, &ada, &own, &repository, &digest, None).await.unwrap());
    let hers = crate::projects::create(&world.ctx, &ada, "hers-too", false, false).await.unwrap().name;
    world.blob(&hers, &repository, b"a layer").await;
    assert!(mount(&world.ctx, &ada, &own, &repository, &digest, None).await.unwrap(), "found behind twenty others");
    // A robot account that may pull everywhere, and no more.
    let grant = |scope, actions| model::robot::Grant::new(scope, actions);
    let input = model::robot::NewRobot {
        name: "puller".into(), project: None, description: String::new(), days: 30, disabled: false,
        grants: vec![
            grant(model::robot::Scope::AllProjects, vec![Action::RepositoryPull]),
            grant(model::robot::Scope::Project(own.clone()), vec![Action::RepositoryPull, Action::RepositoryPush]),
        ],
    };
    let made = crate::robots::create(&world.ctx, &world.admin, input, None).await.unwrap();
    let robot = crate::identity::authenticate(&world.ctx, &made.robot.full_name, &made.secret, Default::default()).await.unwrap();
    let only = world.project("only", false).await;
    let elsewhere = world.blob(&only, &repository, b"only there").await;
    assert!(mount(&world.ctx, &robot, &own, &repository, &elsewhere, None).await.unwrap());
}
