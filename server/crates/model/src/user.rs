//! Users, as they are shown and entered.

use crate::{Problems, Stamp, UserId, UserName};
use serde::{Deserialize, Serialize};

/// Shortest password accepted, in characters.
pub const PASSWORD_MIN: usize = 8;
/// Longest password accepted, in bytes: more is refused before hashing.
pub const PASSWORD_MAX: usize = 1024;

/// A user as administrators see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub full_name: String,
    pub comment: String,
    pub admin: bool,
    pub disabled: bool,
    pub created_at: Stamp,
    pub updated_at: Stamp,
}

/// What a new user is made from. The password is judged by the server (strength needs large tables).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NewUser {
    pub name: String,
    pub email: String,
    pub full_name: String,
    pub comment: String,
}

impl NewUser {
    /// The checked name, or all that is wrong.
    pub fn check(&self) -> Result<UserName, Problems> {
        let mut problems = Problems::new();
        let name = problems.parse::<UserName>("name", &self.name);
        check_profile(&mut problems, &self.email, &self.full_name, &self.comment);
        problems.check()?;
        Ok(name.expect("checked above"))
    }
}

/// Checks what a person may change about themselves.
pub fn check_profile(problems: &mut Problems, email: &str, full_name: &str, comment: &str) {
    if email.is_empty() {
        problems.add("email", "is required");
    } else if !looks_like_email(email) {
        problems.add("email", "must look like name@example.com");
    }
    if full_name.trim().is_empty() {
        problems.add("full_name", "is required");
    }
    problems.text("full_name", full_name, 255);
    problems.text("comment", comment, 1024);
}

fn looks_like_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    text.len() <= 255
        && !local.is_empty()
        && host.len() >= 3
        && host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | ','))
}

/// Checks a password's length; the server also judges how easily it is guessed.
pub fn check_password_length(password: &str) -> Result<(), String> {
    if password.chars().count() < PASSWORD_MIN {
        return Err(format!("must be at least {PASSWORD_MIN} characters long"));
    }
    if password.len() > PASSWORD_MAX {
        return Err(format!("must be at most {PASSWORD_MAX} bytes long"));
    }
    Ok(())
}

/// Failed sign-ins that slow the next ones of an account at an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knocking {
    /// Names the row; a digest.
    pub key: String,
    /// `None`: there is no account of the name that was tried, which may be a password.
    pub account: Option<String>,
    /// Empty: of all addresses together.
    pub address: String,
    pub failures: i64,
    pub since: Stamp,
    pub last: Stamp,
}
