//! Who is calling. Basic, session and token meet here; the adapters only take them off the wire.

mod basic;
mod knocking;
mod passwords;
mod places;
mod share;
mod sql;
mod throttle;
#[cfg(test)]
mod tests;
mod token;

pub use basic::{authenticate, parse_basic};
pub use knocking::{knocking, unlock};
pub use passwords::{Passwords, check_new_password};
pub use share::Shares;
pub use throttle::{Throttle, network};
pub use token::{Access, IssuedToken, Tokens, SERVICE, Scope, authenticate_token, issue, parse_scopes};

use model::{ProjectId, RobotId, UserId};

/// The caller's identity. A name never gives a right: rights are looked up by id, each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    Anonymous,
    User { id: UserId, name: String },
    Robot {
        id: RobotId,
        name: String,
        /// Who made the project that it belongs to, if that is no administrator.
        owner: Option<UserId>,
    },
    /// The server itself: the first start, the command line, a job after it checked its owner.
    System,
}

/// How the caller proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Nothing,
    Basic,
    Session,
    Token,
    /// The command line or a job.
    Inside,
}

impl Via {
    pub fn as_str(self) -> &'static str {
        match self {
            Via::Nothing => "",
            Via::Basic => "basic",
            Via::Session => "session",
            Via::Token => "token",
            Via::Inside => "inside",
        }
    }
}

/// What is known of the client, for the log and the throttle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The peer's address, or what a trusted proxy says it is.
    pub address: String,
    pub user_agent: String,
    pub request_id: String,
    /// The name of ours under which it came; `None`: one that we do not know.
    pub origin: Option<String>,
}

impl Client {
    /// Where the client is told to go on: the name it came by, else our first.
    pub fn origin<'a>(&'a self, settings: &'a crate::Settings) -> &'a str {
        self.origin.as_deref().unwrap_or(&settings.external_url)
    }

    /// It calls itself a tool that fetches to sign, to verify, to scan or to replicate: that is nobody's pull.
    pub fn is_machine(&self) -> bool {
        const MACHINES: [&str; 14] = [
            "cosign/", "notation/", "trivy", "grype", "syft", "clair", "kyverno", "policy-controller", "ratify", "connaisseur",
            "harbor-registry-client", "harbor-scanner", "regsync/", "wharf/",
        ];
        let agent = self.user_agent.to_ascii_lowercase();
        MACHINES.iter().any(|machine| agent.starts_with(machine))
    }

    /// It calls itself a tool that signs: it reads an image before it is signed.
    pub fn is_signing_tool(&self) -> bool {
        self.user_agent.starts_with("cosign/") || self.user_agent.starts_with("notation/")
    }
}

/// A caller: who, how proved, from where, and the ceiling that a token sets.
#[derive(Clone, Debug)]
pub struct Principal {
    pub who: Who,
    pub via: Via,
    pub client: Client,
    /// The account's `credentials_version` when the proof was made; a later one ends it.
    pub credentials_version: i64,
    /// A token's scope: rights are never more than this. `None` for any other proof.
    pub ceiling: Option<Vec<Ceiling>>,
}

/// What a token allows in one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// The project by id: a token does not open a later project of the same name.
    pub project: ProjectId,
    /// The repository's path within the project.
    pub repository: String,
    pub access: Access,
}

/// Whose share a request takes of which only the address is known.
pub fn holder_at(address: &str) -> String {
    format!("at {}", network(address))
}

impl Principal {
    /// Nobody.
    pub fn anonymous(client: Client) -> Self {
        Principal { who: Who::Anonymous, via: Via::Nothing, client, credentials_version: 0, ceiling: None }
    }

    /// The server itself.
    pub fn system() -> Self {
        Principal {
            who: Who::System,
            via: Via::Inside,
            client: Client::default(),
            credentials_version: 0,
            ceiling: None,
        }
    }

    pub fn is_anonymous(&self) -> bool {
        self.who == Who::Anonymous
    }

    /// Does the token's scope, if there is one, allow `access` in the repository?
    pub fn within_ceiling(&self, project: ProjectId, repository: &str, access: Access) -> bool {
        match &self.ceiling {
            None => true,
            Some(ceilings) => ceilings
                .iter()
                .any(|c| c.project == project && c.repository == repository && c.access.contains(access)),
        }
    }

    /// May what lies in all repositories be listed? A token says so by a scope of its own, `registry:catalog:*`.
    pub fn may_list_all(&self) -> bool {
        self.ceiling.as_ref().is_none_or(|ceilings| ceilings.iter().any(|ceiling| ceiling.project.0 == 0 && ceiling.repository == "catalog"))
    }

    /// For the audit log and the owner of an upload.
    pub fn name(&self) -> String {
        match &self.who {
            Who::Anonymous => "anonymous".to_owned(),
            Who::User { name, .. } | Who::Robot { name, .. } => name.clone(),
            Who::System => "system".to_owned(),
        }
    }

    /// The account's id; 0 where there is none.
    pub fn actor_id(&self) -> i64 {
        match &self.who {
            Who::User { id, .. } => id.0,
            Who::Robot { id, .. } => id.0,
            Who::Anonymous | Who::System => 0,
        }
    }

    /// Everything of the caller that a use-case's answer can depend on besides the database and the time.
    pub fn standpoint(&self) -> String {
        use std::fmt::Write as _;
        let mut key = format!("{} {} {}", self.key(), self.credentials_version, u8::from(self.client.is_signing_tool()));
        for ceiling in self.ceiling.iter().flatten() {
            let access = ceiling.access;
            let bits = u8::from(access.pull) | u8::from(access.push) << 1 | u8::from(access.delete) << 2;
            let _ = write!(key, " {}/{}:{bits}", ceiling.project, ceiling.repository);
        }
        key.push_str(if self.ceiling.is_some() { " token" } else { "" });
        key
    }

    /// Whose share of what is shared a request takes: the account's, or the address's where there is none.
    ///
    /// Robot accounts of a project count together: who may make one may make many. Who may make projects may make many, too: those of
    /// a person's projects count as that person. Administrators' are the company's, and count by project.
    pub fn holder(&self) -> String {
        if let Who::Robot { owner: Some(owner), .. } = &self.who {
            return format!("user:{}", owner.0);
        }
        if let Who::Robot { name, .. } = &self.who
            && let Some((project, _)) = name.split_once('+')
        {
            return format!("robots of {}", project.rsplit('$').next().unwrap_or_default());
        }
        if self.is_anonymous() { holder_at(&self.client.address) } else { self.key() }
    }

    /// A key that tells accounts apart, also of different kinds.
    pub fn key(&self) -> String {
        match &self.who {
            Who::Anonymous => "anonymous".to_owned(),
            Who::User { id, .. } => format!("user:{id}"),
            Who::Robot { id, .. } => format!("robot:{id}"),
            Who::System => "system".to_owned(),
        }
    }
}
