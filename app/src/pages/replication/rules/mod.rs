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
    let mut ifs = Vec::new();
    match (input.tags.as_str(), input.tag_mode) {
        ("", _) => {}
        (tags, TagMode::Matches) => ifs.push(format!("tagged {tags}")),
        (tags, TagMode::Excludes) => ifs.push(format!("not tagged {tags}")),
    }
    ifs.extend(input.further.iter().map(|filter| format!("if {filter}")));
    let ifs = if ifs.is_empty() { String::new() } else { format!(", {},", ifs.join(", ")) };
    let to = if input.namespace.is_empty() { String::new() } else { format!(" under {}", input.namespace) };
    format!("Push {what}{ifs} to {}{to}, manually.", rule.target_name)
}
