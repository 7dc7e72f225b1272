//! The REST API that Harbor's clients speak.

use axum::Router;
use domain::Ctx;

/// The router.
pub fn router(_ctx: Ctx) -> Router {
    Router::new()
}
