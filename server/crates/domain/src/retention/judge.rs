//! What a policy makes of a repository's artifacts: pure, but for reading them. Rules are or-combined: what any of them keeps stays.

use super::sql;
use crate::error::Result;
use crate::selectors::Matcher;
use model::Stamp;
use model::retention::{Fate, RetentionRule, Template, Uncovered};
use model::selector::Of;
use sqlx::AnyConnection;
use std::cmp::Reverse;
use std::collections::HashMap;

const DAY: i64 = 86_400_000;

/// Artifacts of one look.
const SLICE: i64 = 500;

/// Rules by number: bit n is the rule n of the policy.
pub(super) type Rules = u32;

/// A policy whose patterns are compiled.
pub(super) struct Judge {
    rules: Vec<(RetentionRule, Matcher)>,
    uncovered: Uncovered,
    /// The moment that spans end at.
    now: Stamp,
}

/// An artifact as rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub id: i64,
    /// The latest of itself and its tags; of pulls also of what it lists.
    pub pushed: i64,
    pub pulled: Option<i64>,
    /// Rules that take it.
    pub taken: Rules,
}

/// A candidate with what becomes of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub candidate: Candidate,
    pub fate: Fate,
    /// Of what is kept the rules that keep it, else those that took it.
    pub by: Rules,
}

impl Judge {
    pub fn new(rules: &[RetentionRule], uncovered: Uncovered, now: Stamp) -> Result<Judge> {
        let rules = rules.iter().map(|rule| Ok((rule.clone(), Matcher::new(&rule.selector)?))).collect::<Result<Vec<_>>>()?;
        Ok(Judge { rules, uncovered, now })
    }

    /// The rules in force that reach the repository of this name.
    fn reaching(&self, repository: &str) -> Vec<usize> {
        let reaches = |n: &usize| !self.rules[*n].0.disabled && self.rules[*n].1.takes_repository(repository);
        (0..self.rules.len()).filter(reaches).collect()
    }

    /// Does any rule in force reach it? Where none does nothing is removed.
    pub fn reaches(&self, repository: &str) -> bool {
        !self.reaching(repository).is_empty()
    }

    /// Does a rule in force look at labels?
    pub fn looks_at_labels(&self) -> bool {
        self.rules.iter().any(|(rule, matcher)| !rule.disabled && matcher.looks_at_labels())
    }

    /// Labels by which a rule in force takes: what carries one of them does not go along with something else.
    pub fn kept_labels(&self) -> Vec<String> {
        let clauses = self.rules.iter().filter(|(rule, _)| !rule.disabled).flat_map(|(rule, _)| &rule.selector.clauses);
        clauses.filter(|clause| clause.of == Of::Label && !clause.excludes).map(|clause| clause.value.clone()).collect()
    }

    /// Do the same rules take it that took it when it was judged?
    pub fn takes_as_before(&self, one: &Judged, repository: &str, tags: &[String], labels: &[String]) -> bool {
        self.taken(&self.reaching(repository), tags, labels) == one.candidate.taken
    }

    /// The rules that take an artifact with these tags and labels.
    fn taken(&self, reaching: &[usize], tags: &[String], labels: &[String]) -> Rules {
        let takes = |n: usize| {
            let (rule, matcher) = &self.rules[n];
            matcher.takes_labels(labels) && if tags.is_empty() { rule.takes_untagged() } else { tags.iter().any(|tag| matcher.takes_tag(tag)) }
        };
        reaching.iter().filter(|n| takes(**n)).fold(0, |mask, n| mask | 1 << n)
    }

    /// Those of all that the rule keeps, by their places.
    fn keeps(&self, n: usize, all: &[Candidate]) -> Vec<usize> {
        let (rule, since) = (&self.rules[n].0, self.now.0.saturating_sub(self.rules[n].0.number.saturating_mul(DAY)));
        let mut taken: Vec<usize> = (0..all.len()).filter(|at| all[*at].taken & 1 << n != 0).collect();
        let latest = |taken: &mut Vec<usize>, by: &dyn Fn(&Candidate) -> (i64, i64)| {
            // Of two of one moment the newer number.
            taken.sort_by_key(|at| Reverse((by(&all[*at]), all[*at].id)));
            taken.truncate(usize::try_from(rule.number).unwrap_or_default());
        };
        match rule.template {
            Template::Always => {}
            Template::LatestPushed => latest(&mut taken, &|one| (one.pushed, 0)),
            Template::LatestPulled => latest(&mut taken, &|one| (one.pulled.unwrap_or(0), one.pushed)),
            Template::LatestActive => latest(&mut taken, &|one| (one.pushed.max(one.pulled.unwrap_or(0)), 0)),
            Template::PushedWithin | Template::LastDays => taken.retain(|at| all[*at].pushed >= since),
            Template::PulledWithin => taken.retain(|at| all[*at].pulled.is_some_and(|pulled| pulled >= since)),
        }
        taken
    }

    /// What becomes of each.
    fn judge(&self, reaching: &[usize], all: &[Candidate]) -> Vec<Judged> {
        let mut kept = vec![0 as Rules; all.len()];
        for n in reaching {
            for at in self.keeps(*n, all) {
                kept[at] |= 1 << n;
            }
        }
        let judged = |(candidate, kept): (&Candidate, Rules)| {
            let (fate, by) = match (kept, candidate.taken) {
                (0, 0) if self.uncovered == Uncovered::Keep => (Fate::Uncovered, 0),
                (0, taken) => (Fate::Removed, taken),
                (kept, _) => (Fate::Kept, kept),
            };
            Judged { candidate: *candidate, fate, by }
        };
        all.iter().zip(kept).map(judged).collect()
    }

    /// Reads a repository's artifacts, slice by slice, and judges them; `None`: no rule reaches it.
    pub async fn repository(&self, c: &mut AnyConnection, id: i64, name: &str) -> Result<Option<Vec<Judged>>> {
        let reaching = self.reaching(name);
        if reaching.is_empty() {
            return Ok(None);
        }
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let rows = sql::listed(c, id, after, SLICE).await?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let mut tags = crate::artifacts::sql::tag_names_of(c, &ids).await?;
            let labelled = reaching.iter().any(|n| self.rules[*n].1.looks_at_labels());
            let mut labels = if labelled { crate::labels::names_of(c, &ids).await? } else { HashMap::new() };
            let times = sql::times_of_tags(c, &ids).await?;
            let indexes: Vec<i64> = rows.iter().filter(|row| row.is_index).map(|row| row.id).collect();
            let below = crate::artifacts::sql::pulled_below(c, &indexes).await?;
            all.extend(rows.into_iter().map(|row| {
                let (tag_pushed, tag_pulled) = times.get(&row.id).copied().unwrap_or_default();
                let pulled = [row.pulled, tag_pulled, below.get(&row.id).copied()].into_iter().flatten().max();
                let taken = self.taken(&reaching, &tags.remove(&row.id).unwrap_or_default(), &labels.remove(&row.id).unwrap_or_default());
                Candidate { id: row.id, pushed: row.pushed.max(tag_pushed), pulled, taken }
            }));
        }
        Ok(Some(self.judge(&reaching, &all)))
    }
}

/// Why an artifact stays of which a part carries a label that a rule keeps by: its child, or something attached. `ids` are all that would go.
pub(super) async fn held_by_labels(c: &mut AnyConnection, artifact: i64, ids: &[i64], kept: &[String]) -> Result<Option<String>> {
    let parts: Vec<i64> = ids.iter().copied().filter(|id| *id != artifact).collect();
    if kept.is_empty() || parts.is_empty() {
        return Ok(None);
    }
    let carried = crate::labels::names_of(c, &parts).await?;
    let label = carried.values().flatten().filter(|label| kept.contains(label)).min();
    Ok(label.map(|label| format!("what goes along with it carries the label {label}, by which a rule keeps")))
}

/// Of what is to be removed that which an index holds that stays, with that index: what an index lists goes after it, or not at all.
pub(super) async fn held_by_indexes(c: &mut AnyConnection, judged: &[Judged]) -> Result<HashMap<i64, String>> {
    let removed: Vec<i64> = judged.iter().filter(|one| one.fate == Fate::Removed).map(|one| one.candidate.id).collect();
    let mut going: std::collections::HashSet<i64> = removed.iter().copied().collect();
    let mut held = HashMap::new();
    // What stays because of an index holds in turn what it lists itself.
    loop {
        let mut found = Vec::new();
        for part in removed.chunks(64) {
            let part: Vec<i64> = part.iter().copied().filter(|id| going.contains(id)).collect();
            for (child, index, digest) in sql::indexes_over(c, &part).await? {
                if !going.contains(&index) && !held.contains_key(&child) {
                    held.insert(child, digest);
                    found.push(child);
                }
            }
        }
        if found.is_empty() {
            return Ok(held);
        }
        for id in &found {
            going.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::selector::Selector;

    fn rule(template: Template, number: i64, tags: (&str, bool), untagged: Option<bool>) -> RetentionRule {
        RetentionRule { selector: Selector::simple(("", false), tags, untagged), template, number, disabled: false }
    }

    /// Artifacts by number: age in days of push and pull, tags; answers the fates.
    fn fates(rules: &[RetentionRule], uncovered: Uncovered, all: &[(i64, Option<i64>, &[&str])]) -> String {
        let now = Stamp(1000 * DAY);
        let judge = Judge::new(rules, uncovered, now).unwrap();
        let reaching = judge.reaching("r");
        let candidates: Vec<Candidate> = all.iter().enumerate().map(|(n, (pushed, pulled, tags))| Candidate {
            id: n as i64 + 1,
            pushed: now.0 - pushed * DAY,
            pulled: pulled.map(|days| now.0 - days * DAY),
            taken: judge.taken(&reaching, &tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>(), &[]),
        }).collect();
        judge.judge(&reaching, &candidates).iter().map(|one| &one.fate.key()[..1]).collect()
    }

    #[test]
    fn rules_keep_as_harbors_do() {
        let all: &[(i64, Option<i64>, &[&str])] = &[(9, None, &["v1"]), (5, Some(1), &["v2", "latest"]), (3, Some(8), &["dev"]), (1, None, &[]), (2, Some(2), &["v3"])];
        let (keep, remove) = (Uncovered::Keep, Uncovered::Remove);
        let table = [
            // Everything else in a touched repository goes, or stays.
            (vec![rule(Template::LatestPushed, 1, ("v*", false), Some(false))], remove, "rrrrk"),
            (vec![rule(Template::LatestPushed, 1, ("v*", false), Some(false))], keep, "rruuk"),
            // Any tag that matches takes the artifact; by default what has none is taken, too.
            (vec![rule(Template::Always, 0, ("latest", false), None)], remove, "rkrkr"),
            (vec![rule(Template::Always, 0, ("latest", false), Some(false))], remove, "rkrrr"),
            // One that excludes takes what has another tag, and leaves the untagged out only if told so.
            (vec![rule(Template::Always, 0, ("v*", true), None)], remove, "rkkkr"),
            (vec![rule(Template::Always, 0, ("v*", true), Some(true))], remove, "rkkrr"),
            (vec![rule(Template::LatestPulled, 2, ("", false), None)], remove, "rkrrk"),
            (vec![rule(Template::LatestPulled, 4, ("", false), None)], remove, "rkkkk"),
            (vec![rule(Template::PulledWithin, 2, ("", false), None)], remove, "rkrrk"),
            (vec![rule(Template::PushedWithin, 3, ("", false), None)], remove, "rrkkk"),
            (vec![rule(Template::LatestActive, 2, ("", false), None)], remove, "rkrkr"),
            (vec![rule(Template::LatestPushed, 0, ("", false), None)], remove, "rrrrr"),
            // Or-combined.
            (vec![rule(Template::PulledWithin, 1, ("", false), None), rule(Template::Always, 0, ("dev", false), Some(false))], remove, "rkkrr"),
            // A span longer than time itself keeps all.
            (vec![rule(Template::PushedWithin, 20_190_904, ("", false), None)], remove, "kkkkk"),
        ];
        for (rules, uncovered, expected) in table {
            assert_eq!(fates(&rules, uncovered, all), expected, "{rules:?} {uncovered:?}");
        }
        // What was labelled since it was judged is taken by other rules.
        let mut about = rule(Template::Always, 0, ("", false), None);
        about.selector = about.selector.labelled("stable", "");
        let judge = Judge::new(&[about, rule(Template::Always, 0, ("x", false), None)], remove, Stamp(0)).unwrap();
        let one = Judged { candidate: Candidate { id: 1, pushed: 0, pulled: None, taken: 0 }, fate: Fate::Removed, by: 0 };
        let (tags, labels) = (["v1".to_owned()], ["stable".to_owned()]);
        assert!(judge.looks_at_labels() && judge.takes_as_before(&one, "r", &tags, &[]));
        assert!(!judge.takes_as_before(&one, "r", &tags, &labels) && !judge.takes_as_before(&one, "r", &["x".to_owned()], &[]));
        let mut off = rule(Template::Always, 0, ("", false), None);
        off.disabled = true;
        assert!(!Judge::new(&[off], remove, Stamp(0)).unwrap().reaches("r"));
    }
}
