//! Further filters of a rule: of a kind there may be several, and all of them hold.

use super::rule::Carried;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Most further filters of a rule, and the longest pattern of one, in characters.
pub const MOST: usize = 20;
const LENGTH: usize = 512;

/// What a filter looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Of {
    Name,
    Tag,
    Resource,
}

impl Of {
    const ALL: [Of; 3] = [Of::Name, Of::Tag, Of::Resource];

    /// Harbor's `type`.
    pub fn key(self) -> &'static str {
        match self {
            Of::Name => "name",
            Of::Tag => "tag",
            Of::Resource => "resource",
        }
    }
}

/// One filter. As text, which is also how it is stored, one line: `tag excludes *-rc*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    pub of: Of,
    pub excludes: bool,
    /// A pattern; of `resource` its word.
    pub value: String,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.of.key(), if self.excludes { "excludes" } else { "matches" }, self.value)
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Filter, String> {
        let mut words = text.trim().splitn(3, char::is_whitespace);
        let mut word = || words.next().unwrap_or_default().trim();
        let (of, how, value) = (word(), word(), word());
        let of = Of::ALL.into_iter().find(|known| known.key() == of).ok_or_else(|| format!("{text:?} must begin with name, tag or resource"))?;
        let excludes = match how {
            "matches" => false,
            "excludes" => true,
            _ => return Err(format!("{text:?} must say matches or excludes after {}", of.key())),
        };
        let filter = Filter { of, excludes, value: value.to_owned() };
        filter.check()?;
        Ok(filter)
    }
}

impl Filter {
    /// What is wrong with it, but for its pattern, which the server compiles.
    pub fn check(&self) -> Result<(), String> {
        if self.value.is_empty() || self.value.chars().count() > LENGTH || self.value.contains(char::is_control) {
            return Err(format!("the {} filter {:?} must have a pattern of at most {LENGTH} characters", self.of.key(), self.value));
        }
        if self.of == Of::Resource && Carried::from_key(&self.value).is_none() {
            return Err(format!("resource {:?}: there are artifact, image and chart", self.value));
        }
        Ok(())
    }

    /// From lines, as they are stored and typed; empty ones are none.
    pub fn all(text: &str) -> Result<Vec<Filter>, String> {
        text.lines().filter(|line| !line.trim().is_empty()).map(str::parse).collect()
    }

    /// As lines.
    pub fn lines(filters: &[Filter]) -> String {
        filters.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_line() {
        let lines = "name excludes a/b c/**\ntag matches v{1,2}*\nresource matches chart";
        let filters = Filter::all(&format!("  {lines}\n\n")).unwrap();
        assert_eq!(filters[0], Filter { of: Of::Name, excludes: true, value: "a/b c/**".into() });
        assert_eq!(Filter::lines(&filters), lines);
        for bad in ["name", "name matches", "label matches x", "tag is x", "resource matches model", "tag matches \u{7}"] {
            assert!(Filter::all(bad).is_err(), "{bad}");
        }
    }
}
