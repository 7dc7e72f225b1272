//! Health, version and what clients look at first.

use crate::answers::{Answer, Listed, Shown, Text, Time};
use crate::call::Call;
use crate::list::{self, Asks, page};
use model::Page;
use serde::Serialize;
use utoipa::ToSchema;

pub async fn ping(_: Call) -> Answer<Text> {
    Ok(Text("Pong".to_owned()))
}

/// Which API this is.
#[derive(Serialize, ToSchema)]
pub struct Version {
    version: &'static str,
}

pub async fn version(_: Call) -> Answer<Shown<Version>> {
    Ok(Shown(Version { version: "v2.0" }))
}

/// How the server is, and each of its parts.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// healthy or unhealthy.
    status: &'static str,
    components: Vec<Component>,
}

#[derive(Serialize, ToSchema)]
pub struct Component {
    name: &'static str,
    status: &'static str,
}

pub async fn health(call: Call) -> Answer<Shown<Health>> {
    let database = call.ctx.db.read().await.is_ok();
    let word = |fine: bool| if fine { "healthy" } else { "unhealthy" };
    let parts = [("core", true), ("database", database), ("portal", true), ("registry", database)];
    let components = parts.into_iter().map(|(name, fine)| Component { name, status: word(fine) }).collect();
    Ok(Shown(Health { status: word(database), components }))
}

/// Scanners: there are none.
#[derive(Serialize, ToSchema)]
pub struct Scanner {}

pub async fn scanners(call: Call) -> Answer<Listed<Scanner>> {
    list::query(&call, &Asks { sorts: &[], name: "", keys: &[], columns: &[] })?;
    page(&call, Page::<()>::empty(), |()| Scanner {})
}

/// Where the blobs lie.
#[derive(Serialize, ToSchema)]
pub struct Volumes {
    storage: Vec<Volume>,
}

/// In bytes.
#[derive(Serialize, ToSchema)]
pub struct Volume {
    total: u64,
    free: u64,
}

/// The volume that the blobs lie on; a bucket has none.
pub async fn volumes(call: Call) -> Answer<Shown<Volumes>> {
    let found = call.ctx.blobs.volume().await.map_err(|error| domain::Error::Internal(format!("the volume cannot be asked: {error}")))?;
    Ok(Shown(Volumes { storage: found.into_iter().map(|(total, free)| Volume { total, free }).collect() }))
}

/// What clients look at first.
#[derive(Serialize, ToSchema)]
pub struct SystemInfo {
    auth_mode: &'static str,
    primary_auth_mode: bool,
    self_registration: bool,
    registry_url: String,
    external_url: String,
    banner_message: String,
    read_only: bool,
    project_creation_restriction: &'static str,
    has_ca_root: bool,
    notification_enable: bool,
    /// Taken and read back, and without effect: there is no scanner, no proxy cache, no quota and no webhook.
    not_in_effect: Vec<&'static str>,
    /// Not for strangers, as is the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    harbor_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_time: Option<Time>,
}

pub async fn info(call: Call) -> Answer<Shown<SystemInfo>> {
    let (settings, set) = (&call.ctx.settings, call.ctx.configuration());
    let known = !call.who.is_anonymous() && domain::access::signed_in(&call.ctx, &call.who).await.is_ok();
    Ok(Shown(SystemInfo {
        auth_mode: "db_auth",
        primary_auth_mode: false,
        self_registration: false,
        registry_url: domain::host_of(call.who.client.origin(settings)).to_owned(),
        external_url: call.who.client.origin(settings).to_owned(),
        banner_message: set.banner_message.clone(),
        read_only: set.read_only,
        project_creation_restriction: set.project_creation_restriction.key(),
        has_ca_root: false,
        notification_enable: false,
        not_in_effect: model::project::WITHOUT_EFFECT.into_iter().chain(domain::configuration::WITHOUT_EFFECT.iter().map(|(name, _)| *name)).collect(),
        harbor_version: known.then(|| format!("Wharf v{}", env!("CARGO_PKG_VERSION"))),
        current_time: known.then(|| call.ctx.now().into()),
    }))
}
