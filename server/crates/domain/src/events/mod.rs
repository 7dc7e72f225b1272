//! What happened: one typed event for every change, written in the change's transaction. The audit log is this table.
//!
//! An event says what happened, to which thing, in which project or the system as a whole; never prose, and never a secret. A
//! new one is a line in the table below. Attempts that were refused are summed up ([`Summed`]): no stranger makes rows at will.

mod sql;
mod summed;
#[cfg(test)]
mod tests;

pub use summed::{Summed, flush};
pub(crate) use sql::{fields, payload, purge, record, robot_project};

use model::RobotId;
use serde::Serialize;

/// Where something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    System,
    /// A project, by its name as the caller said it.
    Project(String),
    /// Where a robot account belongs.
    Robot(RobotId),
}

impl Scope {
    /// Of a project, or of the system where none is named.
    fn within(project: Option<String>) -> Scope {
        project.map_or(Scope::System, Scope::Project)
    }
}

macro_rules! events {
    ($($kind:literal $name:ident { $($field:ident: $type:ty),* $(,)? } $scope:ident $(($of:ident))?;)*) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        pub enum Event {
            $($name { $($field: $type),* }),*
        }

        impl Event {
            /// Every kind there is.
            pub const KINDS: &[&str] = &[$($kind),*];

            /// `noun.verb`, as it is stored.
            pub fn kind(&self) -> &'static str {
                match self { $(Event::$name { .. } => $kind),* }
            }

            /// Where it happened.
            pub fn scope(&self) -> Scope {
                match self { $(Event::$name { $($of,)? .. } => Scope::$scope $(($of.clone()))?),* }
            }
        }
    };
}

events! {
    "project.create" ProjectCreated { project: String, public: bool, require_signature: bool } Project(project);
    "project.update" ProjectUpdated { project: String, public: Option<bool>, require_signature: Option<bool> } Project(project);
    "project.delete" ProjectDeleted { project: String } Project(project);
    "member.create" MemberAdded { project: String, user: String, role: &'static str } Project(project);
    "member.update" MemberChanged { project: String, member: i64, role: &'static str } Project(project);
    "member.delete" MemberRemoved { project: String, member: i64 } Project(project);
    "repository.update" RepositoryDescribed { project: String, repository: String } Project(project);
    "repository.delete" RepositoryDeleted { project: String, repository: String } Project(project);
    "artifact.push" ArtifactPushed { project: String, repository: String, reference: String, digest: Option<String> } Project(project);
    "artifact.pull" ArtifactPulled { project: String, repository: String, reference: String, digest: String } Project(project);
    "artifact.delete" ArtifactDeleted { project: String, repository: String, reference: String } Project(project);
    "artifact.restore" DeletionUndone { project: String, deletion: i64 } Project(project);
    "deletion.purge" DeletionPurged { project: String, deletion: i64 } Project(project);
    "tag.create" TagSet { project: String, repository: String, tag: String, reference: String } Project(project);
    "tag.delete" TagRemoved { project: String, repository: String, tag: String } Project(project);
    "blob.delete" BlobUnlinked { project: String, repository: String, digest: String } Project(project);
    "robot.create" RobotCreated { project: Option<String>, name: String } within(project);
    "robot.update" RobotChanged { robot: RobotId } Robot(robot);
    "robot.disable" RobotDisabled { robot: RobotId } Robot(robot);
    "robot.enable" RobotEnabled { robot: RobotId } Robot(robot);
    "robot.secret" RobotSecretSet { robot: RobotId } Robot(robot);
    "robot.delete" RobotDeleted { robot: RobotId } Robot(robot);
    "user.create" UserCreated { name: String } System;
    "user.update" UserChanged { user: i64 } System;
    "user.password" PasswordSet { user: i64 } System;
    "user.sysadmin" AdministratorSet { user: i64, admin: bool } System;
    "user.disable" UserDisabled { user: i64 } System;
    "user.enable" UserEnabled { user: i64 } System;
    "user.delete" UserDeleted { user: i64 } System;
    "user.sign-in" SignedIn { name: String } System;
    "request.refuse" RequestRefused { route: String } System;
    "user.unlock" AccountUnlocked { name: String } System;
    "target.create" TargetCreated { name: String, url: String } System;
    "target.update" TargetChanged { name: String, url: String } System;
    "target.delete" TargetDeleted { target: i64 } System;
    "target.test" TargetTested { target: i64, healthy: bool } System;
    "rule.create" RuleCreated { name: String } System;
    "rule.update" RuleChanged { rule: i64, name: String } System;
    "rule.delete" RuleDeleted { rule: i64 } System;
    "rule.execute" RuleExecuted { rule: i64, artifact: Option<i64> } System;
    "execution.stop" ExecutionStopped { execution: i64 } System;
    "execution.retry" ExecutionRetried { execution: i64 } System;
    "execution.allow-removals" RemovalsAllowed { execution: i64, removals: i64 } System;
    "collection.start" CollectionStarted { dry_run: bool } System;
    "collection.stop" CollectionStopped { collection: i64 } System;
    "configuration.update" ConfigurationChanged { names: String } System;
    "immutable-rule.create" ImmutableRuleCreated { project: Option<String>, rule: String } within(project);
    "immutable-rule.update" ImmutableRuleChanged { project: Option<String>, number: i64, rule: String, disabled: bool } within(project);
    "immutable-rule.delete" ImmutableRuleDeleted { project: Option<String>, number: i64 } within(project);
    "label.create" LabelCreated { project: Option<String>, name: String } within(project);
    "label.update" LabelChanged { project: Option<String>, label: i64, name: String } within(project);
    "label.delete" LabelDeleted { project: Option<String>, label: i64, name: String } within(project);
    "label.put" LabelPut { project: String, repository: String, reference: String, label: i64, called: String } Project(project);
    "label.take-off" LabelTakenOff { project: String, repository: String, reference: String, label: i64, called: String } Project(project);
    "retention.set" RetentionSet { project: String, rules: String, uncovered: String, cron: Option<String> } Project(project);
    "retention.delete" RetentionDeleted { project: String } Project(project);
    "retention.start" RetentionStarted { project: String, dry_run: bool } Project(project);
    "retention.stop" RetentionStopped { project: String, run: i64 } Project(project);
    "log.gap" ForwardingLost { events: i64 } System;
    "audit.schedule" AuditPurgeScheduled { cron: String, hours: i64, types: String } System;
    "audit.start-purge" AuditPurgeStarted { hours: i64, types: String, dry_run: bool } System;
    "audit.purge" AuditPurged { rows: i64, hours: i64, types: String, dry_run: bool } System;
    "artifact.block" ArtifactBlocked { project: Option<String>, digest: String, reason: String } within(project);
    "artifact.unblock" ArtifactUnblocked { project: Option<String>, digest: String } within(project);
    "artifact.retire" ArtifactRetired { project: String, repository: String, digest: String, run: i64 } Project(project);
    "deletion.give-way" DeletionsGaveWay { project: String, deletions: i64 } Project(project);
    "quota.set" QuotaSet { project: String, limit: String } Project(project);
    "collection.schedule" CollectionScheduled { cron: Option<String> } System;
}

impl Event {
    /// It happens also while the server is read-only: what looks and stops, what takes rights and secrets away, and what makes it writable again.
    pub(crate) fn in_peace(&self) -> bool {
        matches!(
            self,
            Event::SignedIn { .. } | Event::RequestRefused { .. } | Event::AccountUnlocked { .. } | Event::PasswordSet { .. } | Event::RobotSecretSet { .. }
                | Event::UserDisabled { .. } | Event::UserDeleted { .. } | Event::AdministratorSet { admin: false, .. } | Event::RobotDisabled { .. }
                | Event::ArtifactBlocked { .. } | Event::AuditPurged { .. } | Event::ForwardingLost { .. } | Event::DeletionsGaveWay { .. }
                | Event::RobotDeleted { .. } | Event::MemberRemoved { .. } | Event::TargetTested { .. } | Event::ExecutionStopped { .. }
                | Event::CollectionStopped { .. }
                | Event::CollectionStarted { dry_run: true } | Event::RetentionStarted { dry_run: true,
                .. } | Event::RetentionStopped { .. } | Event::ConfigurationChanged { .. }
        )
    }
}
