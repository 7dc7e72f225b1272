//! Serving: the accept loop with its deadlines, health, and an end that drains.

use crate::config::Config;
use crate::middleware::client::Peer;
use crate::metrics::{self, Look, Metrics};
use crate::tls::Tls;
use crate::{admin, background, wiring};
use crate::limits::{self, Admission, Paced, Patience, Taken, Unread};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use domain::datadir::DataDir;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tower::ServiceExt;

/// A peer must send its first request, and finish a TLS handshake, within this time.
const FIRST_REQUEST: Duration = Duration::from_secs(15);
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Header deadline; also how long a kept-alive connection may idle.
const HEADERS: Duration = Duration::from_secs(60);
/// How long requests under way may take to end after SIGTERM.
const DRAIN: Duration = Duration::from_secs(20);

/// Serves until SIGTERM or SIGINT.
pub async fn run(config: Config) -> Result<(), String> {
    let data = DataDir::open(&config.data).map_err(|refusal| refusal.to_string())?;
    let listener =
        TcpListener::bind(config.listen).await.map_err(|error| format!("cannot listen on {}: {error}", config.listen))?;
    let bound = listener.local_addr().map_err(|error| error.to_string())?;
    let tls = match config.tls.clone() {
        Some((cert, key)) => Some(Tls::open(cert, key)?),
        None => None,
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let external = config.external_url.clone().unwrap_or_else(|| format!("{scheme}://{bound}"));
    // A server that nobody named is reached as `localhost` as well.
    let also_known_as = match &config.external_url {
        None if bound.ip().is_loopback() => vec![format!("{scheme}://localhost:{}", bound.port())],
        _ => config.also_known_as.clone(),
    };
    let ctx = wiring::context(&config, &data, external, also_known_as).await?;
    for name in &config.foreign {
        tracing::warn!("{name} is none of our variables and is ignored");
    }
    wiring::first_start(&config, &data, &ctx).await?;
    domain::configuration::load(&ctx).await.map_err(|error| error.to_string())?;
    let metrics = match config.metrics_listen {
        Some(_) => Some(Metrics::new()?),
        None => None,
    };
    let router = wiring::router(&ctx, config.trusted_proxies.clone(), metrics.clone());

    let (stop, stopping) = watch::channel(false);
    let tasks = background::start(ctx.clone(), stopping.clone());
    let admin = admin::listen(ctx.clone(), data.path(), crate::backup::key_of(&config))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;

    let admission = Admission::new(config.connections.min(limits::descriptors()), config.connections_per_address);
    let seen = match (config.metrics_listen, metrics) {
        (Some(listen), Some(metrics)) => {
            let look = Look { ctx: ctx.clone(), metrics, admission: admission.clone(), tls: tls.clone() };
            Some(metrics::serve(listen, look).await?)
        }
        _ => None,
    };
    // The one line that scripts wait for.
    println!("listening on {scheme}://{bound}");
    std::io::stdout().flush().map_err(|error| error.to_string())?;

    let (graceful, silence) = (GracefulShutdown::new(), Duration::from_millis(config.silence as u64));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of descriptors, most likely: wait for one rather than spin.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // One that is refused is closed at once, so that its client does not wait.
        let known = config.trusted_proxies.iter().any(|range| range.contains(&peer.ip().to_canonical()));
        let Some(place) = admission.enter(peer.ip(), known) else { continue };
        let _ = stream.set_nodelay(true);
        let stream = Taken::new(stream, Patience::new(peer, silence, "took what it was sent"));
        let linger = stream.linger();
        let (router, watcher, tls) = (router.clone(), graceful.watcher(), tls.clone());
        tokio::spawn(async move {
            let _held = place;
            match tls {
                None => serve_one(stream, (peer, silence, linger), router, watcher).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.acceptor().accept(stream)).await {
                        serve_one(stream, (peer, silence, linger), router, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    tracing::info!("stopping: requests under way end first");
    let _ = stop.send(true);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut");
    }
    admin.abort();
    if let Some(seen) = seen {
        seen.abort();
    }
    let _ = tokio::time::timeout(DRAIN, tasks).await;
    background::flush(&ctx).await;
    drop(data);
    Ok(())
}

async fn serve_one<S>(
    stream: S,
    (peer, silence, linger): (SocketAddr, Duration, Arc<AtomicBool>),
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let asked = Arc::new(AtomicBool::new(false));
    let seen = asked.clone();
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        seen.store(true, Ordering::Relaxed);
        let unread = Unread::default();
        let expects = request.headers().contains_key(header::EXPECT);
        let mut request = request.map(|body| match hyper::body::Body::is_end_stream(&body) {
            true => Body::empty(),
            false => Body::new(Paced::new(body, Patience::new(peer, silence, "sent its request"), unread.clone())),
        });
        request.extensions_mut().insert(Peer(peer));
        let (router, linger) = (router.clone(), linger.clone());
        async move {
            let mut response = router.oneshot(request).await?;
            if !limits::drain(&unread, expects).await {
                // Its client learns that the connection ends, and gets the answer before it does.
                linger.store(true, Ordering::Relaxed);
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    // HTTP/1.1 alone: within an HTTP/2 connection a stream that is not taken waits where no deadline looks.
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(64 * 1024);
    let connection = watcher.watch(builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned());
    tokio::pin!(connection);
    // A peer that connects and stays silent would hold its place for ever.
    tokio::select! {
        _ = &mut connection => return,
        () = tokio::time::sleep(FIRST_REQUEST) => {}
    }
    if asked.load(Ordering::Relaxed) {
        let _ = connection.await;
    }
}
