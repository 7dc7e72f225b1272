//! Row ids: BIGINT, never reused, one type each so that they cannot be mixed up.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }
    )*};
}

ids! {
    /// A person who signs in.
    UserId
    /// A project: the unit of membership and policy.
    ProjectId
    /// One membership of a user in a project.
    MemberId
    /// A robot account.
    RobotId
    /// A repository within a project.
    RepositoryId
    /// An artifact: one manifest digest in one repository.
    ArtifactId
    /// A tag within a repository.
    TagId
    /// A target registry.
    TargetId
    /// A replication rule.
    RuleId
    /// One run of a replication rule.
    ExecutionId
    /// One artifact's part of an execution.
    TaskId
    /// One run of the garbage collection.
    CollectionId
    /// A rule of immutable tags: numbered within its project, or the system.
    ImmutableRuleId
    /// A label.
    LabelId
    /// A policy of tag retention.
    RetentionId
    /// One run of a policy of tag retention.
    RetentionRunId
    /// A deletion that can be undone.
    DeletionId
}
