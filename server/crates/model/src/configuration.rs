//! What an administrator sets while the server runs; Harbor's names.

use crate::Problems;
use serde::{Deserialize, Serialize};

/// Who may make projects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Creators {
    #[default]
    Everyone,
    AdminOnly,
}

impl Creators {
    /// Harbor's word, and the stored form.
    pub fn key(self) -> &'static str {
        match self {
            Creators::Everyone => "everyone",
            Creators::AdminOnly => "adminonly",
        }
    }

    pub fn from_key(key: &str) -> Option<Creators> {
        [Creators::Everyone, Creators::AdminOnly].into_iter().find(|creators| creators.key() == key)
    }
}

/// Longest banner, in characters.
pub const BANNER: usize = 1024;

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Before robot accounts' sign-in names.
    pub robot_name_prefix: String,
    /// Days a robot account lives unless told otherwise; -1 for ever.
    pub robot_token_duration: i64,
    /// Minutes that a registry's token is good for.
    pub token_expiration: i64,
    /// Minutes without a request after which a session of the portal ends.
    pub session_timeout: i64,
    pub project_creation_restriction: Creators,
    /// Nothing is pushed, tagged, deleted or brought back.
    pub read_only: bool,
    /// The audit log does not tell of pulls.
    pub pull_audit_log_disable: bool,
    /// Bytes that a new project may hold; -1 for as many as the disk takes.
    pub storage_per_project: i64,
    /// Projects' limits hold.
    pub quota_per_project_enable: bool,
    /// Said on every page of the portal; empty for nothing.
    pub banner_message: String,
}

impl Default for Configuration {
    fn default() -> Self {
        Configuration {
            robot_name_prefix: crate::robot::PREFIX.to_owned(),
            robot_token_duration: crate::robot::DEFAULT_DAYS,
            token_expiration: 15,
            session_timeout: 30,
            project_creation_restriction: Creators::Everyone,
            read_only: false,
            pull_audit_log_disable: false,
            storage_per_project: -1,
            quota_per_project_enable: true,
            banner_message: String::new(),
        }
    }
}

impl Configuration {
    /// Checks what needs no other row.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::new();
        let prefix = &self.robot_name_prefix;
        let plain = prefix.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b':' | b'+' | b',' | b'/' | b'"' | b'\'' | b'<' | b'>' | b'&' | b'%' | b'\\'));
        let marked = prefix.bytes().any(|b| !b.is_ascii_alphanumeric());
        if !(2..=64).contains(&prefix.len()) || !plain || !marked {
            problems.add("robot_name_prefix", "must be 2 to 64 plain characters, one of them no letter or digit, such as robot$ or robot@");
        }
        let days = self.robot_token_duration;
        if days != -1 && !(1..=crate::robot::MAX_DAYS).contains(&days) {
            problems.add("robot_token_duration", format!("must be 1 to {} days, or -1 for ever", crate::robot::MAX_DAYS));
        }
        if !(5..=60).contains(&self.token_expiration) {
            problems.add("token_expiration", "must be 5 to 60 minutes");
        }
        if !(5..=720).contains(&self.session_timeout) {
            problems.add("session_timeout", "must be 5 to 720 minutes: after twelve hours a session ends in any case");
        }
        if let Err(message) = crate::quota::check(crate::quota::from_number(self.storage_per_project)) {
            problems.add("storage_per_project", message);
        }
        problems.text("banner_message", &self.banner_message, BANNER);
        problems.check()
    }
}
