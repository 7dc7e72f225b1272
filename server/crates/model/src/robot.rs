//! Robot accounts: for machines, with a secret that is shown once.

use crate::{Action, Problems, ProjectName, RobotId, RobotName, Stamp};
use serde::{Deserialize, Serialize};

/// Default prefix of a robot account's sign-in name.
pub const PREFIX: &str = "robot$";
/// Days a robot lives unless told otherwise.
pub const DEFAULT_DAYS: i64 = 30;
/// Longest life that can be chosen, in days; -1 means never.
pub const MAX_DAYS: i64 = 36_500;

/// Where a robot's permissions hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// On the system itself.
    System,
    /// In every project, also those to come.
    AllProjects,
    /// In one project.
    Project(ProjectName),
}

/// What a robot may do in one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub scope: Scope,
    pub actions: Vec<Action>,
    /// What Harbor has and this server has not, as `resource:action`: kept, and gives nothing.
    #[serde(default)]
    pub others: Vec<String>,
    /// Whoever made it said of its grants that they allow, which all do.
    #[serde(default)]
    pub says_allow: bool,
}

impl Grant {
    pub fn new(scope: Scope, actions: Vec<Action>) -> Grant {
        Grant { scope, actions, others: Vec::new(), says_allow: false }
    }
}

/// The same grants with what the portal's form does not ask, as it was: saving a form loses nothing of it.
pub fn keeping(mut grants: Vec<Grant>, before: &[Grant]) -> Vec<Grant> {
    for old in before.iter().filter(|grant| !grant.others.is_empty() || grant.says_allow) {
        match grants.iter_mut().find(|grant| grant.scope == old.scope) {
            Some(grant) => {
                grant.others.clone_from(&old.others);
                grant.says_allow = old.says_allow;
            }
            None if old.others.is_empty() => {}
            None => grants.push(Grant { actions: Vec::new(), ..old.clone() }),
        }
    }
    grants
}

/// A robot account as it is shown: never with its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Robot {
    pub id: RobotId,
    /// The name it signs in with: `robot$name` or `robot$project+name`.
    pub full_name: String,
    pub name: RobotName,
    /// The project it belongs to; `None` for one on system level.
    pub project: Option<ProjectName>,
    pub description: String,
    pub disabled: bool,
    /// Days it was made for; -1 is never.
    pub days: i64,
    pub expires_at: Option<Stamp>,
    pub grants: Vec<Grant>,
    pub last_used_at: Option<Stamp>,
    pub created_at: Stamp,
    pub updated_at: Stamp,
}

/// How a robot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    /// Within this many days.
    ExpiresSoon(i64),
    Expired,
    Disabled,
}

impl Robot {
    /// Its state at `now`.
    pub fn state(&self, now: Stamp) -> State {
        match self.expires_at {
            _ if self.disabled => State::Disabled,
            Some(at) if at <= now => State::Expired,
            Some(at) if at <= now.plus_days(7) => State::ExpiresSoon((at.0 - now.0 + 86_399_999) / 86_400_000),
            _ => State::Active,
        }
    }
}

/// What a new robot is made from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NewRobot {
    pub name: String,
    /// `None`: on system level.
    pub project: Option<ProjectName>,
    pub description: String,
    pub days: i64,
    pub disabled: bool,
    pub grants: Vec<Grant>,
}

impl NewRobot {
    /// The checked name, or all that is wrong.
    pub fn check(&self) -> Result<RobotName, Problems> {
        let mut problems = Problems::new();
        let name = problems.parse::<RobotName>("name", &self.name);
        problems.text("description", &self.description, 1024);
        check_days(&mut problems, self.days);
        check_grants(&mut problems, self.project.as_ref(), &self.grants);
        problems.check()?;
        Ok(name.expect("checked above"))
    }
}

/// A life of 1 to [`MAX_DAYS`] days, or -1 for ever.
pub fn check_days(problems: &mut Problems, days: i64) {
    if days != -1 && !(1..=MAX_DAYS).contains(&days) {
        problems.add("duration", format!("must be 1 to {MAX_DAYS} days, or never"));
    }
}

/// A project's robot holds rights in that project only, and nobody's robot what no robot may hold.
pub fn check_grants(problems: &mut Problems, project: Option<&ProjectName>, grants: &[Grant]) {
    if grants.iter().all(|grant| grant.actions.is_empty() && grant.others.is_empty()) {
        problems.add("permissions", "must name at least one thing the robot account may do");
    }
    for grant in grants {
        if let Some(own) = project
            && grant.scope != Scope::Project(own.clone())
        {
            problems.add("permissions", format!("of a robot account of “{own}” must be within that project"));
        }
        for other in &grant.others {
            let known = other.split_once(':').is_some_and(|(resource, verb)| crate::catalogue::is_known(resource, verb));
            if !known || Action::by_name(other).is_some() {
                problems.add("permissions", format!("hold {other:?}, which is not known"));
            }
        }
        for action in &grant.actions {
            let fits = action.is_system() == (grant.scope == Scope::System);
            if !fits || !action.robot_may_hold() {
                problems.add("permissions", format!("must not hold {} there", action.name()));
            }
        }
    }
}
