//! The distribution protocol as a client: what is needed to push.

use crate::challenge::{self, Challenge};
use crate::failure::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::Ctx;
use domain::replication::targets::Connection;
use futures_util::StreamExt;
use http::{HeaderMap, Method, StatusCode, header};
use model::Digest;
use reqwest::{Body, Response};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Mutex;
use url::Url;

/// Longest answer that is read whole, in bytes.
const ANSWER: usize = 4 * 1024 * 1024;
const TOKEN: usize = 64 * 1024;
/// Manifest types that are asked for.
const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// A target registry, spoken to with one set of credentials.
pub struct Remote {
    http: reqwest::Client,
    base: Url,
    access_id: String,
    secret: domain::secrets::PlainSecret,
    /// What `GET /v2/` asked for; `None`: nothing.
    challenge: Option<Challenge>,
    /// Tokens by repository.
    tokens: Mutex<HashMap<String, String>>,
    /// What stood in `GET /v2/`'s headers, to say what it is.
    pub greeting: HeaderMap,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

/// What a registry said in an error, cut short.
async fn said(response: Response) -> String {
    let status = response.status();
    let bytes = read(response, 16 * 1024).await.unwrap_or_default();
    let message = serde_json::from_slice::<serde_json::Value>(&bytes).ok().and_then(|body| {
        let error = body.pointer("/errors/0")?;
        let code = error.get("code").and_then(|v| v.as_str()).unwrap_or_default();
        let message = error.get("message").and_then(|v| v.as_str()).unwrap_or_default();
        Some(format!("{code} {message}").chars().filter(|c| !c.is_control()).take(300).collect::<String>())
    });
    match message {
        Some(message) if !message.trim().is_empty() => format!("{status}: {}", message.trim()),
        _ => status.to_string(),
    }
}

/// Reads a body of at most `max` bytes.
async fn read(response: Response, max: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Failure::network(&error))?;
        if bytes.len() + chunk.len() > max {
            return Err(Failure::destination(format!("LIMIT_EXCEEDED: an answer is longer than {max} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

impl Remote {
    /// Connects and learns how to sign in. Nothing is signed in yet.
    pub async fn connect(ctx: &Ctx, connection: &Connection) -> Result<Remote, Failure> {
        ctx.outbound.check(&connection.url).await.map_err(|error| Failure::rule(format!("TARGET_FORBIDDEN: {error}")))?;
        let http = ctx.outbound.client(&connection.tls)?;
        let url = connection.url.join("/v2/").map_err(|error| Failure::rule(error.to_string()))?;
        let response = http.get(url).send().await.map_err(|error| Failure::network(&error))?;
        let greeting = response.headers().clone();
        let challenge = match response.status() {
            StatusCode::UNAUTHORIZED => {
                let headers = greeting.get_all(header::WWW_AUTHENTICATE).iter();
                let found = headers.filter_map(|value| challenge::parse(value.to_str().ok()?)).next();
                Some(found.ok_or_else(|| Failure::destination("it asks for a kind of sign-in that we do not know"))?)
            }
            status if status.is_success() => None,
            status => return Err(Failure::destination(format!("GET /v2/ answered {status}: is this a registry?"))),
        };
        if let Some(Challenge::Bearer { realm, .. }) = &challenge {
            let realm = Url::parse(realm).map_err(|_| Failure::destination("REALM_NOT_ALLOWED: its token realm is no URL"))?;
            let origin = realm.origin().ascii_serialization();
            let named = connection.token_server.as_ref().is_some_and(|server| server.origin() == realm.origin());
            if realm.origin() != connection.url.origin() && !named {
                return Err(Failure::destination(format!(
                    "REALM_NOT_ALLOWED: it sends us to {origin} for a token, which is not the target's own address. If this is \
                     a Wharf or Harbor, its external URL and the target's URL must agree; if that is the registry's token \
                     server, enter {origin} as the target's token server",
                )));
            }
            // A literal address never reaches the client's resolver.
            ctx.outbound.check(&realm).await.map_err(|error| Failure::rule(format!("TARGET_FORBIDDEN: {error}")))?;
        }
        Ok(Remote {
            http,
            base: connection.url.clone(),
            access_id: connection.access_id.clone(),
            secret: connection.secret.clone(),
            challenge,
            tokens: Mutex::default(),
            greeting,
        })
    }

    fn basic(&self) -> Option<String> {
        (!self.access_id.is_empty())
            .then(|| format!("Basic {}", STANDARD.encode(format!("{}:{}", self.access_id, self.secret.reveal()))))
    }

    /// Does the target ask who we are?
    pub fn asks(&self) -> bool {
        self.challenge.is_some()
    }

    /// Signs in without asking for anything in particular.
    pub async fn sign_in(&self) -> Result<(), Failure> {
        match &self.challenge {
            None => Ok(()),
            Some(Challenge::Bearer { .. }) => self.token("").await.map(drop),
            Some(Challenge::Basic) => {
                let response = self.plain(Method::GET, "/v2/", self.basic()).await?;
                match response.status() {
                    status if status.is_success() => Ok(()),
                    _ => Err(Failure::destination(format!("it refused the credentials ({})", said(response).await))),
                }
            }
        }
    }

    async fn plain(&self, method: Method, path: &str, authorization: Option<String>) -> Result<Response, Failure> {
        let url = self.base.join(path).map_err(|error| Failure::rule(error.to_string()))?;
        let mut request = self.http.request(method, url);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.send().await.map_err(|error| Failure::network(&error))
    }

    /// A call of the target's REST API, by Basic.
    pub async fn api(&self, method: Method, path: &str, body: Option<serde_json::Value>) -> Result<(StatusCode, Vec<u8>), Failure> {
        let url = self.base.join(path).map_err(|error| Failure::rule(error.to_string()))?;
        let mut request = self.http.request(method, url);
        if let Some(authorization) = self.basic() {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(|error| Failure::network(&error))?;
        Ok((response.status(), read(response, ANSWER).await?))
    }

    /// A token to pull from and push to `repository`; empty for none in particular.
    async fn token(&self, repository: &str) -> Result<String, Failure> {
        let Some(Challenge::Bearer { realm, service }) = &self.challenge else { return Ok(String::new()) };
        let mut url = Url::parse(realm).map_err(|error| Failure::destination(error.to_string()))?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("service", service);
            if !repository.is_empty() {
                query.append_pair("scope", &format!("repository:{repository}:pull,push"));
            }
        }
        let mut request = self.http.get(url);
        if let Some(basic) = self.basic() {
            request = request.header(header::AUTHORIZATION, basic);
        }
        let response = request.send().await.map_err(|error| Failure::network(&error))?;
        if !response.status().is_success() {
            return Err(Failure::destination(format!("it refused the credentials ({})", said(response).await)));
        }
        let token: Token = serde_json::from_slice(&read(response, TOKEN).await?)
            .map_err(|_| Failure::destination("its token service answered something that is no token"))?;
        Ok(if token.token.is_empty() { token.access_token } else { token.token })
    }

    async fn authorization(&self, repository: &str, fresh: bool) -> Result<Option<String>, Failure> {
        match &self.challenge {
            None => Ok(None),
            Some(Challenge::Basic) => Ok(self.basic()),
            Some(Challenge::Bearer { .. }) => {
                let known = |tokens: &Mutex<HashMap<String, String>>| {
                    tokens.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get(repository).cloned()
                };
                let token = match known(&self.tokens) {
                    Some(token) if !fresh => token,
                    _ => {
                        let token = self.token(repository).await?;
                        let mut tokens = self.tokens.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                        tokens.insert(repository.to_owned(), token.clone());
                        token
                    }
                };
                Ok(Some(format!("Bearer {token}")))
            }
        }
    }

    /// Sends a request about `repository`; a token that ran out is renewed once.
    async fn send(
        &self,
        repository: &str,
        method: Method,
        url: Url,
        accept: &str,
        body: Option<(&str, Bytes)>,
    ) -> Result<Response, Failure> {
        for fresh in [false, true] {
            let mut request = self.http.request(method.clone(), url.clone());
            if let Some(authorization) = self.authorization(repository, fresh).await? {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            if !accept.is_empty() {
                request = request.header(header::ACCEPT, accept);
            }
            if let Some((content_type, bytes)) = &body {
                request = request.header(header::CONTENT_TYPE, *content_type).body(bytes.clone());
            }
            let response = request.send().await.map_err(|error| Failure::network(&error))?;
            if response.status() != StatusCode::UNAUTHORIZED || fresh || self.challenge.is_none() {
                return Ok(response);
            }
        }
        unreachable!("the second round returns")
    }

    fn url(&self, repository: &str, rest: &str) -> Result<Url, Failure> {
        self.base.join(&format!("/v2/{repository}/{rest}")).map_err(|error| Failure::rule(error.to_string()))
    }

    /// The digest that `reference` names there, if anything.
    pub async fn head_manifest(&self, repository: &str, reference: &str) -> Result<Option<String>, Failure> {
        let url = self.url(repository, &format!("manifests/{reference}"))?;
        let response = self.send(repository, Method::HEAD, url, ACCEPT, None).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                let digest = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
                Ok(Some(digest.unwrap_or_default().to_owned()))
            }
            status => Err(Failure::destination(format!("looking for {repository} {reference} it answered {status}"))),
        }
    }

    /// A manifest's bytes and type, if it is there.
    pub async fn get_manifest(&self, repository: &str, reference: &str) -> Result<Option<(String, Vec<u8>)>, Failure> {
        let url = self.url(repository, &format!("manifests/{reference}"))?;
        let response = self.send(repository, Method::GET, url, ACCEPT, None).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
                let media_type = media_type.unwrap_or_default().to_owned();
                Ok(Some((media_type, read(response, ANSWER).await?)))
            }
            _ => Err(Failure::destination(format!("reading {repository} {reference}: {}", said(response).await))),
        }
    }

    /// Pushes a manifest; says whether the registry handled its subject (`OCI-Subject`).
    pub async fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        content: Bytes,
    ) -> Result<bool, Failure> {
        let url = self.url(repository, &format!("manifests/{reference}"))?;
        let response = self.send(repository, Method::PUT, url, "", Some((media_type, content))).await?;
        if !response.status().is_success() {
            return Err(Failure::destination(format!("pushing {repository} {reference}: {}", said(response).await)));
        }
        Ok(response.headers().contains_key("oci-subject"))
    }

    /// Does the registry list referrers by itself? Distribution-spec 1.1, "Unavailable Referrers API".
    pub async fn has_referrers(&self, repository: &str, subject: &Digest) -> Result<bool, Failure> {
        let url = self.url(repository, &format!("referrers/{subject}"))?;
        let response = self.send(repository, Method::GET, url, "", None).await?;
        let index = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == "application/vnd.oci.image.index.v1+json");
        Ok(response.status().is_success() && index)
    }

    /// Is the blob there?
    pub async fn has_blob(&self, repository: &str, digest: &Digest) -> Result<bool, Failure> {
        let url = self.url(repository, &format!("blobs/{digest}"))?;
        let response = self.send(repository, Method::HEAD, url, "", None).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            status => Err(Failure::destination(format!("looking for blob {digest} it answered {status}"))),
        }
    }

    /// Starts an upload, or mounts the blob from `from`, where it is known to be. `None`: mounted.
    pub async fn start_upload(&self, repository: &str, digest: &Digest, from: Option<&str>) -> Result<Option<Url>, Failure> {
        let mut url = self.url(repository, "blobs/uploads/")?;
        if let Some(from) = from {
            url.query_pairs_mut().append_pair("mount", digest.as_str()).append_pair("from", from);
        }
        let response = self.send(repository, Method::POST, url.clone(), "", Some(("application/octet-stream", Bytes::new()))).await?;
        match response.status() {
            StatusCode::CREATED => Ok(None),
            StatusCode::ACCEPTED => {
                let location = location(&response, &url)?;
                let location = location.ok_or_else(|| Failure::destination("it did not say where to upload to"))?;
                self.ours(&location)?;
                Ok(Some(location))
            }
            _ => Err(Failure::destination(format!("starting an upload to {repository}: {}", said(response).await))),
        }
    }

    /// Refuses a place on another server: neither bytes nor credentials go there.
    fn ours(&self, location: &Url) -> Result<(), Failure> {
        if location.origin() != self.base.origin() {
            return Err(Failure::destination("its upload location is on another server, so nothing was sent there"));
        }
        Ok(())
    }

    /// Where an upload that broke goes on, and how many of its `size` bytes are there; `None` where it cannot.
    /// Distribution-spec 1.1, "Pushing a blob in chunks": a GET of the location answers 204 with `Range: 0-<end>`.
    pub async fn upload_status(&self, repository: &str, place: &str, size: i64) -> Result<Option<(Url, i64)>, Failure> {
        // A place at an address that the target had before is no place any more.
        let Some(url) = Url::parse(place).ok().filter(|url| self.ours(url).is_ok()) else { return Ok(None) };
        let response = self.send(repository, Method::GET, url.clone(), "", None).await?;
        if !response.status().is_success() {
            return Ok(None);
        }
        let range = response.headers().get(header::RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let end = range.trim_start_matches("bytes=").strip_prefix("0-").and_then(|end| end.parse::<i64>().ok());
        // An upload without a byte is reported as 0-0 by some, which one byte is too: neither is worth going on with.
        let Some(received) = end.filter(|end| *end > 0 && *end < size).map(|end| end + 1) else { return Ok(None) };
        let next = match location(&response, &url) {
            Ok(next) => next.unwrap_or(url),
            Err(_) => return Ok(None),
        };
        Ok(self.ours(&next).is_ok().then_some((next, received)))
    }

    /// Sends a blob's bytes from `start` to its end in one request. `false`: the registry does not go on from there.
    pub async fn upload(
        &self,
        repository: &str,
        mut location: Url,
        digest: &Digest,
        bytes: std::ops::Range<i64>,
        body: Body,
    ) -> Result<bool, Failure> {
        location.query_pairs_mut().append_pair("digest", digest.as_str());
        let mut request = self
            .http
            .put(location)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_LENGTH, bytes.end - bytes.start)
            .body(body);
        if bytes.start > 0 && !bytes.is_empty() {
            request = request.header(header::CONTENT_RANGE, format!("{}-{}", bytes.start, bytes.end - 1));
        }
        if let Some(authorization) = self.authorization(repository, false).await? {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let response = request.send().await.map_err(|error| Failure::network(&error))?;
        match response.status() {
            StatusCode::CREATED => Ok(true),
            // Whatever it has against going on, sending the blob anew is the way out.
            status if bytes.start > 0 && status != StatusCode::UNAUTHORIZED => Ok(false),
            _ => Err(Failure::destination(format!("pushing blob {digest}: {}", said(response).await))),
        }
    }
}

/// What `Location` says, relative to the request's own URL.
fn location(response: &Response, asked: &Url) -> Result<Option<Url>, Failure> {
    let Some(text) = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()) else { return Ok(None) };
    asked.join(text).map(Some).map_err(|_| Failure::destination("its upload location is no URL"))
}
