//! What runs by itself, in Harbor's words for all but replication.

use model::run::Status;

/// How it stands.
pub fn word(status: Status) -> &'static str {
    match status {
        Status::Queued => "Pending",
        Status::Running => "Running",
        Status::Succeeded => "Success",
        Status::PartlyFailed | Status::Failed | Status::Empty => "Error",
        Status::Stopped => "Stopped",
    }
}
