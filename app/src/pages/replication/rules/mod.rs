//! Replication rules, and the executions of one.

mod delete;
mod edit;
pub mod forms;
mod list;
mod of_project;
mod show;

pub use delete::delete;
pub use edit::{edit, new};
pub use list::list;
pub use of_project::of_project;
pub use show::show;

use crate::paths;
use model::replication::rule::{Rule, TagMode};

fn way(last: &str) -> Vec<(String, String)> {
    vec![("Replication".into(), paths::rules()), (last.to_owned(), String::new())]
}

/// The rule as a sentence.
pub fn sentence(rule: &Rule) -> String {
    let input = &rule.input;
    let what = if input.repositories.is_empty() { "every repository".to_owned() } else { input.repositories.clone() };
    let tags = match (input.tags.as_str(), input.tag_mode) {
        ("", _) => String::new(),
        (tags, TagMode::Matches) => format!(", tagged {tags},"),
        (tags, TagMode::Excludes) => format!(", not tagged {tags},"),
    };
    let further = match model::replication::filter::Filter::lines(&input.further).replace('\n', ", ") {
        none if none.is_empty() => none,
        lines => format!(", if {lines},"),
    };
    let to = if input.namespace.is_empty() { String::new() } else { format!(" under {}", input.namespace) };
    format!("Push {what}{tags}{further} to {}{to}, manually.", rule.target_name)
}
