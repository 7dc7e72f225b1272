//! What immutable tags hold: the tag itself, what it names, and the signatures that stand under that. Asked as tags are set ([`super::push`]) and
//! as anything is taken away ([`super::delete`]).
//!
//! Tags of machinery (cosign's `.sig`, lists of referrers) are held by what they are about, never by their own name: else a rule over `**` would
//! keep people from signing.

use crate::access::ProjectRow;
use crate::artifacts::sql;
use crate::error::{Error, Result};
use crate::manifest::machinery_subject;
use crate::selectors::Matcher;
use model::immutability::ImmutableRule;
use model::{Digest, RepositoryName, Tag};
use sqlx::AnyConnection;
use std::collections::HashSet;

/// Most that is looked through above an artifact.
const ABOVE: usize = 4096;

/// The rules that reach a repository, compiled.
pub(crate) struct Locks(Vec<(Matcher, String)>);

/// An immutable tag, and the rule that keeps it.
pub(crate) struct Held {
    pub tag: String,
    pub rule: String,
}

/// Does the rule reach this repository of the project?
pub(crate) fn reaches(rule: &ImmutableRule, matcher: &Matcher, project: &str, repository: &str) -> bool {
    match rule.of_system {
        true => matcher.takes_repository(&format!("{project}/{repository}")),
        false => matcher.takes_repository(repository),
    }
}

/// Is it a tag that tools set for themselves?
pub(crate) fn is_machinery(tag: &str) -> bool {
    tag.parse::<Tag>().is_ok_and(|tag| machinery_subject(&tag).is_some())
}

impl Locks {
    pub fn of(project: &ProjectRow, repository: &RepositoryName) -> Result<Locks> {
        let mut found = Vec::new();
        for rule in project.policy.immutable.iter().filter(|rule| !rule.disabled) {
            let matcher = Matcher::new(&rule.selector)?;
            if reaches(rule, &matcher, project.name.as_str(), repository.as_str()) {
                found.push((matcher, rule.sentence()));
            }
        }
        Ok(Locks(found))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rule that keeps this tag, which is no machinery's.
    pub fn rule(&self, tag: &str) -> Option<&str> {
        if is_machinery(tag) {
            return None;
        }
        self.0.iter().find(|(matcher, _)| matcher.takes_tag(tag)).map(|(_, rule)| rule.as_str())
    }

    /// An immutable tag of one of these, or of what they hang under: indexes that list them, what they are attached to.
    pub async fn over(&self, c: &mut AnyConnection, ids: &[i64]) -> Result<Option<Held>> {
        if self.is_empty() {
            return Ok(None);
        }
        let (mut level, mut seen) = (ids.to_vec(), ids.iter().copied().collect::<HashSet<i64>>());
        while !level.is_empty() {
            let tags = sql::tag_names_of(c, &level).await?;
            if let Some(held) = self.among(tags.values().flatten()) {
                return Ok(Some(held));
            }
            // What a tag of machinery names stands under what the tag is about, whatever its manifest says of itself.
            let about = |(id, tags): (&i64, &Vec<String>)| {
                let subjects = tags.iter().filter_map(|tag| machinery_subject(&tag.parse().ok()?));
                subjects.map(|subject| (*id, subject)).collect::<Vec<_>>()
            };
            let about: Vec<(i64, Digest)> = tags.iter().flat_map(about).collect();
            let mut above = sql::above(c, &level).await?;
            above.extend(sql::beside(c, &about).await?);
            level = above.into_iter().filter(|id| seen.insert(*id)).collect();
            // What cannot be told is kept.
            if seen.len() > ABOVE + ids.len() {
                return Err(Error::Locked(format!("more than {ABOVE} others list it or carry it, too many to tell whether an immutable tag keeps it")));
            }
        }
        Ok(None)
    }

    fn among<'a>(&self, mut tags: impl Iterator<Item = &'a String>) -> Option<Held> {
        tags.find_map(|tag| self.rule(tag).map(|rule| Held { tag: tag.clone(), rule: rule.to_owned() }))
    }

    /// Says of each tag which rule keeps it.
    pub fn mark<'a>(&self, tags: impl IntoIterator<Item = &'a mut model::artifact::TagView>) {
        if !self.is_empty() {
            tags.into_iter().for_each(|tag| tag.locked = self.rule(tag.name.as_str()).map(str::to_owned));
        }
    }
}
