//! Who may do what: the one table of the product.
//!
//! A role's rights in a project, what everybody may do in a public project, what a robot account may be
//! given, and what needs a system administrator. `domain` enforces it beside each write, the portal uses it to
//! grey out, and the test at the foot prints it as a matrix for review. It is Harbor's table with its
//! contradictions mended: project admins and maintainers see the log; whoever may push may also
//! remove signatures; robots are listed for maintainers and up.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A member's role in a project. The numbers are Harbor's ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    ProjectAdmin = 1,
    Developer = 2,
    Guest = 3,
    Maintainer = 4,
    LimitedGuest = 5,
}

impl Role {
    /// From the most to the least powerful.
    pub const ALL: [Role; 5] =
        [Role::ProjectAdmin, Role::Maintainer, Role::Developer, Role::Guest, Role::LimitedGuest];

    /// Harbor's `role_id`.
    pub fn id(self) -> i64 {
        self as i64
    }

    /// From Harbor's `role_id`.
    pub fn from_id(id: i64) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.id() == id)
    }

    /// Harbor's `role_name`.
    pub fn harbor_name(self) -> &'static str {
        match self {
            Role::ProjectAdmin => "projectAdmin",
            Role::Developer => "developer",
            Role::Guest => "guest",
            Role::Maintainer => "maintainer",
            Role::LimitedGuest => "limitedGuest",
        }
    }

    /// As a person reads it.
    pub fn label(self) -> &'static str {
        match self {
            Role::ProjectAdmin => "Project admin",
            Role::Developer => "Developer",
            Role::Guest => "Guest",
            Role::Maintainer => "Maintainer",
            Role::LimitedGuest => "Limited guest",
        }
    }

    /// One line on what the role may do.
    pub fn summary(self) -> &'static str {
        match self {
            Role::ProjectAdmin => "everything in the project: members, robot accounts, configuration, deletion",
            Role::Maintainer => "pushes, deletes artifacts and tags, sees robot accounts and the configuration",
            Role::Developer => "pulls, pushes, signs and tags",
            Role::Guest => "pulls, and sees who the members are",
            Role::LimitedGuest => "pulls, and sees nothing of the members",
        }
    }
}

macro_rules! actions {
    ($($variant:ident = $resource:literal $action:literal;)*) => {
        /// Something one may do in a project, under Harbor's names `resource:action`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($variant),* }

        impl Action {
            /// All of them, in the order of the matrix.
            pub const ALL: &'static [Action] = &[$(Action::$variant),*];

            /// Harbor's resource, e.g. `repository`.
            pub fn resource(self) -> &'static str {
                match self { $(Action::$variant => $resource),* }
            }

            /// Harbor's action, e.g. `push`.
            pub fn verb(self) -> &'static str {
                match self { $(Action::$variant => $action),* }
            }

            /// `resource:action`, the form that is stored.
            pub fn name(self) -> &'static str {
                match self { $(Action::$variant => concat!($resource, ":", $action)),* }
            }
        }
    };
}

actions! {
    ProjectRead = "project" "read";
    ProjectUpdate = "project" "update";
    ProjectDelete = "project" "delete";
    MetadataRead = "metadata" "read";
    MetadataUpdate = "metadata" "update";
    MemberRead = "member" "read";
    MemberList = "member" "list";
    MemberCreate = "member" "create";
    MemberUpdate = "member" "update";
    MemberDelete = "member" "delete";
    RepositoryList = "repository" "list";
    RepositoryRead = "repository" "read";
    RepositoryPull = "repository" "pull";
    RepositoryPush = "repository" "push";
    RepositoryUpdate = "repository" "update";
    RepositoryDelete = "repository" "delete";
    ArtifactRead = "artifact" "read";
    ArtifactList = "artifact" "list";
    ArtifactCreate = "artifact" "create";
    ArtifactDelete = "artifact" "delete";
    ArtifactBlock = "artifact" "block";
    TagList = "tag" "list";
    TagCreate = "tag" "create";
    TagDelete = "tag" "delete";
    AccessoryList = "accessory" "list";
    AccessoryDelete = "accessory" "delete";
    RobotRead = "robot" "read";
    RobotList = "robot" "list";
    RobotCreate = "robot" "create";
    RobotUpdate = "robot" "update";
    RobotDelete = "robot" "delete";
    RuleList = "replication-rule" "list";
    ImmutableList = "immutable-tag" "list";
    ImmutableCreate = "immutable-tag" "create";
    ImmutableUpdate = "immutable-tag" "update";
    ImmutableDelete = "immutable-tag" "delete";
    LogList = "log" "list";
    LabelRead = "label" "read";
    LabelList = "label" "list";
    LabelCreate = "label" "create";
    LabelUpdate = "label" "update";
    LabelDelete = "label" "delete";
    ArtifactLabelCreate = "artifact-label" "create";
    ArtifactLabelDelete = "artifact-label" "delete";
    RetentionRead = "tag-retention" "read";
    RetentionList = "tag-retention" "list";
    RetentionCreate = "tag-retention" "create";
    RetentionUpdate = "tag-retention" "update";
    RetentionDelete = "tag-retention" "delete";
    RetentionOperate = "tag-retention" "operate";
    // Of the system rather than of a project; a system robot account can hold these two.
    ProjectList = "project" "list";
    ProjectCreate = "project" "create";
    CatalogRead = "catalog" "read";
}

impl Action {
    /// By Harbor's names.
    pub fn find(resource: &str, verb: &str) -> Option<Action> {
        Action::ALL.iter().copied().find(|a| a.resource() == resource && a.verb() == verb)
    }

    /// By the stored form.
    pub fn by_name(name: &str) -> Option<Action> {
        Action::ALL.iter().copied().find(|a| a.name() == name)
    }

    /// Of the system rather than of one project.
    pub fn is_system(self) -> bool {
        matches!(self, Action::ProjectList | Action::ProjectCreate | Action::CatalogRead)
    }

    /// May a robot account be given this? Accounts that could widen themselves cannot be made.
    pub fn robot_may_hold(self) -> bool {
        !matches!(
            self,
            Action::RobotUpdate
                | Action::RobotCreate
                | Action::RobotDelete
                | Action::RuleList
                | Action::MemberCreate
                | Action::MemberUpdate
                | Action::MemberDelete
        )
    }

    /// The smallest role that may do it, for "needs Maintainer in `cosign`".
    pub fn least_role(self) -> Role {
        Role::ALL.into_iter().rev().find(|role| role_may(*role, self)).unwrap_or(Role::ProjectAdmin)
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Action::by_name(&name).ok_or_else(|| serde::de::Error::custom(format!("unknown permission {name}")))
    }
}

/// May a member with `role` do this in the project?
pub fn role_may(role: Role, action: Action) -> bool {
    use Action::*;
    use Role::*;
    match action {
        // Whoever is a member sees the project and pulls.
        ProjectRead | RepositoryList | RepositoryRead | RepositoryPull | ArtifactRead | ArtifactList | TagList
        | AccessoryList => true,
        MemberRead | MemberList | LabelRead | LabelList => role != LimitedGuest,
        // Developers make content; a signature may be removed by whoever could overwrite it.
        RepositoryPush | RepositoryUpdate | ArtifactCreate | TagCreate | AccessoryDelete | ArtifactLabelCreate | ArtifactLabelDelete => {
            matches!(role, ProjectAdmin | Maintainer | Developer)
        }
        RuleList | RetentionRead | RetentionList | RetentionCreate | RetentionUpdate | RetentionDelete | RetentionOperate => {
            matches!(role, ProjectAdmin | Maintainer | Developer)
        }
        // Maintainers also remove it, and see how the project is set up.
        RepositoryDelete | ArtifactDelete | ArtifactBlock | TagDelete | MetadataRead | RobotRead | RobotList | LogList | LabelCreate | LabelUpdate
        | LabelDelete | ImmutableList | ImmutableCreate | ImmutableUpdate
        | ImmutableDelete => {
            matches!(role, ProjectAdmin | Maintainer)
        }
        ProjectUpdate | ProjectDelete | MetadataUpdate | MemberCreate | MemberUpdate | MemberDelete | RobotCreate
        | RobotUpdate | RobotDelete => role == ProjectAdmin,
        // Of the system: no role of a project gives it.
        ProjectList | ProjectCreate | CatalogRead => false,
    }
}

/// May everybody, signed in or not, do this in a public project?
pub fn public_may(action: Action) -> bool {
    use Action::*;
    matches!(
        action,
        ProjectRead
            | RepositoryList
            | RepositoryRead
            | RepositoryPull
            | ArtifactRead
            | ArtifactList
            | TagList
            | AccessoryList
            | LabelRead
            | LabelList
    )
}

/// A ready-made choice in the robot form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RobotTemplate {
    Pull,
    PushAndPull,
    ReplicationTarget,
}

impl RobotTemplate {
    pub const ALL: [RobotTemplate; 3] =
        [RobotTemplate::Pull, RobotTemplate::PushAndPull, RobotTemplate::ReplicationTarget];

    /// Its value in a form.
    pub fn key(self) -> &'static str {
        match self {
            RobotTemplate::Pull => "pull",
            RobotTemplate::PushAndPull => "push-pull",
            RobotTemplate::ReplicationTarget => "replication-target",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            RobotTemplate::Pull => "Pull",
            RobotTemplate::PushAndPull => "Push and pull",
            RobotTemplate::ReplicationTarget => "Replication target",
        }
    }

    /// What the account is for.
    pub fn summary(self) -> &'static str {
        match self {
            RobotTemplate::Pull => "a cluster or a CI job that only reads",
            RobotTemplate::PushAndPull => "a CI job that builds, pushes and signs",
            RobotTemplate::ReplicationTarget => "all that another Wharf or Harbor needs to replicate into it",
        }
    }

    /// The permissions it ticks in a project.
    pub fn actions(self) -> &'static [Action] {
        use Action::*;
        match self {
            RobotTemplate::Pull => {
                &[RepositoryPull, RepositoryList, RepositoryRead, ArtifactRead, ArtifactList, TagList, AccessoryList]
            }
            RobotTemplate::PushAndPull => &[
                RepositoryPull, RepositoryPush, RepositoryList, RepositoryRead, ArtifactRead, ArtifactList,
                ArtifactCreate, TagList, TagCreate, AccessoryList,
            ],
            RobotTemplate::ReplicationTarget => &[
                ProjectRead, MetadataRead, RepositoryPull, RepositoryPush, RepositoryList, RepositoryRead,
                ArtifactRead, ArtifactList, ArtifactCreate, ArtifactDelete, TagList, TagCreate, TagDelete,
                AccessoryList, AccessoryDelete,
            ],
        }
    }

    /// The permissions it ticks for the system, where the account is a system one.
    pub fn system_actions(self) -> &'static [Action] {
        match self {
            RobotTemplate::ReplicationTarget => &[Action::ProjectList, Action::ProjectCreate],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix() {
        let mut text = format!(
            "{:<24} {:>13} {:>10} {:>9} {:>5} {:>13} {:>6} {:>5}\n",
            "", "project admin", "maintainer", "developer", "guest", "limited guest", "public", "robot"
        );
        let mark = |yes: bool| if yes { "x" } else { "·" };
        for &action in Action::ALL {
            text += &format!(
                "{:<24} {:>13} {:>10} {:>9} {:>5} {:>13} {:>6} {:>5}\n",
                action.name(),
                mark(role_may(Role::ProjectAdmin, action)),
                mark(role_may(Role::Maintainer, action)),
                mark(role_may(Role::Developer, action)),
                mark(role_may(Role::Guest, action)),
                mark(role_may(Role::LimitedGuest, action)),
                mark(public_may(action)),
                mark(action.robot_may_hold()),
            );
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_a_lesser_role_may_a_greater_one_may_too() {
        for pair in Role::ALL.windows(2) {
            for &action in Action::ALL {
                assert!(!role_may(pair[1], action) || role_may(pair[0], action), "{pair:?} {}", action.name());
            }
        }
    }

    #[test]
    fn names_find_their_action_again() {
        for &action in Action::ALL {
            assert_eq!(Action::by_name(action.name()), Some(action));
            assert_eq!(Action::find(action.resource(), action.verb()), Some(action));
        }
    }
}
