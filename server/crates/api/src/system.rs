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

pub async fn info(call: Call) -> Answer {
    let settings = &call.ctx.settings;
    let mut info = json!({
        "auth_mode": "db_auth",
        "primary_auth_mode": false,
        "self_registration": false,
        "registry_url": domain::host_of(call.who.client.origin(settings)),
        "external_url": call.who.client.origin(settings),
        "banner_message": "",
        "read_only": false,
        "project_creation_restriction": "everyone",
        "has_ca_root": false,
        "notification_enable": false,
    });
    // The version is not for strangers.
    if !call.who.is_anonymous() && domain::access::signed_in(&call.ctx, &call.who).await.is_ok() {
        info["harbor_version"] = format!("Wharf v{}", env!("CARGO_PKG_VERSION")).into();
        info["current_time"] = Clock::System.now().rfc3339().into();
    }
    ok(info)
}
