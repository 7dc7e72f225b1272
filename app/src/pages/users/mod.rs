//! Users, for system administrators.

mod delete;
pub mod forms;
mod list;
mod new;
mod show;

pub use delete::delete;
pub use list::list;
pub use new::new;
pub use show::show;

use crate::paths;

fn way(last: &str) -> Vec<(String, String)> {
    vec![("Users".into(), paths::users()), (last.to_owned(), String::new())]
}
