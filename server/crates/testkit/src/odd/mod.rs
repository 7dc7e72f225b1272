//! A registry that misbehaves: an OCI registry in memory, good by default, with a switch by name for each way that registries out
//! there were seen to fail their clients.

mod answer;

use crate::image::sha256;
use anyhow::Result;
use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;

/// How it misbehaves; nothing is on by default.
#[derive(Clone, Debug, Default)]
pub struct Odd {
    /// Every so-manieth request is answered 429, with this `Retry-After` (empty: without).
    pub too_many: Option<(usize, &'static str)>,
    /// Bytes of a blob are answered with this status and these headers.
    pub takes_blobs: Option<(u16, &'static [(&'static str, &'static str)])>,
    /// Every so-manieth request is answered 503.
    pub unavailable: Option<usize>,
    /// Every so-manieth connection is closed instead of an answer.
    pub cut: Option<usize>,
    /// HEAD of a blob, and of a manifest, is answered with this, wherever it would be 200.
    pub head_blob: Option<u16>,
    pub head_manifest: Option<u16>,
    /// HEAD of any manifest by its digest is answered with this, there or not; a redirect leads to nobody.
    pub heads_lie: Option<u16>,
    /// HEAD of any blob is 200, and any mount 201; nothing is kept of it.
    pub blobs_lie: bool,
    /// What a signature tag names has another layer each time it is read.
    pub restless: bool,
    /// So many questions for what a tag names are answered with a page for people.
    pub garbles: usize,
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
    /// Says nothing for so long, as it is asked for these times.
    pub pauses: Option<([usize; 2], std::time::Duration)>,
    /// Nothing is answered any more after so many requests.
    pub silent_after: Option<usize>,
    /// Answers pushes of a tag by naming another digest: sha512 is unknown.
    pub sha256_only: bool,
    /// Where GET of a manifest, and the token service, send who asks.
    pub manifests_at: Option<String>,
    pub tokens_at: Option<String>,
    /// Where HEAD and GET of a blob that it knows of send who asks: a store that may have lost it.
    pub blobs_at: Option<String>,
    /// Requests of this method are never answered.
    pub hangs: Option<&'static str>,
    /// Tokens that were given are forgotten after every so many requests.
    pub forgets: Option<usize>,
    /// The least bytes of a chunk, as an upload's start says.
    pub least: Option<usize>,
    /// Signing in is Basic, with this `name:secret`, and nothing else.
    pub basic: Option<&'static str>,
    /// Tokens are asked for at this URL instead of our own.
    pub realm: Option<String>,
    /// Tokens are given for this `name:secret` alone.
    pub tokens_for: Option<&'static str>,
    /// The answer to a token's question has it as `token`, as older services do.
    pub old_tokens: bool,
    /// Repositories must be there before anything is pushed: only these are.
    pub repositories: Option<&'static [&'static str]>,
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
    /// Requests with credentials of any kind, and those that were answered 401.
    signed: usize,
    /// Requests that came as to a proxy, and the credentials for it that they brought.
    proxied: usize,
    proxy_signed: HashSet<String>,
    refused: usize,
    /// Tokens that were given, and for which scopes.
    tokens: usize,
    scopes: HashSet<String>,
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
                let service = service_fn(move |request| answer::serve(state.clone(), request));
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

    /// Loses a blob, and nothing else.
    pub fn lose(&self, repository: &str, digest: &str) {
        lock(&self.state).links.remove(&(repository.to_owned(), digest.to_owned()));
    }

    /// Requests whose line begins so.
    pub fn asked(&self, begin: &str) -> usize {
        lock(&self.state).log.iter().filter(|line| line.starts_with(begin)).count()
    }

    /// Requests that brought credentials of any kind.
    pub fn signed(&self) -> usize {
        lock(&self.state).signed
    }

    /// Requests that came as to a proxy: it answers for every host. And the credentials for it that they brought.
    pub fn proxied(&self) -> (usize, Vec<String>) {
        let state = lock(&self.state);
        (state.proxied, state.proxy_signed.iter().cloned().collect())
    }

    /// Tokens that nobody had to ask for: more than one for each new scope and each 401.
    pub fn idle_tokens(&self) -> usize {
        let state = lock(&self.state);
        state.tokens.saturating_sub(state.refused + state.scopes.len())
    }
}
