//! Health, version and what clients look at first.

use crate::call::{Call, ok, text};
use crate::errors::Answer;
use domain::clock::Clock;
use serde_json::json;

pub async fn ping(_: Call) -> Answer {
    text("Pong".to_owned())
}

pub async fn version(_: Call) -> Answer {
    ok(json!({ "version": "v2.0" }))
}

pub async fn health(call: Call) -> Answer {
    let database = call.ctx.db.read().await.is_ok();
    let word = |fine: bool| if fine { "healthy" } else { "unhealthy" };
    ok(json!({
        "status": word(database),
        "components": [
            { "name": "core", "status": "healthy" },
            { "name": "database", "status": word(database) },
            { "name": "portal", "status": "healthy" },
            { "name": "registry", "status": word(database) },
        ],
    }))
}

/// The volume that the blobs lie on; a bucket has none.
pub async fn volumes(call: Call) -> Answer {
    let found = call.ctx.blobs.volume().await.map_err(|error| domain::Error::Internal(format!("the volume cannot be asked: {error}")))?;
    let rows: Vec<_> = found.into_iter().map(|(total, free)| json!({ "total": total, "free": free })).collect();
    ok(json!({ "storage": rows }))
}

pub async fn info(call: Call) -> Answer {
    let (settings, set) = (&call.ctx.settings, call.ctx.configuration());
    let mut info = json!({
        "auth_mode": "db_auth",
        "primary_auth_mode": false,
        "self_registration": false,
        "registry_url": domain::host_of(call.who.client.origin(settings)),
        "external_url": call.who.client.origin(settings),
        "banner_message": set.banner_message,
        "read_only": set.read_only,
        "project_creation_restriction": set.project_creation_restriction.key(),
        "has_ca_root": false,
        "notification_enable": false,
        // Taken and read back, and without effect: there is no scanner and no proxy cache.
        "not_in_effect": model::project::KEPT,
    });
    // The version is not for strangers.
    if !call.who.is_anonymous() && domain::access::signed_in(&call.ctx, &call.who).await.is_ok() {
        info["harbor_version"] = format!("Wharf v{}", env!("CARGO_PKG_VERSION")).into();
        info["current_time"] = Clock::System.now().rfc3339().into();
    }
    ok(info)
}
