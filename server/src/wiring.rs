//! From configuration to a context and a router.

use crate::config::Config;
use crate::metrics::{self, Metrics};
use crate::{assets, middleware};
use axum::Router;
use domain::blobs::{BlobStore, Disk, S3};
use domain::clock::{Clock, Random};
use domain::datadir::{self, DataDir};
use domain::db::Db;
use domain::secrets::PlainSecret;
use domain::{Ctx, Settings, jobs, users};
use std::sync::Arc;

/// The file in the data directory that holds a generated administrator password.
pub const INITIAL_PASSWORD: &str = "initial-admin-password";

/// Opens everything the configuration names. `external_url` is what clients use.
pub async fn context(config: &Config, data: &DataDir, external_url: String, also_known_as: Vec<String>) -> Result<Ctx, String> {
    // Before a key is made: a directory that has lost its database gets that of its backup.
    let url = match config.database_url.reveal() {
        "" => data.sqlite_url().map_err(|refusal| refusal.to_string())?,
        url => url.to_owned(),
    };
    let keys = data.keys(config.key_file.as_deref()).map_err(|refusal| refusal.to_string())?;
    let db = Db::open(&url).await.map_err(|refusal| refusal.to_string())?;
    datadir::check_key(&db, &keys).await.map_err(|refusal| refusal.to_string())?;
    let blobs: Arc<dyn BlobStore> = match &config.bucket {
        None => Arc::new(Disk::open(data.path()).map_err(|error| format!("data directory: {error}"))?),
        Some(bucket) => {
            let opened = S3::open(bucket).await.map_err(|error| format!("bucket {} cannot be used: {error}", bucket.name))?;
            Arc::new(opened)
        }
    };
    domain::instance::check(&db, &*blobs).await.map_err(|refusal| refusal.to_string())?;
    let forward = config.forward.as_ref().map(|(address, ca, keep)| {
        domain::forward::Receiver::parse(address, ca.clone(), domain::host_of(&external_url), *keep)
    });
    let settings = Settings {
        forward: forward.transpose()?,
        external_url,
        also_known_as,
        buffers: config.buffers,
        upkeep: config.upkeep,
        outbound_allow: config.outbound_allow.clone(),
        proxy: config.proxy.clone(),
        sparse: config.sparse,
        gc_grace: config.gc_grace,
        gc_every: config.gc_every,
        recycle: config.recycle,
        reserve: config.reserve,
    };
    let ctx = Ctx::new(db, blobs, Clock::System, keys, settings);
    let _ = ctx.connector.set(Arc::new(replication::Adapters));
    Ok(ctx)
}

/// Makes the first administrator where there is no user, and recovers jobs that a killed process left.
pub async fn first_start(config: &Config, data: &DataDir, ctx: &Ctx) -> Result<(), String> {
    let failed = |error: domain::Error| error.to_string();
    let file = data.path().join(INITIAL_PASSWORD);
    let given = !config.admin_password.is_empty();
    let password = if given {
        config.admin_password.clone()
    } else {
        match std::fs::read_to_string(&file) {
            Ok(text) => PlainSecret::new(text.trim().to_owned()),
            Err(_) => PlainSecret::generate(&Random::default(), ""),
        }
    };
    // The file comes first: a crash between the two must not leave an administrator whose password nobody has.
    let fresh = !users::any(ctx).await.map_err(failed)?;
    if fresh && given {
        domain::identity::check_new_password(&password, &[users::FIRST_ADMIN])
            .map_err(|what| format!("admin_password {what}"))?;
    }
    if fresh && !given && !file.exists() {
        datadir::write_private(&file, format!("{}\n", password.reveal()).as_bytes())
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if users::create_first_admin(ctx, password).await.map_err(failed)? && !given {
        tracing::info!("the first administrator is {}; the password is in {}", users::FIRST_ADMIN, file.display());
    }
    let recovered = jobs::recover(ctx).await.map_err(failed)?;
    if recovered > 0 {
        tracing::info!(recovered, "jobs that were under way go on");
    }
    Ok(())
}

/// Everything that answers requests.
pub fn router(ctx: &Ctx, proxies: Vec<ipnet::IpNet>, metrics: Option<Metrics>) -> Router {
    let sessions = middleware::session::layer(ctx);
    // The portal and the API know sessions; the registry does not.
    let portal = app::server::router(ctx.clone(), assets::portal())
        .merge(api::router(ctx.clone()))
        .layer(axum::middleware::from_fn_with_state(ctx.clone(), middleware::session::principal))
        .layer(sessions)
        .layer(axum::middleware::from_fn_with_state(ctx.clone(), middleware::origin::check));
    let routes = Router::new()
        .merge(portal)
        .merge(oci::router(ctx.clone()))
        .merge(assets::router())
        .merge(crate::health::router(ctx.clone()));
    let routes = match &metrics {
        Some(_) => routes.route_layer(axum::middleware::from_fn(metrics::name_route)),
        None => routes,
    };
    let routes = routes
        .layer(tower_http::catch_panic::CatchPanicLayer::new())
        .layer(axum::middleware::from_fn_with_state(ctx.clone(), middleware::headers::secure))
        .layer(axum::middleware::from_fn_with_state(
            (ctx.clone(), Arc::new(proxies)),
            middleware::client::identify,
        ));
    match metrics {
        Some(metrics) => routes.layer(axum::middleware::from_fn_with_state(metrics, metrics::observe)),
        None => routes,
    }
}

