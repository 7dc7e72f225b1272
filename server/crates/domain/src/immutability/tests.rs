//! What an immutable tag keeps, and what it lets through: by every door of the domain.

use super::*;
use crate::artifacts::{self, Reference};
use crate::manifest::{EMPTY, OCI_INDEX, OCI_MANIFEST};
use crate::testing::World;
use crate::{deletions, repositories};
use model::ProjectName;
use model::list::Query;
use model::{Digest, RepositoryName, Role, Tag};
use serde_json::{Value, json};

struct Shop {
    world: World,
    project: ProjectName,
    repository: RepositoryName,
}

impl Shop {
    async fn open() -> Shop {
        let world = World::with(|settings| settings.recycle = 86_400_000).await;
        let project = world.project("p", false).await;
        Shop { world, project, repository: "r".parse().unwrap() }
    }

    fn owner(&self) -> Owner {
        Owner::Project(self.project.clone())
    }

    async fn rule(&self, repositories: &str, tags: &str) -> ImmutableRuleId {
        let selector = Selector::simple((repositories, false), (tags, false), None);
        create(&self.world.ctx, &self.world.admin, &self.owner(), selector, false).await.unwrap()
    }

    async fn image(&self, tag: &str, text: &str) -> Digest {
        self.world.image(&self.project, &self.repository, tag, text).await
    }

    /// A manifest under this tag, as cosign writes signatures: layers with what is said of each.
    async fn signature(&self, tag: &str, layers: &[(&str, &str)]) -> Result<Digest> {
        let (world, project, repository) = (&self.world, &self.project, &self.repository);
        let empty = world.blob(project, repository, b"{}").await;
        let mut all = Vec::new();
        for (payload, signature) in layers {
            let digest = world.blob(project, repository, payload.as_bytes()).await;
            all.push(json!({ "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": digest, "size": payload.len(),
                "annotations": { "dev.cosignproject.cosign/signature": signature } }));
        }
        self.put(tag, &json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": { "mediaType": EMPTY, "digest": empty, "size": 2 }, "layers": all })).await
    }

    async fn put(&self, tag: &str, manifest: &Value) -> Result<Digest> {
        let reference = Reference::Tag(tag.parse().unwrap());
        let bytes = serde_json::to_vec(manifest).unwrap();
        artifacts::push(&self.world.ctx, &self.world.admin, &self.project, &self.repository, &reference, Vec::new(), None, bytes).await.map(|pushed| pushed.digest)
    }

    async fn delete(&self, digest: &Digest) -> Result<()> {
        let reference = Reference::Digest(digest.clone());
        artifacts::delete(&self.world.ctx, &self.world.admin, &self.project, &self.repository, &reference).await.map(drop)
    }

    async fn untag(&self, tag: &str) -> Result<()> {
        let tag: Tag = tag.parse().unwrap();
        artifacts::delete_tag(&self.world.ctx, &self.world.admin, &self.project, &self.repository, &tag, None).await.map(drop)
    }

    async fn named(&self, tag: &str) -> Option<Digest> {
        let reference = Reference::Tag(tag.parse().unwrap());
        artifacts::pull(&self.world.ctx, &self.world.admin, &self.project, &self.repository, &reference, false).await.ok().map(|pulled| pulled.digest)
    }
}

#[track_caller]
fn locked<T: std::fmt::Debug>(done: Result<T>) -> String {
    match done {
        Err(Error::Locked(why)) => why,
        other => panic!("not kept: {other:?}"),
    }
}

#[tokio::test]
async fn an_immutable_tag_is_neither_moved_nor_removed_by_any_door() {
    let shop = Shop::open().await;
    let (ctx, admin, project, repository) = (&shop.world.ctx, &shop.world.admin, &shop.project, &shop.repository);
    let (one, two) = (shop.image("v1", "one").await, shop.image("dev", "two").await);
    shop.rule("**", "v*").await;
    // The same again is no change; what no rule takes moves as before.
    assert_eq!(shop.image("v1", "one").await, one);
    shop.image("dev", "three").await;
    let by_digest = Reference::Digest(two.clone());
    let why = locked(artifacts::add_tag(ctx, admin, project, repository, &by_digest, "v1", true).await);
    assert!(why.contains("p/r:v1 is immutable (every repository, tags matching v*)"), "{why}");
    let bytes = artifacts::pull(ctx, admin, project, repository, &by_digest, false).await.unwrap().content.to_vec();
    locked(artifacts::push(ctx, admin, project, repository, &Reference::Tag("v1".parse().unwrap()), Vec::new(), None, bytes.clone()).await.map(|_| ()));
    // Also as one of several tags: none of them is set.
    let tags = vec!["x1".parse().unwrap(), "v1".parse().unwrap()];
    locked(artifacts::push(ctx, admin, project, repository, &Reference::Tag("x2".parse().unwrap()), tags, None, bytes).await.map(|_| ()));
    assert_eq!((shop.named("x1").await, shop.named("x2").await), (None, None));
    locked(shop.untag("v1").await);
    let why = locked(shop.delete(&one).await);
    assert!(why.contains("v1"), "{why}");
    let many = artifacts::delete_many(ctx, admin, project, repository, std::slice::from_ref(&one)).await;
    assert!(many.is_err());
    locked(repositories::delete(ctx, admin, project, repository).await);
    assert_eq!(shop.named("v1").await.as_ref(), Some(&one));
    // The plan says it before.
    let plan = artifacts::plan(ctx, admin, project, repository, &one).await.unwrap();
    assert!(plan.locked.is_some_and(|why| why.contains("v1")));
    // Tried and refused is in the log.
    crate::events::flush(ctx).await.unwrap();
    let row = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM events
         WHERE outcome = 'refused' AND kind IN ('artifact.delete', 'tag.delete', 'repository.delete')");
    let n: i64 = sqlx::Row::get(&row.fetch_one(&mut *ctx.db.read().await.unwrap()).await.unwrap(), "n");
    assert!(n >= 3, "{n}");
    // A rule that is switched off or gone keeps nothing.
    let id = rules(ctx, admin, &shop.owner()).await.unwrap()[0].id;
    update(ctx, admin, &shop.owner(), id, None, Some(true)).await.unwrap();
    shop.untag("v1").await.unwrap();
    update(ctx, admin, &shop.owner(), id, None, Some(false)).await.unwrap();
    // Setting it for the first time always is possible: also by an undo.
    let last = deletions::list(ctx, admin, project, &Query::default()).await.unwrap().items[0].id;
    deletions::restore(ctx, admin, project, last).await.unwrap();
    assert_eq!(shop.named("v1").await.as_ref(), Some(&one));
    delete(ctx, admin, &shop.owner(), id).await.unwrap();
    shop.delete(&one).await.unwrap();
}

#[tokio::test]
async fn an_undo_moves_no_immutable_tag_back() {
    let shop = Shop::open().await;
    let (ctx, admin) = (&shop.world.ctx, &shop.world.admin);
    shop.image("v1", "one").await;
    let two = shop.image("v1", "two").await;
    shop.rule("**", "v*").await;
    let moved = deletions::list(ctx, admin, &shop.project, &Query::default()).await.unwrap().items[0].id;
    locked(deletions::restore(ctx, admin, &shop.project, moved).await);
    assert_eq!(shop.named("v1").await, Some(two));
}

#[tokio::test]
async fn signatures_under_an_immutable_tag_stay_and_further_ones_are_welcome() {
    let shop = Shop::open().await;
    let (ctx, admin, project, repository) = (&shop.world.ctx, &shop.world.admin, &shop.project, &shop.repository);
    let image = shop.image("v1", "one").await;
    shop.rule("**", "**").await;
    for suffix in ["sig", "att", "sbom"] {
        let tag = format!("{}.{suffix}", image.tag_stem());
        let first = shop.signature(&tag, &[("payload", "by ada")]).await.unwrap();
        // The same payload by another signer is another layer: its digest is the same.
        locked(shop.signature(&tag, &[("payload", "by bob")]).await);
        locked(shop.signature(&tag, &[("other", "by ada")]).await);
        locked(shop.untag(&tag).await);
        assert_eq!(shop.named(&tag).await.as_ref(), Some(&first));
        let second = shop.signature(&tag, &[("payload", "by ada"), ("payload", "by bob")]).await.unwrap();
        assert_eq!(shop.named(&tag).await.as_ref(), Some(&second));
        locked(shop.signature(&tag, &[("payload", "by bob")]).await);
    }
    // By their subject field, too; and what hangs on these.
    let attached = shop.world.attach(project, repository, &image, "application/vnd.dev.sigstore.bundle.v0.3+json", b"{}").await;
    let upon = shop.world.attach(project, repository, &attached, "application/spdx+json", b"{\"a\":1}").await;
    locked(shop.delete(&attached).await);
    locked(shop.delete(&upon).await);
    // A client's own list of referrers may grow and not shrink.
    let size = async |digest: &Digest| artifacts::pull(ctx, admin, project, repository, &Reference::Digest(digest.clone()), false).await.unwrap().content.len();
    let list = async |entries: &[&Digest]| {
        let mut all = Vec::new();
        for digest in entries {
            all.push(json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": size(digest).await }));
        }
        shop.put(&image.tag_stem(), &json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": all })).await
    };
    let another = shop.world.attach(project, repository, &image, "application/spdx+json", b"{}").await;
    list(&[&attached]).await.unwrap();
    locked(list(&[&another]).await);
    list(&[&another, &attached]).await.unwrap();
    locked(shop.untag(&image.tag_stem()).await);
    // Of an image without an immutable tag they come and go.
    let free = shop.world.image(project, repository, "", "free").await;
    let tag = format!("{}.sig", free.tag_stem());
    shop.signature(&tag, &[("payload", "by ada")]).await.unwrap();
    shop.signature(&tag, &[("payload", "by bob")]).await.unwrap();
    shop.untag(&tag).await.unwrap();
    shop.delete(&free).await.unwrap();
    let covered = covered(ctx, admin, &shop.owner(), &rules(ctx, admin, &shop.owner()).await.unwrap()[0]).await.unwrap();
    assert_eq!((covered.tags, covered.repositories, covered.examples), (1, 1, vec!["p/r:v1".to_owned()]));
}

#[tokio::test]
async fn an_immutable_index_keeps_its_children_and_their_signatures() {
    let shop = Shop::open().await;
    let (world, project, repository) = (&shop.world, &shop.project, &shop.repository);
    let child = shop.world.image(project, repository, "", "amd64").await;
    let size = artifacts::pull(&world.ctx, &world.admin, project, repository, &Reference::Digest(child.clone()), false).await.unwrap().content.len();
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [{ "mediaType": OCI_MANIFEST, "digest": child, "size": size,
        "platform": { "os": "linux", "architecture": "amd64" } }] });
    let index = shop.put("v1", &index).await.unwrap();
    let signature = world.attach(project, repository, &child, "application/vnd.dev.sigstore.bundle.v0.3+json", b"{}").await;
    shop.rule("r", "v1").await;
    for kept in [&child, &index, &signature] {
        assert!(shop.delete(kept).await.is_err(), "{kept}");
    }
    let why = locked(shop.delete(&signature).await);
    assert!(why.contains("the immutable tag v1"), "{why}");
}

#[tokio::test]
async fn a_rule_of_the_system_binds_every_project_and_is_not_lifted_there() {
    let shop = Shop::open().await;
    let (ctx, admin) = (&shop.world.ctx, &shop.world.admin);
    let ada = shop.world.member("ada", &shop.project, Role::ProjectAdmin).await;
    let selector = || Selector::simple(("p/**", false), ("release-*", false), None);
    assert!(matches!(create(ctx, &ada, &Owner::System, selector(), false).await, Err(Error::Forbidden { .. })));
    let id = create(ctx, admin, &Owner::System, selector(), false).await.unwrap();
    shop.image("release-1", "one").await;
    locked(shop.untag("release-1").await);
    let seen = rules(ctx, &ada, &shop.owner()).await.unwrap();
    assert!(seen.len() == 1 && seen[0].of_system && seen[0].sentence().starts_with("rule of the system"));
    // Its number is nobody's in the project.
    for done in [update(ctx, &ada, &shop.owner(), id, None, Some(true)).await, delete(ctx, &ada, &shop.owner(), id).await] {
        assert!(matches!(done, Err(Error::NotFound(_))), "{done:?}");
    }
    let elsewhere = shop.world.project("q", false).await;
    shop.world.image(&elsewhere, &shop.repository, "release-1", "one").await;
    artifacts::delete_tag(ctx, admin, &elsewhere, &shop.repository, &"release-1".parse().unwrap(), None).await.unwrap();
    locked(shop.untag("release-1").await);
}

#[tokio::test]
async fn n_066_what_is_no_rule_is_refused_and_changes_nothing() {
    let shop = Shop::open().await;
    let (ctx, admin, owner) = (&shop.world.ctx, &shop.world.admin, shop.owner());
    let of = |repositories: &str, tags: (&str, bool)| Selector::simple((repositories, false), tags, None);
    for (selector, what) in [
        (of("[", ("v*", false)), "pattern"), (of("**", ("{a", false)), "pattern"), (of("**", ("**", true)), "nothing is left"), (of(&"a".repeat(600), ("v", false)),
        "512"),
    ] {
        let refused = create(ctx, admin, &owner, selector, false).await.unwrap_err().to_string();
        assert!(refused.contains(what), "{refused}");
    }
    let developer = shop.world.member("dev", &shop.project, Role::Developer).await;
    assert!(matches!(create(ctx, &developer, &owner, of("**", ("v*", false)), false).await, Err(Error::Forbidden { .. })));
    assert!(matches!(rules(ctx, &developer, &owner).await, Err(Error::Forbidden { .. })));
    shop.rule("**", "v*").await;
    assert!(matches!(create(ctx, admin, &owner, of("**", ("v*", false)), false).await, Err(Error::Conflict { .. })));
    for n in 1..MOST {
        shop.rule("**", &format!("v{n}")).await;
    }
    assert!(matches!(create(ctx, admin, &owner, of("**", ("w", false)), false).await, Err(Error::Precondition(_))));
    assert_eq!(rules(ctx, admin, &owner).await.unwrap().len(), MOST);
}

#[tokio::test]
async fn what_replaces_a_signature_is_one_of_the_same_image_still() {
    let shop = Shop::open().await;
    let (world, project, repository) = (&shop.world, &shop.project, &shop.repository);
    let (image, free) = (shop.image("v1", "one").await, world.image(project, repository, "", "free").await);
    let tag = format!("{}.sig", image.tag_stem());
    let first = shop.signature(&tag, &[("payload", "by ada")]).await.unwrap();
    let content = artifacts::pull(&world.ctx, &world.admin, project, repository, &Reference::Digest(first.clone()), false).await.unwrap().content;
    let original: Value = serde_json::from_slice(&content).unwrap();
    shop.rule("**", "v1").await;
    let size = artifacts::pull(&world.ctx, &world.admin, project, repository, &Reference::Digest(free.clone()), false).await.unwrap().content.len();
    let with = |change: &dyn Fn(&mut Value)| { let mut other = original.clone(); change(&mut other); other };
    let subject = |digest: &str, size: usize| json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": size });
    for other in [
        // It names something else as what it signs: somebody who may delete that could take it along.
        with(&|other| other["subject"] = subject(&format!("sha256:{}", "1".repeat(64)), 3)),
        with(&|other| other["subject"] = subject(free.as_str(), size)),
        // It is no signature any more.
        with(&|other| other["layers"][0]["mediaType"] = "application/octet-stream".into()),
        with(&|other| other["config"]["mediaType"] = "application/vnd.example.config".into()),
        with(&|other| other["artifactType"] = "application/vnd.example".into()),
        with(&|other| other["layers"][0]["annotations"]["dev.cosignproject.cosign/signature"] = "by bob".into()),
    ] {
        locked(shop.put(&tag, &other).await);
        assert_eq!(shop.named(&tag).await.as_ref(), Some(&first), "{other}");
    }
    // With its own subject named it is the same signature still.
    let own = artifacts::pull(&world.ctx, &world.admin, project, repository, &Reference::Digest(image.clone()), false).await.unwrap().content.len();
    let second = shop.put(&tag, &with(&|other| other["subject"] = subject(image.as_str(), own))).await.unwrap();
    locked(shop.delete(&second).await);
}

#[tokio::test]
async fn what_a_tag_of_machinery_names_is_kept_whatever_its_manifest_says() {
    let shop = Shop::open().await;
    let (world, project, repository) = (&shop.world, &shop.project, &shop.repository);
    let (image, free) = (shop.image("v1", "one").await, world.image(project, repository, "", "free").await);
    let size = artifacts::pull(&world.ctx, &world.admin, project, repository, &Reference::Digest(free.clone()), false).await.unwrap().content.len();
    let empty = world.blob(project, repository, b"{}").await;
    // It stands under the image's tag, and says of itself that it is attached to another.
    let odd = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": { "mediaType": EMPTY, "digest": empty, "size": 2 },
        "layers": [], "subject": { "mediaType": OCI_MANIFEST, "digest": free, "size": size } });
    let odd = shop.put(&format!("{}.sig", image.tag_stem()), &odd).await.unwrap();
    shop.rule("**", "v1").await;
    locked(shop.delete(&odd).await);
    // Nor does it go along with what it says it is attached to.
    locked(shop.delete(&free).await);
    assert!(shop.named(&format!("{}.sig", image.tag_stem())).await.is_some());
}
