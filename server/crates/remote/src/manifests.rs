//! Manifests (distribution-spec 1.1, "Pulling manifests" and "Pushing Manifests").

use crate::auth::{Access, Scope};
use crate::failure::Failure;
use crate::line::Patience;
use crate::registry::{ANSWER, Registry, both};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use model::{Algorithm, Digest};

/// Manifest types that are asked for.
const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, */*;q=0.1";

/// How often a manifest is read that is not what it should be.
const READS: u32 = 3;

/// Are these the bytes of a manifest, whole, and the one that was asked for? Else why not.
fn verified(reference: &str, headers: &HeaderMap, bytes: &[u8]) -> Result<(), String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(coding) = text("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(format!("it is encoded ({coding}), which was not asked for"));
    }
    let named = text("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
    for digest in reference.parse::<Digest>().ok().iter().chain(&named) {
        if domain::blobs::digest_of(digest.algorithm(), bytes) != *digest {
            return Err(format!("{} bytes that are not {}", bytes.len(), digest.short()));
        }
    }
    match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(serde_json::Value::Object(_)) => Ok(()),
        _ => Err("it is no manifest (no JSON object)".to_owned()),
    }
}

/// What a manifest says it is; of one that says nothing, as what it was sent.
fn media_type(headers: &HeaderMap, bytes: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        #[serde(default, rename = "mediaType")]
        media_type: Option<String>,
    }
    let own = serde_json::from_slice::<Said>(bytes).ok().and_then(|said| said.media_type).filter(|own| !own.is_empty());
    own.unwrap_or_else(|| headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned())
}

impl Registry {
    /// The digest that a tag or digest names there, if anything. A registry whose HEAD answers oddly is asked for the manifest itself.
    pub async fn manifest_digest(&self, repository: &str, reference: &str) -> Result<Option<Digest>, Failure> {
        let url = self.url(repository, &format!("manifests/{reference}"))?;
        let scopes = both(repository);
        let mut ask = self.about(format!("looking for {repository} {reference}"), Method::HEAD, url, &scopes);
        ask.headers.push((header::ACCEPT, ACCEPT.to_owned()));
        let reply = self.line.ask(&ask, Patience::Look).await?;
        let named: Option<Digest> = reply.header("docker-content-digest").and_then(|text| text.parse().ok());
        let asked: Option<Digest> = reference.parse().ok();
        match (reply.status(), named) {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            // What names itself counts. That something answered, a page for people or another manifest, is no proof of this one.
            (status, Some(named)) if status.is_success() && asked.as_ref().is_none_or(|asked| *asked == named) => Ok(Some(named)),
            (_, named) => {
                let found = self.manifest(repository, reference).await?;
                let algorithm = asked.as_ref().or(named.as_ref()).map_or(Algorithm::Sha256, Digest::algorithm);
                Ok(found.map(|(_, bytes)| domain::blobs::digest_of(algorithm, &bytes)))
            }
        }
    }

    /// A manifest's type and bytes, if it is there: what its digest says, and JSON. Bytes that are not are asked for again.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<Option<(String, Vec<u8>)>, Failure> {
        let url = self.url(repository, &format!("manifests/{reference}"))?;
        let scopes = both(repository);
        let what = format!("reading {repository} {reference}");
        let mut ask = self.about(what.clone(), Method::GET, url, &scopes);
        ask.headers.push((header::ACCEPT, ACCEPT.to_owned()));
        let mut tried = 0;
        loop {
            tried += 1;
            let (headers, bytes) = match self.line.fetch(ask.clone(), ANSWER).await? {
                Ok(found) => found,
                Err(reply) if reply.status() == StatusCode::NOT_FOUND => return Ok(None),
                Err(reply) => return Err(reply.failure(&what).await),
            };
            let Err(wrong) = verified(reference, &headers, &bytes) else {
                return Ok(Some((media_type(&headers, &bytes), bytes)));
            };
            let failure = Failure::destination(format!("it answered something else: {wrong}"));
            if self.line.patience == Patience::Person || tried >= READS {
                return Err(failure.during(&what, tried));
            }
            self.line.wait(&what, &failure.message, tried, self.line.pause(tried)).await;
        }
    }

    /// Deletes a manifest by its digest, with every tag of it there; one that is not there is deleted. Answers why the registry keeps it, where
    /// it says that something there needs it.
    pub async fn delete_manifest(&self, repository: &str, digest: &Digest) -> Result<Option<String>, Failure> {
        let url = self.url(repository, &format!("manifests/{digest}"))?;
        let scopes = [Scope { repository: repository.to_owned(), access: Access::Delete }];
        let ask = self.about(format!("deleting {repository}@{}", digest.short()), Method::DELETE, url, &scopes);
        let reply = self.line.ask(&ask, Patience::Run).await?;
        match reply.status() {
            status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(None),
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Ok(Some(reply.failure(&ask.what).await.message)),
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                let failure = reply.failure(&ask.what).await;
                Err(Failure { message: format!("{}: deleting is switched off there, or not known", failure.message), ..failure })
            }
            _ => Err(reply.failure(&ask.what).await),
        }
    }

    /// Pushes a manifest; says whether the registry handled its subject (`OCI-Subject`).
    pub async fn put_manifest(&self, repository: &str, reference: &str, media_type: &str, content: Bytes) -> Result<bool, Failure> {
        let url = self.url(repository, &format!("manifests/{reference}"))?;
        let scopes = both(repository);
        let mut ask = self.about(format!("pushing {repository} {reference}"), Method::PUT, url, &scopes);
        ask.headers.push((header::CONTENT_TYPE, media_type.to_owned()));
        ask.body = Some(content);
        let reply = self.line.ask(&ask, Patience::Run).await?;
        if !reply.status().is_success() {
            let (refused, failure) = (reply.status() == StatusCode::BAD_REQUEST, reply.failure(&ask.what).await);
            return Err(match refused && reference.starts_with("sha512:") {
                true => Failure { message: format!("{}: many registries take no manifest that is named by sha512", failure.message), ..failure },
                false => failure,
            });
        }
        Ok(reply.response.headers().contains_key("oci-subject"))
    }
}
