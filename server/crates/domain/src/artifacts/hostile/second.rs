//! What a second hour of attacks found, each with its kind.

use super::*;
use crate::fsck;

async fn stands(world: &World, project: &ProjectName, r: &RepositoryName, digest: &Digest) -> bool {
    pull(&world.ctx, &world.admin, project, r, &Reference::Digest(digest.clone()), false).await.is_ok()
}

async fn undoable() -> World {
    World::with(|settings| settings.recycle = 86_400_000).await
}

/// Everything that can be undone now, undone, the newest first. An undo of a tag that moved can be undone itself.
async fn undo_all(world: &World, project: &ProjectName) {
    let found = deletions::list(&world.ctx, &world.admin, project, &Query::default()).await.unwrap().items;
    for deletion in found {
        deletions::restore(&world.ctx, &world.admin, project, deletion.id).await.unwrap();
    }
}

async fn findings(world: &World) -> Vec<String> {
    let report = fsck::check(&world.ctx, fsck::Options::default()).await.unwrap();
    report.findings.into_iter().map(|finding| finding.text).collect()
}

#[tokio::test]
async fn what_an_index_that_stays_lists_stays_whatever_it_hangs_on() {
    for which in ["accessory", "its accessory", "by tag", "attestation of two", "within another index", "child of a child"] {
        let world = undoable().await;
        let (project, r) = (world.project("p", false).await, named("r"));
        let image = world.image(&project, &r, "1", "an image").await;
        let first = world.attach(&project, &r, &image, "application/spdx+json", b"{}").await;
        let mut deleted = image.clone();
        let kept = match which {
            "its accessory" => world.attach(&project, &r, &first, "application/vnd.sig", b"[]").await,
            "by tag" => {
                let made = signature(&world, &project, &r, &image, "a").await;
                world.manifest(&project, &r, &format!("{}.sig", image.tag_stem()), &made).await
            }
            "attestation of two" => {
                let config = blob(&world, &project, &r, IMAGE_CONFIG, b"{}").await;
                let statement = blob(&world, &project, &r, media::IN_TOTO, b"{}").await;
                let made = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [statement] });
                let attestation = world.manifest(&project, &r, "", &made).await;
                let platform = world.image(&project, &r, "", "a platform").await;
                let entries = vec![as_child(&world, &project, &r, &platform).await, attests(as_child(&world, &project, &r, &attestation).await, &platform)];
                deleted = world.manifest(&project, &r, "all", &index(entries)).await;
                attestation
            }
            "child of a child" => {
                let platform = world.image(&project, &r, "", "a platform").await;
                let inner = world.manifest(&project, &r, "", &index(vec![as_child(&world, &project, &r, &platform).await])).await;
                deleted = world.manifest(&project, &r, "all", &index(vec![as_child(&world, &project, &r, &inner).await])).await;
                world.attach(&project, &r, &platform, "application/spdx+json", b"{1}").await
            }
            _ => first.clone(),
        };
        let mut keeper = world.manifest(&project, &r, "sboms", &index(vec![as_child(&world, &project, &r, &kept).await])).await;
        if which == "within another index" {
            world.manifest(&project, &r, "outer", &index(vec![as_child(&world, &project, &r, &keeper).await])).await;
            delete_tag(&world.ctx, &world.admin, &project, &r, &"sboms".parse().unwrap(), None).await.unwrap();
            keeper = row(&world, &project, &r, &keeper).await.digest;
        }
        let plan = plan(&world.ctx, &world.admin, &project, &r, &deleted).await.unwrap();
        assert!(!plan.accessories.iter().any(|(_, digest)| *digest == kept), "{which}: it is not said to go");
        delete(&world.ctx, &world.admin, &project, &r, &Reference::Digest(deleted.clone())).await.unwrap();
        assert!(!stands(&world, &project, &r, &deleted).await && stands(&world, &project, &r, &kept).await, "{which}");
        assert!(stands(&world, &project, &r, &keeper).await);
        assert_eq!(findings(&world).await, Vec::<String>::new(), "{which}");
        undo_all(&world, &project).await;
        assert!(stands(&world, &project, &r, &deleted).await && stands(&world, &project, &r, &kept).await, "{which}");
        assert_eq!(findings(&world).await, Vec::<String>::new(), "{which}, undone");
        // With the index gone nothing keeps it.
        if which != "within another index" && which != "attestation of two" {
            delete(&world.ctx, &world.admin, &project, &r, &Reference::Digest(keeper.clone())).await.unwrap();
            delete(&world.ctx, &world.admin, &project, &r, &Reference::Digest(deleted)).await.unwrap();
            assert!(!stands(&world, &project, &r, &kept).await, "{which}");
        }
    }
}

#[tokio::test]
async fn a_check_names_what_an_index_lacks() {
    let world = undoable().await;
    let (project, r) = (world.project("p", false).await, named("r"));
    let platform = world.image(&project, &r, "", "a platform").await;
    let all = world.manifest(&project, &r, "all", &index(vec![as_child(&world, &project, &r, &platform).await])).await;
    let lost = platform.to_string();
    world.ctx.db.write(async move |c| Ok(sqlx::query("DELETE FROM artifacts WHERE digest = $1").bind(lost.as_str()).execute(c).await.map(drop)?)).await.unwrap();
    let found = findings(&world).await;
    assert!(found.iter().any(|text| *text == format!("index p/r@{all} lists {platform}, which is not in its repository: push it again")), "{found:?}");
}

#[tokio::test]
async fn a_check_knows_what_can_still_be_brought_back() {
    let world = undoable().await;
    let (project, r) = (world.project("p", false).await, named("r"));
    for (name, whole) in [("r", false), ("whole", true)] {
        let layer = format!("the layer of {name}");
        let image = world.image(&project, &named(name), "1", &layer).await;
        match whole {
            false => drop(delete(&world.ctx, &world.admin, &project, &r, &Reference::Digest(image.clone())).await.unwrap()),
            true => crate::repositories::delete(&world.ctx, &world.admin, &project, &named(name)).await.unwrap(),
        }
        let digest = crate::blobs::digest_of(Algorithm::Sha256, layer.as_bytes());
        world.ctx.blobs.delete(&digest).await.unwrap();
        let check = async |repair| fsck::check(&world.ctx, fsck::Options { deep: false, repair }).await.unwrap();
        let user = if whole { format!("p/whole (deleted)@{image}") } else { format!("p/r@{image} (deleted)") };
        let found = check(true).await;
        assert_eq!(found.worst(), Some(fsck::Severity::Loss), "{found:?}");
        assert!(found.findings.iter().any(|f| f.text.contains(&format!("{digest} is lost; needed by {user}"))), "{found:?}");
        let found = check(false).await;
        assert_eq!(found.worst(), Some(fsck::Severity::Loss), "it stays a loss: {found:?}");
        world.blob(&project, &r, layer.as_bytes()).await;
        if !whole {
            assert_eq!(check(false).await.findings, [], "pushed again, all is well");
            undo_all(&world, &project).await;
            assert!(stands(&world, &project, &r, &image).await);
        }
    }
}

#[tokio::test]
async fn a_list_of_referrers_is_one_in_whatever_order_it_comes() {
    for order in ["tag last", "tag by the portal", "list first"] {
        let world = World::with(|settings| (settings.recycle, settings.sparse.indexes) = (86_400_000, order == "list first")).await;
        let (ctx, who) = (&world.ctx, &world.admin);
        let (project, r) = (world.project("p", false).await, named("r"));
        let image = world.image(&project, &r, "1", "an image").await;
        let stem = image.tag_stem();
        let attached = world.attach(&project, &r, &image, "application/vnd.sig", b"{}").await;
        let made = index(vec![as_child(&world, &project, &r, &attached).await]);
        let list = match order {
            "list first" => {
                let other = named("other");
                let list = world.manifest(&project, &other, &stem, &made).await;
                world.image(&project, &other, "1", "an image").await;
                world.attach(&project, &other, &image, "application/vnd.sig", b"{}").await;
                assert_eq!(rows(&world, &project, &other).await.len(), 1, "{order}");
                assert!(delete(ctx, who, &project, &other, &Reference::Digest(attached.clone())).await.is_ok(), "{order}");
                list
            }
            _ => {
                let list = world.manifest(&project, &r, "", &made).await;
                match order {
                    "tag last" => drop(world.manifest(&project, &r, &stem, &made).await),
                    _ => add_tag(ctx, who, &project, &r, &Reference::Digest(list.clone()), &stem, true).await.unwrap(),
                }
                list
            }
        };
        if order != "list first" {
            assert_eq!(rows(&world, &project, &r).await.len(), 1, "{order}");
            delete(ctx, who, &project, &r, &Reference::Digest(image)).await.unwrap();
            assert!(!stands(&world, &project, &r, &list).await, "{order}");
        }
        assert_eq!(findings(&world).await, Vec::<String>::new(), "{order}");
    }
}

#[tokio::test]
async fn removing_a_lists_tag_is_its_deletion_and_is_undone_as_one() {
    let world = undoable().await;
    let (ctx, who) = (&world.ctx, &world.admin);
    let (project, r) = (world.project("p", false).await, named("r"));
    let image = world.image(&project, &r, "1", "an image").await;
    let stem: Tag = image.tag_stem().parse().unwrap();
    let attached = world.attach(&project, &r, &image, "application/vnd.sig", b"{}").await;
    let made = index(vec![as_child(&world, &project, &r, &attached).await]);
    let list = world.manifest(&project, &r, stem.as_str(), &made).await;
    // Who may remove tags alone may not delete by that.
    let actions = vec![Action::RepositoryPull, Action::RepositoryPush, Action::TagDelete, Action::ArtifactRead];
    let grants = vec![model::robot::Grant::new(model::robot::Scope::Project(project.clone()), actions)];
    let input = model::robot::NewRobot { name: "tags".into(), project: Some(project.clone()), description: String::new(), days: 30, disabled: false, grants };
    let made_robot = crate::robots::create(ctx, who, input, None).await.unwrap();
    let robot = crate::identity::authenticate(ctx, &made_robot.robot.full_name, &made_robot.secret, Default::default()).await.unwrap();
    let error = delete_tag(ctx, &robot, &project, &r, &stem, None).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }) && stands(&world, &project, &r, &list).await, "{error}");
    delete_tag(ctx, who, &project, &r, &stem, None).await.unwrap();
    assert!(!stands(&world, &project, &r, &list).await);
    assert!(stands(&world, &project, &r, &attached).await, "what it lists is the image's, not the list's");
    undo_all(&world, &project).await;
    let by_tag = pull(ctx, who, &project, &r, &Reference::Tag(stem.clone()), false).await.unwrap();
    assert_eq!(by_tag.digest, list);
    assert_eq!(rows(&world, &project, &r).await.len(), 1);
    // Of what is not here too: nothing that it lists goes with it.
    let nowhere = crate::blobs::digest_of(Algorithm::Sha256, b"not here");
    let lost = world.attach(&project, &r, &nowhere, "application/vnd.sig", b"[2]").await;
    let of_lost = index(vec![as_child(&world, &project, &r, &lost).await]);
    let of_lost = world.manifest(&project, &r, &nowhere.tag_stem(), &of_lost).await;
    delete_tag(ctx, who, &project, &r, &nowhere.tag_stem().parse().unwrap(), None).await.unwrap();
    assert!(!stands(&world, &project, &r, &of_lost).await && stands(&world, &project, &r, &lost).await);
    // Listed by an index of a person's it outlives its tag, whoever moves that.
    let keeper = world.manifest(&project, &r, "mine", &index(vec![as_child(&world, &project, &r, &list).await])).await;
    world.image(&project, &r, stem.as_str(), "something else").await;
    assert!(stands(&world, &project, &r, &list).await && stands(&world, &project, &r, &keeper).await);
    assert_eq!(findings(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_index_that_a_person_named_is_theirs_whatever_tag_others_give_it() {
    let world = undoable().await;
    let (ctx, who) = (&world.ctx, &world.admin);
    let (project, r) = (world.project("p", false).await, named("r"));
    let developer = world.member("dev", &project, Role::Developer).await;
    let image = world.image(&project, &r, "1", "an image").await;
    let attached = world.attach(&project, &r, &image, "application/vnd.sig", b"{}").await;
    let made = serde_json::to_vec(&index(vec![as_child(&world, &project, &r, &attached).await])).unwrap();
    let by_dev = async |tag: &str, bytes: Vec<u8>| {
        push(ctx, &developer, &project, &r, &Reference::Tag(tag.parse().unwrap()), Vec::new(), None, bytes).await.unwrap().digest
    };
    let stem = image.tag_stem();
    let theirs = by_dev(&stem, made.clone()).await;
    assert_eq!(rows(&world, &project, &r).await.len(), 1, "a list");
    push(ctx, who, &project, &r, &Reference::Tag("release".parse().unwrap()), Vec::new(), None, made.clone()).await.unwrap();
    assert_eq!(rows(&world, &project, &r).await.len(), 2, "a person's");
    let other = pull(ctx, who, &project, &r, &Reference::Digest(image.clone()), false).await.unwrap().content.to_vec();
    by_dev("release", other.clone()).await;
    by_dev(&stem, made).await;
    let error = delete(ctx, &developer, &project, &r, &Reference::Digest(theirs.clone())).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "a list's tag gives no right over it: {error}");
    by_dev(&stem, other).await;
    assert!(stands(&world, &project, &r, &theirs).await, "both tags moved on, and it stands");
    undo_all(&world, &project).await;
    let release = pull(ctx, who, &project, &r, &Reference::Tag("release".parse().unwrap()), false).await.unwrap();
    assert_eq!(release.digest, theirs);
}

#[tokio::test]
async fn a_persons_tag_is_shown_on_whatever_it_stands_and_named_before_it_goes() {
    let world = undoable().await;
    let (ctx, who) = (&world.ctx, &world.admin);
    let (project, r) = (world.project("p", false).await, named("r"));
    let image = world.image(&project, &r, "1", "an image").await;
    let made = signature(&world, &project, &r, &image, "a").await;
    let sig: Tag = format!("{}.sig", image.tag_stem()).parse().unwrap();
    let signed = world.manifest(&project, &r, sig.as_str(), &made).await;
    world.manifest(&project, &r, "keep", &made).await;
    assert_eq!(rows(&world, &project, &r).await.len(), 1, "it is in the tree");
    delete_tag(ctx, who, &project, &r, &sig, None).await.unwrap();
    let shown: Vec<Digest> = rows(&world, &project, &r).await.into_iter().map(|row| row.digest).collect();
    assert!(shown.contains(&signed), "no tree shows it now: {shown:?}");
    assert_eq!(findings(&world).await, Vec::<String>::new());
    let plan = plan(ctx, who, &project, &r, &image).await.unwrap();
    assert_eq!(plan.tags_along, [(signed.clone(), "keep".parse().unwrap())]);
    world.manifest(&project, &r, sig.as_str(), &made).await;
    assert_eq!(rows(&world, &project, &r).await.len(), 1, "in force it is in the tree again");
    assert_eq!(findings(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_deletion_counts_accessories_that_an_index_lists_and_an_artifact_has_an_end_of_tags() {
    let world = undoable().await;
    let (ctx, who) = (&world.ctx, &world.admin);
    let (project, r) = (world.project("p", false).await, named("r"));
    let image = world.image(&project, &r, "1", "an image").await;
    let mut entries = Vec::new();
    for n in 0..520 {
        let attached = world.attach(&project, &r, &image, "application/vnd.sig", n.to_string().as_bytes()).await;
        entries.push(as_child(&world, &project, &r, &attached).await);
    }
    let all = world.manifest(&project, &r, "all", &index(entries.clone())).await;
    // They are the image's: the index goes alone.
    assert!(delete(ctx, who, &project, &r, &Reference::Digest(all.clone())).await.unwrap().accessories.is_empty());
    let tree = page(ctx, who, &project, &r, &Reference::Digest(image.clone()), From::default()).await.unwrap();
    assert_eq!(tree.tree.len() as i64 + tree.tree_more, 520);
    // Listed with the image, which no tag names any more, they would all go.
    entries.push(as_child(&world, &project, &r, &image).await);
    let with = world.manifest(&project, &r, "with", &index(entries)).await;
    let bare = pull(ctx, who, &project, &r, &Reference::Digest(image.clone()), false).await.unwrap().content.to_vec();
    world.image(&project, &r, "1", "the next").await;
    for _ in 0..2 {
        let error = delete(ctx, who, &project, &r, &Reference::Digest(with.clone())).await.unwrap_err();
        assert!(matches!(&error, Error::Precondition(text) if text.contains("512 accessories")), "{error}");
        assert!(stands(&world, &project, &r, &with).await && stands(&world, &project, &r, &image).await);
    }
    let one = Reference::Tag("1".parse().unwrap());
    push(ctx, who, &project, &r, &one, Vec::new(), None, bare).await.unwrap();
    // Tags: up to the bound, and not one more; those that are there can be set again.
    let bytes = pull(ctx, who, &project, &r, &Reference::Digest(image.clone()), false).await.unwrap().content.to_vec();
    let tags = |from: i64, to: i64| (from..to).map(|n| format!("t{n}").parse().unwrap()).collect::<Vec<Tag>>();
    let by = Reference::Digest(image.clone());
    let most = crate::policy::push::TAGS;
    for from in (1..most).step_by(90) {
        push(ctx, who, &project, &r, &by, tags(from, (from + 90).min(most)), None, bytes.clone()).await.unwrap();
    }
    for attempt in [
        push(ctx, who, &project, &r, &by, tags(most, most + 1), None, bytes.clone()).await.map(drop),
        add_tag(ctx, who, &project, &r, &by, "one-more", false).await,
    ] {
        let error = attempt.unwrap_err();
        assert!(error.to_string().contains("at most 2048 tags"), "{error}");
    }
    assert_eq!(row(&world, &project, &r, &image).await.tag_count, most);
    push(ctx, who, &project, &r, &by, tags(1, 90), None, bytes).await.unwrap();
    delete_tag(ctx, who, &project, &r, &"t1".parse().unwrap(), None).await.unwrap();
    add_tag(ctx, who, &project, &r, &by, "one-more", false).await.unwrap();
}

/// A tar archive without a NUL, so that quotes make a JSON string, or members an object, of it.
fn archive(begin: &str, end: &str) -> Vec<u8> {
    let entry = |name: &str, data: &str| {
        let octal = |n: usize, width: usize| format!("{n:0>w$o} ", w = width - 1);
        let mut header = vec![b' '; 512];
        let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, &format!("{name:x<100}"));
        put(100, &octal(0o755, 8));
        put(108, &octal(0, 8));
        put(116, &octal(0, 8));
        put(124, &octal(data.len(), 12));
        put(136, &octal(0, 12));
        put(156, "0");
        let sum: usize = header.iter().map(|b| usize::from(*b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}  ").as_bytes());
        [header, format!("{data: <w$}", w = data.len().next_multiple_of(512)).into_bytes()].concat()
    };
    let mut all = [entry(begin, ""), entry("bin/s", "#!/bin/sh -c echo smuggled")].concat();
    let at = all.len() - end.len();
    all[at..].copy_from_slice(end.as_bytes());
    all
}

#[tokio::test]
async fn the_gate_knows_an_archive_that_is_a_document_too_and_an_image_without_layers() {
    let world = World::new().await;
    let (ctx, r) = (&world.ctx, named("r"));
    let project = crate::projects::create(ctx, &world.admin, "strict", false, true).await.unwrap().name;
    let guest = world.member("guest", &project, Role::Guest).await;
    let image = world.image(&project, &r, "1", "an image").await;
    let text = archive("\"x", "\"");
    let object = archive("{\"a\":\"", "\"}");
    let list = archive("[\"a\",\"", "\"]");
    for (name, bytes) in [("a string", &text), ("an object", &object), ("an array", &list)] {
        assert!(serde_json::from_slice::<Value>(bytes).is_ok(), "{name} is JSON");
        for media_type in [media::SIMPLE_SIGNING, media::IN_TOTO, media::DSSE, "application/spdx+json", "text/spdx"] {
            for config in [IMAGE_CONFIG, EMPTY] {
                let config = blob(&world, &project, &r, config, b"{}").await;
                let layer = blob(&world, &project, &r, media_type, bytes).await;
                let made = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer], "subject": entry(OCI_MANIFEST, &image, 1) });
                let sly = world.manifest(&project, &r, "", &made).await;
                let found = pull(ctx, &guest, &project, &r, &Reference::Digest(sly), true).await;
                assert!(matches!(found, Err(Error::Policy(_))), "{name} as {media_type}");
            }
        }
    }
    for (config, media_type) in [(IMAGE_CONFIG, OCI_MANIFEST), ("application/vnd.docker.container.image.v1+json", DOCKER_MANIFEST)] {
        let config = blob(&world, &project, &r, config, b"{}").await;
        let made = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [], "subject": entry(OCI_MANIFEST, &image, 1) });
        let sly = world.manifest(&project, &r, "", &made).await;
        let found = pull(ctx, &guest, &project, &r, &Reference::Digest(sly), true).await;
        assert!(matches!(found, Err(Error::Policy(_))), "{media_type} without layers");
    }
}

#[tokio::test]
async fn a_page_of_everything_lacks_no_row_and_has_less_of_each() {
    let world = World::new().await;
    let (project, r) = (world.project("p", true).await, named("r"));
    let config = blob(&world, &project, &r, EMPTY, b"{}").await;
    for n in 0..120 {
        let length = if n % 2 == 0 { 400 } else { 15_000 };
        let text = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/x", "config": config, "layers": [config],
            "annotations": { "a": "x".repeat(length), "n": n.to_string() },
        });
        let bytes = serde_json::to_vec(&text).unwrap();
        let tags = (0..8).map(|tag| format!("t{n}-{tag}").parse().unwrap()).collect();
        push(&world.ctx, &world.admin, &project, &r, &Reference::Tag(format!("n{n}").parse().unwrap()), tags, None, bytes).await.unwrap();
    }
    let ask = async |size: i64| {
        let query = Query { window: model::list::Window::Number { number: 1, size }, ..Query::default() };
        list(&world.ctx, &world.nobody(), &project, &r, &query, &Filter::default()).await.unwrap()
    };
    let all = ask(10_000).await;
    assert_eq!((all.items.len(), all.total), (120, 120));
    for row in &all.items {
        assert_eq!((row.tags.len(), row.tag_count), (5, 9));
        assert_eq!(row.annotations_left_out, row.annotations.is_empty());
    }
    assert_eq!(all.items.iter().filter(|row| row.annotations_left_out).count(), 60);
    assert!(ask(100).await.items.iter().all(|row| row.tags.len() == 9 && !row.annotations_left_out), "a usual page has what it had");
}

#[tokio::test]
async fn what_is_attached_to_something_that_stays_stays_whatever_index_lists_it() {
    let world = undoable().await;
    let (ctx, who) = (&world.ctx, &world.admin);
    let (project, r) = (world.project("p", false).await, named("r"));
    let image = world.image(&project, &r, "1", "an image").await;
    let sbom = world.attach(&project, &r, &image, "application/spdx+json", b"{}").await;
    let deeper = world.attach(&project, &r, &sbom, "application/vnd.sig", b"[]").await;
    // One manifest attached to two images by machinery's tags.
    let other = world.image(&project, &r, "2", "another image").await;
    let config = blob(&world, &project, &r, EMPTY, b"{}").await;
    let document = blob(&world, &project, &r, "text/spdx+json", b"{\"spdx\":1}").await;
    let both = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [document] });
    let both_of = async |of: &Digest| world.manifest(&project, &r, &format!("{}.sbom", of.tag_stem()), &both).await;
    let shared = both_of(&image).await;
    assert_eq!(both_of(&other).await, shared);
    assert!(row(&world, &project, &r, &shared).await.accessory.is_some());
    let orphan = world.attach(&project, &r, &crate::blobs::digest_of(Algorithm::Sha256, b"not here"), "application/vnd.sig", b"[1]").await;
    // Two platforms with an attestation each; a person's tag keeps one of them.
    let (kept, lone) = (world.image(&project, &r, "arm", "a platform with a tag").await, world.image(&project, &r, "", "a platform").await);
    let mut attestations = Vec::new();
    for n in 0..2 {
        let config = blob(&world, &project, &r, IMAGE_CONFIG, b"{}").await;
        let statement = blob(&world, &project, &r, media::IN_TOTO, format!("[{n}]").as_bytes()).await;
        let made = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [statement] });
        attestations.push(world.manifest(&project, &r, "", &made).await);
    }
    let mut entries = Vec::new();
    for digest in [&sbom, &deeper, &orphan, &kept, &lone] {
        entries.push(as_child(&world, &project, &r, digest).await);
    }
    entries.push(attests(as_child(&world, &project, &r, &attestations[0]).await, &kept));
    entries.push(attests(as_child(&world, &project, &r, &attestations[1]).await, &lone));
    let all = world.manifest(&project, &r, "all", &index(entries)).await;
    let there = async || {
        let mut found = Vec::new();
        for digest in [&image, &sbom, &deeper, &orphan, &kept, &lone, &attestations[0], &attestations[1], &all] {
            found.push(stands(&world, &project, &r, digest).await);
        }
        found
    };
    delete(ctx, who, &project, &r, &Reference::Digest(all.clone())).await.unwrap();
    assert_eq!(there().await, [true, true, true, false, true, false, true, false, false]);
    assert_eq!(findings(&world).await, Vec::<String>::new());
    undo_all(&world, &project).await;
    assert_eq!(there().await, [true; 9]);
    assert_eq!(findings(&world).await, Vec::<String>::new());
    // With the image goes what is its own, but for what the index lists.
    delete(ctx, who, &project, &r, &Reference::Digest(image.clone())).await.unwrap();
    assert_eq!(there().await[..3], [false, true, true]);
    assert!(stands(&world, &project, &r, &shared).await, "it is the other image's too");
    delete(ctx, who, &project, &r, &Reference::Digest(other)).await.unwrap();
    assert!(!stands(&world, &project, &r, &shared).await);
}

#[tokio::test]
async fn an_index_that_another_makes_a_list_is_not_replaced_away() {
    let world = undoable().await;
    let (ctx, who) = (&world.ctx, &world.admin);
    let (project, r) = (world.project("p", false).await, named("r"));
    let image = world.image(&project, &r, "1", "an image").await;
    let attached = world.attach(&project, &r, &image, "application/vnd.sig", b"{}").await;
    let curated = index(vec![as_child(&world, &project, &r, &attached).await]);
    for (made, stem) in [(curated, image.tag_stem()), (index(vec![]), crate::blobs::digest_of(Algorithm::Sha256, b"nowhere").tag_stem())] {
        let theirs = world.manifest(&project, &r, "", &made).await;
        world.pass(1000);
        add_tag(ctx, who, &project, &r, &Reference::Digest(theirs.clone()), &stem, true).await.unwrap();
        world.image(&project, &r, &stem, &format!("something else for {stem}")).await;
        assert!(stands(&world, &project, &r, &theirs).await, "{stem}");
        let listed = rows(&world, &project, &r).await;
        assert!(listed.iter().any(|row| row.digest == theirs), "{stem}: people see it again");
    }
    assert_eq!(findings(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn referrers_are_read_as_far_as_what_is_read_for_them_is_bounded() {
    let world = World::new().await;
    let (project, r) = (world.project("p", false).await, named("r"));
    let image = world.image(&project, &r, "1", "an image").await;
    // Annotations that are not kept beside the row, in manifests that are mostly something else.
    for n in 0..6 {
        let mut made = serde_json::json!({
            "schemaVersion": 2, "artifactType": "application/vnd.sig", "annotations": { "n": n.to_string().repeat(17_000) },
            "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": world.blob(&project, &r, b"{}").await, "size": 2 }, "layers": [],
            "subject": { "mediaType": OCI_MANIFEST, "digest": image, "size": 1 },
        });
        made["junk"] = "y".repeat(2 << 20).into();
        world.manifest(&project, &r, "", &made).await;
    }
    let (mut seen, mut pages, mut after) = (0, 0, 0);
    loop {
        let (found, more) = referrers(&world.ctx, &world.admin, &project, &r, &image, None, after, 1000).await.unwrap();
        assert!(!found.is_empty() && found.len() <= 2, "{} in one answer", found.len());
        assert!(found.iter().all(|referrer| referrer.annotations.len() > 17_000));
        (seen, pages) = (seen + found.len(), pages + 1);
        let Some(next) = more else { break };
        after = next;
    }
    assert_eq!((seen, pages), (6, 3));
}
