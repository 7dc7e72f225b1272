//! Projects and their members.

use crate::block::Block;
use crate::immutability::ImmutableRule;
use crate::quota::Quota;
use crate::repository::Storage;
use crate::{Action, MemberId, ProjectId, ProjectName, RetentionId, Role, Stamp, UserId};
use serde::{Deserialize, Serialize};

/// What a project demands of its artifacts: a field a demand. Judged in `domain::policy` alone. Stored with the project as JSON, but for what
/// lists ask for; loaded with its row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// "Cosign: only signed images may be pulled": presence of a signature is checked, not who signed. A column of its own.
    #[serde(skip)]
    pub require_signature: bool,
    /// How much it may hold, in bytes. A column of its own.
    #[serde(skip)]
    pub storage_limit: Option<i64>,
    /// Which tags stay as they are. Where a policy is in force the system's own rules are among them.
    #[serde(default)]
    pub immutable: Vec<ImmutableRule>,
    /// What no door serves. Where a policy is in force the system's own blocks are among them.
    #[serde(default)]
    pub blocked: Vec<Block>,
    /// The highest number that a rule was ever given.
    #[serde(default)]
    pub numbered: i64,
}

impl Policy {
    /// What the system demands is demanded too.
    pub fn bind(&mut self, system: Policy) {
        self.immutable.extend(system.immutable.into_iter().map(|rule| ImmutableRule { of_system: true, ..rule }));
        self.blocked.extend(system.blocked.into_iter().map(|block| Block { of_system: true, ..block }));
    }
}

/// A project as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    pub id: ProjectId,
    pub name: ProjectName,
    pub public: bool,
    pub policy: Policy,
    pub owner_id: UserId,
    pub owner_name: String,
    pub repository_count: i64,
    pub artifact_count: i64,
    pub member_count: i64,
    pub storage: Storage,
    pub quota: Quota,
    /// The caller's role in it, where they are a member.
    pub role: Option<Role>,
    /// Its policy of tag retention, where it has one.
    pub retention: Option<RetentionId>,
    /// Settings that Harbor's clients sent and that are not in effect here: read back as they were sent.
    pub kept: std::collections::BTreeMap<String, String>,
    pub created_at: Stamp,
    pub updated_at: Stamp,
}

/// Settings of a project that a server without scanner and without proxy caches keeps as they are sent: nobody could tell that they do
/// nothing.
pub const WITHOUT_EFFECT: [&str; 6] =
    ["auto_scan", "auto_sbom_generation", "severity", "reuse_sys_cve_allowlist", "proxy_speed_kb", "proxy_cache_local_on_not_found"];

/// A project with what the caller may do in it: what its pages start from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectFrame {
    pub project: Project,
    /// Everything the caller may do here, from the one permission table.
    pub rights: Vec<Action>,
}

impl ProjectFrame {
    pub fn may(&self, action: Action) -> bool {
        self.rights.contains(&action)
    }
}

/// What ticking "only signed images" would refuse now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureForecast {
    pub unsigned: i64,
    pub total: i64,
}

/// A member of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub id: MemberId,
    pub project_id: ProjectId,
    pub user_id: UserId,
    pub user_name: String,
    pub full_name: String,
    pub role: Role,
    pub created_at: Stamp,
}

/// What the deletion of a project takes along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectDeletion {
    /// A project with repositories is not deleted; this says why.
    pub refused: Option<String>,
    pub members: i64,
    pub robots: i64,
    /// Deletions in it that could still be undone, and their bytes.
    pub waiting: crate::deletion::Undoable,
}
