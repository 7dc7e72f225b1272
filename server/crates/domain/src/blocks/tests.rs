//! What is blocked leaves by no door and comes in by none, nor does what holds it; what it holds is found and taken away.

use super::*;
use crate::manifest::OCI_INDEX;
use crate::testing::World;
use crate::{deletions, immutability, uploads};
use bytes::Bytes;
use futures_util::stream;
use model::list::Query;
use model::selector::Selector;
use model::{ProjectName, RepositoryName, Role};
use serde_json::json;
use std::convert::Infallible;

async fn index(world: &World, project: &ProjectName, repository: &RepositoryName, tag: &str, of: &[&Digest]) -> Digest {
    let mut manifests = Vec::new();
    for digest in of {
        let pulled = artifacts::pull(&world.ctx, &world.admin, project, repository, &Reference::Digest((*digest).clone()), false).await.unwrap();
        manifests.push(json!({ "mediaType": pulled.media_type, "digest": digest, "size": pulled.content.len() }));
    }
    world.manifest(project, repository, tag, &json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests })).await
}

/// Pulling, with whether what refuses it names the reason.
async fn pulls(world: &World, project: &ProjectName, repository: &RepositoryName, digest: &Digest) -> bool {
    match artifacts::pull(&world.ctx, &world.admin, project, repository, &Reference::Digest(digest.clone()), true).await {
        Ok(_) => true,
        Err(Error::Policy(why)) if why.contains("a leaked key") => false,
        Err(other) => panic!("refused otherwise: {other:?}"),
    }
}

fn of(owner: &ProjectName) -> Owner {
    Owner::Project(owner.clone())
}

#[tokio::test]
async fn no_door_serves_what_is_blocked_nor_what_holds_it() {
    let world = World::with(|settings| settings.recycle = 86_400_000).await;
    let (p, q, r): (_, _, RepositoryName) = (world.project("p", false).await, world.project("q", false).await, "r".parse().unwrap());
    let (ctx, who) = (&world.ctx, &world.admin);
    let mut held = Vec::new();
    for project in [&p, &q] {
        let image = world.image(project, &r, "bad", "key inside").await;
        let fine = world.image(project, &r, "fine", "nothing").await;
        let list = index(&world, project, &r, "list", &[&fine, &image]).await;
        let nested = index(&world, project, &r, "nested", &[&list]).await;
        held = vec![image, list, nested, fine];
    }
    let layer = crate::blobs::digest_of(model::Algorithm::Sha256, b"key inside");
    let [image, list, nested, fine] = &held[..] else { panic!() };
    assert!(pulls(&world, &p, &r, image).await, "and it is in memory now");
    create(ctx, who, &of(&p), layer.clone(), " a leaked key ").await.unwrap();
    for (digest, served) in [(image, false), (list, false), (nested, false), (fine, true)] {
        assert_eq!(pulls(&world, &p, &r, digest).await, served, "{digest}");
        assert!(pulls(&world, &q, &r, digest).await, "another project's is not blocked");
    }
    // The blob itself, in and out, and its graph.
    let refused = |error: Error| matches!(&error, Error::Policy(why) if why.contains("a leaked key"));
    assert!(refused(uploads::blob(ctx, who, &p, &r, &layer).await.unwrap_err()));
    assert!(uploads::blob(ctx, who, &q, &r, &layer).await.unwrap().is_some());
    let body = || stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"key inside"))]);
    assert!(refused(uploads::put(ctx, who, &p, &r, &layer, None, body()).await.unwrap_err()));
    let id = uploads::start(ctx, who, &p, &r).await.unwrap();
    assert!(refused(uploads::finish(ctx, who, &p, &r, &id, &layer, None, None, body()).await.unwrap_err()));
    assert!(refused(uploads::mount(ctx, who, &p, &r, &layer, Some((q.clone(), r.clone()))).await.unwrap_err()));
    // It is no source either.
    let third = world.project("third", false).await;
    assert!(!uploads::mount(ctx, who, &third, &r, &layer, Some((p.clone(), r.clone()))).await.unwrap());
    assert!(refused(artifacts::graph(ctx, &Principal::system(), &p, &r, nested).await.unwrap_err()));
    assert!(refused(artifacts::copy(ctx, who, (&p, &r), &Reference::Digest(list.clone()), (&third, &r)).await.unwrap_err()));
    let copied = artifacts::copy(ctx, who, (&q, &r), &Reference::Digest(image.clone()), (&p, &"other".parse().unwrap())).await;
    assert!(refused(copied.unwrap_err()));
    // Everywhere, and no project lifts that.
    create(ctx, who, &Owner::System, fine.clone(), "a leaked key, too").await.unwrap();
    for project in [&p, &q] {
        assert!(!pulls(&world, project, &r, fine).await);
        assert!(matches!(lift(ctx, who, &of(project), fine).await, Err(Error::NotFound(_))));
    }
    assert!(!pulls(&world, &q, &r, list).await);
    lift(ctx, who, &Owner::System, fine).await.unwrap();
    lift(ctx, who, &of(&p), &layer).await.unwrap();
    for digest in [image, list, nested, fine] {
        assert!(pulls(&world, &p, &r, digest).await);
    }
}

#[tokio::test]
async fn what_is_attached_and_blocked_stays_behind_and_the_rest_goes() {
    let world = World::new().await;
    let (p, q, r) = (world.project("p", false).await, world.project("q", false).await, "r".parse().unwrap());
    let image = world.image(&p, &r, "1", "one").await;
    let sbom = world.attach(&p, &r, &image, "application/spdx+json", b"says too much").await;
    let signature = world.attach(&p, &r, &sbom, "application/vnd.dev.cosign.artifact.sig.v1+json", b"{}").await;
    create(&world.ctx, &world.admin, &of(&p), sbom.clone(), "a leaked key").await.unwrap();
    let nodes = artifacts::graph(&world.ctx, &Principal::system(), &p, &r, &image).await.unwrap();
    assert_eq!(nodes.iter().map(|node| &node.digest).collect::<Vec<_>>(), [&image]);
    assert!(pulls(&world, &p, &r, &image).await && pulls(&world, &p, &r, &signature).await && !pulls(&world, &p, &r, &sbom).await);
    artifacts::copy(&world.ctx, &world.admin, (&p, &r), &Reference::Digest(image.clone()), (&q, &r)).await.unwrap();
    let there = artifacts::graph(&world.ctx, &Principal::system(), &q, &r, &image).await.unwrap();
    assert_eq!(there.len(), 1);
}

#[tokio::test]
async fn what_holds_it_is_found_and_taken_away_but_for_what_is_immutable() {
    let world = World::with(|settings| settings.recycle = 86_400_000).await;
    let (p, q, r): (_, _, RepositoryName) = (world.project("p", false).await, world.project("q", false).await, "r".parse().unwrap());
    let (ctx, who) = (&world.ctx, &world.admin);
    let image = world.image(&p, &r, "1", "one").await;
    let list = index(&world, &p, &r, "v1", &[&image]).await;
    world.image(&q, &r, "1", "one").await;
    world.image(&q, &r, "2", "two").await;
    let layer = crate::blobs::digest_of(model::Algorithm::Sha256, b"one");
    assert!(matches!(purge(ctx, who, &Owner::System, &layer).await, Err(Error::Precondition(_))), "only what is blocked");
    create(ctx, who, &Owner::System, layer.clone(), "a leaked key").await.unwrap();
    let found = holders(ctx, who, &Owner::System, &layer).await.unwrap();
    let said: Vec<String> = found.iter().map(|holder| format!("{}/{} {} {}", holder.project, holder.repository, holder.itself, holder.listed)).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(found.iter().any(|holder| holder.digest == list) && found.iter().filter(|holder| holder.digest == image).count() == 2);
    assert_eq!(holders(ctx, who, &of(&q), &layer).await.unwrap().len(), 1);
    assert!(holders(ctx, who, &of(&p), &image).await.unwrap().iter().any(|holder| holder.itself));
    // The tag v1 is immutable: its index stays, and what it lists.
    let rule = immutability::create(ctx, who, &of(&p), Selector::simple(("", false), ("v*", false), None), false).await.unwrap();
    let done = purge(ctx, who, &Owner::System, &layer).await.unwrap();
    assert_eq!((done.deleted.len(), done.kept.len()), (1, 2), "{done:?}");
    assert!(done.kept.iter().any(|(_, why)| why.contains("immutable")), "{done:?}");
    immutability::delete(ctx, who, &of(&p), rule).await.unwrap();
    let done = purge(ctx, who, &Owner::System, &layer).await.unwrap();
    assert_eq!((done.deleted.len(), done.kept.len()), (2, 0), "the index, then what a tag names by itself: {done:?}");
    assert_eq!(deleted_holders(ctx, who, &of(&p), &layer).await.unwrap().len(), 2, "who fetched those is asked too");
    assert!(holders(ctx, who, &Owner::System, &layer).await.unwrap().is_empty());
    assert!(artifacts::pull(ctx, who, &q, &r, &Reference::Tag("2".parse().unwrap()), false).await.is_ok());
    // It can be brought back once the block is lifted, and no sooner.
    let deleted = deletions::list(ctx, who, &q, &Query::default()).await.unwrap().items[0].id;
    assert!(matches!(deletions::restore(ctx, who, &q, deleted).await, Err(Error::Policy(_))));
    lift(ctx, who, &Owner::System, &layer).await.unwrap();
    deletions::restore(ctx, who, &q, deleted).await.unwrap();
}

#[tokio::test]
async fn who_may_block_and_what_is_no_block() {
    let world = World::new().await;
    let (p, digest) = (world.project("p", true).await, crate::blobs::digest_of(model::Algorithm::Sha256, b"x"));
    let maintainer = world.member("maintainer", &p, Role::Maintainer).await;
    let developer = world.member("developer", &p, Role::Developer).await;
    for who in [&developer, &world.nobody()] {
        assert!(create(&world.ctx, who, &of(&p), digest.clone(), "because").await.unwrap_err().is_refusal());
        assert!(list(&world.ctx, who, &of(&p)).await.unwrap_err().is_refusal());
        assert!(lift(&world.ctx, who, &of(&p), &digest).await.unwrap_err().is_refusal());
        assert!(holders(&world.ctx, who, &of(&p), &digest).await.unwrap_err().is_refusal());
        assert!(purge(&world.ctx, who, &of(&p), &digest).await.unwrap_err().is_refusal());
    }
    assert!(create(&world.ctx, &maintainer, &Owner::System, digest.clone(), "because").await.unwrap_err().is_refusal());
    for bad in ["", "  ", "a\u{7}b", &"x".repeat(REASON + 1)] {
        let refused = create(&world.ctx, &maintainer, &of(&p), digest.clone(), bad).await;
        assert!(matches!(&refused, Err(Error::Invalid(problems)) if problems.of("reason").is_some()), "{bad:?}: {refused:?}");
    }
    create(&world.ctx, &maintainer, &of(&p), digest.clone(), "because").await.unwrap();
    assert!(matches!(create(&world.ctx, &maintainer, &of(&p), digest.clone(), "again").await, Err(Error::Conflict { .. })));
    let all = list(&world.ctx, &maintainer, &of(&p)).await.unwrap();
    assert_eq!((all.len(), all[0].by.as_str(), all[0].reason.as_str()), (1, "maintainer", "because"));
    for n in 1..MOST {
        let other = crate::blobs::digest_of(model::Algorithm::Sha256, n.to_string().as_bytes());
        create(&world.ctx, &maintainer, &of(&p), other, "because").await.unwrap();
    }
    let past = crate::blobs::digest_of(model::Algorithm::Sha256, b"past");
    assert!(matches!(create(&world.ctx, &maintainer, &of(&p), past, "because").await, Err(Error::Precondition(_))));
    lift(&world.ctx, &maintainer, &of(&p), &digest).await.unwrap();
    assert!(matches!(lift(&world.ctx, &maintainer, &of(&p), &digest).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn what_is_blocked_signs_nothing_says_nothing_and_has_no_other_name() {
    let world = World::new().await;
    let (project, r): (ProjectName, RepositoryName) = (world.project("p", false).await, "r".parse().unwrap());
    let (ctx, who) = (&world.ctx, &world.admin);
    let image = world.image(&project, &r, "1", "one").await;
    let list = index(&world, &project, &r, "list", &[&image]).await;
    let signature = world.attach(&project, &r, &list, "application/vnd.cncf.notary.signature", b"{}").await;
    crate::projects::update(ctx, who, &project, None, Some(true)).await.unwrap();
    let reader = world.member("guest", &project, Role::Guest).await;
    let served = async |digest: &Digest| artifacts::pull(ctx, &reader, &project, &r, &Reference::Digest(digest.clone()), true).await.is_ok();
    artifacts::pull(ctx, &reader, &project, &r, &Reference::Digest(list.clone()), true).await.unwrap();
    assert!(served(&image).await && served(&list).await);
    create(ctx, who, &of(&project), signature.clone(), "the key was stolen").await.unwrap();
    assert!(!served(&image).await && !served(&list).await, "a signature that is blocked signs neither the index nor what it lists");
    world.attach(&project, &r, &list, "application/vnd.cncf.notary.signature", b"{ }").await;
    assert!(served(&image).await && served(&list).await);
    let (told, _) = artifacts::referrers(ctx, who, &project, &r, &list, None, 0, 50).await.unwrap();
    assert!(told.len() == 1 && told.iter().all(|referrer| referrer.digest != signature), "nor is it told of");
    crate::projects::update(ctx, who, &project, None, Some(false)).await.unwrap();
    // What a configuration says of an image that is blocked.
    let config = crate::blobs::digest_of(model::Algorithm::Sha256, br#"{"architecture":"amd64","os":"linux","x":"one"}"#);
    let rows = async || artifacts::list(ctx, who, &project, &r, &Query::default(), &Default::default()).await.unwrap().items;
    let said = |rows: &[model::artifact::Artifact]| rows.iter().any(|row| row.attributes.contains("amd64"));
    assert!(said(&rows().await));
    create(ctx, who, &of(&project), config.clone(), "a leaked key").await.unwrap();
    assert!(!said(&rows().await));
    assert!(matches!(artifacts::history(ctx, who, &project, &r, &Reference::Digest(image.clone())).await, Err(Error::Policy(_))));
    // The same bytes by another algorithm.
    let renamed = crate::blobs::digest_of(model::Algorithm::Sha512, br#"{"architecture":"amd64","os":"linux","x":"one"}"#);
    let body = stream::iter([Ok::<_, Infallible>(Bytes::from_static(br#"{"architecture":"amd64","os":"linux","x":"one"}"#))]);
    assert!(matches!(uploads::put(ctx, who, &project, &r, &renamed, None, body).await, Err(Error::Policy(_))));
    lift(ctx, who, &of(&project), &config).await.unwrap();
    let content = artifacts::pull(ctx, who, &project, &r, &Reference::Digest(image.clone()), false).await.unwrap().content.to_vec();
    create(ctx, who, &of(&project), image.clone(), "a leaked key").await.unwrap();
    let renamed = Reference::Digest(crate::blobs::digest_of(model::Algorithm::Sha512, &content));
    assert!(matches!(artifacts::push(ctx, who, &project, &r, &renamed, Vec::new(), None, content).await, Err(Error::Policy(_))));
    // Who still asks is told of in the log.
    assert!(!served(&image).await);
    crate::events::flush(ctx).await.unwrap();
    let asked = crate::audit::Asked { kinds: vec!["artifact.pull".into()], outcome: Some(model::audit::Outcome::Refused), ..Default::default() };
    assert!(!crate::audit::list(ctx, who, Some(&project), &asked, None, 9).await.unwrap().items.is_empty());
}
