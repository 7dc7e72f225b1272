//! Manifests (distribution-spec 1.1, "Pulling manifests" and "Pushing Manifests").

use crate::failure::Failure;
use crate::line::Patience;
use crate::registry::{ANSWER, Registry, both};
use bytes::Bytes;
use http::{Method, StatusCode, header};
use model::{Algorithm, Digest};

/// Manifest types that are asked for.
const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, */*;q=0.1";

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
        match reply.status() {
            StatusCode::NOT_FOUND => Ok(None),
            // A manifest that is asked for by its digest has it, wherever its bytes lie.
            status if status.is_success() && asked.is_some() => Ok(asked),
            status if status.is_redirection() && asked.is_some() => Ok(asked),
            status if status.is_success() && named.is_some() => Ok(named),
            _ => Ok(self.manifest(repository, reference).await?.map(|(_, bytes)| {
                let algorithm = named.as_ref().or(asked.as_ref()).map_or(Algorithm::Sha256, Digest::algorithm);
                domain::blobs::digest_of(algorithm, &bytes)
            })),
        }
    }

    /// A manifest's type and bytes, if it is there.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<Option<(String, Vec<u8>)>, Failure> {
        let url = self.url(repository, &format!("manifests/{reference}"))?;
        let scopes = both(repository);
        let what = format!("reading {repository} {reference}");
        let mut ask = self.about(what.clone(), Method::GET, url, &scopes);
        ask.headers.push((header::ACCEPT, ACCEPT.to_owned()));
        match self.line.fetch(ask, ANSWER).await? {
            Ok((headers, bytes)) => {
                let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
                Ok(Some((media_type.to_owned(), bytes)))
            }
            Err(reply) if reply.status() == StatusCode::NOT_FOUND => Ok(None),
            Err(reply) => Err(reply.failure(&what).await),
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
