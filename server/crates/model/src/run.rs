//! Runs: what replication and garbage collection (and all that comes) say of work that goes on by itself. One status, one trigger.

use serde::{Deserialize, Serialize};

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    Queued,
    Running,
    Succeeded,
    /// Some of what it was to do was done, some was not.
    PartlyFailed,
    Failed,
    Stopped,
    /// There was nothing to do, which is seldom what was meant.
    Empty,
}

impl RunStatus {
    pub const ALL: [RunStatus; 7] = [
        RunStatus::Queued, RunStatus::Running, RunStatus::Succeeded, RunStatus::PartlyFailed, RunStatus::Failed, RunStatus::Stopped,
        RunStatus::Empty,
    ];

    /// The stored form.
    pub fn key(self) -> &'static str {
        match self {
            RunStatus::Queued => "queued",
            RunStatus::Running => "running",
            RunStatus::Succeeded => "succeeded",
            RunStatus::PartlyFailed => "partly-failed",
            RunStatus::Failed => "failed",
            RunStatus::Stopped => "stopped",
            RunStatus::Empty => "empty",
        }
    }

    /// From the stored form; what is unknown has failed.
    pub fn from_key(key: &str) -> RunStatus {
        RunStatus::ALL.into_iter().find(|status| status.key() == key).unwrap_or(RunStatus::Failed)
    }

    pub fn label(self) -> &'static str {
        match self {
            RunStatus::Queued => "Queued",
            RunStatus::Running => "Running",
            RunStatus::Succeeded => "Succeeded",
            RunStatus::PartlyFailed => "Partly failed",
            RunStatus::Failed => "Failed",
            RunStatus::Stopped => "Stopped",
            RunStatus::Empty => "Nothing matched",
        }
    }

    /// Harbor's word.
    pub fn harbor(self) -> &'static str {
        match self {
            RunStatus::Queued | RunStatus::Running => "InProgress",
            RunStatus::Succeeded => "Succeed",
            RunStatus::PartlyFailed | RunStatus::Failed | RunStatus::Empty => "Failed",
            RunStatus::Stopped => "Stopped",
        }
    }

    /// Nothing more will happen.
    pub fn settled(self) -> bool {
        !matches!(self, RunStatus::Queued | RunStatus::Running)
    }
}

/// What set a run off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    Manual,
    Schedule,
}

impl Trigger {
    /// The stored form.
    pub fn key(self) -> &'static str {
        match self {
            Trigger::Manual => "manual",
            Trigger::Schedule => "schedule",
        }
    }

    pub fn from_key(key: &str) -> Trigger {
        if key == "schedule" { Trigger::Schedule } else { Trigger::Manual }
    }

    /// Harbor's word, and a person's.
    pub fn label(self) -> &'static str {
        match self {
            Trigger::Manual => "Manual",
            Trigger::Schedule => "Schedule",
        }
    }
}

/// A span of time for a person: `850 ms`, `12 s`, `3 min 20 s`.
pub fn duration(ms: i64) -> String {
    match ms {
        0..=999 => format!("{ms} ms"),
        1000..=59_999 => format!("{} s", ms / 1000),
        60_000..=3_599_999 => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
        _ => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}
