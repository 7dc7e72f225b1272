//! What a third hour of attacks found, each with its kind: who says what something is, and until when.

use super::*;
use crate::fsck;

async fn findings(world: &World) -> Vec<String> {
    let report = fsck::check(&world.ctx, fsck::Options::default()).await.unwrap();
    report.findings.into_iter().map(|finding| finding.text).collect()
}

async fn signed(world: &World, project: &ProjectName, r: &RepositoryName, digest: &Digest) -> bool {
    row(world, project, r, digest).await.signed
}

#[tokio::test]
async fn an_index_s_word_puts_no_signature_in_force() {
    for order in ["word last", "word first", "word of another index"] {
        let world = World::new().await;
        let (project, r) = (world.project("p", false).await, named("r"));
        let image = world.image(&project, &r, "1", "an image").await;
        let made = signature(&world, &project, &r, &image, "a").await;
        let sig: Tag = format!("{}.sig", image.tag_stem()).parse().unwrap();
        let digest = world.manifest(&project, &r, "kept", &made).await;
        let say = async |tag: &str| {
            let entries = vec![as_child(&world, &project, &r, &image).await, attests(as_child(&world, &project, &r, &digest).await, &image)];
            world.manifest(&project, &r, tag, &index(entries)).await
        };
        if order == "word first" {
            say("all").await;
            assert!(!signed(&world, &project, &r, &image).await);
        }
        world.manifest(&project, &r, sig.as_str(), &made).await;
        assert!(signed(&world, &project, &r, &image).await, "{order}: its own word counts");
        delete_tag(&world.ctx, &world.admin, &project, &r, &sig, None).await.unwrap();
        assert!(!signed(&world, &project, &r, &image).await, "{order}");
        if order == "word last" {
            say("all").await;
        } else if order == "word of another index" {
            let platform = world.image(&project, &r, "", "a platform").await;
            let entries = [&image, &platform].map(|digest| digest.clone());
            let mut listed = Vec::new();
            for entry in &entries {
                listed.push(as_child(&world, &project, &r, entry).await);
            }
            listed.push(attests(as_child(&world, &project, &r, &digest).await, &platform));
            world.manifest(&project, &r, "all", &index(listed)).await;
        }
        assert!(!signed(&world, &project, &r, &image).await, "{order}: revived");
        // Whatever counts its signatures again.
        world.attach(&project, &r, &image, "application/spdx+json", b"{}").await;
        world.manifest(&project, &r, "again", &made).await;
        assert!(!signed(&world, &project, &r, &image).await, "{order}: revived by what came later");
        assert_eq!(findings(&world).await, Vec::<String>::new(), "{order}");
        // And it is a signature as its tag names it.
        world.manifest(&project, &r, sig.as_str(), &made).await;
        assert!(signed(&world, &project, &r, &image).await, "{order}");
        assert_eq!(findings(&world).await, Vec::<String>::new(), "{order}");
    }
}

#[tokio::test]
async fn an_index_s_word_ends_with_the_index() {
    for how in ["deleted", "undone"] {
        let world = World::with(|settings| settings.recycle = 86_400_000).await;
        let (project, r) = (world.project("p", false).await, named("r"));
        let image = world.image(&project, &r, "1", "an image").await;
        let config = blob(&world, &project, &r, IMAGE_CONFIG, b"{}").await;
        let statement = blob(&world, &project, &r, media::IN_TOTO, b"{}").await;
        let made = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [statement] });
        let said = world.manifest(&project, &r, "said", &made).await;
        let before = rows(&world, &project, &r).await.len();
        let entries = vec![as_child(&world, &project, &r, &image).await, attests(as_child(&world, &project, &r, &said).await, &image)];
        let all = world.manifest(&project, &r, "all", &index(entries.clone())).await;
        assert_eq!(row(&world, &project, &r, &said).await.accessory, Some(Kind::Attestation));
        // A second index says the same: one of them is enough.
        let more = world.manifest(&project, &r, "more", &index(entries.into_iter().rev().collect())).await;
        for index in [&all, &more] {
            assert_eq!(row(&world, &project, &r, &said).await.accessory, Some(Kind::Attestation), "{how}");
            delete(&world.ctx, &world.admin, &project, &r, &Reference::Digest(index.clone())).await.unwrap();
        }
        assert_eq!(row(&world, &project, &r, &said).await.accessory, None, "{how}: nobody says so any more");
        assert_eq!(rows(&world, &project, &r).await.len(), before);
        assert_eq!(findings(&world).await, Vec::<String>::new());
        if how == "undone" {
            let found = deletions::list(&world.ctx, &world.admin, &project, &Query::default()).await.unwrap().items;
            deletions::restore(&world.ctx, &world.admin, &project, found[0].id).await.unwrap();
            assert_eq!(row(&world, &project, &r, &said).await.accessory, Some(Kind::Attestation), "it says so again");
            assert_eq!(findings(&world).await, Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn a_signature_that_came_before_its_payload_is_one_when_it_is_pushed_again() {
    for (form, tag) in [("tag", ".sig"), ("subject", "")] {
        let world = World::with(|settings| settings.sparse.images = true).await;
        let (project, r) = (world.project("p", false).await, named("r"));
        let image = world.image(&project, &r, "1", "an image").await;
        let payload = json!({ "critical": { "image": { "docker-manifest-digest": image } }, "optional": null }).to_string();
        let config = blob(&world, &project, &r, IMAGE_CONFIG, b"{}").await;
        let layer = entry(media::SIMPLE_SIGNING, &crate::blobs::digest_of(Algorithm::Sha256, payload.as_bytes()), payload.len());
        let mut made = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer] });
        if form == "subject" {
            made["subject"] = as_child(&world, &project, &r, &image).await;
        }
        let name = if tag.is_empty() { String::new() } else { format!("{}{tag}", image.tag_stem()) };
        world.manifest(&project, &r, &name, &made).await;
        assert!(!signed(&world, &project, &r, &image).await, "{form}: its payload is not here");
        world.blob(&project, &r, payload.as_bytes()).await;
        let digest = world.manifest(&project, &r, &name, &made).await;
        assert!(signed(&world, &project, &r, &image).await, "{form}: all of it is here, and it was pushed again");
        assert_eq!(row(&world, &project, &r, &digest).await.accessory, Some(Kind::CosignSignature));
        assert_eq!(findings(&world).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn removing_a_tag_means_the_artifact_that_was_looked_at_and_says_what_else_ends() {
    let world = World::with(|settings| settings.recycle = 86_400_000).await;
    let (project, r) = (world.project("p", false).await, named("r"));
    let (ctx, who) = (&world.ctx, &world.admin);
    let seen = world.image(&project, &r, "latest", "what was looked at").await;
    let moved = world.image(&project, &r, "latest", "what somebody pushed since").await;
    let latest: Tag = "latest".parse().unwrap();
    for refused in [
        delete_tag(ctx, who, &project, &r, &latest, Some(&seen)).await.unwrap_err(),
        tag_plan(ctx, who, &project, &r, &latest, &seen).await.unwrap_err(),
    ] {
        assert!(matches!(&refused, Error::Precondition(text) if text.contains(&moved.short())), "{refused}");
    }
    assert_eq!(row(&world, &project, &r, &moved).await.tags.len(), 1, "the tag is where it was");
    // A plain tag is a name; a signature's is what makes it count; a second signature of another kind still counts.
    assert_eq!(tag_plan(ctx, who, &project, &r, &latest, &moved).await.unwrap(), Default::default());
    let made = signature(&world, &project, &r, &moved, "a").await;
    let sig: Tag = format!("{}.sig", moved.tag_stem()).parse().unwrap();
    let signing = world.manifest(&project, &r, sig.as_str(), &made).await;
    let plan = tag_plan(ctx, who, &project, &r, &sig, &signing).await.unwrap();
    assert_eq!((plan.goes, plan.unsigned.as_slice()), (false, std::slice::from_ref(&moved)));
    assert_eq!(super::super::plan(ctx, who, &project, &r, &signing).await.unwrap().unsigned, std::slice::from_ref(&moved));
    let config = blob(&world, &project, &r, EMPTY, b"{}").await;
    let other = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": media::NOTATION, "config": config, "layers": [config],
        "subject": as_child(&world, &project, &r, &moved).await,
    });
    world.manifest(&project, &r, "", &other).await;
    assert_eq!(delete_tag(ctx, who, &project, &r, &sig, Some(&signing)).await.unwrap().unsigned, []);
    assert!(signed(&world, &project, &r, &moved).await);
    // A list of referrers goes with its tag.
    let list: Tag = moved.tag_stem().parse().unwrap();
    let found = page(ctx, who, &project, &r, &Reference::Digest(moved.clone()), From::default()).await.unwrap();
    let listed = as_child(&world, &project, &r, &found.tree[0].digest).await;
    let digest = world.manifest(&project, &r, list.as_str(), &index(vec![listed])).await;
    assert!(tag_plan(ctx, who, &project, &r, &list, &digest).await.unwrap().goes);
    assert!(delete_tag(ctx, who, &project, &r, &list, Some(&digest)).await.unwrap().goes);
    assert!(pull(ctx, who, &project, &r, &Reference::Digest(digest), false).await.is_err());
    assert_eq!(findings(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_platform_that_has_not_come_is_one_that_is_missing() {
    let world = World::with(|settings| settings.sparse.indexes = true).await;
    let (project, r) = (world.project("p", false).await, named("r"));
    let here = world.image(&project, &r, "", "one that came").await;
    let mut entries = vec![as_child(&world, &project, &r, &here).await];
    for (n, platform) in [("arm64", true), ("unknown", false)] {
        let os = if platform { "linux" } else { "unknown" };
        let mut entry = entry(OCI_MANIFEST, &crate::blobs::digest_of(Algorithm::Sha256, n.as_bytes()), 500);
        entry["platform"] = json!({ "os": os, "architecture": n });
        entries.push(entry);
    }
    let all = world.manifest(&project, &r, "all", &index(entries)).await;
    let made = signature(&world, &project, &r, &here, "a").await;
    world.manifest(&project, &r, &format!("{}.sig", here.tag_stem()), &made).await;
    let found = page(&world.ctx, &world.admin, &project, &r, &Reference::Digest(all.clone()), From::default()).await.unwrap();
    let platforms = found.artifact.platforms.unwrap();
    assert_eq!((platforms.total, platforms.signed), (2, 1), "one of two is signed, the other has not come");
    assert_eq!(found.children.iter().map(|child| (child.here, child.signed)).collect::<Vec<_>>(), [(true, true), (false, false)]);
    let report = fsck::check(&world.ctx, fsck::Options::default()).await.unwrap();
    assert_eq!((report.findings.len(), report.elsewhere, report.awaited), (0, 0, 2));
}
