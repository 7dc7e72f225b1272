//! Tag retention: which artifacts of a project stay, and the runs that remove the others.

use crate::run::{RunStatus, Trigger};
use crate::schedule::Schedule;
use crate::selector::{Of, Selector, is_all};
use crate::{Digest, Problems, ProjectId, RepositoryName, RetentionId, RetentionRunId, Stamp};
use serde::{Deserialize, Serialize};

/// Most rules of a policy.
pub const MOST: usize = 15;

/// What a rule keeps of the artifacts that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Template {
    /// All of them.
    Always,
    /// The most recently pushed.
    LatestPushed,
    /// The most recently pulled.
    LatestPulled,
    /// Those of which push or pull was most recent.
    LatestActive,
    /// Those pushed within so many days.
    PushedWithin,
    /// Those pulled within so many days.
    PulledWithin,
    /// As [`Template::PushedWithin`], by Harbor's older name.
    LastDays,
}

impl Template {
    pub const ALL: [Template; 7] = [
        Template::LatestPushed, Template::LatestPulled, Template::PushedWithin, Template::PulledWithin, Template::Always, Template::LatestActive, Template::LastDays,
    ];

    /// Those that the portal offers.
    pub const OFFERED: [Template; 5] =
        [Template::LatestPushed, Template::LatestPulled, Template::PushedWithin, Template::PulledWithin, Template::Always];

    /// Harbor's name, which is also that of its parameter.
    pub fn harbor(self) -> &'static str {
        match self {
            Template::Always => "always",
            Template::LatestPushed => "latestPushedK",
            Template::LatestPulled => "latestPulledN",
            Template::LatestActive => "latestActiveK",
            Template::PushedWithin => "nDaysSinceLastPush",
            Template::PulledWithin => "nDaysSinceLastPull",
            Template::LastDays => "lastXDays",
        }
    }

    /// By Harbor's name.
    pub fn by_name(name: &str) -> Option<Template> {
        Template::ALL.into_iter().find(|template| template.harbor() == name)
    }

    /// What its number counts; empty: it has none.
    pub fn unit(self) -> &'static str {
        match self {
            Template::Always => "",
            Template::LatestPushed | Template::LatestPulled | Template::LatestActive => "artifact",
            Template::PushedWithin | Template::PulledWithin | Template::LastDays => "day",
        }
    }

    /// As a choice: with its number behind it.
    pub fn label(self) -> &'static str {
        match self {
            Template::Always => "all of them",
            Template::LatestPushed => "the most recently pushed, so many",
            Template::LatestPulled => "the most recently pulled, so many",
            Template::LatestActive => "the most recently pushed or pulled, so many",
            Template::PushedWithin | Template::LastDays => "those pushed within so many days",
            Template::PulledWithin => "those pulled within so many days",
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionRule {
    pub selector: Selector,
    pub template: Template,
    /// How many artifacts or days.
    pub number: i64,
    #[serde(default)]
    pub disabled: bool,
}

impl RetentionRule {
    /// Does it mean artifacts without a tag? As Harbor: one that matches means them unless told otherwise, one that excludes leaves them out
    /// only if told so.
    pub fn takes_untagged(&self) -> bool {
        match self.selector.first(Of::Tag).1 {
            false => self.selector.untagged.unwrap_or(true),
            true => !self.selector.untagged.unwrap_or(false),
        }
    }

    /// What is wrong with it, but for its patterns, which the server compiles.
    pub fn check(&self) -> Result<(), Problems> {
        self.selector.check()?;
        if self.selector.clauses.len() > 2 + crate::selector::MOST {
            return Err(Problems::one("label", format!("are more than {}, as many as a rule may name", crate::selector::MOST)));
        }
        let (least, most) = match self.template.unit() {
            "artifact" => (0, 32_766),
            "day" => (0, 20_190_904),
            _ => return Ok(()),
        };
        match (least..=most).contains(&self.number) {
            true => Ok(()),
            false => Err(Problems::one("number", format!("must be {least} to {most}"))),
        }
    }

    /// As a person reads it.
    pub fn sentence(&self) -> String {
        let of = |of: Of| self.selector.first(of);
        let how = |excludes: bool| if excludes { "other than" } else { "matching" };
        let place = match of(Of::Repository) {
            (pattern, false) if is_all(pattern) => "every repository".to_owned(),
            (pattern, excludes) => format!("repositories {} {pattern}", how(excludes)),
        };
        let n = crate::stamp::grouped(self.number);
        let days = crate::stamp::count(self.number, "day");
        let latest = |how: &str| match self.number {
            0 => "none of the artifacts".to_owned(),
            1 => format!("the most recently {how} artifact"),
            _ => format!("the {n} most recently {how} artifacts"),
        };
        let what = match self.template {
            Template::Always => "all artifacts".to_owned(),
            Template::LatestPushed => latest("pushed"),
            Template::LatestPulled => latest("pulled"),
            Template::LatestActive => latest("pushed or pulled"),
            Template::PushedWithin | Template::LastDays => format!("artifacts pushed within {days}"),
            Template::PulledWithin => format!("artifacts pulled within {days}"),
        };
        let tags = match of(Of::Tag) {
            (pattern, false) if is_all(pattern) => String::new(),
            (pattern, excludes) => format!(" with tags {} {pattern}", how(excludes)),
        };
        let untagged = match (tags.is_empty(), self.takes_untagged()) {
            (true, false) => " that have a tag",
            (false, true) => ", or without a tag",
            _ => "",
        };
        let labelled = self.selector.clauses.iter().filter(|clause| clause.of == Of::Label);
        let labels: String = labelled.map(|clause| format!(", {} {}", if clause.excludes { "not labelled" } else { "labelled" }, clause.value)).collect();
        format!("In {place}, keep {what}{tags}{untagged}{labels}")
    }
}

/// What becomes of artifacts that no rule of their repository takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Uncovered {
    /// They stay.
    #[default]
    Keep,
    /// They are removed, as in Harbor, in each repository that a rule reaches.
    Remove,
}

impl Uncovered {
    /// The stored form, and the API's.
    pub fn key(self) -> &'static str {
        match self {
            Uncovered::Keep => "keep",
            Uncovered::Remove => "remove",
        }
    }

    pub fn from_key(key: &str) -> Option<Uncovered> {
        [Uncovered::Keep, Uncovered::Remove].into_iter().find(|known| known.key() == key)
    }
}

/// A project's policy: what any of its rules keeps stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionPolicy {
    pub id: RetentionId,
    pub project_id: ProjectId,
    pub rules: Vec<RetentionRule>,
    pub uncovered: Uncovered,
    /// When it runs by itself; `None` where that was never set.
    pub schedule: Option<Schedule>,
    pub updated_at: Stamp,
}

/// One run of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionRun {
    pub id: RetentionRunId,
    pub policy_id: RetentionId,
    pub status: RunStatus,
    pub trigger: Trigger,
    /// It only says what it would remove.
    pub dry_run: bool,
    pub requested_by: String,
    pub sums: Sums,
    /// What went wrong; empty for nothing.
    pub error: String,
    pub started_at: Stamp,
    pub ended_at: Option<Stamp>,
}

/// How many artifacts became of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    pub kept: i64,
    pub removed: i64,
    /// Kept because no rule took them.
    pub uncovered: i64,
    /// Not removed although no rule keeps them: an immutable tag, or an index that stays, does; or it could not be.
    pub held: i64,
    /// Bytes that nothing else needs.
    pub bytes: i64,
}

/// One repository's part of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionTask {
    pub id: i64,
    pub repository: RepositoryName,
    pub status: RunStatus,
    pub sums: Sums,
    pub started_at: Stamp,
    pub ended_at: Option<Stamp>,
}

/// What becomes of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// A rule keeps it.
    Kept,
    /// A rule took it, and none keeps it.
    Removed,
    /// No rule took it.
    Uncovered,
    /// No rule keeps it, and something else does.
    Held,
}

impl Fate {
    pub const ALL: [Fate; 4] = [Fate::Kept, Fate::Removed, Fate::Uncovered, Fate::Held];

    /// The stored form.
    pub fn key(self) -> &'static str {
        match self {
            Fate::Kept => "kept",
            Fate::Removed => "removed",
            Fate::Uncovered => "uncovered",
            Fate::Held => "held",
        }
    }

    pub fn from_key(key: &str) -> Option<Fate> {
        Fate::ALL.into_iter().find(|fate| fate.key() == key)
    }
}

/// What became of one artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionResult {
    pub id: i64,
    pub repository: RepositoryName,
    pub digest: Digest,
    /// At most some.
    pub tags: Vec<String>,
    pub fate: Fate,
    /// Why, as a person reads it: the rules that took it and did not keep it, or that keeps it, or what holds it.
    pub why: String,
    pub pushed_at: Stamp,
    pub pulled_at: Option<Stamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_as_a_sentence() {
        let rule = |repositories: (&str, bool), tags: (&str, bool), untagged, template, number| {
            RetentionRule { selector: Selector::simple(repositories, tags, untagged), template, number, disabled: false }.sentence()
        };
        let table = [
            (rule(("**", false), ("v*", false), Some(false), Template::LatestPushed, 10),
            "In every repository, keep the 10 most recently pushed artifacts with tags matching v*"),
            (rule(("a/**", true), ("", false), None, Template::Always, 0), "In repositories other than a/**, keep all artifacts"),
            (rule(("", false), ("x", true), None, Template::PulledWithin, 1),
            "In every repository, keep artifacts pulled within 1 day with tags other than x, or without a tag"),
            (rule(("", false), ("", false), Some(false), Template::PushedWithin, 7), "In every repository, keep artifacts pushed within 7 days that have a tag"),
        ];
        for (said, expected) in table {
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn numbers_have_bounds() {
        let rule = |template, number| RetentionRule { selector: Selector::simple(("", false), ("", false), None), template, number, disabled: false }.check().is_ok();
        for (template, number, fine) in [
            (Template::LatestPushed, 0, true), (Template::LatestPushed, 32_767, false), (Template::LatestPulled, -1, false),
            (Template::PushedWithin, 20_190_904, true), (Template::PulledWithin, 20_190_905, false), (Template::Always, -5, true),
        ] {
            assert_eq!(rule(template, number), fine, "{template:?} {number}");
        }
    }
}
