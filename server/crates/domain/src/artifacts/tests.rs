//! Artifacts: pushed, hung under each other, listed, deleted, refused.

use super::*;
use crate::manifest::{self, Manifest, OCI_INDEX, OCI_MANIFEST};
use crate::testing::World;
use base64::Engine as _;
use model::accessory::Kind;
use model::artifact::Filter;
use model::list::Query;
use serde_json::json;

const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

fn names() -> (RepositoryName, Tag) {
    ("r".parse().unwrap(), "1".parse().unwrap())
}

/// A bundle that says it signs `subject` (nothing here verifies it).
fn bundle(subject: &Digest, predicate: &str) -> Vec<u8> {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate,
        "subject": [{ "digest": { "sha256": subject.hex() } }],
    });
    let payload = base64::engine::general_purpose::STANDARD.encode(statement.to_string());
    json!({ "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": { "payload": payload } })
        .to_string()
        .into_bytes()
}

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

async fn rows(world: &World, project: &ProjectName, filter: Filter) -> Vec<model::artifact::Artifact> {
    let (repository, _) = names();
    list(&world.ctx, &world.admin, project, &repository, &Query::default(), &filter).await.unwrap().items
}

#[tokio::test]
async fn a_signature_counts_by_what_it_says_and_for_whom_it_says_it() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let (repository, _) = names();
    let image = world.image(&project, &repository, "1", "a").await;
    let other = world.image(&project, &repository, "2", "b").await;
    // An attestation of the same media type, and a signature of another digest, are no signature of this one.
    world.attach(&project, &repository, &image, BUNDLE, &bundle(&image, "https://slsa.dev/provenance/v1")).await;
    world.attach(&project, &repository, &image, BUNDLE, &bundle(&other, SIGN)).await;
    assert!(rows(&world, &project, Filter::default()).await.iter().all(|row| !row.signed));
    let signature = world.attach(&project, &repository, &image, BUNDLE, &bundle(&image, SIGN)).await;
    let rows = rows(&world, &project, Filter { signed: Some(true), ..Filter::default() }).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0].digest, rows[0].accessory_count), (&image, 3));
    assert_eq!(rows[0].attached, [Kind::CosignSignature, Kind::Attestation, Kind::Other]);
    let page = page(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(image), Default::default()).await.unwrap();
    assert_eq!(page.tree[0].digest, signature, "signatures come first");
}

#[tokio::test]
async fn a_signature_that_came_first_is_hung_under_its_image_when_that_comes() {
    let world = World::new().await;
    let (project, there) = (world.project("p", false).await, world.project("there", false).await);
    let (repository, _) = names();
    let image = world.image(&project, &repository, "1", "a").await;
    world.attach(&there, &repository, &image, BUNDLE, &bundle(&image, SIGN)).await;
    let waiting = rows(&world, &there, Filter::default()).await;
    assert!(waiting.len() == 1 && waiting[0].accessory == Some(Kind::CosignSignature) && waiting[0].subject.as_ref() == Some(&image));
    assert_eq!(world.image(&there, &repository, "1", "a").await, image);
    let rows = rows(&world, &there, Filter::default()).await;
    assert!(rows.len() == 1 && rows[0].signed);
}

#[tokio::test]
async fn a_tag_that_looks_like_cosigns_decides_nothing() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let (repository, _) = names();
    let image = world.image(&project, &repository, "1", "a").await;
    let stem = image.tag_stem();
    world.image(&project, &repository, &format!("{stem}.sig"), "an ordinary image").await;
    world.image(&project, &repository, &stem, "another ordinary image").await;
    let rows = rows(&world, &project, Filter::default()).await;
    assert_eq!(rows.len(), 3, "images stay images, whatever their tag");
    assert!(rows.iter().all(|row| !row.signed && row.accessory.is_none()));
}

#[tokio::test]
async fn deleting_takes_along_what_its_plan_says_and_nothing_else() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let (repository, _) = names();
    let (image, other) =
        (world.image(&project, &repository, "1", "a").await, world.image(&project, &repository, "2", "b").await);
    let sbom = world.attach(&project, &repository, &image, "application/spdx+json", b"{}").await;
    world.attach(&project, &repository, &sbom, BUNDLE, &bundle(&sbom, SIGN)).await;
    let planned = plan(&world.ctx, &world.admin, &project, &repository, &image).await.unwrap();
    assert_eq!(planned.tags.len(), 1);
    assert_eq!(planned.accessories.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [Kind::CosignSignature, Kind::Sbom]);
    let done = delete(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(image.clone())).await.unwrap();
    assert_eq!(done, planned);
    assert_eq!(rows(&world, &project, Filter::default()).await.iter().map(|r| &r.digest).collect::<Vec<_>>(), [&other]);
    let gone = page(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(sbom), Default::default()).await;
    assert!(matches!(gone, Err(Error::NotFound(_))));
    let frame = crate::projects::frame(&world.ctx, &world.admin, &project).await.unwrap();
    assert_eq!(frame.project.artifact_count, 1);
}

#[tokio::test]
async fn an_index_keeps_its_children_and_goes_with_them() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let (repository, tag) = names();
    let child = world.image(&project, &repository, "child", "a").await;
    delete_tag(&world.ctx, &world.admin, &project, &repository, &"child".parse().unwrap(), None).await.unwrap();
    let size = pull(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(child.clone()), false).await.unwrap().content.len();
    let index = world
        .manifest(&project, &repository, tag.as_str(), &json!({
            "schemaVersion": 2, "mediaType": OCI_INDEX,
            "manifests": [{ "mediaType": OCI_MANIFEST, "digest": child, "size": size, "platform": { "os": "linux", "architecture": "arm64" } }],
        }))
        .await;
    assert_eq!(rows(&world, &project, Filter::default()).await.len(), 1, "an untagged child is not listed");
    let refused = delete(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(child.clone())).await;
    assert!(matches!(refused, Err(Error::Precondition(_))));
    // A signed index lets its children through.
    crate::projects::update(&world.ctx, &world.admin, &project, None, Some(true)).await.unwrap();
    let guest = world.member("guest", &project, model::Role::Guest).await;
    let by_digest = Reference::Digest(child.clone());
    let refused = pull(&world.ctx, &guest, &project, &repository, &by_digest, false).await;
    assert!(matches!(refused, Err(Error::Policy(_))));
    world.attach(&project, &repository, &index, BUNDLE, &bundle(&index, SIGN)).await;
    pull(&world.ctx, &guest, &project, &repository, &by_digest, false).await.unwrap();
    delete(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(index)).await.unwrap();
    assert!(rows(&world, &project, Filter::default()).await.is_empty());
}

#[tokio::test]
async fn n_031_n_075_n_076_a_manifest_names_only_what_is_here_as_it_is_here() {
    let world = World::new().await;
    let (project, other) = (world.project("p", false).await, world.project("other", false).await);
    let (repository, tag) = names();
    let config = world.blob(&project, &repository, b"{}").await;
    let elsewhere = world.blob(&other, &repository, b"only there").await;
    let push_it = async |digest: &Digest, size: i64| {
        let body = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2 },
            "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size }],
        });
        let bytes = serde_json::to_vec(&body).unwrap();
        push(&world.ctx, &world.admin, &project, &repository, &Reference::Tag(tag.clone()), Vec::new(), None, bytes).await
    };
    match push_it(&elsewhere, 10).await.err() {
        Some(Error::Manifest { missing, .. }) => assert_eq!(missing, [elsewhere]),
        other => panic!("{other:?}"),
    }
    let here = world.blob(&project, &repository, b"here").await;
    for size in [5, 3, -1] {
        assert!(matches!(push_it(&here, size).await, Err(Error::Manifest { missing, .. }) if missing.is_empty()), "{size}");
    }
    assert!(matches!(tag_names(&world.ctx, &world.admin, &project, &repository, "", 10).await, Err(Error::NotFound(_))));
    push_it(&here, 4).await.unwrap();
}

#[tokio::test]
async fn n_074_a_digest_that_the_body_does_not_have_moves_no_tag() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let (repository, tag) = names();
    let image = world.image(&project, &repository, tag.as_str(), "a").await;
    let content = pull(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(image.clone()), false).await.unwrap().content.to_vec();
    let wrong = Reference::Digest(format!("sha256:{}", "0".repeat(64)).parse().unwrap());
    let mut changed = content.clone();
    changed.push(b' ');
    for bytes in [content, changed] {
        let refused = push(&world.ctx, &world.admin, &project, &repository, &wrong, vec![tag.clone()], None, bytes).await;
        assert!(matches!(refused, Err(Error::DigestMismatch(_))));
    }
    let found = pull(&world.ctx, &world.admin, &project, &repository, &Reference::Tag(tag), false).await.unwrap();
    assert_eq!(found.digest, image);
}

#[tokio::test]
async fn n_085_a_deep_chain_of_indexes_is_walked_once() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let (repository, _) = names();
    let mut child = world.image(&project, &repository, "0", "a").await;
    let mut size = pull(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(child.clone()), false).await.unwrap().content.len();
    let mut media_type = OCI_MANIFEST;
    for n in 1..=40 {
        // Twice the same child: 2^40 ways, forty manifests.
        let descriptor = json!({ "mediaType": media_type, "digest": child, "size": size });
        let body = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor, descriptor], "annotations": { "n": n.to_string() } });
        size = serde_json::to_vec(&body).unwrap().len();
        child = world.manifest(&project, &repository, &n.to_string(), &body).await;
        media_type = OCI_INDEX;
    }
    let nodes = graph(&world.ctx, &world.admin, &project, &repository, &child).await.unwrap();
    assert_eq!(nodes.len(), 41);
    assert_eq!(nodes.last().unwrap().digest, child, "children come before their index");
    plan(&world.ctx, &world.admin, &project, &repository, &child).await.unwrap();
}

#[tokio::test]
async fn a_superseded_signature_is_neither_shown_nor_left_behind() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let (repository, _) = names();
    let image = world.image(&project, &repository, "1", "a").await;
    let sig = format!("{}.sig", image.tag_stem());
    let payload = json!({ "critical": { "image": { "docker-manifest-digest": image }, "type": "cosign container image signature" } });
    let signature = async |note: &str| {
        let bytes = json!({ "critical": payload["critical"], "optional": { "note": note } }).to_string().into_bytes();
        let config = world.blob(&project, &repository, b"{}").await;
        let layer = world.blob(&project, &repository, &bytes).await;
        let body = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2 },
            "layers": [{ "mediaType": crate::manifest::media::SIMPLE_SIGNING, "digest": layer, "size": bytes.len() }],
        });
        world.manifest(&project, &repository, &sig, &body).await
    };
    let first = signature("one").await;
    let second = signature("two").await;
    let shown = page(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(image.clone()), Default::default()).await.unwrap();
    assert_eq!(shown.tree.iter().map(|node| &node.digest).collect::<Vec<_>>(), [&second]);
    assert!(shown.artifact.signed);
    delete(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(image)).await.unwrap();
    for digest in [first, second] {
        let gone = page(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(digest), Default::default()).await;
        assert!(matches!(gone, Err(Error::NotFound(_))));
    }
}

#[test]
fn a_manifest_of_four_mebibytes_is_read_and_one_byte_more_is_not() {
    let head = format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[],"x":""#);
    let fit = manifest::MAX - head.len() - 2;
    let of = |n: usize| format!("{head}{}\"}}", "a".repeat(n)).into_bytes();
    assert_eq!(of(fit).len(), manifest::MAX);
    assert!(Manifest::parse(&of(fit), None).is_ok());
    assert!(matches!(Manifest::parse(&of(fit + 1), None), Err(Error::Manifest { .. })));
}

#[tokio::test]
async fn n_104_an_image_that_calls_itself_an_accessory_does_not_slip_through() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let (repository, _) = names();
    let subject = world.image(&project, &repository, "1", "a").await;
    crate::projects::update(&world.ctx, &world.admin, &project, None, Some(true)).await.unwrap();
    let guest = world.member("guest", &project, model::Role::Guest).await;
    let config = world.blob(&project, &repository, b"{}").await;
    let layer = world.blob(&project, &repository, b"a root file system").await;
    let image = |artifact_type: Option<&str>, layer_type: &str| {
        let mut body = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2 },
            "layers": [{ "mediaType": layer_type, "digest": layer, "size": 18 }],
            "subject": { "mediaType": OCI_MANIFEST, "digest": subject, "size": 1 },
        });
        if let Some(artifact_type) = artifact_type {
            body["artifactType"] = artifact_type.into();
        }
        body
    };
    let tar = "application/vnd.oci.image.layer.v1.tar";
    for artifact_type in [None, Some("application/spdx+json"), Some("application/vnd.cncf.notary.signature"), Some(BUNDLE)] {
        let digest = world.manifest(&project, &repository, "evil", &image(artifact_type, tar)).await;
        for reference in [Reference::Digest(digest), Reference::Tag("evil".parse().unwrap())] {
            let refused = pull(&world.ctx, &guest, &project, &repository, &reference, false).await;
            assert!(matches!(refused, Err(Error::Policy(_))), "{artifact_type:?}");
        }
    }
    // What is really attached is fetched, or nobody could verify anything.
    let sbom = world.attach(&project, &repository, &subject, "application/spdx+json", b"{}").await;
    pull(&world.ctx, &guest, &project, &repository, &Reference::Digest(sbom), false).await.unwrap();
}

#[tokio::test]
async fn an_index_cannot_turn_an_image_into_an_attestation() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let (repository, _) = names();
    let (image, sibling) =
        (world.image(&project, &repository, "1", "a").await, world.image(&project, &repository, "2", "b").await);
    let found = pull(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(image.clone()), false).await.unwrap();
    let body = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX,
        "manifests": [{
            "mediaType": OCI_MANIFEST, "digest": image, "size": found.content.len(),
            "annotations": { "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": sibling },
        }],
    });
    world.manifest(&project, &repository, "index", &body).await;
    let rows = rows(&world, &project, Filter::default()).await;
    assert_eq!(rows.len(), 3, "the image is still there to be seen");
    assert!(rows.iter().all(|row| row.accessory.is_none()));
}

#[tokio::test]
async fn referrers_come_in_pages_each_once_and_by_type() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let (repository, _) = names();
    let image = world.image(&project, &repository, "1", "a").await;
    let mut attached = Vec::new();
    for n in 0..7 {
        let media_type = if n & 1 == 0 { "application/spdx+json" } else { "text/other" };
        attached.push(world.attach(&project, &repository, &image, media_type, format!("{{\"n\":{n}}}").as_bytes()).await);
    }
    let pages = async |wanted: Option<&str>| {
        let (mut all, mut after, mut pages) = (Vec::new(), 0, 0);
        loop {
            let (found, more) = referrers(&world.ctx, &world.admin, &project, &repository, &image, wanted, after, 2).await.unwrap();
            assert!(found.len() <= 2);
            all.extend(found.into_iter().map(|referrer| referrer.digest));
            pages += 1;
            match more {
                Some(last) => after = last,
                None => return (all, pages),
            }
        }
    };
    assert_eq!(pages(None).await, (attached.clone(), 4));
    let even: Vec<Digest> = attached.iter().step_by(2).cloned().collect();
    assert_eq!(pages(Some("application/spdx+json")).await, (even, 2));
    assert_eq!(pages(Some("nothing")).await, (Vec::new(), 1));
}

/// What hangs on a list's rows is asked for in parts: a list of more than one part says the same as each row by itself.
#[tokio::test]
async fn a_long_list_says_of_each_row_what_the_row_says_of_itself() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let (repository, _) = names();
    for n in 0..70 {
        let image = world.image(&project, &repository, &format!("v{n}"), &format!("image {n}")).await;
        if n % 3 == 0 {
            world.attach(&project, &repository, &image, BUNDLE, &bundle(&image, SIGN)).await;
            let reference = Reference::Digest(image.clone());
            add_tag(&world.ctx, &world.admin, &project, &repository, &reference, &format!("also-{n}"), false).await.unwrap();
        }
        if n == 1 {
            let size = pull(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(image.clone()), false).await.unwrap().content.len();
            let child = json!({ "mediaType": OCI_MANIFEST, "digest": image, "size": size, "platform": { "os": "linux", "architecture": "amd64" } });
            let body = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child] });
            let index = world.manifest(&project, &repository, "index", &body).await;
            world.attach(&project, &repository, &index, BUNDLE, &bundle(&index, SIGN)).await;
        }
    }
    let query = Query::all(1000);
    let all = list(&world.ctx, &world.admin, &project, &repository, &query, &Filter::default()).await.unwrap().items;
    assert_eq!(all.len(), 71);
    for row in &all {
        let page = page(&world.ctx, &world.admin, &project, &repository, &Reference::Digest(row.digest.clone()), Default::default()).await.unwrap();
        assert_eq!(*row, page.artifact);
    }
    let two_tags = all.iter().filter(|row| row.tags.len() == 2 && row.accessory_count == 1 && row.attached == [Kind::CosignSignature]);
    assert_eq!(two_tags.count(), 24);
    assert_eq!(all.iter().filter(|row| row.signed_by_index.is_some()).count(), 1);
}
