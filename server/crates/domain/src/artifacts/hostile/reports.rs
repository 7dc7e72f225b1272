//! Public reports, by their numbers.

use super::*;

#[tokio::test]
async fn c_1_1_an_index_over_blobs_keeps_them() {
    for sparse in [false, true] {
        let world = World::with(|settings| settings.sparse.indexes = sparse).await;
        let (project, r) = (world.project("p", false).await, named("cache"));
        for media_type in [OCI_INDEX, DOCKER_LIST] {
            let layer = blob(&world, &project, &r, LAYER, format!("a layer of {media_type}").as_bytes()).await;
            let config = blob(&world, &project, &r, media::BUILD_CACHE, format!(r#"{{"of":"{media_type}"}}"#).as_bytes()).await;
            let made = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": [layer, config] });
            let tag = if media_type == OCI_INDEX { "oci" } else { "docker" };
            let digest = world.manifest(&project, &r, tag, &made).await;
            assert_eq!(row(&world, &project, &r, &digest).await.kind, Type::Cache);
            world.pass(world.ctx.settings.gc_grace * 2);
            world.collect().await;
            for part in [&layer, &config] {
                assert!(is_there(&world, &project, &r, &part["digest"].as_str().unwrap().parse().unwrap()).await, "{part} of {media_type}");
            }
        }
        // A size that is not the blob's, and a blob that is not here.
        let layer = blob(&world, &project, &r, LAYER, b"another layer").await;
        let mut wrong = layer.clone();
        wrong["size"] = 4.into();
        assert!(matches!(refused(&world, &world.admin, &project, &r, &index(vec![wrong])).await, Error::Manifest { .. }));
        let nowhere = entry(LAYER, &crate::blobs::digest_of(Algorithm::Sha256, b"nobody has it"), 13);
        if !sparse {
            let error = refused(&world, &world.admin, &project, &r, &index(vec![layer, nowhere])).await;
            assert!(matches!(error, Error::Manifest { missing, .. } if missing.len() == 1));
        } else {
            // It comes later, and is kept then.
            let digest = world.manifest(&project, &r, "later", &index(vec![nowhere])).await;
            let came = world.blob(&project, &r, b"nobody has it").await;
            world.pass(world.ctx.settings.gc_grace * 2);
            world.collect().await;
            assert!(is_there(&world, &project, &r, &came).await, "{digest}");
        }
        // The newer form.
        let (config, layer) = (blob(&world, &project, &r, media::BUILD_CACHE, b"{}").await, blob(&world, &project, &r, LAYER, b"third").await);
        let digest = world.manifest(&project, &r, "new", &json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer] })).await;
        assert_eq!(row(&world, &project, &r, &digest).await.kind, Type::Cache);
    }
}

#[tokio::test]
async fn c_1_4_a_layer_that_was_pushed_is_kept_whatever_is_said_of_it() {
    let world = World::new().await;
    let (project, r) = (world.project("p", false).await, named("win"));
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let free = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    for (n, (media_type, urls)) in [
        (foreign, Some("https://example.com/l")), (foreign, None), (free, Some("https://example.com/l")), (free, None), (LAYER, Some("https://example.com/l")),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", Some("https://example.com/l")),
    ].into_iter().enumerate() {
        let made = |layer: &Value, config: &Value| {
            let mut layer = layer.clone();
            if let Some(url) = urls {
                layer["urls"] = json!([url]);
            }
            json!({ "schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": config, "layers": [layer] })
        };
        let config = blob(&world, &project, &r, IMAGE_CONFIG, format!(r#"{{"n":{n}}}"#).as_bytes()).await;
        let layer = blob(&world, &project, &r, media_type, format!("layer {n}").as_bytes()).await;
        let digest = world.manifest(&project, &r, &format!("t{n}"), &made(&layer, &config)).await;
        // Not pushed before the manifest, and one never.
        let bytes = format!("late {n}");
        let late = entry(media_type, &crate::blobs::digest_of(Algorithm::Sha256, bytes.as_bytes()), bytes.len());
        let without = world.manifest(&project, &r, &format!("late{n}"), &made(&late, &config)).await;
        let nodes = graph(&world.ctx, &world.admin, &project, &r, &without).await.unwrap();
        assert_eq!(nodes[0].blobs.len(), 1, "what is not here is not copied");
        let came = world.blob(&project, &r, bytes.as_bytes()).await;
        world.pass(world.ctx.settings.gc_grace * 2);
        world.collect().await;
        let pushed: Digest = layer["digest"].as_str().unwrap().parse().unwrap();
        assert!(is_there(&world, &project, &r, &pushed).await && is_there(&world, &project, &r, &came).await, "{media_type} {urls:?}");
        let nodes = graph(&world.ctx, &world.admin, &project, &r, &digest).await.unwrap();
        assert_eq!(nodes[0].blobs.len(), 2, "it is replicated");
        let nodes = graph(&world.ctx, &world.admin, &project, &r, &without).await.unwrap();
        assert_eq!(nodes[0].blobs.len(), 2);
    }
    let report = crate::fsck::check(&world.ctx, Default::default()).await.unwrap();
    assert_eq!(report.findings, []);
}

#[tokio::test]
async fn c_2_3_lists_of_referrers_are_machinery_and_go_with_what_they_are_about() {
    for platform in [false, true] {
        let world = World::with(|settings| settings.recycle = 86_400_000).await;
        let (ctx, who) = (&world.ctx, &world.admin);
        let (project, r) = (world.project("p", false).await, named("r"));
        let image = world.image(&project, &r, "1", "an image").await;
        let stem = image.tag_stem();
        let mut lists = Vec::new();
        let mut entries = Vec::new();
        for n in 0..3 {
            let attached = world.attach(&project, &r, &image, "application/vnd.sig", format!("{n}").as_bytes()).await;
            let mut child = as_child(&world, &project, &r, &attached).await;
            if platform {
                child["platform"] = json!({ "os": "linux", "architecture": "amd64" });
            }
            entries.push(child);
            lists.push(world.manifest(&project, &r, &stem, &index(entries.clone())).await);
            assert_eq!(rows(&world, &project, &r).await.iter().map(|row| &row.digest).collect::<Vec<_>>(), [&image], "platform {platform}");
        }
        // The lists before are gone, the last one stands.
        for (n, list) in lists.iter().enumerate() {
            let found = pull(ctx, who, &project, &r, &Reference::Digest(list.clone()), false).await;
            assert_eq!(found.is_ok(), n == 2);
        }
        let (found, _) = referrers(ctx, who, &project, &r, &image, None, 0, 10).await.unwrap();
        assert_eq!(found.len(), 3);
        // A signature can be deleted though a list names it, and then the image, with which the list goes.
        delete(ctx, who, &project, &r, &Reference::Digest(found[0].digest.clone())).await.unwrap();
        delete(ctx, who, &project, &r, &Reference::Digest(image.clone())).await.unwrap();
        assert!(rows(&world, &project, &r).await.is_empty());
        assert_eq!(tag_names(ctx, who, &project, &r, "", 10).await.unwrap(), Vec::<String>::new());
        let mut c = ctx.db.read().await.unwrap();
        let left: i64 = sqlx::Row::get(&sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM artifacts").fetch_one(&mut *c).await.unwrap(), "n");
        drop(c);
        assert_eq!(left, 0, "no row is left");
        for deletion in deletions::list(ctx, who, &project, &Query::default()).await.unwrap().items {
            deletions::restore(ctx, who, &project, deletion.id).await.unwrap();
        }
        assert_eq!(tag_names(ctx, who, &project, &r, "", 10).await.unwrap(), ["1".to_owned(), stem]);
        assert_eq!(referrers(ctx, who, &project, &r, &image, None, 0, 10).await.unwrap().0.len(), 3);
        assert_eq!(rows(&world, &project, &r).await.len(), 1);
    }
    // Images that `cosign copy` puts under such a tag are no list.
    let world = World::new().await;
    let (project, r) = (world.project("p", false).await, named("r"));
    let image = world.image(&project, &r, "1", "an image").await;
    let child = as_child(&world, &project, &r, &image).await;
    world.manifest(&project, &r, &image.tag_stem(), &index(vec![child])).await;
    assert_eq!(rows(&world, &project, &r).await.len(), 2);
}

#[tokio::test]
async fn c_2_4_what_is_attached_to_something_that_is_not_here_is_shown_until_it_comes() {
    let world = World::new().await;
    let (project, other, r) = (world.project("p", false).await, world.project("q", false).await, named("r"));
    let image = world.image(&other, &r, "1", "an image").await;
    let signature = signature(&world, &project, &r, &image, "").await;
    let by_tag = world.manifest(&project, &r, &format!("{}.sig", image.tag_stem()), &signature).await;
    let by_subject = world.attach(&project, &r, &image, "application/spdx+json", b"{}").await;
    let mut shown: Vec<Digest> = rows(&world, &project, &r).await.into_iter().map(|row| row.digest).collect();
    shown.sort();
    let mut expected = vec![by_tag, by_subject];
    expected.sort();
    assert_eq!(shown, expected);
    assert_eq!(world.image(&project, &r, "1", "an image").await, image);
    let shown = rows(&world, &project, &r).await;
    assert!(shown.len() == 1 && shown[0].digest == image && shown[0].signed && shown[0].accessory_count == 2);
}

#[tokio::test]
async fn c_5_an_index_takes_what_it_takes_and_says_how_many_of_its_platforms_are_signed() {
    let world = World::new().await;
    let (project, r) = (world.project("p", false).await, named("r"));
    let layer = blob(&world, &project, &r, LAYER, &[7; 100_000]).await;
    let (mut children, mut digests) = (Vec::new(), Vec::new());
    for architecture in ["amd64", "arm64", "s390x"] {
        let config = format!(r#"{{"os":"linux","architecture":"{architecture}"}}"#);
        let config = blob(&world, &project, &r, IMAGE_CONFIG, config.as_bytes()).await;
        let made = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer] });
        let digest = world.manifest(&project, &r, "", &made).await;
        let mut child = as_child(&world, &project, &r, &digest).await;
        child["platform"] = json!({ "os": "linux", "architecture": architecture });
        children.push(child);
        digests.push(digest);
    }
    let all = world.manifest(&project, &r, "all", &index(children)).await;
    let size = row(&world, &project, &r, &all).await.size;
    assert!((100_000..104_000).contains(&size), "{size}");
    for (n, digest) in digests[..2].iter().enumerate() {
        let made = signature(&world, &project, &r, digest, "").await;
        world.manifest(&project, &r, &format!("{}.sig", digest.tag_stem()), &made).await;
        let shown = row(&world, &project, &r, &all).await;
        let platforms = shown.platforms.unwrap();
        assert_eq!((shown.signed, platforms.signed, platforms.total), (false, n as i64 + 1, 3));
    }
}

#[tokio::test]
async fn what_is_attached_is_copied_after_all_that_it_lists() {
    let world = World::new().await;
    let (project, r) = (world.project("p", false).await, named("r"));
    let image = world.image(&project, &r, "image", "an image").await;
    let child = as_child(&world, &project, &r, &image).await;
    let inner = world.manifest(&project, &r, "", &index(vec![child])).await;
    let listed = as_child(&world, &project, &r, &inner).await;
    let note = world.attach(&project, &r, &image, "application/vnd.note", b"a note").await;
    let of = |more: &str, entries: Vec<Value>| {
        let mut made = index(entries);
        made["annotations"] = json!({ "n": more });
        made["subject"] = json!({ "mediaType": OCI_MANIFEST, "digest": image, "size": 1 });
        made["artifactType"] = "application/vnd.set".into();
        made
    };
    // One that lists what is made of children of the whole, and one that lists what is attached itself.
    let first = world.manifest(&project, &r, "", &of("first", vec![listed.clone()])).await;
    let second = world.manifest(&project, &r, "", &of("second", vec![as_child(&world, &project, &r, &note).await])).await;
    let whole = world.manifest(&project, &r, "whole", &index(vec![listed])).await;
    let nodes = graph(&world.ctx, &world.admin, &project, &r, &whole).await.unwrap();
    let at = |digest: &Digest| nodes.iter().position(|node| node.digest == *digest).unwrap_or_else(|| panic!("{digest} is missing"));
    assert_eq!(nodes.len(), 6);
    for (before, after) in [(&image, &inner), (&inner, &whole), (&inner, &first), (&note, &second), (&image, &note)] {
        assert!(at(before) < at(after), "{before} comes before {after}");
    }
}
