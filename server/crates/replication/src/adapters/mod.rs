//! What is done at a target beyond the distribution specification. A kind that needs more has a file here; what its form asks for and where
//! it is spoken to says `model::replication::provider`.

mod harbor;

use async_trait::async_trait;
use domain::Ctx;
use domain::replication::targets::{Connection, Connector};
use model::replication::target::{Probe, Provider};
use remote::{Failure, Registry};
use std::sync::Arc;

/// All adapters.
pub struct Adapters;

/// Makes ready what a push needs there: for Harbor and Wharf the project. Says what it did, for the log.
pub async fn prepare(remote: &Registry, provider: Provider, repository: &str) -> Result<String, Failure> {
    match provider {
        Provider::Harbor => harbor::prepare(remote, repository).await,
        _ => Ok(String::new()),
    }
}

#[async_trait]
impl Connector for Adapters {
    async fn probe(&self, ctx: &Ctx, connection: &Connection) -> Probe {
        let mut probe = Probe::default();
        let remote = match Registry::connect(ctx, connection, true, Arc::new(drop)).await {
            Ok(remote) => remote,
            Err(failure) => {
                probe.step("Reachable", false, failure.to_string());
                return probe;
            }
        };
        probe.step("Reachable", true, format!("{} answers as a registry", connection.url));
        match (connection.url.scheme(), connection.tls.verify) {
            ("https", true) => probe.step("Certificate", true, "verified"),
            ("https", false) => probe.step("Certificate", true, "not verified: this target accepts any certificate"),
            _ => probe.step("Certificate", true, "none: plain HTTP, credentials travel unencrypted"),
        }
        let signed_in = match (remote.asks(), connection.access_id.is_empty()) {
            (true, true) => {
                probe.step("Signed in", false, "it asks for credentials, and this target has none");
                return probe;
            }
            (true, false) => remote.sign_in().await.map(|()| format!("as {}", connection.access_id)),
            (false, _) => Ok("it asks for no credentials".to_owned()),
        };
        match signed_in {
            Ok(found) => probe.step("Signed in", true, found),
            Err(failure) => {
                probe.step("Signed in", false, failure.to_string());
                return probe;
            }
        }
        match connection.provider {
            Provider::Harbor => harbor::probe(&remote, &mut probe).await,
            _ => {
                let version = remote.greeting().get("docker-distribution-api-version").is_some();
                let found = if version { "an OCI registry (distribution API 2.0)" } else { "an OCI registry" };
                probe.step("What it is", true, found);
            }
        }
        probe
    }
}
