//! The attacks and reports of `cases/` that go through manifests, by their numbers, with neighbours that nobody reported.

mod attacks;
mod reports;
mod second;
mod third;

use super::*;
use crate::manifest::{DOCKER_LIST, DOCKER_MANIFEST, EMPTY, OCI_INDEX, OCI_MANIFEST, media};
use crate::testing::World;
use crate::{deletions, uploads};
use model::accessory::Kind;
use model::artifact::{Artifact, Filter, From, Type};
use model::list::{Query, Window};
use model::{Algorithm, Role};
use serde_json::{Value, json};

const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

fn entry(media_type: &str, digest: &Digest, size: usize) -> Value {
    json!({ "mediaType": media_type, "digest": digest, "size": size })
}

fn index(manifests: Vec<Value>) -> Value {
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests })
}

fn named(name: &str) -> RepositoryName {
    name.parse().unwrap()
}

async fn blob(world: &World, project: &ProjectName, repository: &RepositoryName, media_type: &str, bytes: &[u8]) -> Value {
    entry(media_type, &world.blob(project, repository, bytes).await, bytes.len())
}

/// A manifest's bytes as an index names them.
async fn as_child(world: &World, project: &ProjectName, repository: &RepositoryName, digest: &Digest) -> Value {
    let found = pull(&world.ctx, &world.admin, project, repository, &Reference::Digest(digest.clone()), false).await.unwrap();
    entry(&found.media_type, digest, found.content.len())
}

fn attests(mut child: Value, sibling: &Digest) -> Value {
    child["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": sibling });
    child
}

async fn rows(world: &World, project: &ProjectName, repository: &RepositoryName) -> Vec<Artifact> {
    match list(&world.ctx, &world.admin, project, repository, &Query::default(), &Filter::default()).await {
        Ok(page) => page.items,
        Err(Error::NotFound(_)) => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

async fn row(world: &World, project: &ProjectName, repository: &RepositoryName, digest: &Digest) -> Artifact {
    page(&world.ctx, &world.admin, project, repository, &Reference::Digest(digest.clone()), From::default()).await.unwrap().artifact
}

async fn refused(world: &World, who: &Principal, project: &ProjectName, repository: &RepositoryName, json: &Value) -> Error {
    let bytes = serde_json::to_vec(json).unwrap();
    let reference = Reference::Tag("x".parse().unwrap());
    match push(&world.ctx, who, project, repository, &reference, Vec::new(), None, bytes).await {
        Ok(pushed) => panic!("{} was taken", pushed.digest),
        Err(error) => error,
    }
}

/// A signature of cosign's older form over `image`.
async fn signature(world: &World, project: &ProjectName, r: &RepositoryName, image: &Digest, more: &str) -> Value {
    let payload = json!({ "critical": { "image": { "docker-manifest-digest": image } }, "optional": { "more": more } }).to_string();
    let config = blob(world, project, r, IMAGE_CONFIG, b"{}").await;
    let layer = blob(world, project, r, media::SIMPLE_SIGNING, payload.as_bytes()).await;
    json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer] })
}

async fn is_there(world: &World, project: &ProjectName, r: &RepositoryName, digest: &Digest) -> bool {
    uploads::blob(&world.ctx, &world.admin, project, r, digest).await.unwrap().is_some() && world.ctx.blobs.size(digest).await.unwrap().is_some()
}
