//! What runs by itself, in Harbor's words for all but replication.

use model::run::RunStatus;

/// How it stands.
pub fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Queued => "Pending",
        RunStatus::Running => "Running",
        RunStatus::Succeeded => "Success",
        RunStatus::PartlyFailed | RunStatus::Failed | RunStatus::Empty => "Error",
        RunStatus::Stopped => "Stopped",
    }
}
