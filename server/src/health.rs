//! Health, for whoever watches over the process.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use domain::Ctx;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// For so long an answer to `/readyz` is given again: whoever asks often costs no more.
const READY_FOR: Duration = Duration::from_secs(1);

/// `/healthz`: the process is alive. `/readyz`: the database can be written to. A disk that is almost full is said there, and is
/// no reason not to be ready: pulls go on.
pub fn router(ctx: Ctx) -> Router {
    type Said = (Instant, StatusCode, String);
    async fn look(ctx: &Ctx) -> (StatusCode, String) {
        if let Err(error) = ctx.db.can_write(ctx.now()).await {
            tracing::warn!(%error, "not ready");
            return (StatusCode::SERVICE_UNAVAILABLE, "the database cannot be written to: the log says why\n".to_owned());
        }
        match domain::uploads::room(ctx, 0).await {
            Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
            Err(error) => (StatusCode::OK, format!("ready, but pushes are refused: {error}\n")),
        }
    }
    async fn ready(State((ctx, last)): State<(Ctx, Arc<Mutex<Option<Said>>>)>) -> (StatusCode, String) {
        let mut last = last.lock().await;
        let said = match last.take() {
            Some(said) if said.0.elapsed() < READY_FOR => said,
            _ => {
                let (status, text) = look(&ctx).await;
                (Instant::now(), status, text)
            }
        };
        let (_, status, text) = last.insert(said).clone();
        (status, text)
    }
    let state = (ctx, Arc::new(Mutex::new(None)));
    Router::new().route("/healthz", get(|| async { "alive\n" })).route("/readyz", get(ready)).with_state(state)
}
