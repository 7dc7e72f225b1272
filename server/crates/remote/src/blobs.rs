//! Blobs (distribution-spec 1.1, "Pushing blobs"): looked for, mounted, sent in one piece or in chunks, gone on with after a break.

use crate::auth::{Access, Scope};
use crate::failure::{Failure, Nature, Side};
use crate::line::{LONGEST_WAIT, Line, Patience, Reply, SILENCE, retry_after};
use crate::registry::{Registry, both};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::{Method, StatusCode, header};
use model::Digest;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, interval};
use url::Url;

/// Bytes of a chunk, and of one where that is too much.
const CHUNK: i64 = 8 << 20;
const SMALL: i64 = 512 << 10;
/// Largest least chunk that a registry may ask for.
const LARGEST: i64 = 1 << 30;
/// How often a blob is taken up again after a break without a byte between.
const TRIES: u32 = 6;
/// How long a registry may take for its answer after the last byte, and how much longer for each so many bytes.
const DIGESTING: Duration = Duration::from_secs(120);
const DIGESTED: i64 = 10 << 20;

/// Is a blob there?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    Yes,
    No,
    /// The registry does not say: sending it will tell.
    Unsaid,
}

/// How a blob came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    Mounted,
    Whole,
    /// An upload that was left there was gone on with, at this byte.
    From(i64),
}

/// A blob that is sent.
#[async_trait]
pub trait Sending: Send + Sync {
    /// Its bytes, of this range.
    async fn read(&self, range: Range<i64>) -> io::Result<BoxStream<'static, io::Result<Bytes>>>;
    /// The registry has so many of them.
    fn at(&self, bytes: i64);
    /// It goes there from now on; kept, it can be gone on with later.
    async fn place(&self, place: &Url) -> Result<(), Failure>;
}

/// What a part that was sent came to.
enum Part {
    Done,
    /// Taken so far; more goes there.
    Taken(Url, i64),
    /// Too much for one request.
    TooLarge(Failure),
    /// The registry does not go on from there.
    Elsewhere(Failure),
    /// It may work when it is tried again, after so long.
    Broken(Failure, Option<Duration>),
}

/// A request with so many bytes may take long: it leaves room at the gate for others.
const LONG: i64 = 512 * 1024;

impl Registry {
    /// Is the blob there? What HEAD cannot say is no failure. One that lies in a store of its own is looked for there: a registry may
    /// remember (distribution's cache of descriptors) what the store has lost.
    pub async fn has_blob(&self, repository: &str, digest: &Digest) -> Result<There, Failure> {
        let url = self.url(repository, &format!("blobs/{digest}"))?;
        let scopes = both(repository);
        let ask = self.about(format!("looking for blob {}", digest.short()), Method::HEAD, url, &scopes);
        let reply = self.line.ask(&ask, Patience::Look).await?;
        Ok(match reply.status() {
            StatusCode::NOT_FOUND => There::No,
            status if status.is_redirection() => {
                let once = Line { patience: Patience::Person, ..self.line.clone() };
                match once.read(ask, Patience::Look).await {
                    Ok(reply) if matches!(reply.status(), StatusCode::NOT_FOUND | StatusCode::GONE) => There::No,
                    // A store that answers otherwise to a question that was not signed for it, or not at all, says nothing of the blob.
                    _ => There::Yes,
                }
            }
            status if status.is_success() => There::Yes,
            _ => There::Unsaid,
        })
    }

    /// Puts a blob there: by mounting it from the repository `from` of the registry if it can, else by sending it; `left` is where an
    /// upload of it was left. `chunked` sends it in chunks from the start; a registry that refuses one large request is sent chunks anyway.
    pub async fn push_blob(
        &self,
        to: &str,
        digest: &Digest,
        size: i64,
        from: Option<&str>,
        left: Option<&str>,
        chunked: bool,
        blob: &dyn Sending,
    ) -> Result<Pushed, Failure> {
        let what = format!("pushing blob {} ({})", digest.short(), model::stamp::bytes(size));
        let mut chunk = chunked.then_some(CHUNK).filter(|_| size > 0);
        let mut went_on = None;
        let mut place = match left {
            Some(left) => self.upload_status(to, left, size).await?,
            None => None,
        };
        if let Some((_, at)) = &place {
            went_on = Some(*at);
        } else if let Some(from) = from
            && let Some(done) = self.mount(to, digest, from, &mut place).await?
        {
            return Ok(done);
        }
        let (mut tried, mut furthest, mut shrunk, mut silences) = (0, 0, 0, 0);
        loop {
            tried += 1;
            let (url, at) = match place.take() {
                Some(place) => place,
                None => (self.start_upload(to, &mut chunk).await?, 0),
            };
            if at == 0 {
                went_on = None;
                blob.place(&url).await?;
            }
            blob.at(at);
            let (url, part) = self.rest(to, url, digest, at..size, chunk, blob).await?;
            let (failure, wait) = match part {
                Part::Done => return Ok(went_on.map_or(Pushed::Whole, Pushed::From)),
                Part::Taken(..) => unreachable!("the rest goes on until something stops it"),
                Part::TooLarge(failure) => {
                    // Twice at most: the least that the registry takes may be more than what stands before it lets through.
                    shrunk += 1;
                    chunk = match chunk {
                        None if size > SMALL => Some(CHUNK.min(size / 2 + 1)),
                        Some(chunk) if chunk > SMALL && shrunk <= 2 => Some(SMALL),
                        _ => {
                            let set = "what stands before it takes less in one request than we can send: raise its limit (nginx: client_max_body_size)";
                            return Err(Failure { message: format!("{}; {set}", failure.message), ..failure }.during(&what, tried));
                        }
                    };
                    let length = model::stamp::bytes(chunk.unwrap_or_default());
                    (self.line.say)(format!("{what}: {}; sent in chunks of {length}", failure.message));
                    tried = 0;
                    continue;
                }
                Part::Elsewhere(failure) => (failure, None),
                Part::Broken(failure, wait) => (failure, wait),
            };
            // As of any question: who says nothing twice is not asked a third time.
            silences += u32::from(failure.nature == Nature::Silent);
            if let Some(wait) = wait.filter(|wait| *wait > LONGEST_WAIT) {
                let message = format!("{}; it asks to wait {} s, which is too long for a run", failure.message, wait.as_secs());
                return Err(Failure { message, ..failure }.during(&what, tried));
            }
            if self.has_blob(to, digest).await? == There::Yes {
                // It arrived; only the answer was lost.
                return Ok(went_on.map_or(Pushed::Whole, Pushed::From));
            }
            place = self.upload_status(to, url.as_str(), size).await?;
            if let Some((_, at)) = &place
                && *at > furthest
            {
                (furthest, tried, silences) = (*at, 1, 0);
                went_on = went_on.or(Some(*at));
            }
            let once = self.line.patience == Patience::Person;
            let (is_rule, is_source) = (failure.side == Side::Rule, failure.side == Side::Source);
            if tried >= TRIES || silences > 1 || once || is_rule || is_source {
                return Err(failure.during(&what, tried));
            }
            // Some proxies cut a request that is too large instead of saying so.
            if tried >= 2 && chunk.is_none() && size > CHUNK && place.is_none() {
                chunk = Some(CHUNK);
            }
            self.line.wait(&what, &failure.message, tried, wait.unwrap_or_default().max(self.line.pause(tried))).await;
        }
    }

    /// Mounts a blob, if the registry does; else `place` may be an upload that it began instead.
    async fn mount(&self, to: &str, digest: &Digest, from: &str, place: &mut Option<(Url, i64)>) -> Result<Option<Pushed>, Failure> {
        let mut url = self.url(to, "blobs/uploads/")?;
        url.query_pairs_mut().append_pair("mount", digest.as_str()).append_pair("from", from);
        let [own] = both(to);
        // A token for both repositories; it is the registry's to say whether we may read the other.
        let scopes = [own, Scope { repository: from.to_owned(), access: Access::Pull }];
        let what = format!("mounting blob {} from {from}", digest.short());
        let mut ask = self.about(what.clone(), Method::POST, url.clone(), &scopes);
        ask.body = Some(Bytes::new());
        let declined = match self.line.ask(&ask, Patience::Look).await {
            Ok(reply) if reply.status() == StatusCode::CREATED => return Ok(Some(Pushed::Mounted)),
            Ok(reply) if reply.status() == StatusCode::ACCEPTED => {
                *place = self.location(&reply, &url).ok().flatten().map(|place| (place, 0));
                "202".to_owned()
            }
            Ok(reply) => reply.failure("it answered").await.message,
            Err(failure) if failure.nature.nobody() => return Err(failure),
            Err(failure) => failure.message,
        };
        (self.line.say)(format!("{what} was declined ({declined}); it is uploaded"));
        Ok(None)
    }

    async fn start_upload(&self, to: &str, chunk: &mut Option<i64>) -> Result<Url, Failure> {
        let url = self.url(to, "blobs/uploads/")?;
        let scopes = both(to);
        let what = format!("starting an upload to {to}");
        let mut ask = self.about(what.clone(), Method::POST, url.clone(), &scopes);
        ask.headers.push((header::CONTENT_TYPE, "application/octet-stream".to_owned()));
        ask.body = Some(Bytes::new());
        let reply = self.line.ask(&ask, Patience::Run).await?;
        if matches!(reply.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let said = reply.failure(&what).await;
            return Err(Failure { message: format!("{}: may the account push to {to}?", said.message), ..said });
        }
        if reply.status() != StatusCode::ACCEPTED {
            return Err(reply.failure(&what).await);
        }
        // Distribution-spec 1.1, "Pushing a blob in chunks": the least that the registry takes.
        let least = reply.header("oci-chunk-min-length").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        *chunk = chunk.map(|chunk| chunk.max(least.clamp(0, LARGEST)));
        self.location(&reply, &url)?.ok_or_else(|| Failure::destination("it did not say where to upload to").during(&what, 1))
    }

    /// Where an upload that was left there goes on, and how many bytes it has; `None` if it is gone or has nothing that is worth going on
    /// with. Distribution-spec 1.1, "Pushing a blob in chunks": a GET of the location answers 204 with `Range: 0-<end>`.
    async fn upload_status(&self, to: &str, place: &str, size: i64) -> Result<Option<(Url, i64)>, Failure> {
        // A place at an address that the target had before is no place any more.
        let Some(url) = Url::parse(place).ok().filter(|url| self.ours(url).is_ok()) else { return Ok(None) };
        let scopes = both(to);
        let reply = match self.line.ask(&self.about("asking how far an upload is", Method::GET, url.clone(), &scopes), Patience::Look).await {
            Ok(reply) if reply.status().is_success() => reply,
            Ok(_) => return Ok(None),
            Err(failure) if failure.nature.nobody() => return Err(failure),
            Err(_) => return Ok(None),
        };
        let end = reply.header(header::RANGE).and_then(range_end);
        // An upload without a byte is reported as 0-0 by some, which one byte is too: neither is worth going on with.
        let Some(received) = end.filter(|end| *end > 0 && *end < size).map(|end| end.saturating_add(1)) else { return Ok(None) };
        Ok(self.location(&reply, &url).ok().map(|next| (next.unwrap_or(url), received)))
    }

    /// Sends what is left, in one request or in chunks. Says where the upload is by now.
    async fn rest(
        &self,
        to: &str,
        mut url: Url,
        digest: &Digest,
        bytes: Range<i64>,
        chunk: Option<i64>,
        blob: &dyn Sending,
    ) -> Result<(Url, Part), Failure> {
        let (mut at, mut sent) = (bytes.start, 0);
        if let Some(chunk) = chunk {
            while at < bytes.end {
                let end = bytes.end.min(at.saturating_add(chunk));
                sent += end - at;
                // Who takes a little of each chunk would be sent the blob many times over.
                if sent > (bytes.end - bytes.start).saturating_mul(3).saturating_add(3 * chunk) {
                    return Err(Failure::destination(format!("it takes too little of each chunk: {} of a blob of {} were sent", model::stamp::bytes(sent),
                        model::stamp::bytes(bytes.end))));
                }
                match self.part(to, Method::PATCH, &url, digest, at..end, bytes.end, blob).await? {
                    Part::Taken(next, reached) if reached > at => {
                        (url, at) = (next, reached.min(bytes.end));
                        blob.at(at);
                    }
                    Part::Taken(next, _) => {
                        let none = Failure::destination("it took nothing of a chunk");
                        return Ok((next, Part::Elsewhere(none)));
                    }
                    other => return Ok((url, other)),
                }
            }
        }
        let mut last = url.clone();
        last.query_pairs_mut().append_pair("digest", digest.as_str());
        let part = self.part(to, Method::PUT, &last, digest, at..bytes.end, bytes.end, blob).await?;
        Ok((url, part))
    }

    /// One request with bytes of a blob. It may take as long as bytes move.
    async fn part(
        &self,
        to: &str,
        method: Method,
        url: &Url,
        digest: &Digest,
        bytes: Range<i64>,
        size: i64,
        blob: &dyn Sending,
    ) -> Result<Part, Failure> {
        let scopes = both(to);
        let unreadable = |error: io::Error| Failure::source(format!("blob {} cannot be read: {error}", digest.short()));
        let closing = method == Method::PUT;
        let mut renew = false;
        loop {
            let sign_in: &dyn crate::auth::SignIn = &*self.account;
            let signature = sign_in.authorization(&self.line, &scopes, renew).await?;
            let pass = match bytes.end - bytes.start >= LONG {
                true => self.line.gate.enter_long(Arc::as_ptr(&self.account).cast::<()>() as usize).await,
                false => self.line.gate.enter().await,
            };
            let (moved, broken) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(None)));
            let (counter, noted) = (moved.clone(), broken.clone());
            let stream = blob.read(bytes.clone()).await.map_err(unreadable)?.inspect(move |part| match part {
                Ok(part) => drop(counter.fetch_add(part.len() as u64, Ordering::Relaxed)),
                Err(error) => *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string()),
            });
            let mut request = self.line.http.request(method.clone(), url.clone());
            request = request.header(header::CONTENT_TYPE, "application/octet-stream").header(header::CONTENT_LENGTH, bytes.end - bytes.start);
            if !bytes.is_empty() && (bytes.start > 0 || !closing) {
                request = request.header(header::CONTENT_RANGE, format!("{}-{}", bytes.start, bytes.end - 1));
            }
            if let Some(signature) = signature {
                request = request.header(header::AUTHORIZATION, signature);
            }
            let body = match bytes.is_empty() {
                true => reqwest::Body::from(Bytes::new()),
                false => reqwest::Body::wrap_stream(stream),
            };
            let sent = tokio::select! {
                sent = request.body(body).send() => sent.map_err(|error| self.line.network(&error, url)),
                silent = still(&moved, (bytes.end - bytes.start) as u64, size) => Err(silent),
            };
            // What breaks off here is not the line's fault, nor theirs.
            let broken = broken.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(error) = broken.filter(|_| sent.is_err()) {
                let what = format!("blob {} cannot be read whole: {error}; fsck says what is damaged", digest.short());
                return Err(Failure::source(what));
            }
            let response = match sent {
                Ok(response) => response,
                Err(failure) if failure.nature == Nature::Lasting => return Err(failure),
                Err(failure) => return Ok(Part::Broken(failure, None)),
            };
            if response.status() == StatusCode::UNAUTHORIZED && !renew && sign_in.learn(response.headers())? {
                renew = true;
                continue;
            }
            let asked = retry_after(response.headers(), self.line.ctx.now());
            if response.status() == StatusCode::TOO_MANY_REQUESTS {
                // Who asks for too long ends this run, and keeps nobody else waiting.
                pass.too_many(asked.filter(|wait| *wait <= LONGEST_WAIT));
            } else {
                pass.went_well();
            }
            let what = format!("sending blob {} ({})", digest.short(), model::stamp::bytes(size));
            return self.judge(Reply { response, tried: 1, through: self.line.through(url) }, &what, url, closing, bytes, asked).await;
        }
    }

    async fn judge(&self, reply: Reply, what: &str, url: &Url, closing: bool, bytes: Range<i64>, asked: Option<Duration>) -> Result<Part, Failure> {
        let status = reply.status();
        match status {
            StatusCode::CREATED | StatusCode::NO_CONTENT if closing => return Ok(Part::Done),
            status if status.is_success() && !closing => {
                let reached = reply.header(header::RANGE).and_then(range_end).map_or(bytes.end, |end| end.saturating_add(1));
                let next = self.location(&reply, url)?.unwrap_or_else(|| url.clone());
                return Ok(Part::Taken(next, reached));
            }
            _ => {}
        }
        let failure = reply.failure("it answered").await;
        Ok(match status {
            StatusCode::PAYLOAD_TOO_LARGE => Part::TooLarge(failure),
            status if Patience::Run.passes(status) => Part::Broken(failure, asked),
            // An upload that it has forgotten, or that is elsewhere than we think: the blob is sent anew.
            StatusCode::NOT_FOUND | StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::CONFLICT => Part::Elsewhere(failure),
            // Whatever it has against going on, sending the blob anew is the way out.
            status if bytes.start > 0 && !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Part::Elsewhere(failure),
            _ => return Err(explained(status, failure).during(what, 1)),
        })
    }

    /// What `Location` says, relative to the request's own URL.
    fn location(&self, reply: &Reply, asked: &Url) -> Result<Option<Url>, Failure> {
        let Some(text) = reply.header(header::LOCATION) else { return Ok(None) };
        let place = asked.join(text).map_err(|_| Failure::destination("its upload location is no URL"))?;
        self.ours(&place)?;
        Ok(Some(place))
    }

    /// Refuses a place on another server: neither bytes nor credentials go there.
    fn ours(&self, place: &Url) -> Result<(), Failure> {
        if place.origin() == self.base.origin() {
            return Ok(());
        }
        let (there, here) = (place.origin().ascii_serialization(), self.origin());
        let why = match place.host_str() == self.base.host_str() {
            true => "what stands before the registry must tell it how it is reached (Host, X-Forwarded-Proto; of distribution http.host)",
            false => "if the registry is there, enter that URL",
        };
        Err(Failure::destination(format!("its upload location is at {there}, not at {here}, so nothing was sent there: {why}")))
    }
}

/// What to do about an answer that will be so again.
fn explained(status: StatusCode, failure: Failure) -> Failure {
    let hint = match status {
        StatusCode::UNAUTHORIZED => "its token ended, or may not push: a token that ends while a large blob is on its way needs the rule to send in chunks",
        StatusCode::FORBIDDEN => "may the account push there?",
        StatusCode::INSUFFICIENT_STORAGE => "free space there, or raise its quota",
        StatusCode::BAD_REQUEST if failure.message.contains("DIGEST_INVALID") => {
            "the bytes were changed on the way, or are damaged here: fsck with --deep tells"
        }
        status if status.is_success() => "that is no answer to the end of an upload: is this a registry?",
        _ => return failure,
    };
    Failure { message: format!("{}: {hint}", failure.message), ..failure }
}

/// The last byte of `0-<end>`, with or without its unit.
fn range_end(text: &str) -> Option<i64> {
    text.trim().trim_start_matches("bytes=").strip_prefix("0-")?.parse().ok()
}

/// Ends when nothing moves any more: no byte for `SILENCE`, or no answer long after the last.
async fn still(moved: &AtomicU64, whole: u64, size: i64) -> Failure {
    let (mut before, mut since) = (0, Instant::now());
    let mut ticks = interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        let now = moved.load(Ordering::Relaxed);
        if now != before {
            (before, since) = (now, Instant::now());
        }
        let limit = if now >= whole { DIGESTING + Duration::from_secs((size / DIGESTED).max(0) as u64) } else { SILENCE };
        if since.elapsed() >= limit {
            return Failure::silent(limit.as_secs());
        }
    }
}
