//! A project takes what fits, counts what lives, and never more than it may; what is attached fits in any case.

use super::*;
use crate::artifacts::{self, Reference};
use crate::blobs::digest_of;
use crate::testing::World;
use crate::{configuration, repositories, uploads};
use bytes::Bytes;
use futures_util::stream;
use model::quota::{HEADROOM, Quota};
use model::{Algorithm, Digest, ProjectName, RepositoryName, Role};
use serde_json::json;
use std::convert::Infallible;

const SIGNATURE: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";

async fn quota(world: &World, project: &ProjectName) -> Quota {
    projects::frame(&world.ctx, &world.admin, project).await.unwrap().project.quota
}

async fn limit(world: &World, project: &ProjectName, limit: Option<i64>) {
    let id = projects::frame(&world.ctx, &world.admin, project).await.unwrap().project.id;
    set(&world.ctx, &world.admin, id, limit).await.unwrap();
}

/// An image whose blobs are there, pushed or refused.
async fn image(world: &World, project: &ProjectName, repository: &RepositoryName, tag: &str, text: &str) -> Result<Digest> {
    let (config, layer) = (world.blob(project, repository, format!("{{\"x\":\"{text}\"}}").as_bytes()).await, world.blob(project, repository, text.as_bytes()).await);
    let json = json!({
        "schemaVersion": 2, "mediaType": crate::manifest::OCI_MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": text.len() + 8 },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": text.len() }],
    });
    let bytes = serde_json::to_vec(&json).unwrap();
    let reference = Reference::Tag(tag.parse().unwrap());
    artifacts::push(&world.ctx, &world.admin, project, repository, &reference, Vec::new(), None, bytes).await.map(|pushed| pushed.digest)
}

fn said<T>(refused: Result<T>) -> String {
    match refused {
        Err(Error::Policy(message)) => message,
        other => panic!("not refused by the quota: {:?}", other.err()),
    }
}

async fn delete(world: &World, project: &ProjectName, repository: &RepositoryName, digest: &Digest) {
    artifacts::delete(&world.ctx, &world.admin, project, repository, &Reference::Digest(digest.clone())).await.unwrap();
}

#[tokio::test]
async fn what_lives_counts_once_and_what_is_deleted_not() {
    let world = World::with(|settings| settings.recycle = 86_400_000).await;
    let (project, r, s) = (world.project("p", false).await, "r".parse().unwrap(), "s".parse().unwrap());
    // Blobs of a push that never ends count nothing.
    world.blob(&project, &r, &[7; 5000]).await;
    assert_eq!(quota(&world, &project).await.used, 0);
    let one = image(&world, &project, &r, "1", &"a".repeat(1000)).await.unwrap();
    let alone = quota(&world, &project).await.used;
    assert!(alone > 2000, "{alone}");
    // The same in another repository shares its blobs, and has a manifest of its own.
    image(&world, &project, &s, "1", &"a".repeat(1000)).await.unwrap();
    let both = quota(&world, &project).await.used;
    assert_eq!(both - alone, alone - 2008, "its manifest alone");
    delete(&world, &project, &r, &one).await;
    assert_eq!(quota(&world, &project).await.used, alone);
    // A whole repository, away and back, beside one that shares what it holds.
    image(&world, &project, &r, "1", &"a".repeat(1000)).await.unwrap();
    repositories::delete(&world.ctx, &world.admin, &project, &s).await.unwrap();
    assert_eq!(quota(&world, &project).await.used, alone);
    repositories::delete(&world.ctx, &world.admin, &project, &r).await.unwrap();
    assert_eq!(quota(&world, &project).await.used, 0);
    let deleted = deletions::list(&world.ctx, &world.admin, &project, &Query::default()).await.unwrap().items;
    for deletion in deleted.iter().filter(|deletion| deletion.what == model::deletion::What::Repository) {
        deletions::restore(&world.ctx, &world.admin, &project, deletion.id).await.unwrap();
    }
    assert_eq!(quota(&world, &project).await.used, both);
    world.pass(86_400_001);
    world.collect().await;
    assert_eq!(quota(&world, &project).await.used, both);
}

#[tokio::test]
async fn n_088_a_full_project_refuses_pushes_changes_nothing_and_can_still_be_signed() {
    let world = World::new().await;
    let (project, r) = (world.project("p", false).await, "r".parse().unwrap());
    let one = image(&world, &project, &r, "1", "one").await.unwrap();
    let used = quota(&world, &project).await.used;
    limit(&world, &project, Some(used + 10)).await;
    let refusal = said(image(&world, &project, &r, "2", "two").await);
    assert!(refusal.starts_with(&format!("project p is full: {used} of {} B, this needs ", used + 10)), "{refusal}");
    assert_eq!(quota(&world, &project).await.used, used);
    let found = artifacts::pull(&world.ctx, &world.admin, &project, &r, &Reference::Tag("2".parse().unwrap()), false).await;
    assert!(matches!(found, Err(Error::NotFound(_))), "and no tag names it");
    // The same again, and another tag of it, add nothing.
    image(&world, &project, &r, "1", "one").await.unwrap();
    image(&world, &project, &r, "again", "one").await.unwrap();
    let signature = world.attach(&project, &r, &one, SIGNATURE, b"{}").await;
    world.attach(&project, &r, &signature, "application/spdx+json", b"about the signature").await;
    // What says that it is attached is bounded too.
    let left = used + 10 + HEADROOM - quota(&world, &project).await.used;
    let headroom = vec![1; usize::try_from(left).unwrap() - 100];
    let blob = world.blob(&project, &r, &headroom).await;
    let empty = world.blob(&project, &r, b"{}").await;
    let big = json!({
        "schemaVersion": 2, "mediaType": crate::manifest::OCI_MANIFEST, "artifactType": SIGNATURE,
        "config": { "mediaType": crate::manifest::EMPTY, "digest": empty, "size": 2 },
        "layers": [{ "mediaType": "application/octet-stream", "digest": blob, "size": headroom.len() }],
        "subject": { "mediaType": crate::manifest::OCI_MANIFEST, "digest": one, "size": 1 },
    });
    let bytes = serde_json::to_vec(&big).unwrap();
    let named = Reference::Digest(digest_of(Algorithm::Sha256, &bytes));
    said(artifacts::push(&world.ctx, &world.admin, &project, &r, &named, Vec::new(), None, bytes).await);
    // Lowered below what is used, nothing goes and nothing more comes, but for signatures.
    limit(&world, &project, Some(1)).await;
    world.attach(&project, &r, &one, SIGNATURE, b"another signer's").await;
    artifacts::pull(&world.ctx, &world.admin, &project, &r, &Reference::Digest(one.clone()), false).await.unwrap();
    said(image(&world, &project, &r, "3", "three").await);
    // A deletion makes room at once.
    limit(&world, &project, Some(used + 10)).await;
    delete(&world, &project, &r, &one).await;
    image(&world, &project, &r, "2", "two").await.unwrap();
    // A copy from elsewhere is a push.
    let other = world.project("other", false).await;
    let source = image(&world, &other, &r, "1", &"long ".repeat(100)).await.unwrap();
    let copied = artifacts::copy(&world.ctx, &world.admin, (&other, &r), &Reference::Digest(source), (&project, &r)).await;
    assert!(said(copied).contains("is full"));
    limit(&world, &project, None).await;
    image(&world, &project, &r, "4", &"four".repeat(1000)).await.unwrap();
}

#[tokio::test]
async fn an_upload_is_refused_before_its_bytes_where_its_size_is_known_and_as_it_grows_where_not() {
    let world = World::new().await;
    let (project, r): (ProjectName, RepositoryName) = (world.project("p", false).await, "r".parse().unwrap());
    limit(&world, &project, Some(1000)).await;
    let (ctx, who) = (&world.ctx, &world.admin);
    let most = u64::try_from(HEADROOM).unwrap() + 1000;
    let endless = || stream::iter(std::iter::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![0; 1 << 20]))).take(40));
    let some = |n: usize| stream::iter([Ok::<_, Infallible>(Bytes::from(vec![0; n]))]);
    let id = uploads::start(ctx, who, &project, &r).await.unwrap();
    let refusal = said(uploads::append(ctx, who, &project, &r, &id, None, Some(most + 1), some(0)).await);
    assert!(refusal.contains("0 B of 1.0 kB, this needs 17 MB more"), "{refusal}");
    assert_eq!(uploads::received(ctx, who, &project, &r, &id).await.unwrap(), 0);
    said(uploads::append(ctx, who, &project, &r, &id, None, None, endless()).await);
    assert!(matches!(uploads::received(ctx, who, &project, &r, &id).await, Err(Error::NotFound(_))), "it has ended");
    let digest = digest_of(Algorithm::Sha256, b"x");
    said(uploads::put(ctx, who, &project, &r, &digest, Some(most + 1), some(1)).await);
    said(uploads::put(ctx, who, &project, &r, &digest, None, endless()).await);
    // What is under way is reserved, by chunks too, and the reservation ends with it.
    let half = usize::try_from(most / 2 + 1).unwrap();
    let first = uploads::start(ctx, who, &project, &r).await.unwrap();
    uploads::append(ctx, who, &project, &r, &first, None, None, some(half)).await.unwrap();
    let second = uploads::start(ctx, who, &project, &r).await.unwrap();
    said(uploads::append(ctx, who, &project, &r, &second, None, Some(half as u64), some(half)).await);
    uploads::cancel(ctx, who, &project, &r, &first).await.unwrap();
    // Who says much and sends nothing keeps nobody out.
    let silent = uploads::start(ctx, who, &project, &r).await.unwrap();
    let never = stream::pending::<std::result::Result<Bytes, Infallible>>();
    let said_much = uploads::append(ctx, who, &project, &r, &silent, None, Some(most), never);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(200), said_much).await.is_err());
    uploads::append(ctx, who, &project, &r, &second, None, Some(half as u64), some(half)).await.unwrap();
    // One that nobody goes on with keeps nobody out for long, and one that failed not at all.
    let third = uploads::start(ctx, who, &project, &r).await.unwrap();
    said(uploads::append(ctx, who, &project, &r, &third, None, Some(half as u64), some(half)).await);
    world.pass(60_001);
    let broken = uploads::append(ctx, who, &project, &r, &third, None, Some(half as u64), some(10)).await;
    assert!(matches!(broken, Err(Error::Invalid(_))));
    let fourth = uploads::start(ctx, who, &project, &r).await.unwrap();
    uploads::append(ctx, who, &project, &r, &fourth, None, Some(most), some(usize::try_from(most).unwrap())).await.unwrap();
    // What counts already adds nothing, if it is no longer than that.
    limit(&world, &project, None).await;
    image(&world, &project, &r, "small", "small").await.unwrap();
    limit(&world, &project, Some(1000)).await;
    let small = digest_of(Algorithm::Sha256, b"small");
    said(uploads::put(ctx, who, &project, &r, &small, Some(most * 2), some(0)).await);
    said(uploads::put(ctx, who, &project, &r, &small, None, endless()).await);
    let used = quota(&world, &project).await.used;
    // A mount costs what it would add.
    uploads::cancel(ctx, who, &project, &r, &fourth).await.unwrap();
    let other = world.project("other", false).await;
    let big = world.blob(&other, &r, &vec![3; usize::try_from(most + 1).unwrap()]).await;
    let mounted = uploads::mount(ctx, who, &project, &r, &big, Some((other.clone(), r.clone()))).await;
    said(mounted);
    assert_eq!(uploads::blob(ctx, who, &project, &r, &big).await.unwrap(), None);
    assert_eq!(quota(&world, &project).await.used, used);
}

#[tokio::test]
async fn n_088_pushers_who_race_never_pass_the_limit() {
    let world = World::new().await;
    let (project, r) = (world.project("p", false).await, "r".parse().unwrap());
    image(&world, &project, &r, "0", &"x".repeat(1000)).await.unwrap();
    let each = quota(&world, &project).await.used;
    limit(&world, &project, Some(each * 5 + each / 2)).await;
    let texts: Vec<String> = ('a'..'q').map(|c| c.to_string().repeat(1000)).collect();
    let pushes = texts.iter().map(|text| image(&world, &project, &r, &text[..1], text));
    let done = futures_util::future::join_all(pushes).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 4);
    assert!(done.iter().all(|done| matches!(done, Ok(_) | Err(Error::Policy(_)))), "{done:?}");
    let Quota { used, limit } = quota(&world, &project).await;
    assert_eq!((used, Some(used) <= limit), (each * 5, true));
}

#[tokio::test]
async fn administrators_say_how_much_and_new_projects_begin_with_what_is_set_for_all() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let id = projects::frame(&world.ctx, &world.admin, &project).await.unwrap().project.id;
    let owner = world.member("owner", &project, Role::ProjectAdmin).await;
    for who in [&owner, &world.nobody()] {
        assert!(set(&world.ctx, who, id, Some(5)).await.unwrap_err().is_refusal());
        assert!(get(&world.ctx, who, id).await.unwrap_err().is_refusal());
        assert!(list(&world.ctx, who, &Query::default(), &Filter::default()).await.unwrap_err().is_refusal());
    }
    for bad in [0, -2, i64::MIN, i64::MAX, model::quota::MOST + 1] {
        assert!(matches!(set(&world.ctx, &world.admin, id, Some(bad)).await, Err(Error::Invalid(_))), "{bad}");
    }
    assert!(matches!(set(&world.ctx, &world.admin, ProjectId(999), None).await, Err(Error::NotFound(_))));
    assert_eq!(quota(&world, &project).await.limit, None);
    let usual = |n: i64| configuration::set(&world.ctx, &world.admin, &["storage_per_project"], move |new| new.storage_per_project = n, Default::default());
    usual(1000).await.unwrap();
    assert!(matches!(usual(0).await, Err(Error::Invalid(_))));
    let made = world.project("q", false).await;
    assert_eq!((quota(&world, &made).await.limit, quota(&world, &project).await.limit), (Some(1000), None), "those that are there keep theirs");
    let new = |name: &str, limit| projects::New { name: name.into(), limit, ..Default::default() };
    let by_owner = projects::create_as(&world.ctx, &owner, new("x", Some(Some(5)))).await;
    assert!(matches!(by_owner, Err(Error::Forbidden { .. })), "{by_owner:?}");
    // No limit, as Harbor's clients say it with every project, is no wish of who may not say it.
    assert_eq!(projects::create_as(&world.ctx, &owner, new("y", Some(None))).await.unwrap().quota.limit, Some(1000));
    assert_eq!(projects::create_as(&world.ctx, &world.admin, new("z", Some(None))).await.unwrap().quota.limit, None);
    // Switched off, no limit holds.
    let r = "r".parse().unwrap();
    limit(&world, &project, Some(1)).await;
    said(image(&world, &project, &r, "1", "one").await);
    configuration::set(&world.ctx, &world.admin, &["x"], |new| new.quota_per_project_enable = false, Default::default()).await.unwrap();
    image(&world, &project, &r, "1", "one").await.unwrap();
}

#[tokio::test]
async fn what_is_deleted_blocks_no_push_and_the_oldest_of_it_goes_first() {
    let world = World::with(|settings| settings.recycle = 86_400_000).await;
    let (project, r) = (world.project("p", false).await, "r".parse().unwrap());
    image(&world, &project, &r, "0", &"x".repeat(12 << 20)).await.unwrap();
    let each = quota(&world, &project).await.used;
    limit(&world, &project, Some(each + each / 2)).await;
    let kept = async || deletions::list(&world.ctx, &world.admin, &project, &Query::default()).await.unwrap().items;
    for n in 1..6 {
        let tag = (n - 1).to_string();
        let old = Reference::Tag(tag.parse().unwrap());
        artifacts::delete(&world.ctx, &world.admin, &project, &r, &old).await.unwrap();
        image(&world, &project, &r, &n.to_string(), &n.to_string().repeat(12 << 20)).await.unwrap();
        make_room(&world.ctx).await.unwrap();
    }
    let left = kept().await;
    assert_eq!(left.len(), 2, "two and the living one are within twice the limit and the headroom");
    assert!(left.iter().all(|deletion| deletion.tags.iter().any(|tag| tag == "3" || tag == "4")), "the newest stay: {left:?}");
    // An undo is a push.
    let refused = deletions::restore(&world.ctx, &world.admin, &project, left[0].id).await;
    assert!(said(refused).contains("is full"));
    assert_eq!((kept().await.len(), quota(&world, &project).await.used), (2, each));
    // A repository's too.
    let other = world.project("other", false).await;
    image(&world, &other, &r, "0", &"x".repeat(1000)).await.unwrap();
    repositories::delete(&world.ctx, &world.admin, &other, &r).await.unwrap();
    limit(&world, &other, Some(1)).await;
    make_room(&world.ctx).await.unwrap();
    // Lowering removes nothing.
    let whole = deletions::list(&world.ctx, &world.admin, &other, &Query::default()).await.unwrap().items[0].id;
    said(deletions::restore(&world.ctx, &world.admin, &other, whole).await);
    assert_eq!(quota(&world, &other).await.used, 0);
    limit(&world, &other, Some(10_000)).await;
    deletions::restore(&world.ctx, &world.admin, &other, whole).await.unwrap();
    assert!(quota(&world, &other).await.used > 1000);
    let told = crate::audit::Asked { kinds: vec!["deletion.give-way".into()], ..Default::default() };
    assert!(!crate::audit::list(&world.ctx, &world.admin, Some(&project), &told, None, 9).await.unwrap().items.is_empty());
    assert!(crate::audit::list(&world.ctx, &world.admin, Some(&other), &told, None, 9).await.unwrap().items.is_empty());
    // Where no limit holds nothing gives way either.
    configuration::set(&world.ctx, &world.admin, &["x"], |new| new.quota_per_project_enable = false, Default::default()).await.unwrap();
    for n in 10..14 {
        image(&world, &project, &r, &n.to_string(), &n.to_string().repeat(500)).await.unwrap();
        artifacts::delete(&world.ctx, &world.admin, &project, &r, &Reference::Tag(n.to_string().parse().unwrap())).await.unwrap();
    }
    let before = kept().await.len();
    make_room(&world.ctx).await.unwrap();
    assert_eq!(kept().await.len(), before);
}

#[tokio::test]
async fn nothing_counts_later_than_it_is_judged() {
    let world = World::with(|settings| settings.recycle = 86_400_000).await;
    let (project, r): (ProjectName, RepositoryName) = (world.project("p", false).await, "r".parse().unwrap());
    let (ctx, who) = (&world.ctx, &world.admin);
    let (big, config) = (vec![9; 5000], world.blob(&project, &r, b"{}").await);
    let digest = digest_of(Algorithm::Sha256, &big);
    let foreign = json!({
        "schemaVersion": 2, "mediaType": crate::manifest::OCI_MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2 },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar", "digest": digest, "size": big.len(), "urls": ["https://x.example/l"] }],
    });
    let named = world.manifest(&project, &r, "", &foreign).await;
    let small = quota(&world, &project).await.used;
    limit(&world, &project, Some(small + 100)).await;
    // A layer that an artifact names already, which may be elsewhere.
    let body = || stream::iter([Ok::<_, Infallible>(Bytes::from(vec![9; 5000]))]);
    said(uploads::put(ctx, who, &project, &r, &digest, None, body()).await);
    assert!(ctx.blobs.read_small(&digest, 5000).await.is_err(), "nor do its bytes lie about");
    assert_eq!((quota(&world, &project).await.used, uploads::blob(ctx, who, &project, &r, &digest).await.unwrap()), (small, None));
    let other = world.project("other", false).await;
    world.blob(&other, &r, &big).await;
    said(uploads::mount(ctx, who, &project, &r, &digest, Some((other.clone(), r.clone()))).await);
    // One that was deleted with it, taken out, and comes back with an undo of what stands again.
    limit(&world, &project, None).await;
    uploads::put(ctx, who, &project, &r, &digest, None, body()).await.unwrap();
    delete(&world, &project, &r, &named).await;
    uploads::unlink_blob(ctx, who, &project, &r, &digest).await.unwrap();
    world.manifest(&project, &r, "", &foreign).await;
    limit(&world, &project, Some(small + 100)).await;
    let deletion = deletions::list(ctx, who, &project, &Query::default()).await.unwrap().items[0].id;
    said(deletions::restore(ctx, who, &project, deletion).await);
    assert_eq!(quota(&world, &project).await.used, small);
    // An image that calls itself attached has no headroom.
    let layer = world.blob(&project, &r, &[8; 500]).await;
    let mut image = foreign.clone();
    image["layers"] = json!([{ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer, "size": 500 }]);
    image["subject"] = json!({ "mediaType": crate::manifest::OCI_MANIFEST, "digest": named, "size": 1 });
    image["artifactType"] = SIGNATURE.into();
    let bytes = serde_json::to_vec(&image).unwrap();
    said(artifacts::push(ctx, who, &project, &r, &Reference::Tag("x".parse().unwrap()), Vec::new(), None, bytes).await);
}

/// An attachment of so many bytes, taken or refused.
async fn attached(world: &World, project: &ProjectName, repository: &RepositoryName, subject: &Digest, bytes: Vec<u8>) -> Result<()> {
    let blob = digest_of(Algorithm::Sha256, &bytes);
    let (length, empty) = (bytes.len(), world.blob(project, repository, b"{}").await);
    let body = stream::iter([Ok::<_, Infallible>(Bytes::from(bytes))]);
    uploads::put(&world.ctx, &world.admin, project, repository, &blob, None, body).await?;
    let json = json!({
        "schemaVersion": 2, "mediaType": crate::manifest::OCI_MANIFEST, "artifactType": SIGNATURE,
        "config": { "mediaType": crate::manifest::EMPTY, "digest": empty, "size": 2 },
        "layers": [{ "mediaType": SIGNATURE, "digest": blob, "size": length }],
        "subject": { "mediaType": crate::manifest::OCI_MANIFEST, "digest": subject, "size": 1 },
    });
    let bytes = serde_json::to_vec(&json).unwrap();
    let named = Reference::Digest(digest_of(Algorithm::Sha256, &bytes));
    artifacts::push(&world.ctx, &world.admin, project, repository, &named, Vec::new(), None, bytes).await.map(drop)
}

#[tokio::test]
async fn a_limit_that_is_set_again_or_lowered_moves_no_headroom() {
    let world = World::with(|settings| settings.recycle = 86_400_000).await;
    let (project, r): (ProjectName, RepositoryName) = (world.project("p", false).await, "r".parse().unwrap());
    let one = image(&world, &project, &r, "1", "one").await.unwrap();
    let some = usize::try_from(HEADROOM).unwrap() - 100_000;
    limit(&world, &project, Some(1000)).await;
    attached(&world, &project, &r, &one, vec![1; some]).await.unwrap();
    // The same again, and others between.
    for bytes in [1000, 2000, 1000, 1500] {
        limit(&world, &project, Some(bytes)).await;
        said(attached(&world, &project, &r, &one, vec![2; some]).await);
    }
    // What was signed as it stood may stand again, and nothing gives way for that.
    delete(&world, &project, &r, &one).await;
    make_room(&world.ctx).await.unwrap();
    let deletion = deletions::list(&world.ctx, &world.admin, &project, &Query::default()).await.unwrap().items[0].id;
    deletions::restore(&world.ctx, &world.admin, &project, deletion).await.unwrap();
    // What was there as a limit was lowered makes room for nothing once it is gone.
    let other = world.project("other", false).await;
    let big = image(&world, &other, &r, "big", &"x".repeat(40 << 20)).await.unwrap();
    let small = image(&world, &other, &r, "small", "small").await.unwrap();
    limit(&world, &other, Some(1000)).await;
    delete(&world, &other, &r, &big).await;
    said(attached(&world, &other, &r, &small, vec![3; 30 << 20]).await);
    attached(&world, &other, &r, &small, vec![3; 1 << 20]).await.unwrap();
    said(attached(&world, &other, &r, &small, vec![4; some]).await);
}
