//! Selectors: which repositories, tags and artifacts a rule is about. One noun for replication, immutability and retention; compiled and asked by
//! `domain::selectors`.

use crate::Problems;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Most clauses that a rule may have beside those of its form, and the longest pattern of one, in characters.
pub const MOST: usize = 20;
const LENGTH: usize = 512;

/// What artifacts are, as rules tell them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carried {
    /// Nothing said: all.
    #[default]
    Any,
    /// Said: all.
    Artifact,
    Image,
    Chart,
}

impl Carried {
    pub const ALL: [Carried; 4] = [Carried::Any, Carried::Artifact, Carried::Image, Carried::Chart];

    /// Harbor's word, and the stored form.
    pub fn key(self) -> &'static str {
        match self {
            Carried::Any => "",
            Carried::Artifact => "artifact",
            Carried::Image => "image",
            Carried::Chart => "chart",
        }
    }

    /// From the stored form.
    pub fn from_key(key: &str) -> Option<Carried> {
        Carried::ALL.into_iter().find(|resource| resource.key() == key)
    }

    pub fn label(self) -> &'static str {
        match self {
            Carried::Any | Carried::Artifact => "Everything",
            Carried::Image => "Images",
            Carried::Chart => "Helm charts",
        }
    }
}

/// What a clause looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Of {
    /// `project/repository`; within a project the repository alone.
    Repository,
    Tag,
    Resource,
    /// A label by its whole name.
    Label,
}

impl Of {
    const ALL: [Of; 4] = [Of::Repository, Of::Tag, Of::Resource, Of::Label];

    /// Harbor's `type`.
    pub fn key(self) -> &'static str {
        match self {
            Of::Repository => "name",
            Of::Tag => "tag",
            Of::Resource => "resource",
            Of::Label => "label",
        }
    }
}

/// One clause. As text, which is also how it is stored, one line: `tag excludes *-rc*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clause {
    pub of: Of,
    pub excludes: bool,
    /// A pattern; of `resource` its word, of a label its name.
    pub value: String,
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.of.key(), if self.excludes { "excludes" } else { "matches" }, self.value)
    }
}

impl FromStr for Clause {
    type Err = String;

    fn from_str(text: &str) -> Result<Clause, String> {
        let mut words = text.trim().splitn(3, char::is_whitespace);
        let mut word = || words.next().unwrap_or_default().trim();
        let (of, how, value) = (word(), word(), word());
        let of = Of::ALL.into_iter().find(|known| known.key() == of).ok_or_else(|| format!("{text:?} must begin with name, tag, resource or label"))?;
        let excludes = match how {
            "matches" => false,
            "excludes" => true,
            _ => return Err(format!("{text:?} must say matches or excludes after {}", of.key())),
        };
        let clause = Clause { of, excludes, value: value.to_owned() };
        clause.check()?;
        Ok(clause)
    }
}

impl Clause {
    /// What is wrong with it, but for its pattern, which the server compiles.
    pub fn check(&self) -> Result<(), String> {
        if self.value.is_empty() || self.value.chars().count() > LENGTH || self.value.contains(char::is_control) {
            return Err(format!("the {} filter {:?} must have a pattern of 1 to {LENGTH} characters, none of them a control character", self.of.key(), self.value));
        }
        if self.of == Of::Resource && Carried::from_key(&self.value).is_none() {
            return Err(format!("resource {:?}: there are artifact, image and chart", self.value));
        }
        Ok(())
    }

    /// From lines, as they are stored and typed; empty ones are none.
    pub fn all(text: &str) -> Result<Vec<Clause>, String> {
        text.lines().filter(|line| !line.trim().is_empty()).map(str::parse).collect()
    }

    /// As lines.
    pub fn lines(clauses: &[Clause]) -> String {
        clauses.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

/// Which repositories, tags and artifacts: all of its clauses hold. None at all means everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    pub clauses: Vec<Clause>,
    /// Whether artifacts without a tag are meant, where somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untagged: Option<bool>,
}

impl Selector {
    /// Of one pattern over repositories and one over tags, each with whether it excludes. An empty pattern, as `**`, means all.
    pub fn simple((repositories, without): (&str, bool), (tags, except): (&str, bool), untagged: Option<bool>) -> Selector {
        let clause = |of, excludes, text: &str| {
            let value = alternatives(text);
            Clause { of, excludes, value: if value.is_empty() { "**".to_owned() } else { value } }
        };
        Selector { clauses: vec![clause(Of::Repository, without, repositories), clause(Of::Tag, except, tags)], untagged }
    }

    /// With what artifacts must and must not carry: names of labels in a list, as [`Selector::labels`] writes them.
    pub fn labelled(mut self, with: &str, without: &str) -> Selector {
        let clauses = |text: &str, excludes: bool| names(text).into_iter().map(move |value| Clause { of: Of::Label, excludes, value });
        self.clauses.extend(clauses(with, false).chain(clauses(without, true)));
        self
    }

    /// The labels that artifacts must carry, or must not, as a list: `stable, a\, b`, where a comma of a name has a backslash before it.
    pub fn labels(&self, excludes: bool) -> String {
        let wanted = self.clauses.iter().filter(|clause| clause.of == Of::Label && clause.excludes == excludes);
        wanted.map(|clause| clause.value.replace('\\', "\\\\").replace(',', "\\,")).collect::<Vec<_>>().join(", ")
    }

    /// The first clause of a kind: its pattern, and whether it excludes.
    pub fn first(&self, of: Of) -> (&str, bool) {
        self.clauses.iter().find(|clause| clause.of == of).map_or(("**", false), |clause| (clause.value.as_str(), clause.excludes))
    }

    /// What is wrong with it, but for its patterns, which the server compiles.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::new();
        let excluded = |label: &str| self.clauses.iter().any(|other| other.of == Of::Label && other.excludes && other.value == label);
        for clause in &self.clauses {
            let field = match clause.of {
                Of::Repository => "repositories",
                Of::Tag => "tags",
                Of::Resource => "resource",
                Of::Label => "label",
            };
            if let Err(what) = clause.check() {
                problems.add(field, what);
            } else if clause.excludes && clause.of != Of::Label && is_all(&clause.value) {
                problems.add(field, "excludes everything, so that nothing is left: say what it is to match, or exclude less");
            } else if clause.of == Of::Label && !clause.excludes && excluded(&clause.value) {
                problems.add(field, format!("nothing carries {} and does not: leave it out of one of the two", clause.value));
            }
        }
        problems.check()
    }

    /// As a person reads it: `repositories matching **, tags matching v*`.
    pub fn sentence(&self) -> String {
        let mut parts = Vec::new();
        for clause in &self.clauses {
            let (how, value) = (if clause.excludes { "excluding" } else { "matching" }, &clause.value);
            parts.push(match clause.of {
                Of::Repository if !clause.excludes && is_all(value) => "every repository".to_owned(),
                Of::Repository => format!("repositories {how} {value}"),
                Of::Tag if !clause.excludes && is_all(value) => "every tag".to_owned(),
                Of::Tag => format!("tags {how} {value}"),
                Of::Resource if clause.excludes => format!("no {value}"),
                Of::Resource => format!("{value} only"),
                Of::Label if clause.excludes => format!("not labelled {value}"),
                Of::Label => format!("labelled {value}"),
            });
        }
        parts.join(", ")
    }
}

/// Matches whatever there is.
pub fn is_all(pattern: &str) -> bool {
    matches!(pattern.trim(), "" | "**" | "**/*" | "{**}")
}

/// A list of names: separated by commas; a backslash before a character takes it as it is.
fn names(text: &str) -> Vec<String> {
    let (mut names, mut name, mut letters) = (Vec::<String>::new(), String::new(), text.chars());
    while let Some(c) = letters.next() {
        match c {
            '\\' => name.push(letters.next().unwrap_or('\\')),
            ',' => names.push(std::mem::take(&mut name)),
            _ => name.push(c),
        }
    }
    names.push(name);
    let mut seen = std::collections::HashSet::new();
    names.into_iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty() && seen.insert(name.clone())).collect()
}

/// Patterns separated by commas are alternatives, as people type them; commas within braces separate nothing.
pub fn alternatives(text: &str) -> String {
    let (mut depth, mut parts, mut part) = (0_i32, Vec::new(), String::new());
    for c in text.chars() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    let parts: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 { format!("{{{}}}", parts.join(",")) } else { parts.concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_is_a_line() {
        let lines = "name excludes a/b c/**\ntag matches v{1,2}*\nresource matches chart";
        let clauses = Clause::all(&format!("  {lines}\n\n")).unwrap();
        assert_eq!(clauses[0], Clause { of: Of::Repository, excludes: true, value: "a/b c/**".into() });
        assert_eq!(Clause::lines(&clauses), lines);
        for bad in ["name", "name matches", "colour matches x", "tag is x", "resource matches model", "tag matches \u{7}"] {
            assert!(Clause::all(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn commas_separate_alternatives() {
        for (typed, meant) in [("", ""), ("v*", "v*"), ("v*, latest", "{v*,latest}"), ("{a,b}", "{a,b}"), ("{a,b},c", "{{a,b},c}"), (" a ,", "a"), ("[a,b]x", "[a,b]x")] {
            assert_eq!(alternatives(typed), meant, "{typed}");
        }
    }

    #[test]
    fn labels_are_a_list() {
        let with = |text: &str, without: &str| Selector::simple(("", false), ("", false), None).labelled(text, without);
        for (typed, read) in [
            ("", ""), ("a", "a"), (" a ,b,, a", "a, b"), ("a\\,b, c", "a\\,b, c"), ("a\\\\,b", "a\\\\, b"), ("\\", "\\\\"), ("a\\", "a\\\\"), (",", ""),
        ] {
            let selector = with(typed, "");
            assert_eq!(selector.labels(false), read, "{typed}");
            assert_eq!(with(read, "").labels(false), read, "{typed}");
        }
        assert_eq!(with("a\\,b", "c").sentence(), "every repository, every tag, labelled a,b, not labelled c");
        assert_eq!(with("a, b", "c, b").check().unwrap_err().0[0].message, "nothing carries b and does not: leave it out of one of the two");
        assert!(with("", "a").check().is_ok());
    }

    #[test]
    fn a_selector_reads_as_a_sentence() {
        let selector = Selector::simple(("", false), ("v*, latest", false), None);
        assert_eq!(selector.sentence(), "every repository, tags matching {v*,latest}");
        assert!(selector.check().is_ok());
        assert!(Selector::simple(("**", true), ("", false), None).check().is_err());
        assert!(Selector::simple(("a/**", true), ("**", true), None).check().is_err());
    }
}
