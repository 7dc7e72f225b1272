//! The audit log: who did what, to which thing, when, from where, by which door, with what outcome.

use crate::Stamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Done,
    Refused,
}

impl Outcome {
    /// The stored form.
    pub fn key(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
        }
    }

    pub fn from_key(key: &str) -> Option<Outcome> {
        [Outcome::Done, Outcome::Refused].into_iter().find(|outcome| outcome.key() == key)
    }
}

/// Names and values of an event's payload.
pub type Fields = BTreeMap<String, String>;

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub id: i64,
    /// When, and of several that are summed up when the last was.
    pub at: Stamp,
    pub last_at: Stamp,
    pub times: i64,
    /// `noun.verb`.
    pub kind: String,
    /// Where it happened; none: in the system. A project that is gone keeps its name.
    pub project: Option<String>,
    /// What it says of the thing: names and values.
    pub fields: Fields,
    pub outcome: Outcome,
    /// The name of whoever did it; empty for nobody known.
    pub actor: String,
    /// How they proved who they are: basic, session, token, inside.
    pub via: String,
    pub address: String,
    pub request_id: String,
}

/// What it was done to: `cosign/pause:v1`, `user 5`; `within` is the project where the fields name none.
pub fn thing(fields: &Fields, within: Option<&str>) -> String {
    let field = |name: &str| fields.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let project = field("project").or(within).unwrap_or_default();
    if let Some(repository) = field("repository") {
        let reference = field("tag").or_else(|| field("reference")).or_else(|| field("digest"));
        return match reference {
            None => format!("{project}/{repository}"),
            Some(digest) if digest.contains(':') => format!("{project}/{repository}@{digest}"),
            Some(tag) => format!("{project}/{repository}:{tag}"),
        };
    }
    if let Some(name) = field("name") {
        return name.to_owned();
    }
    for noun in ["digest", "user", "robot", "member", "target", "rule", "execution", "collection", "deletion", "run", "route", "names", "number"] {
        if let Some(value) = field(noun) {
            let name = match noun {
                // A name says it by itself.
                _ if value.parse::<i64>().is_err() => value.to_owned(),
                "number" => format!("rule {value}"),
                _ => format!("{noun} {value}"),
            };
            return if project.is_empty() { name } else { format!("{name} of {project}") };
        }
    }
    project.to_owned()
}

impl Entry {
    /// As [`thing`].
    pub fn thing(&self) -> String {
        thing(&self.fields, self.project.as_deref())
    }

    /// As [`Entry::thing`], with a digest as short as people know it.
    pub fn short_thing(&self) -> String {
        crate::digest::short(&self.thing())
    }

    /// What it says beside the thing: names and values as they are stored.
    pub fn details(&self) -> Vec<(&str, &str)> {
        const SAID: [&str; 11] = ["project", "repository", "tag", "name", "user", "robot", "member", "target", "route", "names", "times"];
        // A rule's sentence is its name.
        let sentence = |name: &str, value: &str| name == "rule" && value.parse::<i64>().is_err();
        let all = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(|(name, value)| !SAID.contains(name) && !value.is_empty() && !sentence(name, value)).collect()
    }
}

/// Harbor's words for a kind: the type of the thing, and what is done with it.
pub fn harbor(kind: &str) -> (&str, &str) {
    let (noun, verb) = kind.split_once('.').unwrap_or((kind, ""));
    let verb = match (noun, verb) {
        ("artifact", "push") => "create",
        ("artifact", "retire") => "delete",
        ("user", "sign-in") => "login",
        (_, verb) => verb,
    };
    match noun {
        "immutable-rule" => ("immutable", verb),
        "collection" => ("gc", verb),
        "target" => ("registry", verb),
        "rule" => ("replication_policy", verb),
        "execution" => ("replication", verb),
        noun => (noun, verb),
    }
}

/// What was done, as a person reads it: `pushed`, `refused` is said apart.
pub fn words(kind: &str) -> String {
    let (noun, verb) = kind.split_once('.').unwrap_or((kind, ""));
    let noun = match noun {
        "target" => "target registry",
        "rule" => "replication rule",
        "immutable-rule" => "rule of immutable tags",
        "retention" => match verb {
            "start" => return "started a run of retention in".to_owned(),
            "stop" => return "stopped a run of retention:".to_owned(),
            "delete" => return "took away the retention of".to_owned(),
            _ => return "changed the retention of".to_owned(),
        },
        "configuration" => return "changed settings:".to_owned(),
        "deletion" if verb == "give-way" => return "let the oldest deletions go to make room in".to_owned(),
        "quota" => return "set the quota of".to_owned(),
        "log" => return "lost events that nobody was told of:".to_owned(),
        "audit" => match verb {
            "schedule" => return "set when the log is purged".to_owned(),
            "start-purge" => return "started a purge of the log".to_owned(),
            _ => return "purged the log".to_owned(),
        },
        "collection" => "garbage collection",
        "robot" => "robot account",
        noun => noun,
    };
    let verb = match verb {
        "sign-in" => return "signed in".to_owned(),
        "sysadmin" => return "set the administrator's right of a user".to_owned(),
        "secret" => return "set the secret of a robot account".to_owned(),
        "password" => return "set the password of a user".to_owned(),
        "refuse" => return "asked for what needs a right".to_owned(),
        "retire" => return "removed by retention".to_owned(),
        "block" => return "blocked".to_owned(),
        "unblock" => return "lifted the block of".to_owned(),
        "put" => return "put a label on".to_owned(),
        "take-off" => return "took a label off".to_owned(),
        "pull" => "pulled",
        "push" => "pushed",
        "create" => "made",
        "update" | "set" => "changed",
        "delete" => "deleted",
        "restore" => return "undid a deletion".to_owned(),
        "purge" => "purged",
        "execute" | "start" => "started",
        "stop" => "stopped",
        "retry" => "retried",
        "allow-removals" => "let what was deleted here be removed there, which was left by",
        "enable" => "enabled",
        "disable" => "disabled",
        "unlock" => "unlocked",
        "test" => "tested",
        "schedule" => "scheduled",
        other => other,
    };
    format!("{verb} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_named_as_people_name_it() {
        let entry = |kind: &str, fields: &[(&str, &str)]| Entry {
            id: 1, at: Stamp(0), last_at: Stamp(0), times: 1, kind: kind.to_owned(), project: None,
            fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(), outcome: Outcome::Done,
            actor: String::new(), via: String::new(), address: String::new(), request_id: String::new(),
        };
        for (fields, thing) in [
            (&[("project", "p"), ("repository", "r"), ("reference", "v1")][..], "p/r:v1"), (&[("project", "p"), ("repository", "r"), ("digest", "sha256:a")],
            "p/r@sha256:a"),
            (&[("project", "p"), ("repository", "r")], "p/r"), (&[("user", "5")], "user 5"), (&[("project", "p"), ("member", "3")], "member 3 of p"),
            (&[("project", "p")], "p"), (&[("name", "ci")], "ci"), (&[], ""),
        ] {
            assert_eq!(entry("x.y", fields).thing(), thing);
        }
        assert_eq!(harbor("artifact.push"), ("artifact", "create"));
        assert_eq!(harbor("user.sign-in"), ("user", "login"));
    }
}
