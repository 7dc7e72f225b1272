//! What the registry answers, as its switches say.

use super::{Odd, State, lock};
use crate::image::sha256;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

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

pub(super) async fn serve(state: Arc<Mutex<State>>, request: Request<Incoming>) -> io::Result<Answer> {
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
        state.signed += usize::from(parts.headers.contains_key("authorization"));
        state.proxied += usize::from(parts.uri.host().is_some());
        state.proxy_signed.extend(parts.headers.get("proxy-authorization").and_then(|value| Some(value.to_str().ok()?.to_owned())));
        (state.odd.clone(), state.asked)
    };
    if odd.silent_after.is_some_and(|after| asked > after) || odd.hangs == Some(method.as_str()) {
        return std::future::pending().await;
    }
    if let Some((when, long)) = odd.pauses
        && when.contains(&asked)
    {
        tokio::time::sleep(long).await;
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
    let generation = odd.forgets.map_or(0, |n| asked / n);
    if path == "/token" {
        if let Some(place) = &odd.tokens_at {
            return Ok(answer(307, &[("location", place)], ""));
        }
        state.tokens += 1;
        state.scopes.insert(format!("{:?}", query.get("scope")));
        return Ok(token(&odd, &method, &bearer, &query, &bytes, generation));
    }
    if let Some(pair) = odd.basic
        && bearer != format!("Basic {}", base64(pair))
    {
        state.refused += 1;
        return Ok(answer(401, &[("www-authenticate", "Basic realm=\"odd\"")], ""));
    }
    if let (Some(known), Some((repository, _))) = (odd.repositories, place(&path))
        && method != "GET"
        && !known.contains(&repository)
    {
        return Ok(answer(404, &[], r#"{"errors":[{"code":"NAME_UNKNOWN","message":"The repository does not exist in the registry"}]}"#));
    }
    if odd.tokens {
        let mut needs = Vec::new();
        if let Some((repository, _)) = place(&path) {
            needs.push(format!("repository:{repository}:"));
        }
        needs.extend(query.get("from").into_iter().flatten().map(|from| format!("repository:{from}:")));
        let held = bearer.strip_prefix("Bearer ").unwrap_or_default();
        // One that was given a moment ago is good, whatever was forgotten meanwhile.
        let current = [generation, generation.saturating_sub(1)].iter().any(|given| held.starts_with(&format!("t{given}|")));
        if !current || !needs.iter().all(|need| held.contains(need.as_str())) {
            state.refused += 1;
            let realm = odd.realm.clone().unwrap_or_else(|| format!("http://127.0.0.1:{}/token", state.port));
            let challenge = format!("Bearer realm=\"{realm}\",service=\"odd\"");
            return Ok(answer(401, &[("www-authenticate", &challenge)], ""));
        }
    }
    let Ok(found) = act(&mut state, &odd, &method, &path, &query, &parts.headers, bytes);
    Ok(found)
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Its tokens name their scopes: nothing here is a secret.
fn token(odd: &Odd, method: &str, basic: &str, query: &HashMap<String, Vec<String>>, form: &[u8], generation: usize) -> Answer {
    if odd.tokens_by_post != (method == "POST") {
        return answer(405, &[], "");
    }
    let asked: Vec<String> = match method {
        "POST" => url::form_urlencoded::parse(form).filter(|(name, _)| name == "scope").map(|(_, value)| value.into_owned()).collect(),
        _ => query.get("scope").cloned().unwrap_or_default(),
    };
    let signed = !basic.is_empty() || form.windows(9).any(|part| part == b"password=");
    let wrong = odd.tokens_for.is_some_and(|pair| !basic.is_empty() && basic != format!("Basic {}", base64(pair)));
    if !signed || wrong {
        return answer(401, &[], r#"{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}"#);
    }
    let token = format!("t{generation}|{}", asked.join("|").replace(' ', "|"));
    let name = if odd.old_tokens { "token" } else { "access_token" };
    answer(200, &[], json!({ name: token, "expires_in": 300 }).to_string())
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
        ("GET", "manifests") if odd.manifests_at.is_some() => {
            let place = format!("{}{path}", odd.manifests_at.as_deref().unwrap_or_default());
            answer(307, &[("location", &place)], "")
        }
        ("HEAD", "manifests") if odd.heads_lie.is_some() && reference.starts_with("sha256:") => elsewhere(odd.heads_lie),
        ("GET", "manifests") if state.odd.garbles > 0 && !reference.contains(':') && state.manifests.contains_key(&key(reference)) => {
            state.odd.garbles -= 1;
            answer(200, &[("content-type", "text/html")], "<html>come back later</html>")
        }
        ("GET", "manifests") if odd.restless && reference.ends_with(".sig") && state.manifests.contains_key(&key(reference)) => {
            let (media_type, bytes) = &state.manifests[&key(reference)];
            let mut made: Value = serde_json::from_slice(bytes).unwrap_or_default();
            let mut layer = made["layers"][0].clone();
            layer["digest"] = sha256(state.asked.to_string().as_bytes()).into();
            made["layers"] = json!([layer]);
            answer(200, &[("content-type", media_type)], made.to_string())
        }
        ("HEAD", "blobs") if odd.blobs_lie => answer(200, &[], ""),
        ("POST", "blobs") if odd.blobs_lie && query.contains_key("mount") => answer(201, &[], ""),
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
                    .then(|| json!({ "mediaType": media_type, "digest": digest, "size": bytes.len(), "artifactType": value["artifactType"] }))
            };
            let all = state.manifests.iter().filter(|((of, _), _)| of == repository).map(|((_, digest), found)| (digest, found));
            let found: Vec<Value> = all.filter_map(of).collect();
            let index = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": found });
            answer(200, &[("content-type", "application/vnd.oci.image.index.v1+json")], index.to_string())
        }
        ("HEAD" | "GET", "blobs") if odd.blobs_at.is_some() && state.links.contains(&key(reference)) => {
            let place = format!("{}{path}", odd.blobs_at.as_deref().unwrap_or_default());
            answer(307, &[("location", &place)], "")
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
        ("PUT" | "PATCH", "blobs") if odd.takes_blobs.is_some() => {
            let (status, headers) = odd.takes_blobs.unwrap_or_default();
            answer(status, headers, "")
        }
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
            let least = odd.least.unwrap_or(1).to_string();
            answer(202, &[("location", &format!("/v2/{repository}/blobs/uploads/{id}?state=x")), ("oci-chunk-min-length", &least)], "")
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
