//! A registry that misbehaves: an OCI registry in memory, good by default, with a switch by name for each way that registries out
//! there were seen to fail their clients.

use crate::image::sha256;
use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;

/// How it misbehaves; nothing is on by default.
#[derive(Clone, Debug, Default)]
pub struct Odd {
    /// Every so-manieth request is answered 429, with this `Retry-After` (empty: without).
    pub too_many: Option<(usize, &'static str)>,
    /// Every so-manieth request is answered 503.
    pub unavailable: Option<usize>,
    /// Every so-manieth connection is closed instead of an answer.
    pub cut: Option<usize>,
    /// HEAD of a blob, and of a manifest, is answered with this, wherever it would be 200.
    pub head_blob: Option<u16>,
    pub head_manifest: Option<u16>,
    /// What a mount is answered. Without it blobs are mounted.
    pub mount: Option<u16>,
    /// Tokens by scope are asked for, and a mount needs both repositories.
    pub tokens: bool,
    /// The token service knows POST alone.
    pub tokens_by_post: bool,
    /// Most bytes of one request.
    pub cap: Option<usize>,
    /// No referrers API.
    pub no_referrers: bool,
    /// So many writes of a fallback list (`sha256-…`) fail with 503, or 400.
    pub lists_fail: (usize, u16),
    /// Manifests of this artifact type are refused.
    pub refuses: Option<&'static str>,
    /// Bytes of a request are read no faster, per second.
    pub slow: Option<usize>,
    /// Nothing is answered any more after so many requests.
    pub silent_after: Option<usize>,
    /// Answers pushes of a tag by naming another digest: sha512 is unknown.
    pub sha256_only: bool,
}

#[derive(Default)]
struct State {
    odd: Odd,
    asked: usize,
    port: u16,
    lists: usize,
    blobs: HashMap<String, Bytes>,
    /// By repository.
    links: HashSet<(String, String)>,
    manifests: BTreeMap<(String, String), (String, Bytes)>,
    uploads: HashMap<String, Vec<u8>>,
    /// Method and path of each request.
    log: Vec<String>,
}

/// The registry, running until it is dropped.
pub struct Registry {
    pub url: String,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

type Answer = Response<Full<Bytes>>;

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

impl Registry {
    /// Starts one on a free port of the loopback.
    pub async fn start(odd: Odd) -> Result<Registry> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State { odd, port, ..State::default() }));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                let service = service_fn(move |request| serve(state.clone(), request));
                tokio::spawn(async move { hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok() });
            }
        });
        Ok(Registry { url: format!("http://127.0.0.1:{port}"), state, task })
    }

    /// Behaves otherwise from now on.
    pub fn becomes(&self, odd: Odd) {
        lock(&self.state).odd = odd;
    }

    /// The manifest of a tag or digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<Value> {
        let state = lock(&self.state);
        let (_, bytes) = state.manifests.get(&(repository.to_owned(), reference.to_owned()))?;
        serde_json::from_slice(bytes).ok()
    }

    /// The digest that a tag names.
    pub fn digest(&self, repository: &str, tag: &str) -> Option<String> {
        let state = lock(&self.state);
        let (_, bytes) = state.manifests.get(&(repository.to_owned(), tag.to_owned()))?;
        Some(sha256(bytes))
    }

    pub fn has_blob(&self, repository: &str, digest: &str) -> bool {
        lock(&self.state).links.contains(&(repository.to_owned(), digest.to_owned()))
    }

    /// Requests whose line begins so.
    pub fn asked(&self, begin: &str) -> usize {
        lock(&self.state).log.iter().filter(|line| line.starts_with(begin)).count()
    }
}

async fn serve(state: Arc<Mutex<State>>, request: Request<Incoming>) -> io::Result<Answer> {
    let (parts, mut body) = request.into_parts();
    let (method, path) = (parts.method.as_str().to_owned(), parts.uri.path().to_owned());
    let query: HashMap<String, Vec<String>> = {
        let mut query: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            query.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        query
    };
    let (odd, asked) = {
        let mut state = lock(&state);
        state.asked += 1;
        state.log.push(format!("{method} {path}"));
        (state.odd.clone(), state.asked)
    };
    if odd.silent_after.is_some_and(|after| asked > after) {
        return std::future::pending().await;
    }
    let length: usize = parts.headers.get("content-length").and_then(|v| v.to_str().ok()?.parse().ok()).unwrap_or(0);
    if odd.cap.is_some_and(|cap| length > cap) {
        return Ok(answer(413, &[("connection", "close")], "<html>413 Request Entity Too Large</html>"));
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(io::Error::other)?.into_data() else { continue };
        if let Some(slow) = odd.slow {
            tokio::time::sleep(Duration::from_micros((data.len() * 1_000_000 / slow) as u64)).await;
        }
        bytes.extend_from_slice(&data);
    }
    let every = |n: usize| asked.is_multiple_of(n);
    if odd.cut.is_some_and(every) {
        return Err(io::Error::other("cut"));
    }
    if let Some((n, wait)) = odd.too_many
        && every(n)
    {
        let headers: &[(&str, &str)] = if wait.is_empty() { &[] } else { &[("retry-after", wait)] };
        return Ok(answer(429, headers, r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#));
    }
    if odd.unavailable.is_some_and(every) {
        return Ok(answer(503, &[], ""));
    }
    let mut state = lock(&state);
    let bearer = parts.headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    if path == "/token" {
        return Ok(token(&odd, &method, &bearer, &query, &bytes));
    }
    if odd.tokens {
        let mut needs = Vec::new();
        if let Some((repository, _)) = place(&path) {
            needs.push(format!("repository:{repository}:"));
        }
        needs.extend(query.get("from").into_iter().flatten().map(|from| format!("repository:{from}:")));
        let held = bearer.strip_prefix("Bearer ").unwrap_or_default();
        if held.is_empty() || !needs.iter().all(|need| held.contains(need.as_str())) {
            let challenge = format!("Bearer realm=\"http://127.0.0.1:{}/token\",service=\"odd\"", state.port);
            return Ok(answer(401, &[("www-authenticate", &challenge)], ""));
        }
    }
    let Ok(found) = act(&mut state, &odd, &method, &path, &query, &parts.headers, bytes);
    Ok(found)
}

/// Its tokens name their scopes: nothing here is a secret.
fn token(odd: &Odd, method: &str, basic: &str, query: &HashMap<String, Vec<String>>, form: &[u8]) -> Answer {
    if odd.tokens_by_post != (method == "POST") {
        return answer(405, &[], "");
    }
    let asked: Vec<String> = match method {
        "POST" => url::form_urlencoded::parse(form).filter(|(name, _)| name == "scope").map(|(_, value)| value.into_owned()).collect(),
        _ => query.get("scope").cloned().unwrap_or_default(),
    };
    let signed = !basic.is_empty() || form.windows(9).any(|part| part == b"password=");
    if !signed {
        return answer(401, &[], "");
    }
    let token = format!("t{}", asked.join("|").replace(' ', "|"));
    answer(200, &[], json!({ "access_token": token, "expires_in": 300 }).to_string())
}

/// The repository of a path, and what follows it.
fn place(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/v2/")?;
    ["/manifests/", "/blobs/", "/referrers/", "/tags/"].iter().find_map(|part| rest.find(part).map(|at| (&rest[..at], &rest[at + 1..])))
}

fn act(
    state: &mut State,
    odd: &Odd,
    method: &str,
    path: &str,
    query: &HashMap<String, Vec<String>>,
    headers: &hyper::HeaderMap,
    bytes: Vec<u8>,
) -> std::result::Result<Answer, Infallible> {
    let Some((repository, rest)) = place(path) else { return Ok(answer(if path == "/v2/" { 200 } else { 404 }, &[], "")) };
    let one = |name: &str| query.get(name).and_then(|values| values.first()).cloned().unwrap_or_default();
    let key = |reference: &str| (repository.to_owned(), reference.to_owned());
    let (kind, reference) = rest.split_once('/').unwrap_or((rest, ""));
    Ok(match (method, kind) {
        ("HEAD" | "GET", "manifests") => match state.manifests.get(&key(reference)) {
            None => answer(404, &[], ""),
            Some(_) if method == "HEAD" && odd.head_manifest.is_some() => elsewhere(odd.head_manifest),
            Some((media_type, bytes)) => answer(200, &[("content-type", media_type), ("docker-content-digest", &sha256(bytes))], bytes.clone()),
        },
        ("PUT", "manifests") => {
            if reference.starts_with("sha256-") && !reference.contains('.') && state.lists < odd.lists_fail.0 {
                state.lists += 1;
                return Ok(answer(odd.lists_fail.1, &[], ""));
            }
            let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            if odd.refuses.is_some_and(|refused| value["artifactType"] == refused) {
                return Ok(answer(400, &[], r#"{"errors":[{"code":"MANIFEST_INVALID","message":"this artifact type is not supported"}]}"#));
            }
            for blob in value["layers"].as_array().into_iter().flatten().chain([&value["config"]]) {
                if let Some(digest) = blob["digest"].as_str()
                    && !state.links.contains(&key(digest))
                {
                    return Ok(answer(400, &[], r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"no such blob"}]}"#));
                }
            }
            let media_type = headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
            let content = Bytes::from(bytes);
            state.manifests.insert(key(&sha256(&content)), (media_type.clone(), content.clone()));
            state.manifests.insert(key(reference), (media_type, content));
            let subject = value["subject"]["digest"].as_str().unwrap_or_default().to_owned();
            match subject.is_empty() || odd.no_referrers {
                true => answer(201, &[], ""),
                false => answer(201, &[("oci-subject", &subject)], ""),
            }
        }
        ("GET", "referrers") if !odd.no_referrers => {
            let of = |(digest, (media_type, bytes)): (&String, &(String, Bytes))| {
                let value: Value = serde_json::from_slice(bytes).ok()?;
                (value["subject"]["digest"] == reference && digest.starts_with("sha256:"))
                    .then(|| json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() }))
            };
            let all = state.manifests.iter().filter(|((of, _), _)| of == repository).map(|((_, digest), found)| (digest, found));
            let found: Vec<Value> = all.filter_map(of).collect();
            let index = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": found });
            answer(200, &[("content-type", "application/vnd.oci.image.index.v1+json")], index.to_string())
        }
        ("HEAD", "blobs") => match state.links.contains(&key(reference)) {
            true if odd.head_blob.is_some() => elsewhere(odd.head_blob),
            true => answer(200, &[], ""),
            // One that does not answer HEAD does not answer it for what it has not, either.
            false => match odd.head_blob {
                Some(status @ 400..) => answer(status, &[], ""),
                _ => answer(404, &[], ""),
            },
        },
        ("POST", "blobs") => {
            let (mount, from) = (one("mount"), one("from"));
            if !mount.is_empty() {
                match odd.mount {
                    Some(202) => {}
                    Some(status) => return Ok(answer(status, &[], "")),
                    None if state.links.contains(&(from, mount.clone())) => {
                        state.links.insert(key(&mount));
                        return Ok(answer(201, &[], ""));
                    }
                    None => {}
                }
            }
            let id = format!("u{}", state.asked);
            state.uploads.insert(id.clone(), Vec::new());
            answer(202, &[("location", &format!("/v2/{repository}/blobs/uploads/{id}?state=x"))], "")
        }
        ("GET" | "PATCH" | "PUT", "blobs") => {
            let id = reference.trim_start_matches("uploads/").to_owned();
            let Some(upload) = state.uploads.get_mut(&id) else { return Ok(answer(404, &[], "")) };
            if let Some(start) = headers.get("content-range").and_then(|v| v.to_str().ok()?.split('-').next()?.parse::<usize>().ok())
                && start != upload.len()
            {
                return Ok(answer(416, &[], ""));
            }
            upload.extend_from_slice(&bytes);
            let range = format!("0-{}", upload.len().saturating_sub(1));
            let location = format!("/v2/{repository}/blobs/uploads/{id}?state=x");
            match method {
                "GET" => answer(204, &[("range", &range), ("location", &location)], ""),
                "PATCH" => answer(202, &[("range", &range), ("location", &location)], ""),
                _ => {
                    let (digest, whole) = (one("digest"), Bytes::from(state.uploads.remove(&id).unwrap_or_default()));
                    if sha256(&whole) != digest {
                        return Ok(answer(400, &[], r#"{"errors":[{"code":"DIGEST_INVALID","message":"not what was sent"}]}"#));
                    }
                    state.blobs.insert(digest.clone(), whole);
                    state.links.insert(key(&digest));
                    answer(201, &[], "")
                }
            }
        }
        _ => answer(404, &[], ""),
    })
}

/// An answer that is none; a redirect goes to a host that nobody may reach.
fn elsewhere(status: Option<u16>) -> Answer {
    match status.unwrap_or(500) {
        status @ 300..400 => answer(status, &[("location", "http://127.0.0.1:1/elsewhere")], ""),
        status => answer(status, &[], ""),
    }
}
