//! Executions of replication rules, and their tasks.

use crate::accessory::Kind;
use crate::run::{RunStatus, Trigger};
use crate::{ExecutionId, RuleId, Stamp, TaskId};
use serde::{Deserialize, Serialize};

/// How one artifact of an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskStatus {
    Pending,
    Running,
    Succeeded,
    /// The same digest with the same accessories is there already.
    Skipped,
    /// The artifact is there; something that is attached to it is not.
    PartlyFailed,
    Failed,
    Stopped,
}

impl TaskStatus {
    pub const ALL: [TaskStatus; 7] = [
        TaskStatus::Pending, TaskStatus::Running, TaskStatus::Succeeded, TaskStatus::Skipped,
        TaskStatus::PartlyFailed, TaskStatus::Failed, TaskStatus::Stopped,
    ];

    /// The stored form.
    pub fn key(self) -> &'static str {
        match self {
            TaskStatus::Pending => "pending",
            TaskStatus::Running => "running",
            TaskStatus::Succeeded => "succeeded",
            TaskStatus::Skipped => "skipped",
            TaskStatus::PartlyFailed => "partly-failed",
            TaskStatus::Failed => "failed",
            TaskStatus::Stopped => "stopped",
        }
    }

    /// From the stored form; what is unknown has failed.
    pub fn from_key(key: &str) -> TaskStatus {
        TaskStatus::ALL.into_iter().find(|status| status.key() == key).unwrap_or(TaskStatus::Failed)
    }

    pub fn label(self) -> &'static str {
        match self {
            TaskStatus::Pending => "Waiting",
            TaskStatus::Running => "Copying",
            TaskStatus::Succeeded => "Copied",
            TaskStatus::Skipped => "Skipped: already there",
            TaskStatus::PartlyFailed => "Partly copied",
            TaskStatus::Failed => "Failed",
            TaskStatus::Stopped => "Stopped",
        }
    }

    /// Harbor's word.
    pub fn harbor(self) -> &'static str {
        match self {
            TaskStatus::Pending => "Pending",
            TaskStatus::Running => "InProgress",
            TaskStatus::Succeeded | TaskStatus::Skipped => "Succeed",
            TaskStatus::PartlyFailed | TaskStatus::Failed => "Failed",
            TaskStatus::Stopped => "Stopped",
        }
    }

    /// Nothing more will happen.
    pub fn settled(self) -> bool {
        !matches!(self, TaskStatus::Pending | TaskStatus::Running)
    }
}

/// One run of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    pub id: ExecutionId,
    pub rule_id: RuleId,
    pub status: RunStatus,
    /// A sentence where the status alone does not say enough.
    pub status_text: String,
    pub trigger: Trigger,
    pub started_at: Stamp,
    pub ended_at: Option<Stamp>,
    pub total: i64,
    pub succeeded: i64,
    pub skipped: i64,
    /// Of the skipped those of which nothing else is kept: they were there already.
    pub unchanged: i64,
    /// How many were not removed because they are more than a tenth: somebody has to say so.
    pub removals_left: i64,
    /// Those of which something did not arrive, and of these the ones that arrived but for what is attached.
    pub failed: i64,
    pub partly: i64,
    pub stopped: i64,
    pub in_progress: i64,
    /// Blob and manifest bytes sent so far, and known to be needed.
    pub bytes_done: i64,
    pub bytes_total: i64,
}

impl Execution {
    /// How much arrived, in whole percent; skipped counts as arrived.
    pub fn success_rate(&self) -> i64 {
        if self.total == 0 { 100 } else { (self.succeeded + self.skipped) * 100 / self.total }
    }

    /// Milliseconds from start to end, or to `now` while it runs.
    pub fn duration_ms(&self, now: Stamp) -> i64 {
        (self.ended_at.unwrap_or(now).0 - self.started_at.0).max(0)
    }
}

/// One artifact's part of an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: TaskId,
    pub execution_id: ExecutionId,
    pub status: TaskStatus,
    /// `project/repository` here.
    pub source: String,
    /// `project/repository` there.
    pub destination: String,
    pub digest: String,
    pub tags: Vec<String>,
    /// The accessories that travelled with it.
    pub accessories: Vec<Kind>,
    pub bytes_done: i64,
    pub bytes_total: i64,
    /// What failed and on which side; empty while all is well.
    pub error: String,
    /// It removes there what was deleted here.
    pub removes: bool,
    pub started_at: Option<Stamp>,
    pub ended_at: Option<Stamp>,
}
