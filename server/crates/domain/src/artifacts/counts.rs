//! Tests that what is counted is what is there, after every kind of push, move, deletion and undo.

use super::*;
use crate::manifest::{OCI_INDEX, OCI_MANIFEST};
use crate::deletions;
use crate::testing::World;
use model::list::Query;
use serde_json::json;

/// Every counter, against the rows that it counts.
async fn all_true(world: &World, after: &str) {
    for figure in crate::fsck::sql::figures::all() {
        let found = figure.find(&mut world.ctx.db.read().await.unwrap(), 0).await.unwrap();
        assert!(found.is_some() || figure.table == "accessories", "there are rows");
        let wrong = found.map(|found| found.1).unwrap_or_default();
        assert!(wrong.is_empty(), "after {after}: {wrong:?}");
    }
}

#[tokio::test]
async fn what_is_counted_is_what_is_there() {
    let world = World::with(|settings| settings.recycle = 86_400_000).await;
    let (project, repository, elsewhere) = (world.project("p", false).await, "r".parse().unwrap(), "elsewhere".parse().unwrap());
    let (ctx, who) = (&world.ctx, &world.admin);
    let one = world.image(&project, &repository, "1", "one").await;
    let two = world.image(&project, &repository, "2", "two").await;
    all_true(&world, "two images").await;
    world.image(&project, &repository, "1", "two").await;
    all_true(&world, "a tag that moved").await;
    world.image(&project, &repository, "1", "three").await;
    all_true(&world, "a tag that moved to a new image").await;
    world.image(&project, &repository, "1", "three").await;
    all_true(&world, "the same again").await;

    let size = async |digest: &Digest| pull(ctx, who, &project, &repository, &Reference::Digest(digest.clone()), false).await.unwrap().content.len();
    let entry = |digest: &Digest, size: usize| json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": size });
    let (first, second) = (entry(&one, size(&one).await), entry(&two, size(&two).await));
    // More children than one statement takes, most of them the same.
    let many: Vec<_> = (0..40).map(|_| first.clone()).chain([second.clone()]).collect();
    let index = world.manifest(&project, &repository, "all", &json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": many })).await;
    all_true(&world, "an index that names a child forty times").await;
    let small = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [second] });
    world.manifest(&project, &repository, "", &small).await;
    all_true(&world, "an index without a tag").await;

    let bytes = serde_json::to_vec(&small).unwrap();
    let tags: Vec<Tag> = (0..40).map(|n| format!("x{}", n % 30).parse().unwrap()).chain(["1".parse().unwrap()]).collect();
    push(ctx, who, &project, &repository, &Reference::Tag("x0".parse().unwrap()), tags, None, bytes).await.unwrap();
    all_true(&world, "many tags at once, some twice and one of them taken").await;

    world.attach(&project, &repository, &one, "application/vnd.dev.cosign.artifact.sig.v1+json", b"{}").await;
    world.attach(&project, &repository, &index, "application/spdx+json", b"{}").await;
    all_true(&world, "attachments").await;
    world.attach(&project, &elsewhere, &one, "application/spdx+json", b"{}").await;
    all_true(&world, "a repository that begins with an attachment").await;

    delete_tag(ctx, who, &project, &repository, &"x0".parse().unwrap(), None).await.unwrap();
    all_true(&world, "a tag that was taken away").await;
    delete(ctx, who, &project, &repository, &Reference::Digest(index)).await.unwrap();
    all_true(&world, "a deletion").await;
    let last = deletions::list(ctx, who, &project, &Query::default()).await.unwrap().items[0].id;
    deletions::restore(ctx, who, &project, last).await.unwrap();
    all_true(&world, "an undo").await;
}
