//! Target registries: where replication rules push to.

use crate::{Problems, Stamp, TargetId};
use serde::{Deserialize, Serialize};

pub use super::provider::Provider;

/// A target registry as it is shown: never with its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub id: TargetId,
    pub name: String,
    pub provider: Provider,
    pub url: String,
    pub description: String,
    /// Where tokens are asked for besides the URL's own host, such as `https://auth.docker.io`; empty for nowhere.
    pub token_server: String,
    pub access_id: String,
    pub has_secret: bool,
    pub verify_certificate: bool,
    /// Own certificate authorities, PEM; certificates are not secret.
    pub ca_certificate: String,
    /// The way there: empty for the server's own, `direct`, or an HTTP proxy's URL.
    pub proxy: String,
    /// What the last connection found.
    pub healthy: Option<bool>,
    pub rule_count: i64,
    pub created_at: Stamp,
    pub updated_at: Stamp,
}

/// What a target is made from. The secret travels beside it, in a type that cannot print.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetInput {
    pub name: String,
    pub provider: Provider,
    pub url: String,
    pub description: String,
    pub token_server: String,
    pub access_id: String,
    pub verify_certificate: bool,
    pub ca_certificate: String,
    pub proxy: String,
}

impl TargetInput {
    /// Checks what needs no look at the network; the outbound policy judges the address.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::new();
        if self.name.is_empty() {
            problems.add("name", "is required");
        } else if self.name.len() > 64 || !self.name.chars().all(|c| c.is_ascii_graphic()) {
            problems.add("name", "must be 1 to 64 letters, digits or marks, without spaces");
        }
        if self.url.is_empty() && self.provider.usual_url().is_empty() {
            problems.add("url", "is required");
        }
        problems.text("description", &self.description, 1024);
        if self.access_id.len() > 4096 || self.access_id.contains([':', '\n', '\r', '\0']) {
            problems.add("access_id", "must be at most 4096 characters, without “:”");
        } else if self.provider == Provider::Ecr && self.access_id != "AWS" {
            problems.add("access_id", "must be AWS, and the secret what “aws ecr get-login-password” prints: this server does not fetch passwords by access keys");
        }
        problems.check()
    }
}

/// What *Test connection* found, step by step, in the order it looked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    pub steps: Vec<ProbeStep>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeStep {
    /// e.g. `Reachable`, `Certificate`, `Signed in`.
    pub what: String,
    pub ok: bool,
    /// What was found, or which side failed and why.
    pub found: String,
}

impl Probe {
    /// Notes a step.
    pub fn step(&mut self, what: &str, ok: bool, found: impl Into<String>) {
        self.steps.push(ProbeStep { what: what.to_owned(), ok, found: found.into() });
    }

    /// Everything that was looked at is well.
    pub fn healthy(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.ok)
    }
}
