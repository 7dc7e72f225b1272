//! One request: sent when the gate lets it, again where what came back may pass, and never waiting for ever.
//!
//! Limits are idle limits: a request that carries bytes may take hours as long as they move, an answer that is kept is short and
//! has an end (`WHOLE`). What is asked again is safe to ask again: reading, writing a manifest under its own name, starting an upload
//! that nobody counts on; bytes of a blob are `blobs`' to repeat.

use crate::auth::{Scope, SignIn};
use crate::failure::{Failure, Nature};
use bytes::Bytes;
use domain::Ctx;
use domain::outbound::{Gate, Proxy};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use reqwest::Response;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Longest silence before an answer begins, and between two parts of one.
pub(crate) const SILENCE: Duration = Duration::from_secs(60);
/// Longest time for an answer that is read whole.
const WHOLE: Duration = Duration::from_secs(120);
/// Slowest line on which a body in memory is given time, in bytes per second.
const SLOWEST: u64 = 16 * 1024;
/// Longest wait that a registry may ask for.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// Where lines for a person's eyes go: waits, second tries.
pub type Say = Arc<dyn Fn(String) + Send + Sync>;

/// How often something is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As often as is sensible in a run that nobody waits for.
    Run,
    /// The same, but an odd answer (500) is an answer: something else can be tried.
    Look,
    /// Once: a person waits.
    Person,
}

impl Patience {
    fn tries(self) -> u32 {
        match self {
            Patience::Run | Patience::Look => 6,
            Patience::Person => 1,
        }
    }

    /// May this answer be another one soon?
    pub(crate) fn passes(self, status: StatusCode) -> bool {
        match status.as_u16() {
            408 | 425 | 429 | 502 | 503 | 504 => true,
            500 => self == Patience::Run,
            _ => false,
        }
    }
}

/// A request.
#[derive(Clone)]
pub(crate) struct Ask<'a> {
    /// What is being done, for the log: "looking for blob sha256:…".
    pub what: String,
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(HeaderName, String)>,
    pub body: Option<Bytes>,
    /// Who signs it, for what.
    pub sign_in: Option<(&'a dyn SignIn, &'a [Scope])>,
}

/// What came back, after how many tries.
pub(crate) struct Reply {
    pub response: Response,
    pub tried: u32,
    /// The proxy that it came through.
    pub through: Option<String>,
}

impl Reply {
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The failure that this answer is.
    pub async fn failure(self, what: &str) -> Failure {
        let (status, tried) = (self.status(), self.tried);
        let place = self.header(header::LOCATION).map(str::to_owned);
        let asked = self.response.url().clone();
        let mut text = said(self.response).await;
        if let Some(place) = place.filter(|_| status.is_redirection()) {
            let is_elsewhere = asked.join(&place).is_ok_and(|next| next.origin() != asked.origin());
            let place: String = place.chars().filter(|c| !c.is_control()).take(200).collect();
            let hint = if is_elsewhere { "; if that is where the registry is, enter that URL" } else { ", which a registry does not" };
            text = format!("{text}: it sends us to {place}{hint}");
        }
        // Who answered so is not known: the proxy, or who is behind it.
        match self.through {
            Some(proxy) if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                text = format!("{text}: the proxy {proxy} wants a name and a password, or other ones");
            }
            Some(proxy) if status.is_server_error() || status == StatusCode::UNAUTHORIZED => text = format!("{text}, through the proxy {proxy}"),
            _ => {}
        }
        let failure = Failure::destination(text).during(what, tried);
        if Patience::Run.passes(status) { failure.passing() } else { failure }
    }
}

/// The way to one registry.
#[derive(Clone)]
pub(crate) struct Line {
    pub ctx: Ctx,
    pub http: reqwest::Client,
    pub gate: Arc<Gate>,
    pub say: Say,
    pub patience: Patience,
    pub proxy: Option<Arc<Proxy>>,
}

/// What `Retry-After` asks for (RFC 9110, section 10.2.3): seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: model::Stamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
            Some(at.saturating_sub(Duration::from_millis(now.0.max(0) as u64)))
        }
    }
}

/// A span for the log.
fn span(wait: Duration) -> String {
    match wait.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        _ => format!("{} s", wait.as_secs()),
    }
}

impl Line {
    /// How long to wait before the next try: twice as long each time, somewhere in the upper half, so that many do not come together.
    pub fn pause(&self, tried: u32) -> Duration {
        let most = 400u64 << tried.clamp(1, 7);
        let [a, b] = self.ctx.random.bytes::<2>();
        Duration::from_millis(most / 2 + most / 2 * u64::from(u16::from_be_bytes([a, b])) / 65_536)
    }

    /// Says why and how long, then waits.
    pub async fn wait(&self, what: &str, why: &str, tried: u32, wait: Duration) {
        (self.say)(format!("{what}: {why}; try {} in {}", tried + 1, span(wait)));
        tokio::time::sleep(wait).await;
    }

    /// Sends a request until an answer stands. A signature that was refused is made anew once; again only where another answer came
    /// between, for a token may end while we wait.
    pub async fn ask(&self, ask: &Ask<'_>, patience: Patience) -> Result<Reply, Failure> {
        let patience = if self.patience == Patience::Person { Patience::Person } else { patience };
        let (mut tried, mut silences, mut renew, mut renewed) = (0, 0, false, false);
        loop {
            tried += 1;
            let signature = match &ask.sign_in {
                Some((sign_in, scopes)) => sign_in.authorization(self, scopes, std::mem::take(&mut renew)).await?,
                None => None,
            };
            let (pass, signed) = (self.gate.enter().await, signature.is_some());
            let why = match self.once(ask, signature).await {
                Ok(response) => {
                    let status = response.status();
                    if status == StatusCode::UNAUTHORIZED
                        && let Some((sign_in, _)) = &ask.sign_in
                        && !renewed
                        && sign_in.learn(response.headers())?
                    {
                        (renew, renewed, tried) = (true, true, tried - 1);
                        continue;
                    }
                    if status == StatusCode::UNAUTHORIZED
                        && let Some((sign_in, _)) = &ask.sign_in
                        && signed
                        && sign_in.is_plain()
                    {
                        pass.went_well();
                        let failure = Reply { response, tried, through: self.through(&ask.url) }.failure("it refused the credentials").await;
                        sign_in.give_up(&failure);
                        return Err(failure);
                    }
                    if !patience.passes(status) || tried >= patience.tries() {
                        pass.went_well();
                        return Ok(Reply { response, tried, through: self.through(&ask.url) });
                    }
                    let asked = retry_after(response.headers(), self.ctx.now());
                    if let Some(wait) = asked.filter(|wait| *wait > LONGEST_WAIT) {
                        let said = Reply { response, tried, through: self.through(&ask.url) }.failure(&ask.what).await;
                        let message = format!("{}; it asks to wait {} s, which is too long for a run", said.message, wait.as_secs());
                        return Err(Failure { message, ..said });
                    }
                    if status == StatusCode::TOO_MANY_REQUESTS || asked.is_some() {
                        pass.too_many(asked);
                    }
                    (status.to_string(), asked.unwrap_or_default().max(self.pause(tried)))
                }
                Err(failure) => {
                    // Whoever says nothing for a minute is given one more: a run must end some day.
                    silences += u32::from(failure.nature == Nature::Silent);
                    if failure.nature == Nature::Lasting || tried >= patience.tries() || silences > 1 {
                        return Err(failure.during(&ask.what, tried));
                    }
                    (failure.message, self.pause(tried))
                }
            };
            drop(pass);
            renewed = false;
            self.wait(&ask.what, &why.0, tried, why.1).await;
        }
    }

    /// The name of the proxy through which a request there goes.
    pub fn through(&self, url: &Url) -> Option<String> {
        self.proxy.as_deref().filter(|proxy| proxy.covers(url)).map(Proxy::name)
    }

    /// A failure to send, which may be that of the proxy in between.
    pub fn network(&self, error: &reqwest::Error, url: &Url) -> Failure {
        let failure = Failure::network(error);
        match self.through(url).filter(|_| failure.nature == Nature::Unreachable) {
            Some(proxy) => Failure { message: format!("{} through the proxy {proxy}", failure.message), ..failure },
            None => failure,
        }
    }

    async fn once(&self, ask: &Ask<'_>, signature: Option<String>) -> Result<Response, Failure> {
        let mut request = self.http.request(ask.method.clone(), ask.url.clone());
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(signature) = signature {
            request = request.header(header::AUTHORIZATION, signature);
        }
        let mut limit = SILENCE;
        if let Some(body) = &ask.body {
            limit += Duration::from_secs(body.len() as u64 / SLOWEST);
            request = request.body(body.clone());
        }
        match tokio::time::timeout(limit, request.send()).await {
            Ok(sent) => sent.map_err(|error| self.network(&error, &ask.url)),
            Err(_) => Err(Failure::silent(limit.as_secs())),
        }
    }

    /// Reads: redirects are followed, as far as the policy lets us, and with the signature only where it belongs. What carries
    /// credentials in itself (a question for a token, a form) goes where it was sent and nowhere else: without them it would be
    /// another question.
    pub async fn read(&self, mut ask: Ask<'_>, patience: Patience) -> Result<Reply, Failure> {
        let home = ask.url.origin();
        let carries = ask.body.is_some() || ask.headers.iter().any(|(name, _)| *name == header::AUTHORIZATION);
        for _ in 0..REDIRECTS {
            let reply = self.ask(&ask, patience).await?;
            if !matches!(reply.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(reply);
            }
            let Some(next) = reply.header(header::LOCATION).and_then(|place| ask.url.join(place).ok()) else { return Ok(reply) };
            if carries {
                return Ok(reply);
            }
            if ask.url.scheme() == "https" && next.scheme() != "https" || !matches!(next.scheme(), "http" | "https") {
                let to = next.origin().ascii_serialization();
                return Err(Failure::destination(format!("it sends us from https to {to}, which is not followed")).during(&ask.what, 1));
            }
            // Where it sends us is not what an administrator entered: a host that cannot be judged here is not gone to, proxy or not.
            let judged = match next.origin() == home {
                true => self.ctx.outbound.check_through(&next, self.proxy.as_deref()).await,
                false => self.ctx.outbound.check(&next).await,
            };
            judged.map_err(|error| Failure::rule(format!("TARGET_FORBIDDEN: {error}")).during(&ask.what, 1))?;
            if next.origin() != home {
                ask.sign_in = None;
            }
            ask.url = next;
        }
        Err(Failure::destination(format!("it redirects more than {REDIRECTS} times")).during(&ask.what, 1))
    }

    /// Reads an answer whole, of at most `max` bytes if it is a good one; one that is cut is asked for again. `Err` in the inner
    /// place: it refused.
    pub async fn fetch(&self, ask: Ask<'_>, max: usize) -> Result<Result<(HeaderMap, Vec<u8>), Reply>, Failure> {
        let mut tried = 0;
        loop {
            tried += 1;
            let reply = self.read(ask.clone(), Patience::Run).await?;
            if !reply.status().is_success() {
                return Ok(Err(reply));
            }
            let headers = reply.response.headers().clone();
            match whole(reply.response, max).await {
                Ok(bytes) => return Ok(Ok((headers, bytes))),
                Err(failure) if failure.nature == Nature::Passing && tried < self.patience.tries() => {
                    self.wait(&ask.what, &failure.message, tried, self.pause(tried)).await;
                }
                Err(failure) => return Err(failure.during(&ask.what, tried)),
            }
        }
    }
}

/// Reads a body of at most `max` bytes, in parts that come in time.
pub(crate) async fn whole(response: Response, max: usize) -> Result<Vec<u8>, Failure> {
    let read = async {
        let mut bytes = Vec::new();
        let mut stream = response.bytes_stream();
        loop {
            let next = tokio::time::timeout(SILENCE, stream.next()).await.map_err(|_| Failure::silent(SILENCE.as_secs()))?;
            let Some(chunk) = next else { return Ok(bytes) };
            let chunk = chunk.map_err(|error| Failure::network(&error))?;
            if bytes.len() + chunk.len() > max {
                return Err(Failure::destination(format!("LIMIT_EXCEEDED: an answer is longer than {max} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
    };
    let late = || Failure { nature: Nature::Silent, ..Failure::destination(format!("its answer was not whole after {} s", WHOLE.as_secs())) };
    tokio::time::timeout(WHOLE, read).await.map_err(|_| late())?
}

/// What a registry said in an error, cut short.
pub(crate) async fn said(response: Response) -> String {
    let status = response.status();
    let bytes = whole(response, 16 * 1024).await.unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let at = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            // Sun, 06 Nov 1994 08:49:37 GMT, as RFC 9110 writes it, less ten seconds.
            retry_after(&headers, model::Stamp(784_111_777_000 - 10_000)).map(|wait| wait.as_secs())
        };
        assert_eq!(at("7"), Some(7));
        assert_eq!(at(" 120 "), Some(120));
        assert_eq!(at("Sun, 06 Nov 1994 08:49:37 GMT"), Some(10));
        assert_eq!(at("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0), "a time that is past");
        for odd in ["", "soon", "-1", "1.5"] {
            assert_eq!(at(odd), None, "{odd:?}");
        }
    }
}
