//! Labels: coloured words on artifacts, of one project or for all of them.

use crate::{LabelId, Problems, ProjectId, Stamp};
use serde::{Deserialize, Serialize};

/// Most labels of one artifact, of a project, and for all projects.
pub const ON_ONE: i64 = 32;
pub const MOST: i64 = 500;

/// What a label is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelInput {
    pub name: String,
    pub description: String,
    /// `#rrggbb`; empty for none.
    pub color: String,
}

impl LabelInput {
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::new();
        let name = self.name.trim();
        if name.is_empty() {
            problems.add("name", "is required");
        } else if name.chars().count() > 128 || name.chars().any(char::is_control) {
            problems.add("name", "must be at most 128 characters long, none of them a control character");
        }
        problems.text("description", &self.description, 1024);
        let is_color = |hex: &str| matches!(hex.len(), 3 | 6) && hex.bytes().all(|b| b.is_ascii_hexdigit());
        let fine = self.color.is_empty() || self.color.strip_prefix('#').is_some_and(is_color);
        if !fine {
            problems.add("color", "must be # and six hexadecimal digits, or empty");
        }
        problems.check()
    }
}

/// A label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub id: LabelId,
    pub input: LabelInput,
    /// None: for all projects.
    pub project_id: Option<ProjectId>,
    pub created_at: Stamp,
    pub updated_at: Stamp,
}

/// Colours that the portal offers: their values and words.
pub const COLORS: [(&str, &str); 9] = [
    ("", "none"), ("#1f6feb", "blue"), ("#2da44e", "green"), ("#bf8700", "yellow"), ("#cf222e", "red"), ("#8250df", "purple"), ("#0a7d8c", "teal"),
    ("#bc4c00", "orange"), ("#57606a", "grey"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_label_is_said_by_its_field() {
        let label = |name: &str, color: &str| LabelInput { name: name.into(), description: String::new(), color: color.into() }.check();
        for (name, color) in [("accepted", "#FF0000"), ("Größe: 5", ""), ("x", "#abc")] {
            assert!(label(name, color).is_ok(), "{name} {color}");
        }
        for (name, color, field) in [("", "", "name"), (" ", "", "name"), ("a\u{7}", "", "name"), ("x", "red", "color"), ("x", "#12345", "color"), ("x", "#gggggg",
            "color")] {
            assert_eq!(label(name, color).unwrap_err().0[0].field, field, "{name} {color}");
        }
        assert!(label(&"x".repeat(129), "").is_err());
    }
}
