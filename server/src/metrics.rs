//! What is seen from outside: Prometheus' text format at `/metrics`, on an address of its own (`metrics_listen`, off by default).
//!
//! Requests are counted as they end; everything else is asked for when somebody looks. Labels are ours (doors, route patterns,
//! statuses, kinds), never what a client sends, and rules are at most a hundred. Names are Harbor's where Harbor has the same
//! thing, so that its dashboards go on.

use crate::limits::{self, Admission};
use crate::tls::Tls;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::Ctx;
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::net::TcpListener;

/// The counters of requests.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    bytes: IntCounterVec,
    inflight: IntGauge,
}

impl Metrics {
    pub fn new() -> Result<Metrics, String> {
        let failed = |error: prometheus::Error| format!("metrics: {error}");
        let labels = ["door", "operation", "method"];
        let requests = IntCounterVec::new(
            Opts::new("harbor_core_http_request_total", "Requests that ended"),
            &["door", "operation", "method", "code"],
        )
        .map_err(failed)?;
        let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];
        let seconds = HistogramVec::new(
            HistogramOpts::new("harbor_core_http_request_duration_seconds", "From a request's head to its answer's head").buckets(buckets),
            &labels,
        )
        .map_err(failed)?;
        let bytes = IntCounterVec::new(Opts::new("wharf_http_bytes_total", "Bytes of bodies whose length was said"), &["door", "direction"])
            .map_err(failed)?;
        let inflight = IntGauge::new("harbor_core_http_inflight_requests", "Requests under way").map_err(failed)?;
        let registry = Registry::new();
        registry.register(Box::new(requests.clone())).map_err(failed)?;
        registry.register(Box::new(seconds.clone())).map_err(failed)?;
        registry.register(Box::new(bytes.clone())).map_err(failed)?;
        registry.register(Box::new(inflight.clone())).map_err(failed)?;
        Ok(Metrics(Arc::new(Inner { registry, requests, seconds, bytes, inflight })))
    }
}

/// Which door a path leads to.
fn door(path: &str) -> &'static str {
    match path {
        path if path.starts_with("/v2") => "registry",
        path if path.starts_with("/service/") => "token",
        path if path.starts_with("/api/") || path.starts_with("/c/") => "api",
        path if path.starts_with("/fn/") => "forms",
        path if path.starts_with("/pkg/") || path.starts_with("/public/") => "files",
        "/healthz" | "/readyz" => "health",
        _ => "portal",
    }
}

/// Counts a request.
pub async fn observe(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let (begin, inner) = (Instant::now(), &metrics.0);
    let door = door(request.uri().path());
    // Anybody may make up a method; those that are none of ours are one.
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
    .to_owned();
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
    inner.inflight.inc();
    let _under_way = scopeguard(inner.inflight.clone());
    let response = next.run(request).await;
    let operation = match response.extensions().get::<oci::Routed>() {
        Some(routed) => routed.0.to_owned(),
        None => match (response.extensions().get::<Pattern>(), response.extensions().get::<app::server::Routed>()) {
            (Some(pattern), _) => pattern.0.clone(),
            (None, Some(page)) => page.0.to_owned(),
            (None, None) => "none".to_owned(),
        },
    };
    let code = response.status();
    inner.requests.with_label_values(&[door, &operation, &method, code.as_str()]).inc();
    inner.seconds.with_label_values(&[door, &operation, &method]).observe(begin.elapsed().as_secs_f64());
    if let Some(length) = length {
        inner.bytes.with_label_values(&[door, "in"]).inc_by(length);
    }
    let out = response.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
    if let Some(length) = out.or_else(|| axum::body::HttpBody::size_hint(response.body()).exact()) {
        inner.bytes.with_label_values(&[door, "out"]).inc_by(length);
    }
    response
}

struct UnderWay(IntGauge);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn scopeguard(gauge: IntGauge) -> UnderWay {
    UnderWay(gauge)
}

/// The pattern of the route that answered.
#[derive(Clone)]
struct Pattern(String);

/// Notes the route's pattern on its answer; a layer of routes, where the pattern is known.
pub async fn name_route(request: Request, next: Next) -> Response {
    let pattern = request.extensions().get::<MatchedPath>().map(|path| Pattern(path.as_str().to_owned()));
    let mut response = next.run(request).await;
    if let Some(pattern) = pattern {
        response.extensions_mut().insert(pattern);
    }
    response
}

/// What is asked when somebody looks.
#[derive(Clone)]
pub struct Look {
    pub ctx: Ctx,
    pub metrics: Metrics,
    pub admission: Admission,
    pub tls: Option<Arc<Tls>>,
}

/// Serves `/metrics` until the task is dropped.
pub async fn serve(listen: SocketAddr, look: Look) -> Result<tokio::task::JoinHandle<()>, String> {
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("cannot listen on {listen} (metrics_listen): {error}"))?;
    if let Ok(bound) = listener.local_addr() {
        tracing::info!("metrics on http://{bound}/metrics");
    }
    let router = Router::new().route("/metrics", get(show)).with_state(look);
    Ok(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "metrics are not served any more");
        }
    }))
}

async fn show(State(look): State<Look>) -> Response {
    match text(&look).await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(error) => {
            tracing::warn!(%error, "metrics could not be read");
            (StatusCode::SERVICE_UNAVAILABLE, "the database could not be read\n").into_response()
        }
    }
}

/// Writes families in the text format.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")))
            .collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.value(name, &[], value);
    }
}

async fn text(look: &Look) -> domain::Result<String> {
    let (ctx, local) = (&look.ctx, &look.ctx.local);
    let mut buffer = Vec::new();
    TextEncoder::new().encode(&look.metrics.0.registry.gather(), &mut buffer).map_err(|error| domain::Error::Internal(error.to_string()))?;
    let mut page = Page(String::from_utf8_lossy(&buffer).into_owned());
    let (buffers, most) = local.buffers.used();
    let (answers, _) = local.answer_buffers.used();
    let (uploads, most_uploads, gave_way) = local.uploads_pending.used();
    let (connections, most_connections, turned_away) = look.admission.used();
    let writer = ctx.db.load();
    let bounds = [
        ("buffered_bytes", buffers, most, local.buffers.refused()),
        ("answered_bytes", answers, most, local.answer_buffers.refused()),
        ("uploads_started", uploads, most_uploads, gave_way),
        ("connections", connections, most_connections, turned_away),
        ("writer_queue", writer.queued, writer.queue, writer.queue_refused),
        ("readers", writer.reading, writer.readers, writer.readers_refused),
        ("slow_clients", 0, 0, limits::CUT.load(Ordering::Relaxed)),
    ];
    page.family("wharf_limit_used", "gauge", "What is used of a bound (server/docs/limits.md)");
    bounds.iter().for_each(|(name, used, ..)| page.value("wharf_limit_used", &[("limit", name)], used));
    page.family("wharf_limit", "gauge", "The bound");
    bounds.iter().for_each(|(name, _, most, _)| page.value("wharf_limit", &[("limit", name)], most));
    page.family("wharf_limit_refused_total", "counter", "What was refused, gave way or was cut off by a bound");
    bounds.iter().for_each(|(name, .., refused)| page.value("wharf_limit_refused_total", &[("limit", name)], refused));
    page.one("wharf_writer_commits_total", "counter", "Commits of the writer", writer.commits);
    page.one("wharf_writer_busy_seconds_total", "counter", "How long the writer worked", format!("{:.3}", writer.busy.as_secs_f64()));
    page.one("wharf_sign_ins_refused_total", "counter", "Sign-ins that were turned away unchecked", local.throttle.refused());
    page.one("wharf_refusals_this_hour", "gauge", "Kinds of refused attempts, by caller, in this hour", local.refusals.len());

    let seen = domain::upkeep::seen_from_outside(ctx).await?;
    page.one("wharf_database_bytes", "gauge", "The database's size", seen.database);
    page.one("harbor_statistics_total_storage_consumption", "gauge", "Bytes of blobs and manifests, as projects count them", seen.blobs);
    page.one("wharf_garbage_waiting_bytes", "gauge", "Bytes that only deletions keep that can be undone", seen.waiting);
    page.one("harbor_statistics_total_project_amount", "gauge", "Projects", seen.projects);
    page.one("harbor_statistics_total_repo_amount", "gauge", "Repositories", seen.repositories);
    page.one("wharf_artifacts", "gauge", "Artifacts that lists show", seen.artifacts);
    page.family("harbor_task_queue_size", "gauge", "Jobs that wait");
    seen.jobs.iter().filter(|(_, state, _)| state == "queued").for_each(|(kind, _, n)| page.value("harbor_task_queue_size", &[("type", kind)], n));
    page.family("wharf_jobs", "gauge", "Jobs by kind and state");
    seen.jobs.iter().for_each(|(kind, state, n)| page.value("wharf_jobs", &[("kind", kind), ("state", state)], n));
    page.family("wharf_replication_executions", "gauge", "Executions that are kept, by rule and status");
    seen.executions.iter().for_each(|(rule, status, n)| page.value("wharf_replication_executions", &[("rule", rule), ("status", status)], n));
    page.family("wharf_replication_last_success_timestamp_seconds", "gauge", "When the rule's last good execution ended");
    seen.last_good.iter().for_each(|(rule, at)| page.value("wharf_replication_last_success_timestamp_seconds", &[("rule", rule)], at / 1000));
    if let Some(at) = seen.backup {
        page.one("wharf_backup_timestamp_seconds", "gauge", "When the last backup was made", at / 1000);
    }
    if let Some(free) = ctx.blobs.room().await.ok().flatten() {
        page.one("wharf_disk_free_bytes", "gauge", "What still fits on the disk of the blobs", free);
        page.one("wharf_disk_reserved_bytes", "gauge", "What pushes leave of it", ctx.settings.reserve);
    }
    if let Some(at) = look.tls.as_ref().and_then(|tls| tls.ends_at()) {
        page.one("wharf_certificate_not_after_timestamp_seconds", "gauge", "When the TLS certificate ends", at);
    }
    page.family("harbor_system_info", "gauge", "What runs");
    page.value("harbor_system_info", &[("harbor_version", concat!("wharf-", env!("CARGO_PKG_VERSION"))), ("auth_mode", "db_auth")], 1);
    page.one("harbor_health", "gauge", "1: it answers", 1);
    Ok(page.0)
}
